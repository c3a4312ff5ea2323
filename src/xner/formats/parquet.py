"""Parquet: the columns of a corpus as they are."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from xner.columns import BATCH, empty_batch
from xner.conforming import conform
from xner.errors import FormatError, OutputError
from xner.formats.files import TOP, Contents, Start
from xner.formats.footer import check_footer
from xner.formats.registry import FEATURES, Format
from xner.formats.streams import open_input, unreadable

FORMAT = Format(
    "parquet",
    "Parquet",
    (".parquet", ".pq"),
    frozenset(FEATURES),
    "the columns as they are",
    text=False,
)
_UNIQUE = ("id", "source_text", "target_text", "back_text")


# What Arrow raises for damaged files, depending on where the damage is.
_DAMAGE = (pa.ArrowException, OSError, ValueError, TypeError, OverflowError, MemoryError)


MOST_TEXT = 1 << 28
"""Bytes of text that are read at a time, about."""
_VALUES = 64  # strings in a column of a row, about
_UNKNOWN = 1 << 12  # bytes of the longest string, if it is not known
_LOOKED_AT = 4 * BATCH  # batches end with these rows, so they are not too few


def _open(path: Path) -> pa.NativeFile:
    open_input(path).close()
    try:
        return pa.OSFile(str(path))
    except OSError as error:
        raise unreadable(path, error) from None


def _reader(file: pa.NativeFile, path: Path, coded: Sequence[str] = ()) -> pq.ParquetFile:
    """A reader of an open file; the strings of the columns `coded` are read as dictionaries."""
    try:
        # Buffered by row groups, all that were read would stay in memory until the file is closed.
        return pq.ParquetFile(
            file, pre_buffer=False, buffer_size=1 << 20, read_dictionary=list(coded)
        )
    except _DAMAGE as error:
        raise FormatError(f"{path}: not a Parquet file, or damaged ({error})") from None


def inspect(path: Path) -> Contents:
    """Read the number of rows and the columns from the metadata of the file.

    Raises:
        FormatError: the file is not Parquet, or a column has the wrong type.
    """
    with _open(path) as opened:
        file = _reader(opened, path)
        dictionaries = check_footer(opened, path)
        try:
            empty, rows = empty_batch(file.schema_arrow), int(file.metadata.num_rows)
            sizes = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
        except _DAMAGE as error:
            raise FormatError(f"{path}: damaged ({error})") from None
        if min(sizes, default=0) < 0 or sum(sizes) != rows:
            raise FormatError(f"{path}: damaged (it claims {rows} rows, its parts {sum(sizes)})")
        firsts = accumulate(sizes[:-1], initial=0)
        starts = tuple(Start(i, row + 1, row) for i, row in enumerate(firsts))
        schema = _conform(empty, path).schema
        return Contents(rows, schema, starts=starts, dictionaries=dictionaries)


Fit = Callable[[pa.RecordBatch, int], pa.RecordBatch]


def strictly(fit: Fit, batch: pa.RecordBatch) -> pa.RecordBatch:
    """Convert a batch; a row that does not fit is an error."""
    return fit(batch, 0)


def read(
    path: Path,
    *,
    start: Start = TOP,
    columns: Sequence[str] | None = None,
    dictionaries: Collection[str] = (),
    attempt: Callable[[Fit, pa.RecordBatch], pa.RecordBatch] = strictly,
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yield `(first row, batch)`, rows counted from 1.

    Args:
        path: the file.
        start: the first row group.
        columns: columns to read, by default all.
        dictionaries: those of tokens that are read as `WORD_TYPES`.
        attempt: what becomes of rows that do not fit.

    Raises:
        FormatError: the file is damaged, empty, or a column has the wrong type.
    """
    row = start.line
    with _open(path) as opened:
        file = _reader(opened, path)
        texts = _texts(file)
        coded = [text for text in texts if _is_of(text, dictionaries)]
        others = [text for text in texts if text not in coded and _is_of(text, columns)]
        file = _reader(opened, path, coded) if coded else file
        sizes = _Sizes(_reader(opened, path, others), others)
        if start == TOP:
            check_footer(opened, path)
        # Arrow cannot join the dictionaries of several row groups.
        most = 1 if coded else _LOOKED_AT
        try:
            for rows, groups in sizes.groups(start.at, most):
                for batch in file.iter_batches(rows, row_groups=groups, columns=columns):
                    yield row, attempt(lambda part, _: _conform(part, path, dictionaries), batch)
                    row += batch.num_rows
        except FormatError:
            raise
        except _DAMAGE as error:
            raise FormatError(f"{path}: damaged after row {row - 1} ({error})") from None
    if row == 1:
        raise FormatError(f"{path}: the file has no rows")


def _texts(file: pq.ParquetFile) -> list[str]:
    """Paths of the strings, except those of maps, which have no dictionaries."""
    columns = [file.schema.column(i) for i in range(len(file.schema))]
    texts = [column.path for column in columns if column.physical_type == "BYTE_ARRAY"]
    return [path for path in texts if ".key_value." not in path]


def _is_of(path: str, columns: Collection[str] | None) -> bool:
    """Whether the values of a path belong to one of some columns, or of all."""
    return columns is None or any(f"{path}.".startswith(f"{name}.") for name in columns)


class _Sizes(NamedTuple):
    """Finds how many rows can be read at a time.

    Few stored bytes can stand for much text where a long string is repeated, so dictionaries are
    looked at first.

    Attributes:
        file: reads the strings of `texts` as dictionaries.
        texts: paths of the strings that will be read.
    """

    file: pq.ParquetFile
    texts: Sequence[str]

    def groups(self, first: int, most: int) -> Iterator[tuple[int, list[int]]]:
        """Yield runs of row groups from `first` on, and how many of their rows to read at a time.

        A run ends with `most` rows, as the caller may not read on.
        """
        run: list[int] = []
        held = 0
        for group in range(first, self.file.num_row_groups):
            rows = rows_at_once(max((self._longest(group, text) for text in self.texts), default=0))
            if rows == BATCH:
                run.append(group)
                held += self.file.metadata.row_group(group).num_rows
                if held >= most:
                    yield BATCH, run
                    run, held = [], 0
                continue
            if run:
                yield BATCH, run
            yield rows, [group]
            run, held = [], 0
        if run:
            yield BATCH, run

    def _longest(self, group: int, text: str) -> int:
        """Bytes of the longest string in the dictionary of a row group."""
        try:
            peek = next(self.file.iter_batches(1, row_groups=[group], columns=[text]), None)
        except OSError as error:
            # Of strings that are stored as differences, Arrow makes no dictionaries.
            if "Not yet implemented" in str(error):
                return _UNKNOWN
            raise
        return 0 if peek is None else max(map(longest, peek.columns), default=0)


def rows_at_once(length: int) -> int:
    """How many rows to hold as text at a time, if the longest string has `length` bytes."""
    return min(BATCH, max(1, MOST_TEXT // (_VALUES * max(1, length))))


def longest(array: pa.Array) -> int:
    """Bytes of the longest string in the dictionaries of an array."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        return int(pc.max(pc.binary_length(array.dictionary)).as_py() or 0)
    if pa.types.is_struct(kind):
        return max(map(longest, array.flatten()), default=0)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return longest(array.values)
    return 0


def _conform(
    batch: pa.RecordBatch, path: Path, dictionaries: Collection[str] = ()
) -> pa.RecordBatch:
    try:
        return conform(batch, dictionaries)
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from None


def writer(partial: Path, path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    """Open the file `partial`, which will get the name `path`, for writing.

    Raises:
        OutputError: a column has a type that Parquet lacks.
    """
    try:
        return pq.ParquetWriter(partial, schema, **settings(schema))
    except pa.ArrowException as error:
        raise OutputError(f"{path}: Parquet cannot hold a column ({error}); write .jsonl") from None


def settings(schema: pa.Schema) -> dict[str, Any]:
    """The options of `pq.ParquetWriter`, chosen by measurement (`benchmarks/scale_io.py`).

    Zstandard at its fastest level. Only strings that repeat have a dictionary: one of numbers
    takes longer than it saves. Values in lists have no statistics, as nothing could use them.
    """
    leaves = [leaf for field in schema for leaf in _leaves(field.type, field.name)]
    return {
        "compression": "zstd",
        "compression_level": 1,
        "use_dictionary": [name for name, kind in leaves if _is_text(kind) and name not in _UNIQUE],
        "write_statistics": [name for name, _ in leaves if name in schema.names],
    }


def _leaves(kind: pa.DataType, path: str) -> Iterator[tuple[str, pa.DataType]]:
    """The columns that Parquet stores for an Arrow column, with their paths."""
    if pa.types.is_struct(kind):
        for field in kind:
            yield from _leaves(field.type, f"{path}.{field.name}")
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        yield from _leaves(kind.value_type, f"{path}.list.element")
    else:
        yield path, kind


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
