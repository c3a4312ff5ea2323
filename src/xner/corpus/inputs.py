"""Inputs: one file, or those of a list, a folder or a glob pattern, read as one."""

from __future__ import annotations

import glob
import re
from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from os import PathLike
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa

from xner.columns import numbered
from xner.corpus.base import StrPath
from xner.corpus.files import Adapt, InputFile, as_it_is
from xner.corpus.parts import Batches
from xner.errors import FormatError, InputError, ParallelError, UsageError
from xner.formats import folder_format, format_of
from xner.formats.files import Contents
from xner.formats.streams import check_encoding, plain_name, stem_of
from xner.overlap import ahead

Inputs = StrPath | Sequence[StrPath]
"""A file, a folder of files, a glob pattern, or several of these."""
Encoding = str | Sequence[str] | None
"""An encoding of all files, one for each, or UTF-8."""
UNFINISHED = ".xner"
"""Folder in a folder of shards that a job is still writing."""


@dataclass(frozen=True, slots=True)
class Found:
    """The files that an input names.

    Attributes:
        name: the input as it was given, for messages.
        paths: the files, in order.
        module: their format.
    """

    name: str
    paths: tuple[Path, ...]
    module: ModuleType

    def open(self, adapt: Adapt = as_it_is, **options: Any) -> InputFile | SeveralFiles:
        """Open the files; arguments and errors are those of `InputFile`."""
        files = [InputFile(path, adapt, module=self.module, **options) for path in self.paths]
        return files[0] if len(files) == 1 else SeveralFiles(Path(self.name), files)


def find_files(given: Inputs, *allowed: ModuleType, name: str | None = None) -> Found:
    """Find the files that an input names, and their format; no file is read.

    Args:
        given: files, folders and glob patterns.
        *allowed: formats.
        name: name of the format, if suffixes do not say it.

    Raises:
        InputError: a pattern matches no file, or a folder has none.
        UsageError: a suffix is unknown, or files have several formats.
    """
    paths = expand(given)
    modules = [format_of(path, *allowed, name=name) for path in paths]
    for path, module in zip(paths, modules, strict=True):
        if module is not modules[0]:
            raise UsageError(
                f"{path}: has another format than {paths[0]}; files that are read as one must "
                f"have one format"
            )
    many = [given] if isinstance(given, str | PathLike) else given
    shown = str(many[0]) if len(many) == 1 else f"{many[0]} and {len(many) - 1} more"
    return Found(shown, tuple(paths), modules[0])


def encodings_of(encoding: Encoding, found: Sequence[Found]) -> list[str | None]:
    """The encoding of each input, or None.

    Args:
        encoding: one for all text files, or one for each input.
        found: the inputs.

    Raises:
        UsageError: an encoding is unknown, their number differs, or no input is text.
    """
    if encoding is None:
        return [None] * len(found)
    is_text = [each.module.FORMAT.text for each in found]
    names = [encoding] if isinstance(encoding, str) else list(encoding)
    for name in names:
        check_encoding(name)
    if len(names) not in (1, len(found)):
        raise UsageError(f"there are {len(names)} encodings for {len(found)} files; give one each")
    if not any(is_text):
        raise UsageError(f"{found[0].name}: is not a text file, so it has no encoding")
    each = names * len(found) if len(names) == 1 else names
    return [name if text else None for name, text in zip(each, is_text, strict=True)]


def expand(given: Inputs) -> list[Path]:
    """The files that an input names, in order: numbers in names count as numbers.

    Folders are not searched for files in folders. Names that begin with a dot or an underscore
    are left out.

    Raises:
        InputError: a pattern matches no file, or a folder has none.
    """
    many = [given] if isinstance(given, str | PathLike) else given
    if not many:
        raise UsageError("there is no input file; name at least one")
    return [path for one in many for path in _files_of(Path(one))]


def _files_of(path: Path) -> list[Path]:
    if path.is_dir():
        return _files_in(path)
    if not glob.has_magic(str(path)) or path.exists():
        return [path]
    # Path.glob takes no absolute pattern.
    found = [Path(name) for name in glob.glob(str(path), recursive=True)]  # noqa: PTH207
    if not (named := _visible(found)):
        raise InputError(f"{path}: no file matches; check the pattern")
    return [file for one in named for file in (_files_in(one) if one.is_dir() else [one])]


def _files_in(folder: Path) -> list[Path]:
    """The files of a folder, or the folder itself if its format is one of folders."""
    if folder_format(folder) is not None:
        return [folder]
    if (folder / UNFINISHED).is_dir():
        raise InputError(
            f"{folder}: is not complete; repeat the command that writes it, which continues"
        )
    found = _visible(folder.iterdir())
    if not found:
        raise InputError(f"{folder}: the folder has no files")
    if inner := [path for path in found if path.is_dir()]:
        raise InputError(
            f"{inner[0]}: is a folder in a folder; name the files, for example "
            f"'{folder}/**/*.parquet'"
        )
    return found


def _visible(paths: Iterator[Path] | Sequence[Path]) -> list[Path]:
    return sorted((p for p in paths if not p.name.startswith((".", "_"))), key=_natural)


def _natural(path: Path) -> list[tuple[int, str]]:
    parts = re.split(r"(\d+)", str(path))
    return [(int(part), "") if i % 2 else (0, part) for i, part in enumerate(parts)]


class SeveralFiles:
    """Files with the same columns, read one after another as one; like an `InputFile`.

    Attributes:
        path: names them in messages.
        files: in their order.
        contents: rows and `-DOCSTART-` rows of all files; columns of the first.
    """

    def __init__(self, path: Path, files: Sequence[InputFile]) -> None:
        """Combine open files.

        Raises:
            FormatError: a file has other columns than the first.
        """
        self.path, self.files = path, tuple(files)
        for file in files[1:]:
            _check_same(file, files[0])
        self.contents = Contents(
            sum(file.contents.rows for file in files),
            files[0].contents.schema,
            sum(file.contents.docstarts for file in files),
        )
        self._stems = _stems([file.path for file in files])

    @property
    def keep_docstart(self) -> bool:
        """Whether `-DOCSTART-` rows of CoNLL are rows."""
        return self.files[0].keep_docstart

    @keep_docstart.setter
    def keep_docstart(self, keep: bool) -> None:
        for file in self.files:
            file.keep_docstart = keep

    @property
    def rows(self) -> int:
        """Number of rows, as `keep_docstart` counts them."""
        return sum(file.rows for file in self.files)

    @property
    def schema(self) -> pa.Schema:
        """The columns of `batches`; metadata that differs is joined."""
        schemas = [file.schema for file in self.files]
        values: dict[bytes, dict[bytes, None]] = {}
        for schema in schemas:
            for key, value in (schema.metadata or {}).items():
                values.setdefault(key, {})[value] = None
        return schemas[0].with_metadata({key: b"+".join(each) for key, each in values.items()})

    def batches(self) -> Batches:
        """Yield the batches of all files; see `InputFile.batches`."""
        return ahead(self._same(file.batches() for file in self.files))

    def between(self, first: int, last: int) -> Batches:
        """Yield the rows `[first, last)`; see `InputFile.between`."""
        parts = list(self._parts(first, last))
        wanted = {i for i, *_ in parts}
        for i, file in enumerate(self.files):
            if i not in wanted:
                file.close()
        return ahead(self._same(self.files[i].between(*rows) for i, *rows in parts))

    def only(self, names: Collection[str]) -> SeveralFiles:
        """Return the files with some columns of their `schema`."""
        return SeveralFiles(self.path, [file.only(names) for file in self.files])

    @property
    def dictionaries(self) -> set[str]:
        """Columns of tokens that all files store as dictionaries."""
        return set.intersection(*(file.dictionaries for file in self.files))

    def with_dictionaries(self, names: Collection[str]) -> SeveralFiles:
        """Return the files with dictionaries in those of some columns that all store so."""
        same = self.dictionaries & {*names}
        return SeveralFiles(self.path, [file.with_dictionaries(same) for file in self.files])

    def place(self, row: int) -> tuple[Path, int]:
        """The file and line of a row, from 0, of a format with one line per row."""
        i, first, _ = next(self._parts(row, row + 1))
        return self.files[i].place(first)

    def ids(self, first: int, last: int) -> pa.StringArray:
        """Ids of the rows `[first, last)`, from the name of each file and its own rows."""
        parts = self._parts(first, last)
        made = [numbered(self._stems[i], *rows) for i, *rows in parts]
        return pa.concat_arrays(made) if made else numbered("", 0, 0)

    def _same(self, streams: Iterator[Batches]) -> Batches:
        schema = self.schema
        for stream in streams:
            for batch in stream:
                yield batch.select(schema.names).replace_schema_metadata(schema.metadata)

    def _parts(self, first: int, last: int) -> Iterator[tuple[int, int, int]]:
        """The number of each file that has some of the rows `[first, last)`, and its rows."""
        ends = list(accumulate(file.rows for file in self.files))
        i = bisect_right(ends, first)
        while first < last:
            begin = ends[i] - self.files[i].rows
            end = min(last, ends[i])
            if first < end:
                yield i, first - begin, end - begin
            first, i = end, i + 1


Input = InputFile | SeveralFiles


def line_up(files: Sequence[Input], docstart: str = "auto") -> int:
    """Decide whether the files keep their `-DOCSTART-` rows, and return the number of rows.

    Args:
        files: files that must have the same rows.
        docstart: `keep`, `skip`, or `auto`, as for `xner.scan`.

    Raises:
        ParallelError: the files differ in their number of rows.
    """
    every = [file.contents.rows for file in files]
    without = [file.contents.rows - file.contents.docstarts for file in files]
    keep = docstart == "keep" or (
        docstart == "auto" and len(set(without)) > 1 and len(set(every)) == 1
    )
    counts = every if keep else without
    for file in files:
        file.keep_docstart = keep
    if len(set(counts)) == 1:
        return counts[0]
    other = files[next(i for i, n in enumerate(counts) if n != counts[0])]
    marks = max(file.contents.docstarts for file in files)
    hint = f" ({marks} -DOCSTART- rows in all)" if marks else ""
    one, other = _first_that_differ(files[0], other)
    raise ParallelError(
        f"{other.path}: {other.rows} rows, but {one.path} has {one.rows}{hint}; both must have "
        f"one row per sentence: row {min(one.rows, other.rows) + 1} has no partner"
    )


def _first_that_differ(one: Input, other: Input) -> tuple[Input, Input]:
    """The first files that differ in rows, if there are as many on both sides."""
    if len(one.files) == len(other.files):
        pairs = zip(one.files, other.files, strict=True)
        return next((a, b) for a, b in pairs if a.rows != b.rows)
    return one, other


def _check_same(file: InputFile, first: InputFile) -> None:
    own, wanted = ({field.name: field.type for field in each.schema} for each in (file, first))
    if own != wanted:
        name = next(name for name in {**wanted, **own} if own.get(name) != wanted.get(name))
        raise FormatError(
            f"{file.path}: the column {name!r} is {own.get(name, 'missing')}, but "
            f"{wanted.get(name, 'missing')} in {first.path}; files that are read as one must have "
            f"the same columns"
        )


def _stems(paths: Sequence[Path]) -> list[str]:
    """The names of files without suffix; with their folders, if two have one name."""
    stems = [stem_of(path) for path in paths]
    if len(set(stems)) == len(stems):
        return stems
    return [str(plain_name(path).with_suffix("")) for path in paths]
