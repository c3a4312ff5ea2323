"""Running an experiment: missing results are computed, then all rows are scored and tabulated."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from time import perf_counter
from typing import Any

from xner._version import __version__
from xner.corpus import StrPath
from xner.errors import UsageError
from xner.evaluation.sentences import SentenceCounts, count_sentences
from xner.experiments.config import Experiment, load
from xner.experiments.distinct import check_distinct
from xner.experiments.execution import run_steps
from xner.experiments.language import Language
from xner.experiments.pipelines import TEST, TRAIN
from xner.experiments.plan import READ, Planned, Planner, plan_reading
from xner.experiments.reading import read_language
from xner.experiments.results import Facts, Ran, Results
from xner.experiments.store import Store, Stored, joined, renamed
from xner.experiments.systems import System
from xner.experiments.tables import write_tables
from xner.experiments.tabulate import Outcome, Samples
from xner.hints import checked
from xner.report import Progress, silent
from xner.write import write_batches


@checked
def run(
    config: StrPath | Mapping[str, Any],
    *,
    output: StrPath | None = None,
    jobs: int = 1,
    changes: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Results:
    """Run pipelines over languages, and score them.

    The result of every step is kept in the output folder with a manifest, and is not recomputed as
    long as nothing changes that it depends on. The table is written there as `results.md`,
    `results.csv` and `results.json`.

    Args:
        config: a YAML file (docs/running.md), or its content. Paths in it are relative to the
            file, or to the working directory.
        output: folder of results, instead of the one in the experiment file.
        jobs: number of processes that run steps in parallel, each with its share of the threads.
            The last digits of the F1 of students depend on the number of threads, so also on
            `jobs`.
        changes: values that replace those of the file, by path, such as
            `{"stages.tag.model": "my-tagger", "pipelines[1].name": "first"}`.
        progress: called with the name of the stage and the share that is done; with several
            jobs, for all steps together.

    Raises:
        UsageError: the experiment has an unknown key, or a setting that does not fit.
        InputError: data are missing or malformed, or are not parallel.
        OutputError: the output folder cannot be written to.
        MissingExtraError: a package is not installed.
        ResourceError: a device is too small, or one of several processes ended unexpectedly.

    Example:
        >>> languages = {"de": {"source": "en.conll", "gold": "de.conll"}}
        >>> results = xner.run({"languages": languages, "pipelines": ["project"]})
        >>> [(row.system, round(row.mean.f1, 1)) for row in results.rows]
        [('project', 1.0)]
    """
    begin = perf_counter()
    if jobs < 1:
        raise UsageError(f"jobs is {jobs}; it must be at least 1")
    experiment = load(config, output, changes)
    file = experiment.file
    current = _Run(experiment, jobs, progress or silent)
    current.execute()
    runs: dict[tuple[str, str], dict[str, list[Outcome]]] = {}
    for language in experiment.languages:
        current.scores = {}
        for system in experiment.systems:
            outcomes = current.outcomes(system, language)
            runs.setdefault((system.name, system.aligner), {})[language.name] = outcomes
    baseline = _baseline(experiment)
    names = tuple(language.name for language in experiment.languages)
    samples = Samples(runs, names, file.bootstrap)
    facts = {language.name: current.facts(language) for language in experiment.languages}
    results = Results(
        title=file.title,
        languages=names,
        facts=facts,
        rows=samples.rows(baseline, file.groups, facts),
        compared=samples.compared(experiment.compare),
        published=experiment.published,
        baseline=baseline,
        signature=_signature(experiment),
        notes=experiment.notes,
        steps=tuple(current.steps),
        seconds=perf_counter() - begin,
        output=str(experiment.output),
    )
    write_tables(results, experiment.output)
    return results


def _baseline(experiment: Experiment) -> tuple[str, str] | None:
    """Return the first row of the name in the file, or of all; None if it is the only row."""
    named = [s for s in experiment.systems if experiment.file.baseline in (None, s.name)]
    return (named[0].name, named[0].aligner) if len(experiment.systems) > 1 and named else None


def _signature(experiment: Experiment) -> str:
    """Return how the scores were computed."""
    file = experiment.file
    ignored = f"|ignore:{'+'.join(file.ignore)}" if file.ignore else ""
    drawn = file.bootstrap
    return (
        f"xner:{__version__}|mode:strict|average:micro{ignored}|seeds:"
        f"{'+'.join(map(str, file.seeds))}|bootstrap:{drawn.samples},seed:{drawn.seed},"
        f"level:{drawn.level:g}"
    )


class _Run:
    """The state of a run: plans of all rows, and results by key."""

    def __init__(self, experiment: Experiment, jobs: int, progress: Progress) -> None:
        self.experiment = experiment
        self.jobs = jobs
        self.progress = progress
        self.store = Store(experiment.output / "store")
        self.steps: list[Ran] = []
        self.results: dict[str, Stored] = {}
        self.data: dict[tuple[Language, str], Stored] = {}
        self.plans: dict[tuple[str, str, Language], dict[int, list[Planned]]] = {}
        self.scores: dict[str, SentenceCounts | None] = {}
        self.written: dict[str, tuple[str, str, str, int]] = {}

    def execute(self) -> None:
        """Read all text, plan all rows, and run the steps whose results are missing."""
        experiment = self.experiment
        own = [m.language for m in experiment.models.values() if m.language is not None]
        for language in dict.fromkeys([*experiment.languages, *own]):
            for on in (TEST, TRAIN):
                self._read(language, on)
        given = {place: dict.fromkeys(s.columns, s.key) for place, s in self.data.items()}
        planner = Planner(experiment, given)
        for language in experiment.languages:
            for system in experiment.systems:
                self._plan(planner, system, language)
        check_distinct(experiment.systems, self.plans)
        plans = chain.from_iterable(by_seed.values() for by_seed in self.plans.values())
        steps: dict[str, Planned] = {}
        for step in chain.from_iterable(plans):
            steps.setdefault(step.key, step)
        missing = {key: step for key, step in steps.items() if not self._is_stored(step)}
        run_steps(list(missing.values()), self.results, self.store, self.jobs, self.progress)
        self.steps += [Ran(s.name, s.stage, key, key in missing) for key, s in steps.items()]

    def _read(self, language: Language, on: str) -> None:
        step = plan_reading(language, on)
        if step is None:
            return
        if new := not self._is_stored(step):
            self.results[step.key] = self.store.write(step, lambda: read_language(language, on))
        self.steps.append(Ran(step.name, READ, step.key, made=new))
        self.data[language, on] = self.results[step.key]

    def _plan(self, planner: Planner, system: System, language: Language) -> None:
        if system.languages is not None and language.name not in system.languages:
            return
        plans = self.plans.setdefault((system.name, system.aligner, language), {})
        for seed in self.experiment.file.seeds:
            plans[seed] = planner.plan(system, language, seed)
            if not any(step.seeded for step in plans[seed]):
                break

    def _is_stored(self, step: Planned) -> bool:
        if step.key not in self.results and (stored := self.store.find(step)):
            self.results[step.key] = stored
        return step.key in self.results

    def facts(self, language: Language) -> Facts:
        """Return the number of sentences of a language, and its lexical divergence."""
        read = {on: self.data.get((language, on)) for on in (TEST, TRAIN)}
        rows = {on: None if s is None else s.manifest["rows"] for on, s in read.items()}
        summaries = [s.manifest["summary"] or {} for s in (read[TRAIN], read[TEST]) if s]
        known = [each["divergence"] for each in summaries if each.get("divergence") is not None]
        return Facts(rows[TEST], rows[TRAIN], known[0] if known else None)

    def outcomes(self, system: System, language: Language) -> list[Outcome]:
        """Return the outcome of a system on a language for each seed; none if it was not run."""
        plans = self.plans.get((system.name, system.aligner, language), {})
        return [self._outcome(system, language, *plan) for plan in plans.items()]

    def _outcome(
        self, system: System, language: Language, seed: int, steps: list[Planned]
    ) -> Outcome:
        data = self.data.get((language, TEST))
        columns = {} if data is None else dict.fromkeys(data.columns, data)
        projected: Mapping[str, int] = {}
        for step in steps:
            stored = self.results[step.key]
            if step.on == TEST:
                columns |= dict.fromkeys(stored.columns, stored)
            if not step.of:
                projected = stored.manifest["counts"].get("outcomes", projected)
        suffix = self.experiment.file.write
        if suffix is not None and "target_entities" in columns:
            self._write(columns, f"{self._file_name(system, language, seed)}.{suffix}")
        return Outcome(
            counts=self._counts(columns, language),
            signature=_chain({step.title: self.results[step.key].signature for step in steps}),
            steps={step.title: step.key for step in steps},
            outcomes=projected,
        )

    def _counts(self, columns: Mapping[str, Stored], language: Language) -> SentenceCounts | None:
        """Return counts against gold; None if there are no gold labels for this text."""
        if "gold_entities" not in columns or "target_entities" not in columns:
            return None
        if columns["target_tokens"].key != columns["gold_entities"].key:
            return None
        key = columns["target_entities"].key
        if key not in self.scores:
            gold, predicted = (
                renamed(
                    columns,
                    {"target_tokens": "tokens", f"{side}_entities": "entities"},
                    f"{side}, {language.name}",
                )
                for side in ("gold", "target")
            )
            ignore = self.experiment.file.ignore
            self.scores[key] = count_sentences(gold, predicted, ignore=ignore)
        return self.scores[key]

    def _file_name(self, system: System, language: Language, seed: int) -> str:
        """Return a name that no other row has, even if rows differ in punctuation only."""
        slug = _slug(f"{system.name} {system.aligner} {language.name} seed{seed}")
        owner = (system.name, system.aligner, language.name, seed)
        name, number = slug, 1
        while self.written.setdefault(name, owner) != owner:
            number += 1
            name = f"{slug}-{number}"
        return name

    def _write(self, columns: Mapping[str, Stored], name: str) -> None:
        """Write the labelled text of a system."""
        folder = self.experiment.output / "labels"
        folder.mkdir(exist_ok=True)
        kept = {n: stored for n, stored in columns.items() if n != "gold_entities"}
        write_batches(folder / name, joined(kept, name).batches())


def _chain(signatures: Mapping[str, str]) -> str:
    """Join the signatures of steps, without those that a later one contains."""
    texts = list(signatures.values())
    return "; ".join(
        f"{name}: {text}"
        for i, (name, text) in enumerate(signatures.items())
        if not any(text in later for later in texts[i + 1 :])
    )


_WORDS = {"<=": "at most ", ">=": "at least ", "==": "exactly "}


def _slug(text: str) -> str:
    """Return text as a file name: letters, digits and dots, with dashes for the rest."""
    for symbol, word in _WORDS.items():
        text = text.replace(symbol, word)
    plain = "".join(c if c.isalnum() or c in "._+" else "-" for c in text)
    return "-".join(part for part in plain.split("-") if part)
