"""Symmetrisation of two directional alignments: intersection, union, grow-diag-final-and.

A sentence pair's candidate links are the union of both directions, sorted by source word,
then target word; `votes` holds which direction proposes each. A method decides which
of them to keep. The order of every scan is fixed, because growing depends on it.
"""

import numpy as np
from numpy.typing import NDArray

from xner.kernels.jit import inner, kernel
from xner.kernels.records import Flags, Int32, Int64

FORWARD = 1
REVERSE = 2
BOTH = FORWARD | REVERSE

INTERSECTION = 0
UNION = 1
GROW_DIAG_FINAL_AND = 2

# Neighbours of a link as (source step, target step): the four sides, then the corners.
NEIGHBOURS = ((-1, 0), (0, -1), (1, 0), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1))


@inner
def find(source, target, start, end, i, j):
    """Return the index of the link (i, j) among the sorted links [start, end), or -1.

    source, target: int32 (L).
    """
    lo = start
    hi = end
    while lo < hi:
        middle = (lo + hi) // 2
        if source[middle] < i or (source[middle] == i and target[middle] < j):
            lo = middle + 1
        else:
            hi = middle
    if lo < end and source[lo] == i and target[lo] == j:
        return lo
    return -1


@inner
def grow_diag(source, target, start, end, keep, source_used, target_used):
    """Add neighbours of kept links that align a free word, until nothing changes.

    source, target: int32 (L); keep: bool (L), updated; source_used, target_used: bool,
    whether a word has a kept link, updated. Scans links in their order, neighbours in the
    order of `NEIGHBOURS`; an added link grows in turn when the scan reaches it.
    """
    grown = True
    while grown:
        grown = False
        for k in range(start, end):
            if not keep[k]:
                continue
            for step in NEIGHBOURS:
                i = source[k] + step[0]
                j = target[k] + step[1]
                other = find(source, target, start, end, i, j)
                if other >= 0 and not (source_used[i] and target_used[j]):
                    keep[other] = source_used[i] = target_used[j] = True
                    grown = True


@inner
def final_and(source, target, start, end, votes, direction, keep, source_used, target_used):
    """Add one direction's links between two words that are both still free, in scan order.

    votes: uint8 (L), bits FORWARD and REVERSE; the other arguments as in `grow_diag`.
    """
    for k in range(start, end):
        i = source[k]
        j = target[k]
        if votes[k] & direction and not source_used[i] and not target_used[j]:
            keep[k] = source_used[i] = target_used[j] = True


def select_links(
    lo: int,
    hi: int,
    offsets: Int64,
    source: Int32,
    target: Int32,
    votes: Flags,
    method: int,
    keep: NDArray[np.bool_],
) -> None:
    """Mark the links that `method` keeps in the sentence pairs lo <= n < hi.

    offsets: int64 (N+1); source, target: int32 (L), sorted within each pair; votes: uint8
    (L), bits FORWARD and REVERSE; method: INTERSECTION, UNION or GROW_DIAG_FINAL_AND;
    keep: bool (L), written.
    """
    own = slice(offsets[lo], offsets[hi])
    keep[own] = (votes[own] == BOTH) | (method == UNION)
    if method == GROW_DIAG_FINAL_AND:
        used = [np.empty(words[own].max(initial=-1) + 1, np.bool_) for words in (source, target)]
        grow(lo, hi, offsets, source, target, votes, keep, *used)


@kernel
def grow(lo, hi, offsets, source, target, votes, keep, source_used, target_used):
    """See `select_links`. source_used, target_used: bool (>= words), scratch."""
    for n in range(lo, hi):
        start = offsets[n]
        end = offsets[n + 1]
        for k in range(start, end):
            source_used[source[k]] = False
            target_used[target[k]] = False
        for k in range(start, end):
            if keep[k]:
                source_used[source[k]] = target_used[target[k]] = True
        grow_diag(source, target, start, end, keep, source_used, target_used)
        for direction in (FORWARD, REVERSE):
            final_and(source, target, start, end, votes, direction, keep, source_used, target_used)
