"""Rows of a corpus: sentences, and corpora of slices."""

from __future__ import annotations

from collections.abc import Iterator
from operator import index

import pyarrow as pa

from xner.columns import BATCH
from xner.corpus.base import Corpus
from xner.corpus.sentence import Sentence
from xner.errors import UsageError


def sentence_at(corpus: Corpus, key: int) -> Sentence:
    """The sentence of a row; negative rows count from the end.

    Raises:
        IndexError: there is no such row.
        UsageError: the key is not a number.
    """
    try:
        row = index(key)
    except TypeError:
        raise UsageError(
            f"{key!r} is not a row; write corpus[3] or corpus[:10], or corpus.table['id'] for a "
            "column"
        ) from None
    if not -len(corpus) <= row < len(corpus):
        raise IndexError(f"{corpus.origin}: there is no row {row} in {len(corpus)} rows")
    row %= len(corpus)
    (batch,) = corpus.part(row, row + 1).batches()
    return Sentence(batch.to_pylist()[0])


def rows_at(corpus: Corpus, key: slice) -> Corpus:
    """The rows of a slice; with a step other than 1 they are read into memory."""
    first, last, step = key.indices(len(corpus))
    if step == 1:
        part = corpus.part(first, max(first, last))
        part.report = corpus.report
        return part
    table = corpus.table.take(pa.array(range(first, last, step), pa.int64()))
    batches = table.combine_chunks().to_batches(BATCH)
    return Corpus.from_batches(batches, corpus.origin, corpus.schema, corpus.report)


def sentences(corpus: Corpus) -> Iterator[Sentence]:
    """The sentences, in one pass."""
    return (Sentence(row) for batch in corpus.batches() for row in batch.to_pylist())
