"""Languages of an experiment with their files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec import structs

from xner.errors import UsageError
from xner.experiments.datasets import load_data
from xner.experiments.schema import File, FileEntry, LanguageEntry, ModelData, Sides
from xner.formats.streams import check_encoding


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file, its format if the suffix does not tell it, and its encoding if it is not UTF-8."""

    path: Path
    format: str | None = None
    encoding: str | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """How it counts in keys."""
        encoded = {} if self.encoding is None else {"encoding": self.encoding}
        return {"file": self.path, "format": self.format, **encoded}


@dataclass(frozen=True, slots=True)
class TrainingText:
    """Training text of students.

    Attributes:
        source: labelled text in the source language.
        target: text in the target language, parallel to `source` if both are given. Only the
            pipeline `train` uses its labels.
    """

    source: DataFile | None = None
    target: DataFile | None = None


@dataclass(frozen=True, slots=True)
class Language:
    """A column of the table.

    Attributes:
        name: heading of the column; replaces `{language}` in file names.
        source: text in the source language; its labels are used if it has any.
        target: text in the target language; by default that of `gold`.
        gold: gold labels of the target text.
        source_code, target_code: codes of the languages for the translator.
        train: training text of students.
    """

    name: str
    source: DataFile | None
    target: DataFile | None
    gold: DataFile | None
    source_code: str
    target_code: str
    train: TrainingText = TrainingText()


def find_languages(file: File, origin: str, folder: Path) -> list[Language]:
    """Return the languages of the sections `data` and `languages`.

    Raises:
        UsageError: a loader or language is unknown, or a language has no file.
        InputError: a folder of `data` does not exist.
    """
    sets = file.data if isinstance(file.data, tuple) else (file.data,)
    entries: dict[str, LanguageEntry] = {}
    for i, given in enumerate(sets):
        place = f"{origin}: data[{i + 1}]"
        for name, entry in load_data(given, folder, place).items():
            if name in entries:
                raise UsageError(f"{place}: the language {name!r} is in another data set as well")
            entries[name] = entry
    for name, entry in file.languages.items():
        changes = {key: v for key, v in structs.asdict(entry).items() if v is not None}
        entries[name] = structs.replace(entries.get(name, LanguageEntry()), **changes)
    if not entries:
        raise UsageError(f"{origin}: has neither languages nor data; see docs/running.md")
    if file.encoding is not None:
        _check_encoding(file.encoding, f"{origin}: encoding")
    return [
        _language(name, entry, file, folder, f"{origin}: languages.{name}")
        for name, entry in entries.items()
    ]


def training_only(name: str, data: ModelData, given: File, folder: Path, place: str) -> Language:
    """Return the language of a model that has its own training text."""
    entry = LanguageEntry(source_code=data.source_code, target_code=data.target_code, train=data)
    return _language(name, entry, given, folder, place)


def _check_encoding(name: str, place: str) -> None:
    try:
        check_encoding(name)
    except UsageError as error:
        raise UsageError(f"{place}: {error}") from None


def _language(name: str, entry: LanguageEntry, given: File, folder: Path, place: str) -> Language:
    code = given.source_code

    def file(given_file: str | FileEntry | None) -> DataFile | None:
        if given_file is None:
            return None
        named = FileEntry(file=given_file) if isinstance(given_file, str) else given_file
        if named.encoding is not None:
            _check_encoding(named.encoding, f"{place}: {named.file}")
        path = folder / named.file.replace("{language}", name)
        return DataFile(path, named.format, named.encoding or given.encoding)

    train = entry.train or Sides()
    text = TrainingText(file(train.source), file(train.target))
    files = file(entry.source), file(entry.target), file(entry.gold)
    if not any((*files, text.source, text.target)):
        raise UsageError(f"{place}: has no file; give source, target or gold")
    return Language(name, *files, entry.source_code or code, entry.target_code or name, text)
