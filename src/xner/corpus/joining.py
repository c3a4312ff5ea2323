"""Streams of batches: rows regrouped, and parallel streams joined row by row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from xner.columns import BATCH
from xner.corpus.bad_rows import FAULT
from xner.corpus.parts import Batches
from xner.errors import FormatError, ParallelError

MOST_BYTES = 1 << 28
"""Bytes of a batch of several; a batch of a few long rows has fewer than `BATCH` rows."""
Named = tuple[str, Iterable[pa.RecordBatch]]


def rechunk(batches: Iterable[pa.RecordBatch]) -> Batches:
    """Yield the same rows in batches of `BATCH`, or fewer in `MOST_BYTES`; the last is shorter."""
    held: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        size += batch.nbytes
        if held and size > MOST_BYTES:
            yield _concatenated(held)
            held, rows, size = [], 0, batch.nbytes
        held.append(batch)
        rows += batch.num_rows
        while rows >= BATCH:
            joined = _concatenated(held)
            yield joined.slice(0, BATCH)
            rows -= BATCH
            held = [joined.slice(BATCH)] if rows else []
            size = sum(part.nbytes for part in held)
    if rows:
        yield _concatenated(held)


def _concatenated(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    if len(batches) == 1:
        return batches[0]
    try:
        return pa.Table.from_batches(batches).combine_chunks().to_batches()[0]
    except pa.ArrowInvalid as error:
        raise FormatError(f"rows differ in their columns ({error})") from None


def zip_batches(*streams: Named, first: int = 0) -> Iterator[tuple[pa.RecordBatch, ...]]:
    """Yield batches of the same rows from parallel streams, `BATCH` rows at most.

    Args:
        *streams: pairs of a name for error messages, such as a path, and record batches.
        first: the first row, for error messages.

    Raises:
        ParallelError: one stream ends before another; the message names it and the row.
    """
    done = first
    chunks = [rechunk(batches) for _, batches in streams]
    parts = [next(chunk, None) for chunk in chunks]
    while held := [part for part in parts if part is not None]:
        if len(held) < len(parts):
            ended = [part is None for part in parts]
            short, long = (streams[ended.index(has)][0] for has in (True, False))
            raise ParallelError(
                f"{short}: has no row {done + 1}, but {long} has; both must have the same rows "
                f"(did a file change while it was read?)"
            )
        rows = min(part.num_rows for part in held)
        yield tuple(part.slice(0, rows) for part in held)
        done += rows
        parts = [
            next(chunk, None) if part.num_rows == rows else part.slice(rows)
            for part, chunk in zip(held, chunks, strict=True)
        ]


def side_by_side(parts: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    """Return the columns and metadata of all parts; of columns with one name, the first.

    A row is bad if it is bad in one of them.
    """
    columns: dict[str, pa.Array] = {}
    metadata: dict[bytes, bytes] = {}
    for part in parts:
        metadata |= part.schema.metadata or {}
        for name, column in zip(part.schema.names, part.columns, strict=True):
            if name == FAULT and name in columns:
                columns[name] = pc.coalesce(columns[name], column)
            columns.setdefault(name, column)
    return pa.RecordBatch.from_pydict(columns).replace_schema_metadata(metadata)
