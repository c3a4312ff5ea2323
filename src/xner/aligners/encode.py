"""Encoding of a corpus as integers, batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa

from xner.aligners.bitext import Bitext, Side
from xner.columns import offsets_of
from xner.corpus import Corpus, require

SIDES = ("source_tokens", "target_tokens")


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


def encode(
    pairs: Corpus,
    fit_on: Sequence[Corpus] = (),
    progress: Callable[[float], None] | None = None,
) -> Bitext:
    """Number the words of both sides of a corpus; reads it once.

    Args:
        pairs: the corpus to align.
        fit_on: more pairs, appended at the end, that an aligner is only fitted on.
        progress: called with the fraction read.
    """
    source, target = _Vocabulary(), _Vocabulary()
    done, rows = 0, len(pairs) + sum(map(len, fit_on))
    for corpus in (pairs, *fit_on):
        for batch in corpus.batches():
            require(batch, *SIDES)
            source.add(batch["source_tokens"])
            target.add(batch["target_tokens"])
            done += batch.num_rows
            if progress:
                progress(done / max(1, rows))
    return Bitext(source.side(), target.side(), rows - len(pairs))


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
    source, target = _Vocabulary(), _Vocabulary()
    done = 0
    for corpus in corpora:
        for batch in corpus.select(*SIDES).batches():
            first, last = np.searchsorted(chosen, [done, done + batch.num_rows])
            taken = batch.take(pa.array(chosen[first:last] - done))
            source.add(taken["source_tokens"])
            target.add(taken["target_tokens"])
            done += batch.num_rows
            if progress:
                progress(done / rows)
    return Bitext(source.side(), target.side())


def encode_batch(batch: pa.RecordBatch) -> Bitext:
    """Number the words of both sides of a batch."""
    require(batch, *SIDES)
    source, target = _Vocabulary(), _Vocabulary()
    source.add(batch["source_tokens"])
    target.add(batch["target_tokens"])
    return Bitext(source.side(), target.side())


def encode_side(corpus: Corpus) -> Side:
    """Number the target words of a corpus."""
    words = _Vocabulary()
    for batch in corpus.batches():
        words.add(batch["target_tokens"])
    return words.side()
