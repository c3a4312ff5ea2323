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


@dataclass(frozen=True, slots=True)
class Bitext:
    """Sentence pairs to align; both sides have the same number of sentences."""

    source: Side
    target: Side

    @property
    def pairs(self) -> int:
        """Number of sentence pairs, N."""
        return len(self.source.offsets) - 1


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
