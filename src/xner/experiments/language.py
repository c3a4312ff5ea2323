"""The columns of the table: languages, and the files of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xner.errors import UsageError
from xner.experiments import checks
from xner.experiments.datasets import load_data

FORMATS = ("conll", "jsonl", "panx", "parquet", "text")
_SIDES = ("source", "target", "gold")
_CODES = ("source_code", "target_code")
_TRAINED_ON = ("source", "target")


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file, and its format where the suffix does not say it."""

    path: Path
    format: str | None = None


@dataclass(frozen=True, slots=True)
class TrainingText:
    """What students of a language learn from.

    Attributes:
        source: labelled text in the source language.
        target: text in the target language, in the order of `source` where there are both; its
            labels are learnt by the pipeline `train` alone.
    """

    source: DataFile | None = None
    target: DataFile | None = None


@dataclass(frozen=True, slots=True)
class Language:
    """A column of the table.

    Attributes:
        name: as it is written there, and for `{language}` in the names of files.
        source: text in the source language; its labels are used where it has them.
        target: text in the target language, by default that of `gold`.
        gold: the labels that the target text is scored on.
        source_code, target_code: what the translator calls the languages.
        train: what students learn from.
    """

    name: str
    source: DataFile | None
    target: DataFile | None
    gold: DataFile | None
    source_code: str
    target_code: str
    train: TrainingText = TrainingText()


def find_languages(content: Mapping[str, Any], origin: str, folder: Path) -> list[Language]:
    """The sections `data` and `languages` of a configuration.

    Raises:
        UsageError: a key is unknown, a value malformed, or there is no language.
        InputError: a folder of `data` is not there.
    """
    sets = content.get("data") or []
    entries: dict[str, dict[str, Any]] = {}
    for i, given in enumerate([sets] if isinstance(sets, Mapping) else sets):
        place = f"{origin}: data[{i + 1}]"
        for name, entry in load_data(checks.mapping(given, place), folder, place).items():
            if name in entries:
                raise UsageError(f"{place}: the language {name!r} is there already")
            entries[name] = entry
    own = checks.mapping(content.get("languages"), f"{origin}: languages")
    for name, value in own.items():
        place = f"{origin}: languages.{name}"
        given = checks.mapping(value, place)
        checks.check_keys(given, (*_SIDES, *_CODES, "train"), place)
        entries[name] = {**entries.get(name, {}), **given}
    if not entries:
        raise UsageError(f"{origin}: has neither languages nor data; docs/running.md shows them")
    code = source_code(content, origin)
    return [
        _language(name, entry, code, f"{origin}: languages.{name}", folder)
        for name, entry in entries.items()
    ]


def source_code(content: Mapping[str, Any], origin: str) -> str:
    """What the translator calls the source language where a language does not say it."""
    return checks.text(content.get("source_code", "en"), f"{origin}: source_code")


def training_only(
    name: str, given: Mapping[str, Any], code: str, place: str, folder: Path
) -> Language:
    """A language with nothing to score on: that of a model with data of its own."""
    checks.check_keys(given, (*_TRAINED_ON, *_CODES), place)
    entry = {key: value for key, value in given.items() if key in _CODES}
    entry["train"] = {key: value for key, value in given.items() if key in _TRAINED_ON}
    return _language(name, entry, code, place, folder)


def _language(name: str, entry: Mapping[str, Any], code: str, place: str, folder: Path) -> Language:
    files = _files(entry, _SIDES, name, folder, place)
    learnt = checks.mapping(entry.get("train"), f"{place}.train")
    checks.check_keys(learnt, _TRAINED_ON, f"{place}.train")
    train = _files(learnt, _TRAINED_ON, name, folder, f"{place}.train")
    if not files and not train:
        raise UsageError(f"{place}: names no file; give source, target or gold")
    return Language(
        name,
        files.get("source"),
        files.get("target"),
        files.get("gold"),
        checks.text(entry.get("source_code", code), f"{place}.source_code"),
        checks.text(entry.get("target_code", name), f"{place}.target_code"),
        TrainingText(**train),
    )


def _files(
    entry: Mapping[str, Any], sides: tuple[str, ...], name: str, folder: Path, place: str
) -> dict[str, DataFile]:
    """Files by side; `{language}` in their names is that of the language."""
    found = {}
    for side in sides:
        if entry.get(side) is not None:
            path, form = _file(entry[side], f"{place}.{side}")
            found[side] = DataFile(folder / path.replace("{language}", name), form)
    return found


def _file(value: Any, place: str) -> tuple[str, str | None]:
    if isinstance(value, Path):
        value = str(value)
    if not isinstance(value, Mapping):
        return checks.text(value, place), None
    checks.check_keys(value, ("file", "format"), place)
    form = value.get("format")
    if form is not None and form not in FORMATS:
        raise checks.unknown("format", form, FORMATS, place)
    return checks.text(value.get("file"), f"{place}.file"), form
