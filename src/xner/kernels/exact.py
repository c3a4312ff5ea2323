"""The optimality certificate: the common path of the exact solver.

If the best candidates of a sentence's entities overlap one another nowhere, they are the
optimum, and greedy's choice too. What this does not settle goes to `exact_groups`, which
is imported, and compiled, only then.
"""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def certify(
    lo, hi, entity_offsets, candidate_offsets, start, end, score, chosen, objective, settled
):
    """Choose every entity's best candidate wherever these do not overlap.

    Ties go to the lowest start, then to the shortest span: the first in the order that a
    `Problem` keeps. A sentence that is not settled is left as it was.

    Args:
        lo, hi: the sentences to work on, `lo <= s < hi`.
        entity_offsets: int32 (S+1).
        candidate_offsets: int32 (E+1).
        start, end: int32 (C).
        score: float64 (C), above 0.
        chosen: uint8 (C), zeros; set to 1 where chosen.
        objective: float64 (S), zeros; set to the sum of the chosen scores.
        settled: uint8 (S), set to 1 where the certificate holds, else 0.
    """
    widest = 0
    for s in range(lo, hi):
        widest = max(widest, entity_offsets[s + 1] - entity_offsets[s])
    best = np.empty(widest, np.int32)
    for s in range(lo, hi):
        found = _best_apart(
            entity_offsets[s], entity_offsets[s + 1], candidate_offsets, start, end, score, best
        )
        settled[s] = found >= 0
        total = 0.0
        for i in range(found):
            chosen[best[i]] = 1
            total += score[best[i]]
        objective[s] = total


@njit(cache=True, nogil=True)
def _best_apart(first, last, candidate_offsets, start, end, score, best):
    """Write the best candidates of entities `first <= e < last` into `best`.

    Returns how many there are (entities without candidates have none), -1 where two overlap.
    """
    found = 0
    for e in range(first, last):
        top = -1
        top_score = 0.0
        for c in range(candidate_offsets[e], candidate_offsets[e + 1]):
            if score[c] > top_score:
                top = c
                top_score = score[c]
        if top < 0:
            continue
        for i in range(found):
            if start[top] < end[best[i]] and start[best[i]] < end[top]:
                return -1
        best[found] = top
        found += 1
    return found
