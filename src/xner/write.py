"""Writing a corpus: batch by batch, complete or not at all."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa

from xner.columns import ENTITIES
from xner.errors import OutputError, UsageError
from xner.formats import conll, format_of, jsonl, parquet, pharaoh, text
from xner.formats.files import atomic
from xner.overlap import behind
from xner.schemes import check_scheme


def check_output(path: Path, *, scheme: str = "IOB2", side: str = "target") -> None:
    """Check before any work that `path` can be written.

    Raises:
        UsageError: the suffix, scheme or side is unknown.
        OutputError: its folder is missing or cannot be written to.
    """
    format_of(path)
    check_scheme(scheme)
    if side not in ("source", "target"):
        raise UsageError(f"side is {side!r}; choose source or target")
    check_writable(path)


def check_writable(path: Path) -> None:
    """Raise OutputError if the folder of `path` is missing or cannot be written to."""
    try:
        with atomic(path) as partial:
            raise _EnoughError(partial)
    except _EnoughError:
        pass


class _EnoughError(Exception):
    """Leaves `atomic` without creating the file."""


def write_batches(
    path: Path, batches: Iterable[pa.RecordBatch], *, side: str = "target", scheme: str = "IOB2"
) -> None:
    """Write batches to `path`; arguments and errors are those of `Corpus.write`."""
    check_output(path, scheme=scheme, side=side)
    module = format_of(path)
    with atomic(path) as partial:
        if module is parquet:
            _write_parquet(partial, path, batches)
        else:
            with partial.open("wb") as file:
                behind(lambda b: file.write(_render(module, b, path, side, scheme)), batches)


def _write_parquet(partial: Path, path: Path, batches: Iterable[pa.RecordBatch]) -> None:
    rest = iter(batches)
    first = next(rest, None)
    if first is None:
        raise OutputError(f"{path}: there are no rows to write")
    with parquet.writer(partial, first.schema) as writer:
        behind(writer.write_batch, chain([first], rest))


def _render(module: Any, batch: pa.RecordBatch, path: Path, side: str, scheme: str) -> bytes:
    if module is jsonl:
        return jsonl.render(batch)
    if module is pharaoh:
        return pharaoh.render(_column(batch, "links", path))
    prefix = "" if "tokens" in batch.schema.names else f"{side}_"
    tokens = _column(batch, f"{prefix}tokens", path)
    ids = batch["id"] if "id" in batch.schema.names else pa.array(range(batch.num_rows))
    if module is text:
        return text.render(tokens, ids, path)
    entities = f"{prefix}entities"
    if entities not in batch.schema.names:
        spans = pa.array([[]] * batch.num_rows, ENTITIES)
    else:
        spans = batch[entities]
    return conll.render(tokens, spans, ids, path, scheme)


def _column(batch: pa.RecordBatch, name: str, path: Path) -> pa.Array:
    if name not in batch.schema.names:
        raise UsageError(f"{path}: the corpus has no column {name!r} to write")
    return batch[name]
