"""A bitext and its links as integer arrays, the input and output of aligners."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Side:
    """One side of N sentence pairs.

    Attributes:
        ids: int32 (W), word-type ids of all sentences, concatenated.
        offsets: int64 (N+1); sentence n is `ids[offsets[n]:offsets[n+1]]` and may be empty.
        words: the V word types in their original spelling; `words[i]` has id i.
    """

    ids: NDArray[np.int32]
    offsets: NDArray[np.int64]
    words: list[str]

    def head(self, sentences: int) -> Side:
        """Return the first `sentences` sentences."""
        offsets = self.offsets[: sentences + 1]
        return Side(self.ids[: offsets[-1]], offsets, self.words)


@dataclass(frozen=True, slots=True)
class Bitext:
    """Sentence pairs to align; both sides have the same number of sentences.

    Attributes:
        source: the source side.
        target: the target side.
        fit_only: number of pairs at the end that aligners are only fitted on, not aligned.
    """

    source: Side
    target: Side
    fit_only: int = 0

    @property
    def pairs(self) -> int:
        """Number of sentence pairs N, including those that are only fitted on."""
        return len(self.source.offsets) - 1

    @property
    def aligned(self) -> int:
        """Number of sentence pairs to align; they come first."""
        return self.pairs - self.fit_only


@dataclass(frozen=True, slots=True)
class Links:
    """Word alignment of N sentence pairs, sorted by sentence, source word, target word.

    Attributes:
        offsets: int64 (N+1); the links of pair n are `[offsets[n], offsets[n+1])`.
        source: int32 (L), source word of each link, counted from 0 in its sentence.
        target: int32 (L), target word.
        weight: float32 (L), confidence of the aligner, in (0, 1].
    """

    offsets: NDArray[np.int64]
    source: NDArray[np.int32]
    target: NDArray[np.int32]
    weight: NDArray[np.float32]

    def head(self, pairs: int) -> Links:
        """Return the links of the first `pairs` sentence pairs."""
        last = int(self.offsets[pairs])
        return Links(
            self.offsets[: pairs + 1], self.source[:last], self.target[:last], self.weight[:last]
        )


def offsets_from(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the offsets, int64 (N+1), of N rows of the given sizes."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes, dtype=np.int64)])
