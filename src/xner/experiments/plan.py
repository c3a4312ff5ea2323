"""What has to be made for a row and a language: steps with their keys, before anything runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xner.errors import InputError, UsageError
from xner.experiments.config import Experiment, Language
from xner.experiments.keys import plain, step_key
from xner.experiments.pipelines import Step
from xner.experiments.reading import COLUMNS, files_of
from xner.experiments.stages import Stage, find_stage
from xner.experiments.systems import System

READ = "read"


@dataclass(frozen=True, slots=True)
class Planned:
    """A step to be made, or made already.

    Attributes:
        name: of the step in its pipeline.
        stage: None for the step that reads the data.
        settings: resolved: files as paths, language and seed filled in.
        key: of the result.
        inputs: key of what makes each column that the step sees.
        makes: columns.
        seeded: whether its settings have the seed of the run.
    """

    name: str
    stage: Stage | None
    settings: Mapping[str, Any]
    key: str
    inputs: Mapping[str, str]
    makes: tuple[str, ...]
    seeded: bool = False

    def told(self) -> dict[str, Any]:
        """What the manifest tells of the plan."""
        return {
            "settings": plain(self.settings),
            "inputs": dict(self.inputs),
            "seed": self.settings.get("seed") if self.seeded else None,
        }


def plan_reading(language: Language) -> Planned:
    """The step that reads the data of a language."""
    settings = {
        side: {"file": file.path, "format": file.format}
        for side, file in files_of(language).items()
    }
    return Planned(READ, None, settings, step_key(READ, settings, {}), {}, COLUMNS)


def plan_steps(
    experiment: Experiment,
    system: System,
    language: Language,
    seed: int,
    given: Mapping[str, str],
) -> list[Planned]:
    """The steps of a row for a language, in order.

    Left out are those whose result is given, and those whose result nothing after them reads.

    Args:
        experiment: for the folder that files are relative to.
        system: the row.
        language: the column.
        seed: for the stages that take one.
        given: columns of the data, with the key of what read them.

    Raises:
        InputError: a step lacks a column, or a file is missing.
        UsageError: settings make no sense together.
    """
    columns = dict(given)
    planned: list[Planned] = []
    for step in system.steps:
        stage = find_stage(step.stage)
        settings = _resolved(step, stage, language, experiment.folder)
        has = stage.columns(settings)
        if has.makes[0] in given and not has.replaces:
            continue
        for column in has.needs:
            if column not in columns:
                raise InputError(
                    f"{experiment.origin}: {system.name}, language {language.name}: the step "
                    f"{step.name!r} needs the column {column!r}, which neither the data nor a step "
                    f"before it has"
                )
        seeded = stage.seeded(settings) and "seed" not in settings
        if seeded:
            settings = {**settings, "seed": seed}
        inputs = {name: columns[name] for name in (*has.needs, *has.uses) if name in columns}
        if "id" in columns:
            inputs = {"id": columns["id"], **inputs}
        key = step_key(stage.name, settings, inputs)
        planned.append(Planned(step.name, stage, settings, key, inputs, has.makes, seeded))
        columns |= dict.fromkeys(has.makes, key)
    return _read_later(planned)


def _read_later(planned: list[Planned]) -> list[Planned]:
    """The last step and those that it needs."""
    kept: list[Planned] = []
    for step in reversed(planned):
        if not kept or any(step.key in later.inputs.values() for later in kept):
            kept.insert(0, step)
    return kept


def _resolved(step: Step, stage: Stage, language: Language, folder: Path) -> dict[str, Any]:
    """Settings with files as paths and the codes of the languages."""
    settings = {
        name: _files(value, name, language, folder) if name in stage.files else value
        for name, value in step.settings.items()
    }
    codes = {"source_language": language.source_code, "target_language": language.target_code}
    for name, code in codes.items():
        if name in (stage.settings or ()):
            settings.setdefault(name, code)
    for name in stage.models & settings.keys():
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


def _files(value: Any, name: str, language: Language, folder: Path) -> Any:
    """Files relative to the configuration; `{language}` in them is its name."""
    if isinstance(value, list | tuple):
        return [_files(part, name, language, folder) for part in value]
    if not isinstance(value, str | Path):
        return value
    written = str(value).replace("{language}", language.name)
    path = folder / written
    if path.exists():
        return path
    if name == "model":
        return written  # an id on the hub
    raise UsageError(f"{name}: {path}: no such file; check the path")
