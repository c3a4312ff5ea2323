"""Hints: what another source says about every pair of words, for the native aligner."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from xner.kernels.blocks import frozen


class Hints(NamedTuple):
    """Factors of the weights of links, for every pair of words of every sentence pair.

    Attributes:
        forward: float32 (cells), factors where source words generate target words; sentence by
            sentence, row by row, a row for each source word.
        reverse: float32 (cells), factors of the other direction, in the same order.
    """

    forward: NDArray[np.float32]
    reverse: NDArray[np.float32]


_NOTHING = frozen(np.empty(0, np.float32), np.float32)
NO_HINTS = Hints(_NOTHING, _NOTHING)
"""All factors are 1."""


def part_of(hints: Hints, first: int, last: int) -> Hints:
    """Return the hints of the cells `[first, last)`; none if there are none."""
    return Hints(*(frozen(values[first:last], np.float32) for values in hints))
