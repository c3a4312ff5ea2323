"""One input file of a corpus: its rows, and its columns named for a side."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from copy import copy
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple
from warnings import warn

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xner.columns import empty_batch, numbered, offsets_of, row_place
from xner.conforming import conform, with_same_columns
from xner.corpus.bad_rows import FAULT, Sparing, refuse_fault, spared, without_fault
from xner.corpus.choosing import columns_to_read
from xner.corpus.parts import Batches
from xner.corpus.tagged import with_entities
from xner.corpus.texts import with_words
from xner.errors import FormatError, InputError, ParallelError, XnerWarning
from xner.formats import WITH_WORDS, conll, format_of, jsonl, panx, parquet
from xner.formats.files import TOP, Contents, Start
from xner.formats.streams import UTF8, stem_of
from xner.overlap import ahead
from xner.validate import validate

Adapt = Callable[[pa.RecordBatch], pa.RecordBatch]
Part = tuple[int, pa.RecordBatch]
"""The number of the first line or row, and a batch, as format modules yield them."""


def text_format(path: Path) -> ModuleType:
    """Return the format of a file with words.

    Raises:
        UsageError: the suffix is unknown or that of links.
    """
    return format_of(path, *WITH_WORDS)


def as_it_is(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return the batch."""
    return batch


class _Reader(NamedTuple):
    """A reader of a file that has come to some row.

    Attributes:
        row: the row, as `InputFile.keep_docstart` counts them.
        again: the part that begins with it, if it was read but not used up.
        parts: what comes next.
    """

    row: int
    again: list[Part]
    parts: Iterator[Part]


def _no_reader() -> deque[_Reader]:
    """Room for one reader."""
    return deque(maxlen=1)


class InputFile:
    """A file that is opened once to count its rows, and once for each pass over its batches.

    Attributes:
        path: the file.
        contents: rows, `-DOCSTART-` rows and columns as its format module reports them.
        keep_docstart: whether `-DOCSTART-` rows of CoNLL are rows; `line_up` sets it.
    """

    def __init__(
        self,
        path: Path,
        adapt: Adapt = as_it_is,
        *,
        module: ModuleType | None = None,
        scheme: str = "auto",
        tags: bool = True,
        encoding: str | None = None,
        hold: bool = False,
        spare: bool = False,
    ) -> None:
        """Open the file.

        Args:
            path: the file.
            adapt: selects and renames the columns of a batch, such as a partial `one_side`. A
                file can be pickled if this can.
            module: format module, by default that of the suffix.
            scheme: labelling scheme to enforce on tags, unless it is `auto`.
            tags: whether to read the tags of CoNLL.
            encoding: encoding of a text file, by default UTF-8.
            hold: read all rows now, for a single pass, so that the file is opened only once.
            spare: rows that cannot be read or do not fit become empty, and batches have the
                column `xner.corpus.bad_rows.FAULT`, which says what is wrong.

        Raises:
            InputError: the file is missing, empty or malformed.
            UsageError: the suffix is unknown.
        """
        self.path, self._adapt, self._scheme, self._spare = path, adapt, scheme, spare
        self._bad: dict[int, dict[int, InputError]] = {}
        self._format = (module or text_format(path)).__name__
        self._encoded = self._encoding(encoding)
        self._options: dict[str, Any] = dict(self._encoded)
        if self._module in (conll, panx):
            self._options |= {"scheme": scheme, "tags": tags}
        hold = hold and (self._by_line or self._module is parquet)
        self._held = deque(self._read()) if hold else None
        self.contents = self._held_contents(self._held) if self._held else self._inspect()
        if self.contents.lost:
            found = ", ".join(f"{name} ({n:,})" for name, n in self.contents.lost)
            warn(f"{path}: left out, as a corpus cannot hold it: {found}", XnerWarning, 2)
        self.keep_docstart = True
        self._only: tuple[str, ...] | None = None
        self._dictionaries: frozenset[str] = frozenset()
        self._left = _no_reader()
        if self.contents.rows == 0:
            raise FormatError(f"{path}: the file is empty")

    def __getstate__(self) -> dict[str, Any]:
        # A reader stays in its process.
        return {**self.__dict__, "_left": _no_reader()}

    @property
    def _module(self) -> ModuleType:
        return import_module(self._format)

    @property
    def _by_line(self) -> bool:
        """Whether rows are lines, or runs of lines."""
        return hasattr(self._module, "BLANK")

    def _inspect(self) -> Contents:
        options = self._sparing(None) if self._module in (conll, panx, jsonl) else {}
        contents: Contents = self._module.inspect(self.path, **options, **self._encoded)
        return contents

    def _encoding(self, encoding: str | None) -> dict[str, str]:
        """The option of format modules that names the encoding."""
        return {"encoding": encoding or UTF8} if self._module.FORMAT.text else {}

    def only(self, names: Collection[str]) -> InputFile:
        """Return the file with some columns of its `schema`; it may have none of them."""
        chosen = copy(self)
        chosen._left = _no_reader()
        chosen._only = tuple(name for name in self.schema.names if name in {*names, FAULT})
        return chosen

    @property
    def dictionaries(self) -> set[str]:
        """Columns of tokens in `schema` that the file stores as dictionaries."""
        tokens = [name for name in self.schema.names if name.endswith("_tokens")]
        return {name for name in tokens if self._named(name) in self.contents.dictionaries}

    def _named(self, column: str) -> str:
        """The name that a column of tokens has in the file."""
        return column if column in self.contents.schema.names else "tokens"

    def with_dictionaries(self, names: Collection[str]) -> InputFile:
        """Return the file with dictionaries in those of some columns that it stores so."""
        chosen = copy(self)
        chosen._left = _no_reader()
        chosen._dictionaries = frozenset(map(self._named, self.dictionaries & {*names}))
        return chosen

    def place(self, row: int) -> tuple[Path, int]:
        """The file and line of a row, from 0, of a format with one line per row."""
        return self.path, row + 1

    def ids(self, first: int, last: int) -> pa.StringArray:
        """Ids of the rows `[first, last)`, for those that have none."""
        return numbered(stem_of(self.path), first, last)

    def _read(self, start: Start = TOP, schema: pa.Schema | None = None) -> Iterator[Part]:
        options = self._options | self._sparing(schema)
        if self._module is parquet and schema is not None:
            options["columns"] = self._columns_to_read(without_fault(empty_batch(schema)))
            options["dictionaries"] = self._dictionaries
        read: Iterator[Part] = self._module.read(self.path, start=start, **options)
        return read

    def _columns_to_read(self, empty: pa.RecordBatch) -> list[str]:
        """The columns of the file, a batch of which is given, that `schema` is made from."""
        names = empty.schema.names
        read = columns_to_read(self.schema.names, names)
        try:
            self._fitted("", 0, empty.select(read), 0)
        except FormatError:  # the side of the file is known by its words
            read = [name for name in names if name in read or name.endswith("tokens")]
        return read

    def _sparing(self, schema: pa.Schema | None) -> dict[str, Any]:
        """The option of format modules that decides what becomes of bad rows."""
        if not self._spare:
            return {}
        if not self._by_line:
            return {"attempt": lambda fit, batch: spared(refuse_fault(batch), fit, self._path_of)}
        return {"attempt": Sparing(self.path, self._module, self._bad, schema)}

    def _path_of(self, row: int) -> Path:
        return self.path

    def _before(self, start: Start) -> int:
        """Number of rows before a start, as `keep_docstart` counts them."""
        return start.row if self.keep_docstart else start.row - start.docstarts

    def _held_contents(self, held: Collection[Part]) -> Contents:
        marks = np.concatenate([self._docstart_rows(batch) for _, batch in held])
        schemas = [batch.schema for _, batch in held]
        return Contents(len(marks), schemas[0], int(marks.sum()))

    def _docstart_rows(self, batch: pa.RecordBatch) -> NDArray[np.bool_]:
        if self._module is not conll:
            return np.zeros(batch.num_rows, bool)
        return conll.docstart_rows(batch["tokens"].values, offsets_of(batch["tokens"]))

    @property
    def rows(self) -> int:
        """Number of rows, as `keep_docstart` counts them."""
        contents = self.contents
        return contents.rows if self.keep_docstart else contents.rows - contents.docstarts

    @property
    def files(self) -> tuple[InputFile, ...]:
        """The file itself."""
        return (self,)

    @property
    def schema(self) -> pa.Schema:
        """The columns of `batches`."""
        empty = without_fault(empty_batch(self.contents.schema))
        schema = self._fitted("", 0, empty, 0).schema
        return schema.append(pa.field(FAULT, pa.string())) if self._spare else schema

    def batches(self) -> Batches:
        """Yield checked batches with the columns that `adapt` gives; a thread reads ahead.

        Raises:
            InputError: the file is malformed, or lacks a column.
        """
        held = self._held
        if held is not None:
            return self._all(held.popleft() for _ in range(len(held)))
        return ahead(self._all(self._read(schema=self.contents.schema)))

    def between(self, first: int, last: int) -> Batches:
        """Yield the rows `[first, last)` of `batches`; the file is read from near the first.

        If the last call ended there, its reader continues.
        """
        return ahead(self._some(self._from(first), first, last))

    def close(self) -> None:
        """Close the file, if the last call of `between` left it open."""
        self._left.clear()

    def _from(self, first: int) -> _Reader:
        """A reader that begins near a row."""
        starts = self.contents.starts
        start = starts[bisect_right(starts, first, key=self._before) - 1]
        with suppress(IndexError):  # another thread may take the reader
            left = self._left.pop()
            if self._before(start) <= left.row <= first:
                return left
        return _Reader(self._before(start), [], self._read(start, self.contents.schema))

    def _all(self, parts: Iterable[Part]) -> Batches:
        for line, batch in parts:
            if (rows := self._rows(batch)).num_rows:
                yield self._checked(rows, line)

    def _some(self, reader: _Reader, first: int, last: int) -> Batches:
        """Yield the rows `[first, last)`, which the reader has not passed."""
        row, again, parts = reader
        while part := again.pop() if again else next(parts, None):
            line, batch = part
            rows = self._rows(batch)
            end = row + rows.num_rows
            if end > first:
                skip = max(first - row, 0)
                yield self._checked(rows.slice(skip, min(end, last) - row - skip), line + skip)
            if end >= last:
                left = _Reader(end, [], parts) if end == last else _Reader(row, [part], parts)
                if end < self.rows or left.again:
                    self._left.append(left)
                return
            row = end
        raise ParallelError(
            f"{self.path}: has fewer rows than when it was opened; do not change a file while it "
            f"is read"
        )

    def _rows(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The rows of a batch that count, with the columns of the file."""
        if self._module is jsonl or not (self._by_line or self._module is parquet):
            batch = with_same_columns(batch, self.contents.schema)
        marks = self._docstart_rows(batch)
        if marks.any() and not self.keep_docstart:
            return conform(batch.filter(pa.array(~marks)))
        return batch

    def _checked(self, batch: pa.RecordBatch, line: int) -> pa.RecordBatch:
        """Check and adapt a batch that begins at a line, or at a row of Parquet."""
        place = ":" if self._by_line else ": row "
        fit = partial(self._fitted, f"{self.path}{place}", line)
        return spared(batch, fit, self._path_of) if self._spare else fit(batch, 0)

    def _fitted(self, place: str, line: int, batch: pa.RecordBatch, row: int) -> pa.RecordBatch:
        """Check and adapt rows of a batch; `row` is the first of them, in a batch from `line`."""
        where = row_place(place, line + row)
        batch = with_words(with_entities(batch, self._scheme, where), where)
        validate(batch, where)
        return self._adapted(batch)

    def _adapted(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        try:
            adapted = self._adapt(batch)
            if self._only is None:
                return adapted
            return adapted.select([name for name in self._only if name != FAULT])
        except FormatError as error:
            raise FormatError(f"{self.path}: {error}") from None
