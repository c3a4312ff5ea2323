"""Running a configuration: what is missing is made, then scored and set in a table."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from time import perf_counter
from typing import Any

import pyarrow as pa

from xner._version import __version__
from xner.columns import ENTITIES, TOKENS
from xner.corpus import Corpus, StrPath
from xner.errors import UsageError
from xner.evaluation.sentences import SentenceCounts, count_sentences
from xner.experiments.config import Experiment, load
from xner.experiments.language import Language
from xner.experiments.making import make_steps
from xner.experiments.pipelines import TEST, TRAIN
from xner.experiments.plan import READ, Planned, Planner, plan_reading
from xner.experiments.reading import read_language
from xner.experiments.results import Facts, Ran, Results
from xner.experiments.store import Made, Store, joined
from xner.experiments.systems import System
from xner.experiments.tables import write_tables
from xner.experiments.tabulate import Outcome, Samples
from xner.report import Progress, silent
from xner.write import write_batches


def run(
    config: StrPath | Mapping[str, Any],
    *,
    output: StrPath | None = None,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Results:
    """Run pipelines over languages, and score them.

    What every stage makes is kept in the output folder with a manifest, and not made again as
    long as nothing that it depends on changes. The table is written there as `results.md`,
    `results.csv` and `results.json`.

    Args:
        config: a YAML file (docs/running.md), or its content; paths in it are relative to the
            file, or to the working directory.
        output: folder of results, instead of the one in the configuration.
        jobs: processes that make steps side by side, each with its share of the threads.
            Students depend on the number of threads in the last digits, and so on `jobs`.
        progress: called with the name of the stage and the share that is done; with several
            jobs, of all steps together.

    Raises:
        UsageError: the configuration has an unknown key or a setting that makes no sense.
        InputError: data are missing or malformed, or do not line up.
        OutputError: the output folder cannot be written to.
        MissingExtraError: a package is not installed.
        ResourceError: a device is too small, or one of several processes broke off.
    """
    begin = perf_counter()
    if jobs < 1:
        raise UsageError(f"jobs is {jobs}; it must be at least 1")
    experiment = load(config, output)
    running = _Run(experiment, jobs, progress or silent)
    running.make()
    runs: dict[tuple[str, str], dict[str, list[Outcome]]] = {}
    for language in experiment.languages:
        running.scored = {}
        for system in experiment.systems:
            outcomes = running.outcomes(system, language)
            runs.setdefault((system.name, system.aligner), {})[language.name] = outcomes
    baseline = _baseline(experiment)
    names = tuple(language.name for language in experiment.languages)
    samples = Samples(runs, names, experiment.file.bootstrap)
    facts = {language.name: running.facts(language) for language in experiment.languages}
    results = Results(
        title=experiment.file.title,
        languages=names,
        facts=facts,
        rows=samples.rows(baseline, experiment.file.groups, facts),
        compared=samples.compared(experiment.compare),
        published=experiment.file.published,
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
    named = [s for s in experiment.systems if experiment.file.baseline in (None, s.name)]
    return (named[0].name, named[0].aligner) if len(experiment.systems) > 1 and named else None


def _signature(experiment: Experiment) -> str:
    """How the scores were computed."""
    ignored = f"|ignore:{'+'.join(experiment.file.ignore)}" if experiment.file.ignore else ""
    drawn = experiment.file.bootstrap
    return (
        f"xner:{__version__}|mode:strict|average:micro{ignored}|seeds:"
        f"{'+'.join(map(str, experiment.file.seeds))}|bootstrap:{drawn.samples},seed:{drawn.seed},"
        f"level:{drawn.level:g}"
    )


class _Run:
    """The state of a run: the steps of every row, what was made, and every step so far."""

    def __init__(self, experiment: Experiment, jobs: int, tell: Progress) -> None:
        self.experiment = experiment
        self.jobs = jobs
        self.tell = tell
        self.store = Store(experiment.output / "store")
        self.ran: list[Ran] = []
        self.made: dict[str, Made] = {}
        self.data: dict[tuple[Language, str], Made] = {}
        self.plans: dict[tuple[str, str, Language], dict[int, list[Planned]]] = {}
        self.scored: dict[str, SentenceCounts | None] = {}
        self.written: dict[str, tuple[str, str, str, int]] = {}

    def make(self) -> None:
        """Read all text, plan all rows, and make what is not there."""
        experiment = self.experiment
        own = [m.language for m in experiment.models.values() if m.language is not None]
        for language in dict.fromkeys([*experiment.languages, *own]):
            for on in (TEST, TRAIN):
                self._read(language, on)
        given = {place: dict.fromkeys(m.columns, m.key) for place, m in self.data.items()}
        planner = Planner(experiment, given)
        for language in experiment.languages:
            for system in experiment.systems:
                self._plan(planner, system, language)
        plans = [steps for by_seed in self.plans.values() for steps in by_seed.values()]
        steps: dict[str, Planned] = {}
        for step in chain.from_iterable(plans):
            steps.setdefault(step.key, step)
        missing = [step for step in steps.values() if not self._found(step)]
        make_steps(missing, self.made, self.store, self.jobs, self.tell)
        new = {step.key for step in missing}
        self.ran += [Ran(s.name, s.stage, s.key, made=s.key in new) for s in steps.values()]

    def _read(self, language: Language, on: str) -> None:
        step = plan_reading(language, on)
        if step is None:
            return
        if new := not self._found(step):
            self.made[step.key] = self.store.make(
                READ, step.key, lambda: read_language(language, on), step.makes, step.manifest()
            )
        self.ran.append(Ran(step.name, READ, step.key, made=new))
        self.data[language, on] = self.made[step.key]

    def _plan(self, planner: Planner, system: System, language: Language) -> None:
        if system.languages is not None and language.name not in system.languages:
            return
        plans = self.plans.setdefault((system.name, system.aligner, language), {})
        for seed in self.experiment.file.seeds:
            plans[seed] = planner.plan(system, language, seed)
            if not any(step.seeded for step in plans[seed]):
                break

    def _found(self, step: Planned) -> bool:
        """Whether what a step makes is there."""
        if step.key not in self.made and (made := self.store.find(step.stage, step.key)):
            self.made[step.key] = made
        return step.key in self.made

    def facts(self, language: Language) -> Facts:
        """What is told of a language beside its scores."""
        read = {on: self.data.get((language, on)) for on in (TEST, TRAIN)}
        rows = {on: None if made is None else made.manifest["rows"] for on, made in read.items()}
        told = [made.manifest["summary"] or {} for made in (read[TRAIN], read[TEST]) if made]
        known = [one["divergence"] for one in told if one.get("divergence") is not None]
        return Facts(rows[TEST], rows[TRAIN], known[0] if known else None)

    def outcomes(self, system: System, language: Language) -> list[Outcome]:
        """What a system gave on a language, for each seed; nothing where it was not run."""
        plans = self.plans.get((system.name, system.aligner, language), {})
        return [self._outcome(system, language, *plan) for plan in plans.items()]

    def _outcome(
        self, system: System, language: Language, seed: int, steps: list[Planned]
    ) -> Outcome:
        data = self.data.get((language, TEST))
        columns = {} if data is None else dict.fromkeys(data.columns, data)
        projected: Mapping[str, int] = {}
        for step in steps:
            made = self.made[step.key]
            if step.on == TEST:
                columns |= dict.fromkeys(made.columns, made)
            if not step.of:
                projected = made.manifest["counts"].get("outcomes", projected)
        if self.experiment.file.write is not None and "target_entities" in columns:
            name = self._file_name(system, language, seed)
            self._write(columns, f"{name}.{self.experiment.file.write}")
        return Outcome(
            counts=self._counts(columns, language),
            signature=_chain({step.title: self.made[step.key].signature for step in steps}),
            steps={step.title: step.key for step in steps},
            outcomes=projected,
        )

    def _counts(self, columns: Mapping[str, Made], language: Language) -> SentenceCounts | None:
        """Counts against gold, None where there is none for the text, or it was made anew."""
        if "gold_entities" not in columns or "target_entities" not in columns:
            return None
        if columns["target_tokens"].key != columns["gold_entities"].key:
            return None
        key = columns["target_entities"].key
        if key not in self.scored:
            sides = [
                _side(columns, name, f"{name.removesuffix('_entities')}, {language.name}")
                for name in ("gold_entities", "target_entities")
            ]
            self.scored[key] = count_sentences(*sides, ignore=self.experiment.file.ignore)
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

    schema = pa.schema({"tokens": TOKENS, "entities": ENTITIES})
    return Corpus(batches, len(both), origin, schema)


_WORDS = {"<=": "at most ", ">=": "at least ", "==": "exactly "}


def _slug(text: str) -> str:
    """Text as the name of a file: letters, digits and dots, the rest as dashes."""
    for sign, word in _WORDS.items():
        text = text.replace(sign, word)
    plain = "".join(c if c.isalnum() or c in "._+" else "-" for c in text)
    return "-".join(part for part in plain.split("-") if part)
