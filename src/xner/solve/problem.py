"""The matching problem: source entities, scored target candidates, one batch as flat arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xner.kernels.blocks import frozen

Int32 = NDArray[np.int32]
Float64 = NDArray[np.float64]
Flags = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Problem:
    """Choose candidates for the source entities of S independent sentences.

    Maximise the sum of the chosen matching scores so that no two chosen candidates of a
    sentence share a target word and no entity has more candidates than its limit
    (Politov et al. 2025; Shkalikov 2025, eq. 3.1-3.5).

    Attributes:
        entity_offsets: int32 (S+1); sentence s owns entities `[offsets[s], offsets[s+1])`.
        candidate_offsets: int32 (E+1); entity e owns candidates `[offsets[e], offsets[e+1])`,
            ordered by start, then end, without repeats.
        start: int32 (C), first target word of each candidate.
        end: int32 (C), one past its last word, `start < end`.
        score: float64 (C), matching score, finite and above 0.
        target_lengths: int32 (S), words of each target sentence, at least every `end`.
    """

    entity_offsets: Int32
    candidate_offsets: Int32
    start: Int32
    end: Int32
    score: Float64
    target_lengths: Int32

    def __post_init__(self) -> None:
        for name in ("entity_offsets", "candidate_offsets", "start", "end", "target_lengths"):
            object.__setattr__(self, name, frozen(getattr(self, name), np.int32))
        object.__setattr__(self, "score", frozen(self.score, np.float64))

    @property
    def sentences(self) -> int:
        """Number of sentences, S."""
        return len(self.target_lengths)

    @property
    def entities(self) -> int:
        """Number of source entities, E."""
        return len(self.candidate_offsets) - 1

    @property
    def candidates(self) -> int:
        """Number of scored (entity, candidate) pairs, C."""
        return len(self.start)
