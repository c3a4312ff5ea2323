"""Parquet: the columns of a corpus as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from xner.columns import BATCH, conform, empty_batch
from xner.errors import FormatError
from xner.formats.files import TOP, Contents, Start, open_input

SUFFIXES = (".parquet", ".pq")
_UNIQUE = ("id", "source_text", "target_text", "back_text")


# What Arrow raises for damaged files, depending on where the damage is.
_DAMAGE = (pa.ArrowException, OSError, ValueError, TypeError, OverflowError, MemoryError)


def _open(path: Path) -> pq.ParquetFile:
    open_input(path).close()
    try:
        # Buffered by row groups, all that were read would stay in memory until the file is closed.
        return pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20)
    except _DAMAGE as error:
        raise FormatError(f"{path}: not a Parquet file, or damaged ({error})") from None


def inspect(path: Path) -> Contents:
    """Read the number of rows and the columns from the metadata of the file.

    Raises:
        FormatError: the file is not Parquet, or a column has the wrong type.
    """
    with _open(path) as file:
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
    with _open(path) as file:
        try:
            groups = range(start.at, file.num_row_groups)
            for batch in file.iter_batches(BATCH, row_groups=groups, columns=columns):
                yield row, attempt(lambda part, _: _conform(part, path), batch)
                row += batch.num_rows
        except FormatError:
            raise
        except _DAMAGE as error:
            raise FormatError(f"{path}: damaged after row {row - 1} ({error})") from None
    if row == 1:
        raise FormatError(f"{path}: the file has no rows")


def _conform(batch: pa.RecordBatch, path: Path) -> pa.RecordBatch:
    try:
        return conform(batch)
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from None


def writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    """Open a file for writing, with the settings that `benchmarks/scale_io.py` measures.

    Zstandard at its fastest level. Only strings that repeat have a dictionary: one of numbers
    takes longer than it saves. Values in lists have no statistics, as nothing could use them.
    """
    leaves = [leaf for field in schema for leaf in _leaves(field.type, field.name)]
    repeated = [name for name, kind in leaves if _is_text(kind) and name not in _UNIQUE]
    return pq.ParquetWriter(
        path,
        schema,
        compression="zstd",
        compression_level=1,
        use_dictionary=repeated,
        write_statistics=[name for name, _ in leaves if name in schema.names],
    )


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
