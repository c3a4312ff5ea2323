"""The rare path of the exact solver: sentences that the certificate does not settle.

A sentence falls into independent groups of entities. In each group greedy's answer stands
unless a choice is better by more than `TIE`; what cannot be part of such a choice is
dropped, and the rest is solved by dynamic programming over (target position, uses of each
entity), or, where that table would be large, by `exact_search`.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from xner.kernels.exact_search import TIE, search
from xner.kernels.greedy import greedy_sentence

CERTIFICATE, DP, SEARCH, GREEDY = 0, 1, 2, 4  # as in xner.solve.solution.Route
TOO_LARGE = 255  # a group wants the search, and there was no budget for it


class Sentence(NamedTuple):
    """Entities `[first, last)` over `words` target words, and the columns of the Problem."""

    first: int
    last: int
    words: int
    offsets: np.ndarray
    start: np.ndarray
    end: np.ndarray
    score: np.ndarray


class Group(NamedTuple):
    """M candidates of K entities by position: the P target words where one starts."""

    candidate: np.ndarray  # int32 (M)
    score: np.ndarray  # float64 (M)
    owner: np.ndarray  # int32 (M), the entity, counted within the group
    after: np.ndarray  # int32 (M), the first position that the candidate leaves free
    first: np.ndarray  # int32 (P+1), position p owns items [first[p], first[p+1])
    shift: np.ndarray  # int64 (K), where a state counts the entity's uses; -1: no need to


@njit(cache=True, nogil=True)
def solve_marked(
    lo,
    hi,
    marked,
    limit,
    table_bits,
    budget,
    entity_offsets,
    candidate_offsets,
    start,
    end,
    score,
    target_lengths,
    chosen,
    objective,
    bound,
    route,
):
    """Solve the sentences `marked[lo:hi]`, each entity used at most `limit` times.

    Args:
        lo, hi: the rows of `marked` to work on.
        marked: int32 (M), sentence ids.
        limit: at most so many candidates an entity, at least 1.
        table_bits: groups of up to so many bits a state are solved by table, above by search.
        budget: largest number of states a search may make before it gives up; None to
            leave out the search, which then is not compiled either.
        entity_offsets, candidate_offsets, start, end, score, target_lengths: the Problem.
        chosen: uint8 (C), set to 1 where chosen, else to 0.
        objective, bound: float64 (S), set to what was reached and to what cannot be passed.
        route: uint8 (S), the hardest route that a group of the sentence took; `GREEDY`
            where a search gave up, so that the answer is greedy's and not proven;
            `TOO_LARGE` where there is no budget: nothing else is then of use.
    """
    longest, most = 0, 0
    for s in marked[lo:hi]:
        longest = max(longest, target_lengths[s])
        most = max(most, entity_offsets[s + 1] - entity_offsets[s])
    taken = np.zeros(longest, np.uint8)
    best = np.empty(most, np.int32)
    left = np.empty(most, np.int32)
    for s in marked[lo:hi]:
        a, b = entity_offsets[s], entity_offsets[s + 1]
        chosen[candidate_offsets[a] : candidate_offsets[b]] = 0
        greedy_sentence(
            a, b, candidate_offsets, start, end, score, limit, taken, best, left, chosen
        )
        sentence = Sentence(a, b, target_lengths[s], candidate_offsets, start, end, score)
        route[s], slack = _improve(sentence, limit, table_bits, budget, chosen)
        total = 0.0
        for c in range(candidate_offsets[a], candidate_offsets[b]):
            if chosen[c]:
                total += score[c]
        objective[s] = total
        bound[s] = total + slack


@njit(cache=True, nogil=True)
def _improve(sentence, limit, table_bits, budget, chosen):
    """Solve each group of a sentence where `chosen` holds greedy's answer.

    Returns the hardest route taken, and how much better an unproven answer might be.
    """
    root = _groups(sentence)
    members = np.empty(len(root), np.int32)
    hardest = CERTIFICATE
    slack = 0.0
    for r in range(len(root)):
        if root[r] != r:
            continue
        k = 0
        for e in range(r, len(root)):
            if root[e] == r:
                members[k] = sentence.first + e
                k += 1
        route, missing = _solve_group(sentence, members[:k], limit, table_bits, budget, chosen)
        hardest = max(hardest, route)
        slack += missing
    return hardest, slack


@njit(cache=True, nogil=True)
def _groups(sentence):
    """int32 (k): each entity's group, named by its lowest entity; groups share no word."""
    k = sentence.last - sentence.first
    root = np.empty(k, np.int32)
    for e in range(k):
        root[e] = e
    owner = np.empty(sentence.words, np.int32)
    for w in range(sentence.words):
        owner[w] = -1
    for e in range(k):
        seen = 0
        own = sentence.first + e
        for c in range(sentence.offsets[own], sentence.offsets[own + 1]):
            for w in range(max(seen, sentence.start[c]), sentence.end[c]):
                if owner[w] >= 0:
                    a, b = _find(root, owner[w]), _find(root, e)
                    root[max(a, b)] = min(a, b)
                owner[w] = e
            seen = max(seen, sentence.end[c])
    for e in range(k):
        root[e] = _find(root, e)
    return root


@njit(cache=True, nogil=True)
def _find(root, e):
    while root[e] != e:
        root[e] = root[root[e]]
        e = root[e]
    return e


@njit(cache=True, nogil=True)
def _solve_group(sentence, members, limit, table_bits, budget, chosen):
    """Improve `chosen` to the group's optimum.

    Returns the route, and how much better an unproven answer might be (0 where proven).
    """
    value = 0.0
    ceiling = 0.0
    for e in members:
        top = 0.0
        for c in range(sentence.offsets[e], sentence.offsets[e + 1]):
            if chosen[c]:
                value += sentence.score[c]
            top = max(top, sentence.score[c]) if limit == 1 else top + sentence.score[c]
        ceiling += top
    if ceiling <= value + TIE:
        return CERTIFICATE, 0.0
    alive = _reduce(sentence, members, value + TIE - ceiling, limit)
    width = 1
    while limit >> width and width < 31:
        width += 1
    group, bits = _lay_out(sentence, members, alive, limit, width)
    picks = np.empty(sentence.words, np.int32)
    if bits <= table_bits:
        used = _dynamic(group, limit, width, bits, value, picks)
        taken, missing = DP, 0.0
    elif budget is None:  # a constant when compiled: see Numba's dead branch pruning
        return TOO_LARGE, 0.0
    else:
        used, above = search(group, limit, width, bits, value, budget, picks)
        taken, missing = (GREEDY, above - value) if used < 0 else (SEARCH, 0.0)
    if used > 0:
        for e in members:
            for c in range(sentence.offsets[e], sentence.offsets[e + 1]):
                chosen[c] = 0
        for i in range(used):
            chosen[group.candidate[picks[i]]] = 1
    return taken, missing


@njit(cache=True, nogil=True)
def _reduce(sentence, members, margin, limit):
    """uint8, from the group's first candidate on: 1 for those a better choice may need.

    Dropped are candidates that leave too little even if every other entity gets its best
    (`margin`, below 0, is what may be lost; for a limit of 1 alone), and those that contain
    a candidate of the same entity which scores as much.
    """
    base = sentence.offsets[members[0]]
    alive = np.zeros(sentence.offsets[members[-1] + 1] - base, np.uint8)
    inside = np.empty(sentence.words + 1)  # best score of what starts later, by where it ends
    for e in members:
        lo, hi = sentence.offsets[e], sentence.offsets[e + 1]
        floor = 0.0
        if limit == 1 and lo < hi:
            for c in range(lo, hi):
                floor = max(floor, sentence.score[c])
            floor += margin
        for t in range(len(inside)):
            inside[t] = 0.0
        while hi > lo:
            run = hi - 1
            while run > lo and sentence.start[run - 1] == sentence.start[hi - 1]:
                run -= 1
            for c in range(run, hi):
                if sentence.score[c] > floor and sentence.score[c] > inside[sentence.end[c]]:
                    alive[c - base] = 1
                    t = sentence.end[c]
                    while t <= sentence.words and inside[t] < sentence.score[c]:
                        inside[t] = sentence.score[c]
                        t += 1
            hi = run
    return alive


@njit(cache=True, nogil=True)
def _lay_out(sentence, members, alive, limit, width):
    """The `Group` of the candidates alive, and the bits of one of its states."""
    base = sentence.offsets[members[0]]
    at = np.zeros(sentence.words + 1, np.int32)
    shift = np.empty(len(members), np.int64)
    bits = 0
    for k, e in enumerate(members):
        apart = 0  # how many of the entity's candidates can stand side by side
        free = 0
        for c in range(sentence.offsets[e], sentence.offsets[e + 1]):
            if alive[c - base]:
                at[sentence.start[c]] += 1
                if sentence.start[c] >= free:
                    apart += 1
                    free = sentence.end[c]
                free = min(free, sentence.end[c])
        shift[k] = -1
        if apart > limit:
            shift[k] = bits
            bits += width
    position = np.empty(sentence.words + 1, np.int32)  # first position at or after a word
    first = np.empty(sentence.words + 1, np.int32)
    p = 0
    m = 0
    for w in range(sentence.words + 1):
        position[w] = p
        first[p] = m
        if at[w]:
            at[w], m = m, m + at[w]
            p += 1
    candidate = np.empty(m, np.int32)
    score = np.empty(m)
    after = np.empty(m, np.int32)
    owner = np.empty(m, np.int32)
    for k, e in enumerate(members):
        for c in range(sentence.offsets[e], sentence.offsets[e + 1]):
            if alive[c - base]:
                i = at[sentence.start[c]]
                at[sentence.start[c]] += 1
                candidate[i] = c
                score[i] = sentence.score[c]
                after[i] = position[sentence.end[c]]
                owner[i] = k
    return Group(candidate, score, owner, after, first[: p + 1], shift), bits


@njit(cache=True, nogil=True)
def _dynamic(group, limit, width, bits, value, picks):
    """Write the items of the optimum into `picks`; returns how many, 0 if none beats `value`.

    `best[p, u]` is the most that positions p and on can add once u counts the uses so far.
    """
    positions = len(group.first) - 1
    best = np.zeros((positions + 1, 1 << bits))
    full = (1 << width) - 1
    for p in range(positions - 1, -1, -1):
        for u in range(1 << bits):
            best[p, u] = best[p + 1, u]
        for i in range(group.first[p], group.first[p + 1]):
            shift = group.shift[group.owner[i]]
            for u in range(1 << bits):
                if shift < 0:
                    total = group.score[i] + best[group.after[i], u]
                elif (u >> shift) & full < limit:
                    total = group.score[i] + best[group.after[i], u + (1 << shift)]
                else:
                    continue
                if total > best[p, u]:
                    best[p, u] = total
    if best[0, 0] <= value + TIE:
        return 0
    used = 0
    p = 0
    u = 0
    while p < positions:
        if best[p, u] == best[p + 1, u]:
            p += 1
            continue
        for i in range(group.first[p], group.first[p + 1]):
            shift = group.shift[group.owner[i]]
            if shift >= 0 and (u >> shift) & full >= limit:
                continue
            v = u if shift < 0 else u + (1 << shift)
            if group.score[i] + best[group.after[i], v] == best[p, u]:
                picks[used] = i
                used += 1
                p = group.after[i]
                u = v
                break
    return used
