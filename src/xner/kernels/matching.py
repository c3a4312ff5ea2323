"""Greedy matching with a certificate of optimality, and the published heuristic's first fit."""

import numpy as np

from xner.kernels.jit import inner, kernel
from xner.kernels.records import Choice, Int32, Problem
from xner.kernels.sizes import longest, longest_row

CERTIFICATE, DP, GREEDY, HEURISTIC = 0, 1, 3, 4  # as in xner.solve.solution.Route
NO_LIMIT = 1 << 30


@inner
def is_free(problem, c, taken):
    """Return whether candidate c covers no taken word. taken: uint8 (>= target words)."""
    for w in range(problem.start[c], problem.end[c]):  # noqa: SIM110 - Numba has no generators
        if taken[w]:
            return False
    return True


@inner
def best_free(problem, e, taken):
    """Return the best candidate of entity e that covers no taken word, or -1.

    Ties go to the lowest index, that is, the lowest start and then the shortest span.
    """
    best = -1
    for c in range(problem.candidate_offsets[e], problem.candidate_offsets[e + 1]):
        if best >= 0 and problem.score[c] <= problem.score[best]:
            continue
        if is_free(problem, c, taken):
            best = c
    return best


@inner
def overlap(problem, a, b):
    """Return whether two candidates share a word."""
    return problem.start[a] < problem.end[b] and problem.start[b] < problem.end[a]


@inner
def separate_bests(problem, s, best):
    """Write the best candidate of each entity of sentence s to `best`.

    Ties go to the lowest start, then to the shortest span: the first, as a `Problem` has them.

    Returns:
        How many there are (entities without candidates have none), or -1 if two overlap.
        If none do they are the optimum, and greedy takes them all: the certificate.
    """
    found = 0
    for e in range(problem.entity_offsets[s], problem.entity_offsets[s + 1]):
        top = np.int64(-1)
        top_score = 0.0
        for c in range(problem.candidate_offsets[e], problem.candidate_offsets[e + 1]):
            if problem.score[c] > top_score:
                top = c
                top_score = problem.score[c]
        if top < 0:
            continue
        for i in range(found):
            if overlap(problem, top, best[i]):
                return -1
        best[found] = top
        found += 1
    return found


@inner
def best_first(problem, s, limit, taken, best, left, chosen):
    """Choose greedily in sentence s and return the objective.

    The best score goes first; ties: lowest entity, then lowest start, then shortest span.

    Args:
        problem: the candidates.
        s: sentence.
        limit: most candidates of an entity.
        taken: uint8 scratch (>= target words), all 0, and so again on return.
        best, left: int64 scratch (>= entities), the best candidate of each entity, -1 if there
            is none, and how many more candidates it may get.
        chosen: uint8 (C), set to 1 for the chosen candidates.
    """
    base = problem.entity_offsets[s]
    k = problem.entity_offsets[s + 1] - base
    for e in range(k):
        best[e] = best_free(problem, base + e, taken)
        left[e] = limit
    objective = 0.0
    first, last = np.int64(len(taken)), np.int64(0)
    while True:
        winner = -1
        for e in range(k):
            if best[e] >= 0 and (
                winner < 0 or problem.score[best[e]] > problem.score[best[winner]]
            ):
                winner = e
        if winner < 0:
            break
        pick = best[winner]
        left[winner] -= 1
        if left[winner] == 0:
            best[winner] = -1
        chosen[pick] = 1
        objective += problem.score[pick]
        for w in range(problem.start[pick], problem.end[pick]):
            taken[w] = 1
        first = min(first, np.int64(problem.start[pick]))
        last = max(last, np.int64(problem.end[pick]))
        for e in range(k):
            if best[e] >= 0 and overlap(problem, best[e], pick):
                best[e] = best_free(problem, base + e, taken)
    for w in range(first, last):
        taken[w] = 0
    return objective


@inner
def ceiling(score, limit):
    """Return the most that an entity can add: its best score, or all where `limit` is not 1.

    score: float64, of its candidates.
    """
    top = 0.0
    for c in range(len(score)):
        top = max(top, score[c]) if limit == 1 else top + score[c]
    return top


def greedy(lo: int, hi: int, problem: Problem, limit: int, choice: Choice) -> None:
    """Match the sentences `[lo, hi)` greedily.

    Args:
        lo, hi: sentences.
        problem: the candidates.
        limit: most candidates of an entity, `NO_LIMIT` for any number.
        choice: written; zeros on entry. The route is `CERTIFICATE` where greedy takes every
            entity's best candidate for a limit of 1, or has none to take, else `GREEDY`; the
            bound is the sum of each entity's best score, or of all where the limit is not 1.
    """
    most = longest_row(problem.entity_offsets, lo, hi)
    best, left = np.empty(most, np.int64), np.empty(most, np.int64)
    if take_bests(lo, hi, problem, limit, choice, best):  # compile only what some sentence needs
        taken = np.zeros(longest(problem.target_lengths, lo, hi), np.uint8)
        match_greedily(lo, hi, problem, limit, choice, taken, best, left)


@kernel
def take_bests(lo, hi, problem, limit, choice, best):
    """Settle the sentences with a certificate; return how many are left, with the route `GREEDY`.

    best: int64 (>= entities of a sentence), scratch.
    """
    others = 0
    for s in range(lo, hi):
        a, b = problem.entity_offsets[s], problem.entity_offsets[s + 1]
        found = 0
        if limit == 1:
            found = separate_bests(problem, s, best)
        elif problem.candidate_offsets[a] < problem.candidate_offsets[b]:
            found = -1
        total = 0.0
        if found >= 0:
            for i in range(found):
                choice.chosen[best[i]] = 1
                total += problem.score[best[i]]
            choice.objective[s] = choice.bound[s] = total
        else:
            choice.route[s] = GREEDY
            others += 1
    return others


@kernel
def match_greedily(lo, hi, problem, limit, choice, taken, best, left):
    """See `greedy`, of the sentences with the route `GREEDY`. The rest: as in `best_first`."""
    for s in range(lo, hi):
        if choice.route[s] != GREEDY:
            continue
        a, b = problem.entity_offsets[s], problem.entity_offsets[s + 1]
        total = 0.0
        choice.objective[s] = best_first(problem, s, limit, taken, best, left, choice.chosen)
        for e in range(a, b):
            first, last = problem.candidate_offsets[e], problem.candidate_offsets[e + 1]
            total += ceiling(problem.score[first:last], limit)
        choice.bound[s] = total


@inner
def by_length(lo, hi, length, order):
    """Write the entities `[lo, hi)` into `order` by length; ties in their order."""
    for e in range(lo, hi):
        at = e - lo
        while at > 0 and length[order[at - 1]] > length[e]:
            order[at] = order[at - 1]
            at -= 1
        order[at] = e


def first_fit(lo: int, hi: int, problem: Problem, length: Int32, choice: Choice) -> None:
    """Choose in the order of entity length every candidate that covers no chosen word.

    Args:
        lo, hi: sentences.
        problem: the candidates.
        length: int32 (E), words of each source entity.
        choice: written; zeros on entry. The bound is the sum of all scores.
    """
    taken = np.zeros(longest(problem.target_lengths, lo, hi), np.uint8)
    order = np.empty(longest_row(problem.entity_offsets, lo, hi), np.int32)
    match_in_order(lo, hi, problem, length, choice, taken, order)


@kernel
def match_in_order(lo, hi, problem, length, choice, taken, order):
    """See `first_fit`. taken: uint8 (>= target words) of zeros, order: int32 (>= entities)."""
    for s in range(lo, hi):
        a, b = problem.entity_offsets[s], problem.entity_offsets[s + 1]
        by_length(a, b, length, order)
        total = every = 0.0
        for i in range(b - a):
            e = order[i]
            for c in range(problem.candidate_offsets[e], problem.candidate_offsets[e + 1]):
                every += problem.score[c]
                if is_free(problem, c, taken):
                    for w in range(problem.start[c], problem.end[c]):
                        taken[w] = 1
                    choice.chosen[c] = 1
                    total += problem.score[c]
        for w in range(problem.target_lengths[s] if b > a else 0):
            taken[w] = 0
        choice.objective[s], choice.bound[s], choice.route[s] = total, every, HEURISTIC
