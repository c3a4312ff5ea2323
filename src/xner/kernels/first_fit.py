"""The published heuristic's choice: shorter entities first, every candidate that still fits."""

import numba as nb
import numpy as np


@nb.njit(cache=True, nogil=True)
def by_length(e_lo, e_hi, length, order):
    """Write the entities `[e_lo, e_hi)` into `order` by length; ties as they stand."""
    for e in range(e_lo, e_hi):
        at = e - e_lo
        while at > 0 and length[order[at - 1]] > length[e]:
            order[at] = order[at - 1]
            at -= 1
        order[at] = e


@nb.njit(cache=True, nogil=True)
def first_fit(
    s_lo,
    s_hi,
    entity_offsets,
    candidate_offsets,
    start,
    end,
    score,
    target_lengths,
    length,
    chosen,
    objective,
    bound,
):
    """Label candidates in the order of entity length, skipping those that meet a labelled word.

    Args:
        entity_offsets: int32 (S+1). candidate_offsets: int32 (E+1).
        start, end: int32 (C). score: float64 (C). target_lengths: int32 (S).
        length: int32 (E), words of each source entity.
        chosen: uint8 (C), zeros on entry; set to 1 for the chosen candidates.
        objective, bound: float64 (S), written: the sum of the chosen scores, and of all.
    """
    longest, most = 0, 0
    for s in range(s_lo, s_hi):
        longest = max(longest, target_lengths[s])
        most = max(most, entity_offsets[s + 1] - entity_offsets[s])
    taken = np.zeros(longest, np.uint8)
    order = np.empty(most, np.int32)
    for s in range(s_lo, s_hi):
        e_lo, e_hi = entity_offsets[s], entity_offsets[s + 1]
        by_length(e_lo, e_hi, length, order)
        total = every = 0.0
        for i in range(e_hi - e_lo):
            for c in range(candidate_offsets[order[i]], candidate_offsets[order[i] + 1]):
                every += score[c]
                free = True
                for w in range(start[c], end[c]):
                    if taken[w]:
                        free = False
                        break
                if free:
                    for w in range(start[c], end[c]):
                        taken[w] = 1
                    chosen[c] = 1
                    total += score[c]
        for w in range(target_lengths[s] if e_hi > e_lo else 0):
            taken[w] = 0
        objective[s], bound[s] = total, every
