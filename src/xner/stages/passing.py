"""Which columns a run reads, and which of them it writes beside those that it makes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from xner.columns import COLUMNS, WORD_TYPES
from xner.corpus import Corpus
from xner.errors import UsageError
from xner.formats import MODULES, format_of
from xner.formats.losses import SIDE
from xner.formats.parquet import longest, rows_at_once
from xner.formats.registry import BOTH, FURTHER
from xner.formats.streams import plain_name
from xner.stages.base import Stage

ALL, NEW = "all", "new"
PASSED = (ALL, NEW)
ALL_COLUMNS = tuple(
    suffix
    for module in MODULES
    if FURTHER in module.FORMAT.keeps
    for suffix in module.FORMAT.suffixes
)
"""Suffixes of files that hold all columns."""


def bare(suffix: str) -> str:
    """A suffix such as `.jsonl.gz` without that of a compression, in small letters."""
    return plain_name(Path(f"_{suffix}")).suffix.lower()


def check_passed(passed: str, suffix: str) -> None:
    """Raise UsageError if columns are chosen for a format that has none."""
    if passed not in PASSED:
        raise UsageError(f"columns is {passed!r}; choose one of {', '.join(PASSED)}")
    if passed == NEW and bare(suffix) not in ALL_COLUMNS:
        raise UsageError(f"{suffix} files have no columns to choose; write .jsonl or .parquet")


def needed(stage: Stage, corpus: Corpus, passed: str, suffix: str, side: str) -> Corpus:
    """Return the corpus with the columns that a run reads.

    Args:
        stage: its declared columns, and `id`, are read.
        corpus: input of the stage.
        passed: `all` if all columns are written, or `new`.
        suffix: format of the output; one without columns gets no more than it can hold.
        side: side that such a format holds.
    """
    if passed == ALL and BOTH in format_of(Path(f"_{suffix}")).FORMAT.keeps:
        return corpus
    declared = stage.columns
    names = {"id", *declared.needs, *declared.uses}
    if passed == ALL:
        names |= {"links", *(f"{side}_{name}" for name in SIDE)}
    return corpus.select(*(name for name in corpus.columns if name in names))


def unwritten(stage: Stage, corpus: Corpus, passed: str) -> frozenset[str]:
    """Columns of the input that are not written."""
    if passed == ALL:
        return frozenset()
    return frozenset(corpus.columns) - {"id", *stage.columns.makes}


def to_write(result: Corpus, left_out: frozenset[str]) -> Iterator[pa.RecordBatch]:
    """Yield what is written of a result: without some columns, and with words as strings."""
    for batch in without(result, left_out).batches():
        coded = [batch[f.name] for f in batch.schema if f.type == WORD_TYPES and f.name in COLUMNS]
        rows = rows_at_once(max(map(longest, coded), default=0))
        for first in range(0, max(1, batch.num_rows), rows):
            yield _as_strings(batch.slice(first, rows))


def _as_strings(batch: pa.RecordBatch) -> pa.RecordBatch:
    arrays = [
        _strings(array) if name in COLUMNS and array.type == WORD_TYPES else array
        for name, array in zip(batch.schema.names, batch.columns, strict=True)
    ]
    names, metadata = batch.schema.names, batch.schema.metadata
    return pa.RecordBatch.from_arrays(arrays, names=names, metadata=metadata)


def _strings(words: pa.ListArray) -> pa.ListArray:
    item = words.type.value_field
    return words.cast(pa.list_(item.with_type(pa.string())))


def without(corpus: Corpus, names: frozenset[str]) -> Corpus:
    """Return a corpus without some columns, which it may lack."""
    kept = [name for name in corpus.columns if name not in names]
    return corpus.select(*kept) if len(kept) < len(corpus.columns) else corpus
