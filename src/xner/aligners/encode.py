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
    source, target = _Vocabulary(), _Vocabulary()
    done, rows = 0, len(pairs) + sum(map(len, fit_on))
    large = 0
    for corpus in (pairs, *fit_on):
        for batch in corpus.batches():
            require(batch, "source_tokens", "target_tokens")
            words = batch.select(["source_tokens", "target_tokens"])
            sizes = [lengths_of(column).astype(np.int64) for column in words.columns]
            left_out = np.flatnonzero(sizes[0] * sizes[1] > MOST_CELLS)
            words, large = blanked(words, left_out), large + len(left_out)
            source.add(words["source_tokens"])
            target.add(words["target_tokens"])
            done += batch.num_rows
            if progress:
                progress(done / max(1, rows))
    if large:
        warnings.warn(
            f"{large:,} sentence pairs have more than {MOST_CELLS:,} pairs of words, and get no "
            f"links; split them into sentences",
            XnerWarning,
            stacklevel=2,
        )
    return Bitext(source.side(), target.side(), rows - len(pairs))


def encode_side(corpus: Corpus) -> Side:
    """Number the target words of a corpus."""
    words = _Vocabulary()
    for batch in corpus.batches():
        words.add(batch["target_tokens"])
    return words.side()
