"""The word types of one side of a fitted model, and what its kernel needs to know of any type."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from xner.aligners.letters import letters_of
from xner.aligners.sampling import NULL_ODDS, NULL_PRIOR
from xner.kernels import lexicon as tables
from xner.kernels.blocks import frozen, over_blocks

if TYPE_CHECKING:
    from numpy.typing import NDArray

RARE = 3
"""Types that occur less often in the sample are compared by parts and spelling."""


@dataclass(frozen=True)
class Vocabulary:
    """The word types of one side of the sample.

    Attributes:
        words: casefolded types.
        mass: float32 (types), prior mass of the entries in the table plus expected links, when the
            type is given.
        null: float32 (types), expected null links, when it is observed.
        fertility: float32 (types, fertilities), words by their number of links, smoothed.
        frequency: int64 (types), occurrences.
    """

    words: list[str]
    mass: NDArray[np.float32]
    null: NDArray[np.float32]
    fertility: NDArray[np.float32]
    frequency: NDArray[np.int64]

    @cached_property
    def index(self) -> dict[str, int]:
        """Number of each type."""
        return {word: k for k, word in enumerate(self.words)}


def types_of(
    words: list[str], vocabulary: Vocabulary, part_filter: NDArray[np.uint64], is_target: bool
) -> tables.Types:
    """Return what the kernel needs to know about word types.

    Args:
        words: casefolded types, in the vocabulary or not.
        vocabulary: the types of the sample.
        part_filter: of the lexicon.
        is_target: whether they are those of the target side.
    """
    index = vocabulary.index
    known = np.array([index.get(word, -1) for word in words], np.int32)
    is_new = known < 0

    def of(values: NDArray[Any], new: Any) -> NDArray[Any]:
        found = values[known] if len(values) else np.zeros((len(known), *values.shape[1:]))
        found[is_new] = new
        return found

    total = float(vocabulary.null.sum(dtype=np.float64)) + NULL_PRIOR * len(vocabulary.null)
    null = (of(vocabulary.null, 0.0) + NULL_PRIOR) / max(total, NULL_PRIOR) * NULL_ODDS
    usual = vocabulary.fertility.sum(axis=0, dtype=np.float64) + 1.0
    usual /= usual.sum()
    fertility = of(vocabulary.fertility, 0.0) + usual
    frequency = of(vocabulary.frequency, 1)
    codes, starts = letters_of(words)
    keys, letter_pairs = part_keys(words)
    views = np.empty(len(words), np.uint8)
    tables.mark_views(keys, is_target, part_filter, views)
    return tables.Types(
        frozen(known, np.int32),
        frozen(of(vocabulary.mass, 0.0), np.float32),
        frozen(null, np.float32),
        frozen(fertility[:, 1:] / fertility[:, :-1], np.float32),
        frozen(np.log(frequency), np.float32),
        frozen(np.log([2.0 + len(word) for word in words]), np.float32),
        frozen((frequency < RARE) | is_new, np.uint8),
        frozen(views, np.uint8),
        keys,
        letter_pairs,
        codes,
        starts,
    )


def part_keys(words: list[str]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Return the keys of word types and their parts, and their letter pairs (`tables.Types`)."""
    codes, starts = letters_of(words)
    keys = np.empty((len(words), tables.PARTS), np.uint64)
    bits = np.empty((len(words), 2), np.uint64)
    over_blocks(tables.part_keys, len(words), codes, starts, keys, bits)
    return frozen(keys, np.uint64), frozen(bits, np.uint64)
