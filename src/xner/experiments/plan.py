"""What has to be made for a row and a language: steps with their keys, before anything runs."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from xner.errors import InputError, UsageError
from xner.experiments.checks import as_list
from xner.experiments.config import Experiment
from xner.experiments.keys import plain, step_key
from xner.experiments.language import Language
from xner.experiments.pipelines import TEST, TRAIN, Step
from xner.experiments.reading import COLUMNS, TRAINING_COLUMNS, files_of
from xner.experiments.systems import System
from xner.options import is_listed, types_of
from xner.stages import MODEL, Learner, Stage, find_stage

READ = "read"
_HUB_ID = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)?")
"""What may be the id of a model on the hub; anything else is a path."""
Keys = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Result:
    """Stands among settings for what another step makes: its model, or the words of a column."""

    key: str
    column: str = MODEL

    @property
    def signature(self) -> str:
        """As it counts in keys."""
        return f"{self.column}:{self.key}"


@dataclass(frozen=True, slots=True)
class Planned:
    """A step to be made, or made already.

    Attributes:
        name: of the step in its pipeline.
        stage: its name; `read` for the step that reads data.
        settings: resolved: files as paths, language and seed filled in.
        key: of the result.
        inputs: key of what makes each column that the step sees.
        makes: columns.
        language: whose text it works on.
        on: the text that is scored, or that is learnt.
        row: the first that needs it.
        of: the model that it is part of; empty for steps of the row itself.
        seeded: whether its settings have the seed of the run.
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
        """Its name, with that of the model."""
        return f"{self.of}.{self.name}" if self.of else self.name

    @property
    def parents(self) -> set[str]:
        """Keys of the steps whose results it needs."""
        return {*self.inputs.values(), *(result.key for result in results_in(self.settings))}

    def told(self) -> dict[str, Any]:
        """What the manifest tells of the plan."""
        return {
            "step": self.name,
            "language": self.language,
            "text": self.on,
            "settings": plain(self.settings),
            "inputs": dict(self.inputs),
            "seed": self.settings.get("seed") if self.seeded else None,
        }


def results_in(value: Any) -> Iterator[Result]:
    """The results that stand in settings."""
    if isinstance(value, Result):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from results_in(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from results_in(part)


def plan_reading(language: Language, on: str = TEST) -> Planned | None:
    """The step that reads the text of a language; None where there is no such text."""
    files = files_of(language, on)
    if not files:
        return None
    settings = {side: {"file": f.path, "format": f.format} for side, f in files.items()}
    columns = COLUMNS if on == TEST else TRAINING_COLUMNS
    key = step_key(READ if on == TEST else f"{READ} {on}", settings, {})
    return Planned(READ, READ, settings, key, {}, columns, language.name, on)


@dataclass(frozen=True, slots=True)
class _Row:
    """What is planned: steps for a language and seed; `asked` are the models that led here."""

    system: System
    language: Language
    seed: int
    where: str
    title: str
    asked: tuple[str, ...] = ()


@dataclass
class _Work:
    """The steps so far, what they have made of either text, the last model and its text."""

    columns: dict[str, dict[str, str]]
    steps: list[Planned] = field(default_factory=list)
    model: Result | None = None
    text: Result | None = None


@dataclass(frozen=True)
class Planner:
    """Plans the rows of an experiment.

    Attributes:
        experiment: its models, and the folder that files are relative to.
        given: columns of the data by language and text, with the key of what read them.
    """

    experiment: Experiment
    given: Mapping[tuple[Language, str], Keys]

    def plan(self, system: System, language: Language, seed: int) -> list[Planned]:
        """The steps of a row for a language and seed, in order, those of its models before.

        Left out are those whose result is given, and those whose result nothing after them
        reads.

        Raises:
            InputError: a step lacks a column, or a file is missing.
            UsageError: settings make no sense together.
        """
        where = f"{self.experiment.origin}: {system.name}, language {language.name}"
        return _read_later(self._work(_Row(system, language, seed, where, system.name)).steps)

    def _work(self, row: _Row) -> _Work:
        given = {on: self.given.get((row.language, on), {}) for on in (TEST, TRAIN)}
        work = _Work({on: dict(columns) for on, columns in given.items()})
        models = self.experiment.models
        for step in row.system.steps:
            stage = find_stage(step.stage)
            settings = _resolved(step, stage, row.language, self.experiment.folder, models)
            settings |= self._named(stage, settings, work, row)
            if step.student:
                settings["model"] = work.model
            made = _planned(stage, settings, step, row)
            columns = made.columns
            if columns.replaces or columns.makes[0] not in given[step.on]:
                _add(work, step, made, settings, row)
        return work

    def _named(
        self, stage: type[Stage], settings: Mapping[str, Any], work: _Work, row: _Row
    ) -> dict[str, Any]:
        """Results in place of the names of models, whose steps come first."""
        made: dict[str, Any] = {}
        texts: dict[str, list[Result | None]] = {}
        known, types = stage.settings(), types_of(stage)
        for name in sorted(_naming(stage, "tagger") & settings.keys()):
            if not is_listed(types[name]):
                made[name] = self._model(settings[name], work, row)[0]
                continue
            value = as_list(settings[name])
            kept = self._foreign(name, value, row)
            found = [self._model(value[i], work, row) for i in kept]
            made[name], texts[name] = [m for m, _ in found], [text for _, text in found]
            for other in (o for o, declared in known.items() if declared.each_of == name):
                if isinstance(values := settings.get(other), list | tuple):
                    made[other] = [values[i] for i in kept]
        for name, declared in known.items():
            of = declared.text_of
            if of and name not in settings and all(texts.get(of, [None])):
                made[name] = texts[of]
        return made

    def _foreign(self, name: str, value: Sequence[Any], row: _Row) -> list[int]:
        """Positions of the models that do not learn from the language itself."""
        models = self.experiment.models

        def own(each: Any) -> bool:
            model = models.get(each) if isinstance(each, str) else None
            return model is not None and model.language == row.language

        found = [i for i, each in enumerate(value) if not own(each)]
        if not found:
            raise UsageError(
                f"{row.where}: every model of {name} learns from {row.language.name} itself; "
                f"leave this language out of the row (`languages`)"
            )
        return found

    def _model(self, name: Any, work: _Work, row: _Row) -> tuple[Any, Result | None]:
        """A model and its training text, its steps added; or what is no name of a model."""
        models = self.experiment.models
        if not isinstance(name, str) or name not in models:
            near = get_close_matches(name, models, n=1) if isinstance(name, str) else []
            if near and "/" not in name:
                raise UsageError(f"{row.where}: no model {name!r}; did you mean {near[0]!r}?")
            return name, None
        if name in row.asked:
            raise UsageError(f"{row.where}: the model {name!r} is made of itself")
        model = models[name]
        language = model.language or row.language
        origin = f"{self.experiment.origin}: {row.title}"
        where = f"{origin}: models.{name}, language {language.name}"
        asked = (*row.asked, name)
        made = self._work(_Row(model.system, language, row.seed, where, row.title, asked))
        known = {step.key for step in work.steps}
        work.steps += [step for step in made.steps if step.key not in known]
        return made.model, made.text


def _naming(stage: type[Stage], *kinds: str) -> set[str]:
    """Names of the settings of a stage that name a file, model or tagger."""
    return {name for name, declared in stage.settings().items() if declared.names in kinds}


def _planned(stage: type[Stage], settings: Mapping[str, Any], step: Step, row: _Row) -> Stage:
    """The stage, with keys in place of results that do not exist yet."""
    try:
        return stage.of({name: _keyed(value) for name, value in settings.items()})
    except UsageError as error:
        raise UsageError(f"{row.where}: the step {step.name!r}: {error}") from None


def _keyed(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_keyed(part) for part in value]
    return value.key if isinstance(value, Result) else value


def _add(work: _Work, step: Step, stage: Stage, settings: dict[str, Any], row: _Row) -> None:
    """Plan a step, and record the columns that it writes."""
    columns, has = work.columns[step.on], stage.columns
    for column in has.needs:
        if column not in columns:
            data = "the data" if step.on == TEST else "`train` of the language"
            raise InputError(
                f"{row.where}: the step {step.name!r} needs the column {column!r}, which neither "
                f"{data} nor a step before it has; give a file that has it, or run the row on "
                f"other languages (`languages`)"
            )
    seeded = stage.seeded and "seed" not in settings
    if seeded:
        settings = {**settings, "seed": row.seed}
    names = ("id", *has.needs, *has.uses)
    inputs = {name: columns[name] for name in names if name in columns}
    key = step_key(stage.name, settings, inputs)
    place = row.language.name, step.on, row.title, row.asked[-1] if row.asked else ""
    work.steps.append(
        Planned(step.name, stage.name, settings, key, inputs, has.makes, *place, seeded)
    )
    if not isinstance(stage, Learner):
        columns |= dict.fromkeys(has.makes, key)
    else:
        words = [name for name in has.needs if name.endswith("_tokens")]
        work.model = Result(key)
        work.text = Result(inputs[words[-1]], words[-1]) if words else None


def _read_later(planned: list[Planned]) -> list[Planned]:
    """The last step and those that it needs."""
    kept: list[Planned] = []
    for step in reversed(planned):
        if not kept or any(step.key in later.parents for later in kept):
            kept.insert(0, step)
    return kept


def _resolved(
    step: Step, stage: type[Stage], language: Language, folder: Path, models: Container[str]
) -> dict[str, Any]:
    """Settings with files as paths, except names of models, and the codes of the languages."""
    settings = dict(step.settings)
    known = stage.settings()
    for name in known.keys() & settings.keys():
        kind = known[name].names
        if kind == "file":
            settings[name] = _files(settings[name], name, language, folder)
        elif kind in ("model", "tagger"):
            named = models if kind == "tagger" else ()
            settings[name] = _files(settings[name], "model", language, folder, named)
    codes = {"source_language": language.source_code, "target_language": language.target_code}
    for name, code in codes.items():
        if name in known:
            settings.setdefault(name, code)
    for name in _naming(stage, "settings") & settings.keys():
        if isinstance(settings[name], Mapping):
            settings[name] = _of_model({**codes, **settings[name]}, language, folder)
    return settings


def _of_model(given: dict[str, Any], language: Language, folder: Path) -> dict[str, Any]:
    """Settings of a model, with its file as a path, and that of its cache by name alone."""
    if "model" in given:
        given["model"] = _files(given["model"], "model", language, folder)
    if isinstance(given.get("cache"), str):
        given["cache"] = str(folder / given["cache"].replace("{language}", language.name))
    return given


def _files(
    value: Any, name: str, language: Language, folder: Path, models: Container[str] = ()
) -> Any:
    """Files relative to the configuration; `{language}` in them is its name."""
    if isinstance(value, list | tuple):
        return [_files(part, name, language, folder, models) for part in value]
    if not isinstance(value, str | Path) or value in models:
        return value
    written = str(value).replace("{language}", language.name)
    path = folder / written
    if path.exists():
        return path
    if name == "model" and _HUB_ID.fullmatch(written):
        return written
    kind = "folder, nor a hub id" if name == "model" else "file"
    raise UsageError(f"{name}: {path}: no such {kind}; check the path")
