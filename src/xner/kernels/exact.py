"""The optimality certificate: the common path of the exact solver.

If the best candidates of a sentence's entities overlap one another nowhere, they are the
optimum, and greedy's choice too. What this does not settle goes to `exact_groups`, which
is imported, and compiled, only then.
"""

import numpy as np
from numba import njit

from xner.kernels.greedy import bests_apart


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
        found = bests_apart(
            entity_offsets[s], entity_offsets[s + 1], candidate_offsets, start, end, score, best
        )
        settled[s] = found >= 0
        total = 0.0
        for i in range(found):
            chosen[best[i]] = 1
            total += score[best[i]]
        objective[s] = total
