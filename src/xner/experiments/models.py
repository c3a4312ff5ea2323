"""Models that rows name: teachers, and students that others start from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from xner.errors import UsageError
from xner.experiments import checks
from xner.experiments.language import Language, training_only
from xner.experiments.pipelines import PIPELINES, TRAIN
from xner.experiments.systems import Choice, System, make_systems

_OWN = ("language", "data")
STUDENTS = [name for name, steps in PIPELINES.items() if any(step.student for step in steps)]


@dataclass(frozen=True, slots=True)
class Model:
    """A student that is no row of the table.

    Attributes:
        system: the steps that make it, without those on the text that is scored.
        language: whose training text it learns from; None for that of the column at hand.
    """

    system: System
    language: Language | None


def find_models(
    given: Any,
    languages: Sequence[Language],
    aligners: Sequence[Choice],
    shared: Mapping[str, Mapping[str, Any]],
    code: str,
    folder: Path,
    place: str,
) -> dict[str, Model]:
    """The section `models`: by name, a pipeline that makes a student, and whose text it learns.

    Args:
        given: the section.
        languages: of the configuration.
        aligners: those of the configuration; a model takes the first, or the one it names.
        shared: the section `stages`.
        code: what the translator calls the source language.
        folder: what files are relative to.
        place: names the section in messages.

    Raises:
        UsageError: an entry is malformed.
    """
    made = {}
    for name, value in checks.mapping(given, place).items():
        where = f"{place}.{name}"
        entry = checks.mapping(value, where)
        made[name] = Model(
            _system(name, entry, aligners, shared, where),
            _language(name, entry, languages, code, folder, where),
        )
    return made


def _system(
    name: str,
    value: Mapping[str, Any],
    aligners: Sequence[Choice],
    shared: Mapping[str, Mapping[str, Any]],
    place: str,
) -> System:
    entry = {k: v for k, v in value.items() if k not in _OWN}
    if "languages" in entry:
        raise UsageError(f"{place}.languages: a model learns from one language; give `language`")
    entry = {"pipeline": "train", "aligners": [aligners[0].name], **entry}
    if entry["pipeline"] not in STUDENTS:
        raise checks.unknown("pipeline of students", entry["pipeline"], STUDENTS, place)
    systems = make_systems([{"name": name, **entry}], aligners, shared, place)
    if len(systems) != 1:
        raise UsageError(
            f"{place}: stands for {len(systems)} models; give one aligner, and no lists of settings"
        )
    [system] = systems
    return replace(system, steps=tuple(step for step in system.steps if step.on == TRAIN))


def _language(
    name: str,
    value: Mapping[str, Any],
    languages: Sequence[Language],
    code: str,
    folder: Path,
    place: str,
) -> Language | None:
    if "data" in value:
        if "language" in value:
            raise UsageError(f"{place}: has data of its own and a language; give one of the two")
        data = checks.mapping(value["data"], f"{place}.data")
        return training_only(name, data, code, f"{place}.data", folder)
    if value.get("language") is None:
        return None
    wanted = checks.text(value["language"], f"{place}.language")
    known = {language.name: language for language in languages}
    if wanted not in known:
        raise checks.unknown("language", wanted, known, f"{place}.language")
    return known[wanted]
