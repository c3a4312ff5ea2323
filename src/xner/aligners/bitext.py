"""A bitext as integers: what statistical aligners work on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Side:
    """One side of N sentence pairs.

    Attributes:
        ids: int32 (W), word-type id of every word, all sentences one after another.
        offsets: int64 (N+1); sentence n owns `ids[offsets[n]:offsets[n+1]]`, perhaps empty.
        words: the V word types, as written; `words[i]` has id i.
    """

    ids: NDArray[np.int32]
    offsets: NDArray[np.int64]
    words: list[str]

    def head(self, sentences: int) -> Side:
        """The first `sentences` sentences."""
        offsets = self.offsets[: sentences + 1]
        return Side(self.ids[: offsets[-1]], offsets, self.words)


@dataclass(frozen=True, slots=True)
class Bitext:
    """Sentence pairs to align; both sides have the same number of sentences.

    Attributes:
        source: one side.
        target: the other.
        fit_only: how many of the last pairs are there to be learned from and not aligned.
    """

    source: Side
    target: Side
    fit_only: int = 0

    @property
    def pairs(self) -> int:
        """Number of sentence pairs, N, those to learn from included."""
        return len(self.source.offsets) - 1

    @property
    def aligned(self) -> int:
        """Number of sentence pairs whose links are wanted, the first ones."""
        return self.pairs - self.fit_only


@dataclass(frozen=True, slots=True)
class Links:
    """Word alignment of N sentence pairs, sorted by sentence, source word, target word.

    Attributes:
        offsets: int64 (N+1); pair n owns links `[offsets[n], offsets[n+1])`.
        source: int32 (L), source word of each link, counted from 0 in its sentence.
        target: int32 (L), target word.
        weight: float32 (L), how sure the aligner is, in (0, 1].
    """

    offsets: NDArray[np.int64]
    source: NDArray[np.int32]
    target: NDArray[np.int32]
    weight: NDArray[np.float32]

    def head(self, pairs: int) -> Links:
        """The links of the first `pairs` sentence pairs."""
        last = int(self.offsets[pairs])
        return Links(
            self.offsets[: pairs + 1], self.source[:last], self.target[:last], self.weight[:last]
        )


def offsets_from(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """int64 (N+1): where each of N rows of these sizes starts, and where the last ends."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes, dtype=np.int64)])
