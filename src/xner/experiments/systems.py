"""The rows of the table: every pipeline with every aligner, lists in settings taken one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from xner.errors import MissingExtraError, UsageError
from xner.experiments import checks
from xner.experiments.pipelines import PIPELINES, Step, find_pipelines
from xner.options import is_listed, types_of, unknown
from xner.stages import Stage, find_stage

_ALIGN = "align"
_REFINE = "refine"
_OF_LINKS = ("links", "fit_on", "pivot")
"""Settings for source and target alone: the links of a back-translation are made without."""
_OWN = ("pipeline", "name", "aligners", "languages")
_OF_ONE_MODEL = ("tagger", "model", "labels")
"""Settings that `stages: tag` may give for other rows than those with a student of their own."""


@dataclass(frozen=True, slots=True)
class System:
    """A row of the table.

    Attributes:
        name: of the pipeline, with the settings that tell rows apart.
        aligner: name of the aligner, empty for pipelines that have none.
        steps: what is run.
        languages: those it is run on, None for all.
    """

    name: str
    aligner: str
    steps: tuple[Step, ...]
    languages: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """An aligner with options; `optional` ones are left out where their package is missing."""

    name: str
    settings: Mapping[str, Any]
    optional: bool = False


def aligner_choices(given: Any, place: str, shared: Mapping[str, Any]) -> list[Choice]:
    """The section `aligners`: a list of names, or names with options; default `native`.

    Args:
        given: the section.
        place: names it in messages.
        shared: options of every aligner that has no other value for them.

    Raises:
        UsageError: it is malformed.
    """
    if given is None:
        given = ["native"]
    if isinstance(given, list | tuple):
        given = {checks.text(name, place): {} for name in given}
    choices = []
    for name, value in checks.mapping(given, place).items():
        options = dict(checks.mapping(value, f"{place}.{name}"))
        optional = options.pop("optional", False)
        if not isinstance(optional, bool):
            raise UsageError(f"{place}.{name}.optional: should be true or false")
        if "links" not in options:
            options = {"aligner": name, **shared, **options}
        for suffix, settings in expanded(options, find_stage(_ALIGN)):
            choices.append(Choice(name + suffix, settings, optional))
    if not choices:
        raise UsageError(f"{place}: names no aligner")
    return choices


def expanded(settings: Mapping[str, Any], stage: type[Stage]) -> list[tuple[str, dict[str, Any]]]:
    """Settings for every choice from their lists, and what to add to a name to tell them apart.

    Raises:
        UsageError: a list is empty.
    """
    grid = {
        name: list(value)
        for name, value in settings.items()
        if isinstance(value, list | tuple) and not is_listed(types_of(stage).get(name))
    }
    if empty := [name for name, values in grid.items() if not values]:
        raise UsageError(f"{empty[0]}: the list of settings is empty")
    made = []
    for chosen in product(*grid.values()):
        own = dict(zip(grid, chosen, strict=True))
        suffix = "".join(f", {name} {_shown(value)}" for name, value in own.items())
        made.append((suffix, {**settings, **own}))
    return made


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, Mapping):
        return "+".join(f"{name}*{_shown(weight)}" for name, weight in value.items()) or "none"
    if isinstance(value, float):
        return f"{value:g}"
    return str(getattr(value, "signature", value))


def make_systems(
    entries: Sequence[Any],
    aligners: Sequence[Choice],
    shared: Mapping[str, Mapping[str, Any]],
    place: str,
) -> list[System]:
    """The rows of the table, in the order of the configuration; names are not checked.

    Args:
        entries: the section `pipelines`.
        aligners: those that each pipeline is run with.
        shared: the section `stages`, settings by stage; those of `align` are in `aligners`.
        place: names the section in messages.

    Raises:
        UsageError: an entry is malformed, or two rows have one name.
    """
    made: list[System] = []
    for i, entry in enumerate(entries):
        where = f"{place}[{i + 1}]"
        row = {"pipeline": entry} if isinstance(entry, str) else checks.mapping(entry, where)
        for name in find_pipelines(checks.text(row.get("pipeline"), f"{where}.pipeline"), where):
            made += _rows(name, row, aligners, shared, where)
    seen = set()
    for system in made:
        if (system.name, system.aligner) in seen:
            raise UsageError(
                f"{place}: two rows are called {system.name!r}; give one of them another `name`"
            )
        seen.add((system.name, system.aligner))
    return made


def _rows(
    pipeline: str,
    row: Mapping[str, Any],
    aligners: Sequence[Choice],
    shared: Mapping[str, Mapping[str, Any]],
    where: str,
) -> list[System]:
    steps = PIPELINES[pipeline]
    checks.check_keys(row, [*_OWN, *(step.name for step in steps)], where)
    title = checks.text(row.get("name", pipeline), f"{where}.name")
    variants: list[list[tuple[str, Step]]] = []
    for step in steps:
        try:
            stage = find_stage(step.stage)
        except UsageError as error:
            raise UsageError(f"{where}: {pipeline}: {error}") from None
        own = checks.mapping(row.get(step.name), f"{where}.{step.name}")
        settings = {**step.settings, **_common(step, shared), **own}
        if step.student and (idle := [name for name in _OF_ONE_MODEL if name in own]):
            raise UsageError(
                f"{where}.{step.name}.{idle[0]}: {pipeline} tags with the student that it makes"
            )
        variants.append(
            [(suffix, replace(step, settings=s)) for suffix, s in expanded(settings, stage)]
        )
    aligned = any(step.stage == _ALIGN for step in steps)
    choices = _chosen(row, aligners, where) if aligned else [Choice("", {})]
    languages = row.get("languages")
    only = None if languages is None else tuple(checks.listed(languages, f"{where}.languages"))
    if only == ():
        raise UsageError(f"{where}.languages: names no language; leave it out for all of them")
    return [
        System(
            title + "".join(suffix for suffix, _ in chosen),
            choice.name,
            _with(chosen, choice),
            only,
        )
        for choice in choices
        for chosen in product(*variants)
    ]


def _common(step: Step, shared: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    """The settings that the section `stages` has for a step; those of aligners stand there."""
    if step.stage == _ALIGN:
        return {}
    idle = _OF_ONE_MODEL if step.student else ()
    return {name: v for name, v in shared.get(step.stage, {}).items() if name not in idle}


def _chosen(row: Mapping[str, Any], aligners: Sequence[Choice], where: str) -> list[Choice]:
    if "aligners" not in row:
        return list(aligners)
    names = checks.listed(row["aligners"], f"{where}.aligners")
    known = [choice.name for choice in aligners]
    for name in names:
        if name not in known:
            raise checks.unknown("aligner", name, known, f"{where}.aligners")
    return [choice for choice in aligners if choice.name in names]


def _with(chosen: Sequence[tuple[str, Step]], choice: Choice) -> tuple[Step, ...]:
    """The steps, those that align with the settings of an aligner."""
    return tuple(replace(step, settings=_settings(step, choice)) for _, step in chosen)


def _settings(step: Step, choice: Choice) -> dict[str, Any]:
    own = dict(step.settings)
    if step.stage == _ALIGN:
        return {**choice.settings, **own}
    if step.stage == _REFINE and "aligner" not in own:
        return {**{k: v for k, v in choice.settings.items() if k not in _OF_LINKS}, **own}
    return own


def checked(
    systems: Sequence[System], aligners: Sequence[Choice], place: str
) -> tuple[list[System], list[str]]:
    """The systems that can be run, and a line for each optional aligner that cannot.

    Raises:
        UsageError: a setting is unknown or makes no sense.
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


def _check_step(step: Step, where: str) -> None:
    stage = find_stage(step.stage)
    known = stage.settings()
    for name in step.settings:
        if name not in known:
            raise unknown("setting", name, known, where)
    try:
        stage.stand_in(step.settings).require()
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None
