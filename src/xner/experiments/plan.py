"""Plan of a run: the steps of each row, language and seed with their keys, before anything runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from xner.errors import InputError, UsageError
from xner.experiments.config import Experiment
from xner.experiments.keys import plain, step_key
from xner.experiments.language import Language
from xner.experiments.pipelines import TEST, TRAIN, Step
from xner.experiments.reading import COLUMNS, TRAINING_COLUMNS, files_of
from xner.experiments.resolve import resolved, settings_naming
from xner.experiments.systems import System
from xner.hints import is_listed
from xner.options import as_list, options_of, types_of
from xner.stages import MODEL, Learner, Stage, find_stage

READ = "read"
Keys = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Result:
    """Placeholder in settings for the result of another step: its model, or words of a column."""

    key: str
    column: str = MODEL

    @property
    def signature(self) -> str:
        """How it counts in keys."""
        return f"{self.column}:{self.key}"


@dataclass(frozen=True, slots=True)
class Planned:
    """A step to run, unless its result exists.

    Attributes:
        name: name of the step in its pipeline.
        stage: name of the stage; `read` for the step that reads data.
        settings: resolved settings: files as paths, with language and seed.
        key: key of the result.
        inputs: by column that the step sees, the key of the step that wrote it.
        makes: columns that it can write.
        language: name of the language whose text it reads.
        on: the text to score, or the training text.
        row: name of the first row that needs it.
        of: name of the model that it is part of; empty for steps of the row itself.
        seeded: its settings have the seed of the run.
    """

    name: str
    stage: str
    settings: Mapping[str, Any]
    key: str
    inputs: Keys
    makes: tuple[str, ...]
    language: str
    on: str = TEST
    row: str = ""
    of: str = ""
    seeded: bool = False

    @property
    def title(self) -> str:
        """Its name, after that of the model."""
        return f"{self.of}.{self.name}" if self.of else self.name

    @property
    def parents(self) -> set[str]:
        """Keys of the steps whose results it needs."""
        return {*self.inputs.values(), *(result.key for result in _results_in(self.settings))}

    def manifest(self) -> dict[str, Any]:
        """The entries of the manifest that come from the plan."""
        return {
            "step": self.name,
            "language": self.language,
            "text": self.on,
            "settings": plain(self.settings),
            "inputs": dict(self.inputs),
            "seed": self.settings.get("seed") if self.seeded else None,
        }


def _results_in(value: Any) -> Iterator[Result]:
    if isinstance(value, Result):
        yield value
    elif isinstance(value, Mapping | list | tuple):
        for part in value.values() if isinstance(value, Mapping) else value:
            yield from _results_in(part)


def plan_reading(language: Language, on: str = TEST) -> Planned | None:
    """Return the step that reads the text of a language; None if there is no such text."""
    files = files_of(language, on)
    if not files:
        return None
    settings = {side: f.settings for side, f in files.items()}
    columns = COLUMNS if on == TEST else TRAINING_COLUMNS
    key = step_key(READ if on == TEST else f"{READ} {on}", settings, {})
    return Planned(READ, READ, settings, key, {}, columns, language.name, on)


@dataclass(frozen=True, slots=True)
class _Target:
    """What a plan is for: a row or a model, for a language and seed.

    Attributes:
        place: file, row and language, for messages.
        title: name of the row.
        models: models that led here, outermost first.
    """

    system: System
    language: Language
    seed: int
    place: str
    title: str
    models: tuple[str, ...] = ()


@dataclass
class _Plan:
    """Steps so far, the key of each column by text, and the last student with its text."""

    columns: dict[str, dict[str, str]]
    steps: list[Planned] = field(default_factory=list)
    model: Result | None = None
    text: Result | None = None


@dataclass(frozen=True)
class Planner:
    """Plans the rows of an experiment.

    Attributes:
        experiment: the experiment, for its models and its folder.
        given: by language and text, the columns of the data with the key of the step that read
            them.
    """

    experiment: Experiment
    given: Mapping[tuple[Language, str], Keys]

    def plan(self, system: System, language: Language, seed: int) -> list[Planned]:
        """Return the steps of a row for a language and seed, in order; steps of models come first.

        Steps are left out if their result is in the data, or if no later step reads it.

        Raises:
            InputError: a step lacks a column, or a file is missing.
            UsageError: settings do not go together.
        """
        place = f"{self.experiment.origin}: {system.name}, language {language.name}"
        target = _Target(system, language, seed, place, system.name)
        kept = _needed(self._plan(target).steps)
        for step in kept:
            with _placed(step, target):
                find_stage(step.stage).of(filled(step.settings, lambda result: result.key)).ready()
        return kept

    def _plan(self, target: _Target) -> _Plan:
        given = {on: self.given.get((target.language, on), {}) for on in (TEST, TRAIN)}
        plan = _Plan({on: dict(columns) for on, columns in given.items()})
        experiment = self.experiment
        for i, planned in enumerate(target.system.steps):
            kind = find_stage(planned.stage)
            wanted = _wanted(target.system.steps[i + 1 :], planned.on)
            with _placed(planned, target):
                step = _with_probabilities(planned, kind, wanted - plan.columns[planned.on].keys())
            columns = kind.stand_in(step.settings).columns
            if columns.makes[0] in given[step.on] and not columns.replaces:
                continue
            missing = wanted - plan.columns[step.on].keys()
            if step.optional and missing.isdisjoint(columns.makes):
                continue
            _check_needs(columns.needs, plan, step, target)
            with _placed(step, target):
                settings = resolved(
                    step,
                    kind,
                    target.language,
                    experiment.folder,
                    experiment.models,
                    experiment.output,
                )
            settings |= self._taggers(kind, settings, plan, target)
            if step.student:
                settings["model"] = plan.model
            with _placed(step, target):  # keys replace results that do not exist yet
                stage = kind.of(filled(settings, lambda result: result.key))
            _add(plan, step, stage, settings, target)
        return plan

    def _taggers(
        self, stage: type[Stage], settings: Mapping[str, Any], plan: _Plan, target: _Target
    ) -> dict[str, Any]:
        """Return settings with results in place of the names of models; plan their steps."""
        changes: dict[str, Any] = {}
        texts: dict[str, list[Result | None]] = {}
        known, types = stage.settings(), types_of(stage)
        for name in sorted(settings_naming(stage, "tagger") & settings.keys()):
            if not is_listed(types[name]):
                changes[name] = self._model(settings[name], plan, target)[0]
                continue
            value = as_list(settings[name])
            kept = self._foreign(name, value, target)
            found = [self._model(value[i], plan, target) for i in kept]
            changes[name], texts[name] = [m for m, _ in found], [text for _, text in found]
            for other in (o for o, declared in known.items() if declared.each_of == name):
                if isinstance(values := settings.get(other), list | tuple):
                    changes[other] = [values[i] for i in kept]
        for name, declared in known.items():
            taggers = declared.text_of
            if taggers and name not in settings and all(texts.get(taggers, [None])):
                changes[name] = texts[taggers]
        return changes

    def _foreign(self, name: str, value: Sequence[Any], target: _Target) -> list[int]:
        """Return the positions of models that do not learn from the target language itself."""
        models, language = self.experiment.models, target.language
        found = [
            i
            for i, each in enumerate(value)
            if not (isinstance(each, str) and each in models and models[each].language == language)
        ]
        if not found:
            raise UsageError(
                f"{target.place}: every model of {name} learns from {language.name} itself; leave "
                f"this language out of the row (`languages`)"
            )
        return found

    def _model(self, name: Any, plan: _Plan, target: _Target) -> tuple[Any, Result | None]:
        """Plan a model, and return it with its training text; other values are returned as is."""
        models = self.experiment.models
        if not isinstance(name, str) or name not in models:
            near = get_close_matches(name, models, n=1) if isinstance(name, str) else []
            if near and "/" not in name:
                raise UsageError(f"{target.place}: no model {name!r}; did you mean {near[0]!r}?")
            return name, None
        if name in target.models:
            raise UsageError(f"{target.place}: the model {name!r} depends on itself")
        model = models[name]
        language = model.language or target.language
        origin = f"{self.experiment.origin}: {target.title}"
        place = f"{origin}: models.{name}, language {language.name}"
        path = (*target.models, name)
        own = self._plan(_Target(model.system, language, target.seed, place, target.title, path))
        known = {step.key for step in plan.steps}
        plan.steps += [step for step in own.steps if step.key not in known]
        return own.model, own.text


@contextmanager
def _placed(step: Step | Planned, target: _Target) -> Iterator[None]:
    """Name the row, language and step in errors."""
    try:
        yield
    except (InputError, UsageError) as error:
        kind = UsageError if isinstance(error, UsageError) else InputError
        raise kind(f"{target.place}: the step {step.name!r}: {error}") from None


def filled(value: Any, result_of: Callable[[Result], Any]) -> Any:
    """Return a setting as the stage takes it: paths as text, and results by a function."""
    if isinstance(value, Mapping):
        return {name: filled(part, result_of) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [filled(part, result_of) for part in value]
    if isinstance(value, Result):
        return result_of(value)
    return str(value) if isinstance(value, Path) else value


def _wanted(steps: Sequence[Step], on: str) -> set[str]:
    """The columns that steps need of one text."""
    stages = (find_stage(step.stage).stand_in(step.settings) for step in steps if step.on == on)
    return {column for stage in stages for column in stage.columns.needs}


def _with_probabilities(step: Step, kind: type[Stage], wanted: set[str]) -> Step:
    """A step that tags, with the probabilities that a later step needs.

    Raises:
        UsageError: its tagger gives no probabilities.
    """
    if "probabilities" not in kind.settings() or "probabilities" in step.settings:
        return step
    more = {**step.settings, "probabilities": True}
    try:
        makes = kind.stand_in(more).columns.makes
    except UsageError:
        # The tagger gives none, which is an error only if they are those of the side that it tags.
        side = kind.stand_in(step.settings).columns.makes[0].partition("_")[0]
        if f"{side}_probabilities" in wanted:
            raise
        return step
    before = kind.stand_in(step.settings).columns.makes
    return step if (set(makes) - set(before)).isdisjoint(wanted) else replace(step, settings=more)


def _check_needs(needs: Sequence[str], plan: _Plan, step: Step, target: _Target) -> None:
    """Raise InputError unless the data and previous steps provide the columns of a step."""
    for column in needs:
        if column not in plan.columns[step.on]:
            data = "the data" if step.on == TEST else "`train` of the language"
            raise InputError(
                f"{target.place}: the step {step.name!r} needs the column {column!r}, which "
                f"neither {data} nor a previous step provides; give a file that has it, or run "
                f"the row on other languages (`languages`)"
            )


def _add(plan: _Plan, step: Step, stage: Stage, settings: dict[str, Any], target: _Target) -> None:
    """Add a step to the plan, and record the columns that it writes."""
    columns, own = plan.columns[step.on], stage.columns
    seeded = stage.seeded and "seed" not in settings
    if seeded:
        settings = {**settings, "seed": target.seed}
    names = ("id", *own.needs, *own.uses)
    inputs = {name: columns[name] for name in names if name in columns}
    key = step_key(stage.name, _keyed(settings, stage), inputs)
    model = target.models[-1] if target.models else ""
    place = target.language.name, step.on, target.title, model
    plan.steps.append(
        Planned(step.name, stage.name, settings, key, inputs, own.makes, *place, seeded)
    )
    if not isinstance(stage, Learner):
        columns |= dict.fromkeys(own.makes, key)
    else:
        words = [name for name in own.needs if name.endswith("_tokens")]
        plan.model = Result(key)
        plan.text = Result(inputs[words[-1]], words[-1]) if words else None


def _keyed(settings: Mapping[str, Any], stage: Stage) -> dict[str, Any]:
    """The settings as they count in keys: functions by their source code, not by their name."""
    adapted = {name for name, declared in options_of(type(stage)).items() if declared.adapt}
    return {n: getattr(stage, n) if n in adapted else value for n, value in settings.items()}


def _needed(planned: list[Planned]) -> list[Planned]:
    """Return the last step and those that it depends on."""
    kept: list[Planned] = []
    for step in reversed(planned):
        if not kept or any(step.key in later.parents for later in kept):
            kept.insert(0, step)
    return kept
