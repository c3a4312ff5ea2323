"""Parquet: the columns of a corpus as they are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from xner.columns import BATCH, conform
from xner.errors import FormatError
from xner.formats.files import open_input

SUFFIXES = (".parquet", ".pq")


def _open(path: Path) -> pq.ParquetFile:
    open_input(path).close()
    try:
        return pq.ParquetFile(path)
    except pa.ArrowInvalid as error:
        raise FormatError(f"{path}: not a Parquet file ({error})") from None


def count(path: Path) -> int:
    """Number of rows."""
    with _open(path) as file:
        return int(file.metadata.num_rows)


def columns(path: Path) -> list[str]:
    """Names of the columns."""
    with _open(path) as file:
        return list(file.schema_arrow.names)


def read(path: Path) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yield `(first row, batch)`, rows counted from 1.

    Raises:
        FormatError: the file is damaged, empty, or a column has the wrong type.
    """
    row = 1
    with _open(path) as file:
        names = file.schema_arrow.names
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise FormatError(f"{path}: column {twice[0]!r} stands twice; remove or rename one")
        try:
            for batch in file.iter_batches(BATCH):
                try:
                    yield row, conform(batch)
                except FormatError as error:
                    raise FormatError(f"{path}: {error}") from None
                row += batch.num_rows
        except (pa.ArrowInvalid, OSError) as error:
            raise FormatError(f"{path}: damaged after row {row - 1} ({error})") from None
    if row == 1:
        raise FormatError(f"{path}: the file has no rows")
