"""Parquet: the columns of a corpus as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from xner.columns import BATCH, conform, empty_batch
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
_LOOKED_AT = 4 * BATCH  # batches end with these rows, so they are not too few


def _open(path: Path) -> pa.NativeFile:
    open_input(path).close()
    try:
        return pa.OSFile(str(path))
    except OSError as error:
        raise unreadable(path, error) from None


def _reader(file: pa.NativeFile, path: Path, coded: Sequence[str] = ()) -> pq.ParquetFile:
    """A reader of an open file; the strings of the leaves `coded` are read as dictionaries."""
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
        check_footer(opened, path)
        try:
            empty, rows = empty_batch(file.schema_arrow), int(file.metadata.num_rows)
            sizes = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
        except _DAMAGE as error:
            raise FormatError(f"{path}: damaged ({error})") from None
        if min(sizes, default=0) < 0 or sum(sizes) != rows:
            raise FormatError(f"{path}: damaged (it claims {rows} rows, its parts {sum(sizes)})")
        firsts = accumulate(sizes[:-1], initial=0)
        starts = tuple(Start(i, row + 1, row) for i, row in enumerate(firsts))
        return Contents(rows, _conform(empty, path).schema, starts=starts)


Fit = Callable[[pa.RecordBatch, int], pa.RecordBatch]


def strictly(fit: Fit, batch: pa.RecordBatch) -> pa.RecordBatch:
    """Convert a batch; a row that does not fit is an error."""
    return fit(batch, 0)


def read(
    path: Path,
    *,
    start: Start = TOP,
    columns: Sequence[str] | None = None,
    attempt: Callable[[Fit, pa.RecordBatch], pa.RecordBatch] = strictly,
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yield `(first row, batch)`, rows counted from 1.

    Args:
        path: the file.
        start: the first row group.
        columns: columns to read, by default all.
        attempt: what becomes of rows that do not fit.

    Raises:
        FormatError: the file is damaged, empty, or a column has the wrong type.
    """
    row = start.line
    with _open(path) as opened:
        file = _reader(opened, path)
        coded = _reader(opened, path, coded=_text_leaves(file))
        if start == TOP:
            check_footer(opened, path)
        try:
            for rows, groups in _sized_groups(file, coded, start.at, columns):
                for batch in file.iter_batches(rows, row_groups=groups, columns=columns):
                    yield row, attempt(lambda part, _: _conform(part, path), batch)
                    row += batch.num_rows
        except FormatError:
            raise
        except _DAMAGE as error:
            raise FormatError(f"{path}: damaged after row {row - 1} ({error})") from None
    if row == 1:
        raise FormatError(f"{path}: the file has no rows")


def _text_leaves(file: pq.ParquetFile) -> list[str]:
    """Paths of the columns of strings, except those of maps, which have no dictionaries."""
    columns = [file.schema.column(i) for i in range(len(file.schema))]
    texts = [column.path for column in columns if column.physical_type == "BYTE_ARRAY"]
    return [path for path in texts if ".key_value." not in path]


def _sized_groups(
    file: pq.ParquetFile, coded: pq.ParquetFile, first: int, columns: Sequence[str] | None
) -> Iterator[tuple[int, list[int]]]:
    """Yield runs of row groups from `first` on, and how many of their rows to read at a time.

    Few stored bytes can stand for much text where a long string is repeated, so dictionaries are
    looked at first: only those of the next `_LOOKED_AT` rows, as the caller may not read on.
    """
    run: list[int] = []
    held = 0
    for group in range(first, file.num_row_groups):
        peek = next(coded.iter_batches(1, row_groups=[group], columns=columns), None)
        longest = 0 if peek is None else max(map(_longest, peek.columns), default=0)
        rows = min(BATCH, max(1, MOST_TEXT // (_VALUES * max(1, longest))))
        if rows == BATCH:
            run.append(group)
            held += file.metadata.row_group(group).num_rows
            if held >= _LOOKED_AT:
                yield BATCH, run
                run, held = [], 0
            continue
        if run:
            yield BATCH, run
        yield rows, [group]
        run, held = [], 0
    if run:
        yield BATCH, run


def _longest(array: pa.Array) -> int:
    """Bytes of the longest string in the dictionaries of an array."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        return int(pc.max(pc.binary_length(array.dictionary)).as_py() or 0)
    if pa.types.is_struct(kind):
        return max(map(_longest, array.flatten()), default=0)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return _longest(array.values)
    return 0


def _conform(batch: pa.RecordBatch, path: Path) -> pa.RecordBatch:
    try:
        return conform(batch)
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
