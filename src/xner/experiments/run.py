"""Running a configuration: what is missing is made, then scored and set in a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any

from xner._version import __version__
from xner.corpus import Corpus, StrPath
from xner.errors import InputError, ResourceError, UsageError
from xner.evaluation.sentences import SentenceCounts, count_sentences
from xner.experiments.config import Experiment, Language, load
from xner.experiments.plan import READ, Planned, plan_reading, plan_steps
from xner.experiments.reading import read_language
from xner.experiments.results import Ran, Results
from xner.experiments.store import Made, Store, joined
from xner.experiments.systems import System
from xner.experiments.tables import write_tables
from xner.experiments.tabulate import Outcome, tabulate
from xner.write import write_batches

Tell = Callable[[str, float], None]


def run(
    config: StrPath | Mapping[str, Any],
    *,
    output: StrPath | None = None,
    progress: Tell | None = None,
) -> Results:
    """Run pipelines over languages, and score them.

    What every stage makes is kept in the output folder with a manifest, and not made again as
    long as nothing that it depends on changes. The table is written there as `results.md`,
    `results.csv` and `results.json`.

    Args:
        config: a YAML file (docs/running.md), or its content; paths in it are relative to the
            file, or to the working directory.
        output: folder of results, instead of the one in the configuration.
        progress: called with the name of the stage and the share that is done.

    Raises:
        UsageError: the configuration has an unknown key or a setting that makes no sense.
        InputError: data are missing or malformed, or do not line up.
        OutputError: the output folder cannot be written to.
        MissingExtraError: a package is not installed.
    """
    begin = perf_counter()
    experiment = load(config, output)
    running = _Run(experiment, progress or (lambda stage, share: None))
    runs: dict[tuple[str, str], dict[str, list[Outcome]]] = {}
    for language in experiment.languages:
        running.read(language)
        for system in experiment.systems:
            outcomes = running.outcomes(system, language)
            runs.setdefault((system.name, system.aligner), {})[language.name] = outcomes
    baseline = _baseline(experiment)
    names = tuple(language.name for language in experiment.languages)
    results = Results(
        title=experiment.title,
        languages=names,
        rows=tabulate(runs, names, experiment.bootstrap, baseline),
        published=experiment.published,
        baseline=baseline,
        signature=_signature(experiment),
        notes=experiment.notes,
        steps=tuple(running.ran),
        seconds=perf_counter() - begin,
        output=str(experiment.output),
    )
    write_tables(results, experiment.output)
    return results


def _baseline(experiment: Experiment) -> tuple[str, str] | None:
    """The first row of the name that is configured, or of all; None where it is the only one."""
    named = [s for s in experiment.systems if experiment.baseline in (None, s.name)]
    return (named[0].name, named[0].aligner) if len(experiment.systems) > 1 and named else None


def _signature(experiment: Experiment) -> str:
    """How the scores were computed."""
    ignored = f"|ignore:{'+'.join(experiment.ignore)}" if experiment.ignore else ""
    drawn = experiment.bootstrap
    return (
        f"xner:{__version__}|mode:strict|average:micro{ignored}|seeds:"
        f"{'+'.join(map(str, experiment.seeds))}|bootstrap:{drawn.samples},seed:{drawn.seed},"
        f"level:{drawn.level:g}"
    )


class _Run:
    """The state of a run: what was made for the language at hand, and every step so far."""

    def __init__(self, experiment: Experiment, tell: Tell) -> None:
        self.experiment = experiment
        self.tell = tell
        self.store = Store(experiment.output / "store")
        self.ran: list[Ran] = []
        self.made: dict[str, Made] = {}
        self.scored: dict[str, SentenceCounts | None] = {}
        self.data: Made | None = None
        self.written: dict[str, tuple[str, str, str, int]] = {}

    def read(self, language: Language) -> None:
        """Read the data of a language, on which the steps after it are run."""
        planned = plan_reading(language)
        self.scored = {}
        self.data = self.find(planned) or self._make(
            planned, language, lambda: read_language(language)
        )

    @property
    def given(self) -> dict[str, Made]:
        """The columns of the data."""
        assert self.data is not None
        return dict.fromkeys(self.data.columns, self.data)

    def outcomes(self, system: System, language: Language) -> list[Outcome]:
        """What a system gives on the language that was read, for each seed."""
        outcomes: list[Outcome] = []
        for seed in self.experiment.seeds:
            keys = {name: made.key for name, made in self.given.items()}
            steps = plan_steps(self.experiment, system, language, seed, keys)
            outcomes.append(self._outcome(system, language, steps, seed))
            if not any(step.seeded for step in steps):
                break
        return outcomes

    def _outcome(
        self, system: System, language: Language, steps: list[Planned], seed: int
    ) -> Outcome:
        columns = self.given
        signatures = {}
        for step in steps:
            made = self.find(step) or self._step(step, columns, system, language)
            columns |= dict.fromkeys(made.columns, made)
            signatures[step.name] = made.signature
        if self.experiment.write is not None and "target_entities" in columns:
            name = self._file_name(system, language, seed)
            self._write(columns, f"{name}{self.experiment.write}")
        last = columns.get("outcomes")
        return Outcome(
            counts=self._counts(columns, language),
            signature=_chain(signatures),
            steps={step.name: step.key for step in steps},
            outcomes={} if last is None else last.manifest["counts"].get("outcomes", {}),
        )

    def find(self, step: Planned) -> Made | None:
        """What a step made, if it is there."""
        name = READ if step.stage is None else step.stage.name
        made = self.made.get(step.key) or self.store.find(name, step.key)
        if made is not None and step.key not in self.made:
            self.made[step.key] = made
            self.ran.append(Ran(step.name, name, step.key, made=False))
        return made

    def _step(
        self, step: Planned, columns: Mapping[str, Made], system: System, language: Language
    ) -> Made:
        assert step.stage is not None
        run_stage = step.stage.run
        # A stage may leave out what it was not asked for, such as probabilities.
        seen = {name: columns[name] for name in step.inputs if name in columns}
        corpus = joined(seen, f"language {language.name}")
        settings, tell = step.settings, self.tell
        self.tell(step.name, 0.0)
        try:
            made = self._make(step, language, lambda: run_stage(corpus, settings, tell))
        except (InputError, UsageError, ResourceError) as error:
            where = f"{system.name}, language {language.name}, step {step.name}"
            raise type(error)(f"{where}: {error}") from None
        self.tell(step.name, 1.0)
        return made

    def _make(self, step: Planned, language: Language, stage: Callable[[], Corpus]) -> Made:
        name = READ if step.stage is None else step.stage.name
        told = {"step": step.name, "language": language.name, **step.told()}
        made = self.store.make(name, step.key, stage, step.makes, told)
        self.made[step.key] = made
        self.ran.append(Ran(step.name, name, step.key, made=True))
        return made

    def _counts(self, columns: Mapping[str, Made], language: Language) -> SentenceCounts | None:
        """Counts against gold, None where there are none for the text."""
        if "gold_entities" not in columns or "target_entities" not in columns:
            return None
        key = columns["target_entities"].key
        if key not in self.scored:
            sides = [
                _side(columns, name, f"{name.removesuffix('_entities')}, {language.name}")
                for name in ("gold_entities", "target_entities")
            ]
            self.scored[key] = count_sentences(*sides, ignore=self.experiment.ignore)
        return self.scored[key]

    def _file_name(self, system: System, language: Language, seed: int) -> str:
        """A name that no other row has, even if the rows differ in signs alone."""
        slug = _slug(f"{system.name} {system.aligner} {language.name} seed{seed}")
        owner = (system.name, system.aligner, language.name, seed)
        name, number = slug, 1
        while self.written.setdefault(name, owner) != owner:
            number += 1
            name = f"{slug}-{number}"
        return name

    def _write(self, columns: Mapping[str, Made], name: str) -> None:
        """The labelled text of a system."""
        folder = self.experiment.output / "labels"
        folder.mkdir(exist_ok=True)
        kept = {n: made for n, made in columns.items() if n != "gold_entities"}
        write_batches(folder / name, joined(kept, name).batches())


def _chain(signatures: Mapping[str, str]) -> str:
    """The signatures of steps as one, without those that a later one tells as well."""
    texts = list(signatures.values())
    return "; ".join(
        f"{name}: {text}"
        for i, (name, text) in enumerate(signatures.items())
        if not any(text in later for later in texts[i + 1 :])
    )


def _side(columns: Mapping[str, Made], entities: str, origin: str) -> Corpus:
    """A column of entities with the words that it is about, as evaluation reads them."""
    both = joined({n: columns[n] for n in ("target_tokens", entities)}, origin)

    def batches() -> Any:
        return (batch.rename_columns(["tokens", "entities"]) for batch in both.batches())

    return Corpus(batches, len(both), origin)


_WORDS = {"<=": "at most ", ">=": "at least ", "==": "exactly "}


def _slug(text: str) -> str:
    """Text as the name of a file: letters, digits and dots, the rest as dashes."""
    for sign, word in _WORDS.items():
        text = text.replace(sign, word)
    plain = "".join(c if c.isalnum() or c in "._+" else "-" for c in text)
    return "-".join(part for part in plain.split("-") if part)
