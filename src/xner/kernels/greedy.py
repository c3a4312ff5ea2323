"""Greedy matching over scored candidates."""

import numba as nb
import numpy as np


@nb.njit(cache=True, nogil=True)
def best_free(lo, hi, start, end, score, taken):
    """Index of the best candidate in `[lo, hi)` that covers no taken word, or -1.

    Ties go to the lowest index, that is, the lowest start and then the shortest span.

    Args:
        lo, hi: candidates of one entity.
        start, end: int32 (C). score: float64 (C).
        taken: uint8 (>= words of the target sentence), 1 for a word that is used.
    """
    best = -1
    for c in range(lo, hi):
        if best >= 0 and score[c] <= score[best]:
            continue
        free = True
        for w in range(start[c], end[c]):
            if taken[w]:
                free = False
                break
        if free:
            best = c
    return best


@nb.njit(cache=True, nogil=True)
def bests_apart(e_lo, e_hi, candidate_offsets, start, end, score, best):
    """Write the best candidates of the entities `[e_lo, e_hi)` to `best`.

    Ties go to the lowest start, then to the shortest span: the first, as a `Problem` has them.

    Returns:
        How many there are (entities without candidates have none), or -1 if two overlap.
        That they do not is the certificate of optimality: greedy takes them all.
    """
    found = 0
    for e in range(e_lo, e_hi):
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


@nb.njit(cache=True, nogil=True)
def best_first(e_lo, e_hi, candidate_offsets, start, end, score, taken, best, left, chosen):
    """Match where bests clash; arguments as for `greedy_sentence`.

    Args:
        best: int32, the best candidate of each entity, -1 where there is none; used up.
        left: int32, how many candidates each entity may still get; below 1 for no limit.

    Returns:
        The objective.
    """
    k = e_hi - e_lo
    objective = 0.0
    first, last = len(taken), 0
    while True:
        winner = -1
        for e in range(k):
            if best[e] >= 0 and (winner < 0 or score[best[e]] > score[best[winner]]):
                winner = e
        if winner < 0:
            break
        pick = best[winner]
        left[winner] -= 1
        if left[winner] == 0:
            best[winner] = -1
        chosen[pick] = 1
        objective += score[pick]
        for w in range(start[pick], end[pick]):
            taken[w] = 1
        first, last = min(first, start[pick]), max(last, end[pick])
        for e in range(k):
            c = best[e]
            if c >= 0 and start[c] < end[pick] and start[pick] < end[c]:
                lo, hi = candidate_offsets[e_lo + e], candidate_offsets[e_lo + e + 1]
                best[e] = best_free(lo, hi, start, end, score, taken)
    for w in range(first, last):
        taken[w] = 0
    return objective


@nb.njit(cache=True, nogil=True)
def greedy_sentence(
    e_lo, e_hi, candidate_offsets, start, end, score, limit, taken, best, left, chosen
):
    """Match the entities `[e_lo, e_hi)` of one sentence.

    The best score goes first; ties: lowest entity, then lowest start, then shortest span.

    Args:
        candidate_offsets: int32 (E+1). start, end: int32 (C). score: float64 (C).
        limit: most candidates an entity may get; 0 for no limit.
        taken: uint8 scratch, all 0 for the sentence's words, and so again on return.
        best, left: int32 scratch (>= e_hi - e_lo).
        chosen: uint8 (C), set to 1 for the chosen candidates.

    Returns:
        The objective, and a bound on any choice's objective.
    """
    bound = 0.0
    for e in range(e_hi - e_lo):
        lo, hi = candidate_offsets[e_lo + e], candidate_offsets[e_lo + e + 1]
        best[e] = best_free(lo, hi, start, end, score, taken)
        if limit == 1 and best[e] >= 0:
            bound += score[best[e]]
        elif limit != 1:
            for c in range(lo, hi):
                bound += score[c]
    for e in range(e_hi - e_lo):
        left[e] = limit
    objective = best_first(
        e_lo, e_hi, candidate_offsets, start, end, score, taken, best, left, chosen
    )
    return objective, bound


@nb.njit(cache=True, nogil=True)
def greedy(
    s_lo,
    s_hi,
    entity_offsets,
    candidate_offsets,
    start,
    end,
    score,
    target_lengths,
    limit,
    chosen,
    objective,
    bound,
):
    """Greedy matching of the sentences `[s_lo, s_hi)`.

    Args:
        entity_offsets: int32 (S+1). candidate_offsets: int32 (E+1).
        start, end: int32 (C). score: float64 (C). target_lengths: int32 (S).
        limit: most candidates an entity may get; 0 for no limit.
        chosen: uint8 (C), zeros on entry; set to 1 for the chosen candidates.
        objective, bound: float64 (S), written: the sum of the chosen scores, and a bound on
            any choice's: the best of each entity, or all scores where the limit is not 1.
    """
    longest, most = 0, 0
    for s in range(s_lo, s_hi):
        longest = max(longest, target_lengths[s])
        most = max(most, entity_offsets[s + 1] - entity_offsets[s])
    taken = np.zeros(longest, np.uint8)
    best = np.empty(most, np.int32)
    left = np.empty(most, np.int32)
    for s in range(s_lo, s_hi):
        e_lo, e_hi = entity_offsets[s], entity_offsets[s + 1]
        found = -1
        if limit == 1:
            found = bests_apart(e_lo, e_hi, candidate_offsets, start, end, score, best)
        if found < 0:
            objective[s], bound[s] = greedy_sentence(
                e_lo,
                e_hi,
                candidate_offsets,
                start,
                end,
                score,
                limit,
                taken,
                best,
                left,
                chosen,
            )
            continue
        total = 0.0
        for i in range(found):
            chosen[best[i]] = 1
            total += score[best[i]]
        objective[s] = bound[s] = total
