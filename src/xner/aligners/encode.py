"""Encoding of a corpus as integers, batch by batch."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa

from xner.aligners.bitext import Bitext, Side
from xner.columns import lengths_of, offsets_of
from xner.corpus import Corpus, require
from xner.corpus.bad_rows import blanked
from xner.errors import XnerWarning

SIDES = ("source_tokens", "target_tokens")
MOST_CELLS = 1 << 22
"""Source words times target words of a pair, such as 2,048 each; aligners take time and memory for
each. A larger pair gets no links."""


class _Vocabulary:
    """Numbers word types in the order of their first use."""

    def __init__(self) -> None:
        self.index: dict[str, int] = {}
        self.ids: list[np.ndarray] = []
        self.lengths: list[np.ndarray] = []

    def add(self, tokens: pa.ListArray) -> None:
        offsets = offsets_of(tokens)
        flat = tokens.values.slice(offsets[0], offsets[-1] - offsets[0])
        coded = flat.dictionary_encode()
        index = self.index
        ids = [index.setdefault(word, len(index)) for word in coded.dictionary.to_pylist()]
        self.ids.append(np.array(ids, np.int32)[coded.indices.to_numpy()])
        self.lengths.append(np.diff(offsets))

    def side(self) -> Side:
        offsets = np.zeros(sum(map(len, self.lengths)) + 1, np.int64)
        np.cumsum(np.concatenate(self.lengths), out=offsets[1:])
        return Side(np.concatenate(self.ids), offsets, list(self.index))


class _Pairs:
    """Collects sentence pairs; those with too many pairs of words are empty."""

    def __init__(self) -> None:
        self.source, self.target = _Vocabulary(), _Vocabulary()
        self.large = 0

    def add(self, batch: pa.RecordBatch) -> None:
        require(batch, *SIDES)
        words = batch.select(list(SIDES))
        sizes = [lengths_of(column).astype(np.int64) for column in words.columns]
        left_out = np.flatnonzero(sizes[0] * sizes[1] > MOST_CELLS)
        words, self.large = blanked(words, left_out), self.large + len(left_out)
        self.source.add(words["source_tokens"])
        self.target.add(words["target_tokens"])

    def bitext(self, fit_only: int = 0) -> Bitext:
        if self.large:
            warnings.warn(
                f"{self.large:,} sentence pairs have more than {MOST_CELLS:,} pairs of words, and "
                f"get no links; split them into sentences",
                XnerWarning,
                stacklevel=3,
            )
        return Bitext(self.source.side(), self.target.side(), fit_only)


def encode(
    pairs: Corpus,
    fit_on: Sequence[Corpus] = (),
    progress: Callable[[float], None] | None = None,
) -> Bitext:
    """Number the words of both sides of a corpus; reads it once.

    Pairs with more than `MOST_CELLS` pairs of words are empty, with a warning.

    Args:
        pairs: the corpus to align.
        fit_on: more pairs, appended at the end, that an aligner is only fitted on.
        progress: called with the fraction read.
    """
    made = _Pairs()
    done, rows = 0, len(pairs) + sum(map(len, fit_on))
    for corpus in (pairs, *fit_on):
        for batch in corpus.batches():
            made.add(batch)
            done += batch.num_rows
            if progress:
                progress(done / max(1, rows))
    return made.bitext(rows - len(pairs))


def encode_sample(
    corpora: Sequence[Corpus],
    pairs: int,
    seed: int,
    progress: Callable[[float], None] | None = None,
) -> Bitext:
    """Number the words of a random sample of sentence pairs; reads every corpus once.

    Args:
        corpora: sampled together.
        pairs: maximum number of pairs.
        seed: random seed.
        progress: called with the fraction read.
    """
    rows = sum(map(len, corpora))
    chosen = np.sort(np.random.default_rng(seed).permutation(rows)[:pairs])
    made, done = _Pairs(), 0
    for corpus in corpora:
        for batch in corpus.select(*SIDES).batches():
            first, last = np.searchsorted(chosen, [done, done + batch.num_rows])
            made.add(batch.take(pa.array(chosen[first:last] - done)))
            done += batch.num_rows
            if progress:
                progress(done / rows)
    return made.bitext()


def encode_batch(batch: pa.RecordBatch) -> Bitext:
    """Number the words of both sides of a batch; see `encode`."""
    made = _Pairs()
    made.add(batch)
    return made.bitext()


def encode_side(corpus: Corpus) -> Side:
    """Number the target words of a corpus."""
    words = _Vocabulary()
    for batch in corpus.batches():
        words.add(batch["target_tokens"])
    return words.side()
