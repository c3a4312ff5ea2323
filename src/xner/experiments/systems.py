"""Rows of the table: each pipeline with each aligner and each combination of listed settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from xner.errors import MissingExtraError, NoEffectError, UsageError, XnerError, unknown
from xner.experiments.convert import convert, convert_row
from xner.experiments.pipelines import PIPELINES, Step, find_pipelines
from xner.experiments.resolve import settings_naming
from xner.experiments.schema import File, ModelRow, Row, Settings
from xner.hints import is_listed
from xner.options import types_of
from xner.stages import Stage, find_stage

_ALIGN = "align"
_REFINE = "refine"
_OF_LINKS = ("links", "fit_on", "pivot")
"""Settings of an aligner that only apply to source and target, and not to a back-translation."""
_OF_ONE_MODEL = ("tagger", "model", "labels")
"""Settings of `tag` that do not apply to rows that tag with their own student."""


@dataclass(frozen=True, slots=True)
class System:
    """A row of the table.

    Attributes:
        name: the name of the row or its pipeline, with the settings that distinguish rows.
        aligner: name of the aligner; empty for pipelines that do not align.
        steps: steps to run.
        languages: names of the languages to run on; None for all.
        entry: the entry of the configuration that defines it, for messages.
    """

    name: str
    aligner: str
    steps: tuple[Step, ...]
    languages: tuple[str, ...] | None = None
    entry: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """An aligner with its settings; it is left out if it is optional and not installed."""

    name: str
    settings: Mapping[str, Any]
    optional: bool = False


def aligner_choices(file: File, origin: str) -> list[Choice]:
    """Return the section `aligners`; settings of the stage `align` are their defaults.

    Raises:
        UsageError: a list of settings is empty, or `optional` is not true or false.
    """
    given = file.aligners
    entries = given if isinstance(given, dict) else dict.fromkeys(given)
    choices = []
    for name, settings in entries.items():
        own = dict(settings or {})
        optional = convert(own.pop("optional", False), bool, origin, f"aligners.{name}.optional")
        if "links" not in own:
            own = {"aligner": name, **(file.stages.get(_ALIGN) or {}), **own}
        own = with_ids(own, find_stage(_ALIGN), file)
        for suffix, chosen in expanded(own, find_stage(_ALIGN)):
            choices.append(Choice(name + suffix, chosen, optional))
    return choices


def expanded(settings: Mapping[str, Any], stage: type[Stage]) -> list[tuple[str, Settings]]:
    """Return all combinations of listed settings, each with a suffix for the name of the row.

    Raises:
        UsageError: a list is empty.
    """
    types = types_of(stage)
    grid = {
        name: list(value)
        for name, value in settings.items()
        if isinstance(value, list | tuple) and not is_listed(types.get(name))
    }
    if empty := [name for name, values in grid.items() if not values]:
        raise UsageError(f"{empty[0]}: the list of settings is empty")
    combinations = []
    for values in product(*grid.values()):
        chosen = dict(zip(grid, values, strict=True))
        suffix = "".join(f", {name} {_shown(value)}" for name, value in chosen.items())
        combinations.append((suffix, {**settings, **chosen}))
    return combinations


def with_ids(settings: Settings, stage: type[Stage], file: File) -> Settings:
    """Return settings with ids in place of the names that the section `models` gives them."""
    ids = {name: value for name, value in file.models.items() if isinstance(value, str)}

    def filled(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return [filled(part) for part in value]
        return ids.get(value, value) if isinstance(value, str) else value

    changed = dict(settings)
    for name in settings_naming(stage, "model", "tagger") & settings.keys():
        changed[name] = filled(settings[name])
    for name in settings_naming(stage, "settings") & settings.keys():
        if isinstance(settings[name], Mapping) and "model" in settings[name]:
            changed[name] = {**settings[name], "model": filled(settings[name]["model"])}
    return changed


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, Mapping):
        return "+".join(f"{name}*{_shown(weight)}" for name, weight in value.items()) or "none"
    if isinstance(value, float):
        return f"{value:g}"
    return str(getattr(value, "signature", value))


def make_systems(file: File, aligners: Sequence[Choice], origin: str) -> list[System]:
    """Return the rows of the table in the order of the section `pipelines`.

    Raises:
        UsageError: an entry is malformed, or two rows have the same name.
    """
    systems: list[System] = []
    for i, given in enumerate(file.pipelines):
        path = f"pipelines[{i + 1}]"
        place = f"{origin}: {path}"
        entry = {"pipeline": given} if isinstance(given, str) else given
        pattern = entry.get("pipeline")
        # Without a name, the conversion of the row reports what is wrong with it.
        for pipeline in find_pipelines(pattern, place) if isinstance(pattern, str) else [""]:
            steps = (step.name for step in PIPELINES.get(pipeline, ()))
            row = convert_row(entry, Row, steps, origin, path)
            systems += rows_of(pipeline, row.name or pipeline, row, aligners, file, place)
    keys = [(system.name, system.aligner) for system in systems]
    if twice := [name for name, aligner in keys if keys.count((name, aligner)) > 1]:
        raise UsageError(
            f"{origin}: pipelines: two rows have the name {twice[0]!r}; give one of them another "
            f"`name`"
        )
    return systems


def rows_of(
    pipeline: str,
    title: str,
    row: Row | ModelRow,
    aligners: Sequence[Choice],
    file: File,
    place: str,
) -> list[System]:
    """Return the rows that one entry defines.

    Args:
        pipeline: name of the pipeline.
        title: name of the row.
        row: the entry, with the settings of each step as an attribute.
        aligners: aligners of the experiment.
        file: the experiment, for the sections `stages` and `models`.
        place: name of the entry in messages.

    Raises:
        UsageError: a stage or aligner is unknown, or a setting has no effect.
    """
    steps = PIPELINES[pipeline]
    variants: list[list[tuple[str, Step]]] = []
    for step in steps:
        try:
            stage = find_stage(step.stage)
        except UsageError as error:
            raise UsageError(f"{place}: {pipeline}: {error}") from None
        own: Settings = getattr(row, step.name) or {}
        if step.student and (idle := [name for name in _OF_ONE_MODEL if name in own]):
            raise UsageError(
                f"{place}.{step.name}.{idle[0]}: has no effect, because {pipeline} tags with the "
                f"student that it trains; leave it out"
            )
        usual = _shared(step, file.stages)
        combinations = expanded(with_ids({**step.settings, **usual, **own}, stage, file), stage)
        defaults = [name for name in usual if name not in own]
        variants.append(
            [
                (suffix, replace(step, settings=with_effect(each, defaults, stage)))
                for suffix, each in combinations
            ]
        )
    aligned = any(step.stage == _ALIGN for step in steps)
    choices = _chosen(row, aligners, place) if aligned else [Choice("", {})]
    return [
        System(
            title + "".join(suffix for suffix, _ in chosen),
            choice.name,
            tuple(replace(step, settings=_with(step, choice)) for _, step in chosen),
            row.languages if isinstance(row, Row) else None,
            place,
        )
        for choice in choices
        for chosen in product(*variants)
    ]


def _shared(step: Step, shared: Mapping[str, Settings | None]) -> Settings:
    """Return the settings of the section `stages` for a step; those of `align` are in aligners."""
    if step.stage == _ALIGN:
        return {}
    idle = _OF_ONE_MODEL if step.student else ()
    given = shared.get(step.stage) or {}
    return {name: value for name, value in given.items() if name not in idle}


def with_effect(settings: Settings, defaults: Sequence[str], stage: type[Stage]) -> Settings:
    """Return settings without those from the section `stages` that have no effect in a row.

    Args:
        settings: of a step.
        defaults: names of the settings that come from the section `stages`.
        stage: the stage of the step.
    """
    while True:
        try:
            stage.stand_in(settings)
        except NoEffectError as error:
            if error.option not in defaults:
                return settings
            settings = {name: v for name, v in settings.items() if name != error.option}
        except XnerError:  # it is reported with its place when all rows are known
            return settings
        else:
            return settings


def _chosen(row: Row | ModelRow, aligners: Sequence[Choice], place: str) -> list[Choice]:
    known = [choice.name for choice in aligners]
    names = known if row.aligners is None else row.aligners
    for name in names:
        if name not in known:
            raise unknown("aligner", name, known, f"{place}.aligners")
    return [choice for choice in aligners if choice.name in names]


def _with(step: Step, choice: Choice) -> Settings:
    """Return the settings of a step; steps that align take those of the aligner as defaults."""
    own = dict(step.settings)
    if step.stage == _ALIGN:
        return {**choice.settings, **own}
    if step.stage == _REFINE and "aligner" not in own:
        return {**{k: v for k, v in choice.settings.items() if k not in _OF_LINKS}, **own}
    return own


def check_used(
    shared: Mapping[str, Settings | None], systems: Sequence[System], place: str
) -> None:
    """Check that the settings of the section `stages` have an effect in some row.

    Raises:
        UsageError: all rows that run a stage leave out one of its settings.
    """
    for stage, given in shared.items():
        rows = [step.settings for row in systems for step in row.steps if step.stage == stage]
        for name in given or {}:
            if rows and stage != _ALIGN and not any(name in settings for settings in rows):
                raise UsageError(
                    f"{place}: stages.{stage}.{name} has no effect in any row; leave it out"
                )


def available(
    systems: Sequence[System], aligners: Sequence[Choice], place: str
) -> tuple[list[System], list[str]]:
    """Return the systems that can run, and a line for each optional aligner that cannot.

    Raises:
        UsageError: a setting is unknown or does not fit.
        MissingExtraError: a package is missing for an aligner that is not optional.
    """
    optional = {choice.name for choice in aligners if choice.optional}
    kept, notes = [], {}
    for system in systems:
        try:
            for step in system.steps:
                _check_step(step, f"{place}: {system.name}: {step.name}")
        except MissingExtraError as error:
            if system.aligner not in optional:
                raise
            notes[system.aligner] = f"Left out: {system.aligner} ({error})."
        else:
            kept.append(system)
    return kept, list(notes.values())


def _check_step(step: Step, place: str) -> None:
    stage = find_stage(step.stage)
    known = stage.settings()
    for name in step.settings:
        if name not in known:
            raise unknown("setting", name, known, place)
    try:
        made = stage.stand_in(step.settings)
        if not step.optional:
            made.require()
    except UsageError as error:
        raise UsageError(f"{place}: {error}") from None
