"""A corpus to integers, batch by batch: only ids and the vocabulary stay in memory."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from xner.aligners.bitext import Bitext, Side
from xner.columns import offsets_of
from xner.corpus import Corpus


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


def encode(pairs: Corpus, progress: Callable[[float], None] | None = None) -> Bitext:
    """Number the words of both sides of a corpus; reads it once."""
    source, target = _Vocabulary(), _Vocabulary()
    done = 0
    for batch in pairs.batches():
        source.add(batch["source_tokens"])
        target.add(batch["target_tokens"])
        done += batch.num_rows
        if progress:
            progress(done / max(1, len(pairs)))
    return Bitext(source.side(), target.side())
