"""The rare path of the exact solver: sentences that the certificate does not settle.

A sentence falls into independent groups of entities. In each group greedy's answer is kept
unless a choice is better by more than `TIE`. Candidates that cannot be part of a better choice
are dropped, and the rest is solved by dynamic programming over (target position, uses of each
entity), if the table is small enough.
"""

from typing import NamedTuple

import numpy as np

from xner.kernels.jit import allocating, allocating_kernel, inner
from xner.kernels.matching import CERTIFICATE, DP, GREEDY, ceiling
from xner.kernels.records import Choice, Float64, Int32, Int64, Problem

TIE = 1e-9  # a choice replaces greedy's only where it is better by more than this


class Group(NamedTuple):
    """M candidates of K entities by position: the P target words where one starts."""

    candidate: Int32  # int32 (M)
    score: Float64  # float64 (M)
    owner: Int32  # int32 (M), the entity, counted within the group
    after: Int32  # int32 (M), the first position that the candidate leaves free
    first: Int32  # int32 (P+1), position p owns items [first[p], first[p+1])
    shift: Int64  # int64 (K), where a state counts the entity's uses; -1: no need to


@allocating_kernel
def solve_marked(
    lo: int, hi: int, marked: Int32, problem: Problem, limit: int, table_bits: int, choice: Choice
) -> None:
    """Improve greedy's choice in the sentences `marked[lo:hi]` to the optimum.

    Args:
        lo, hi: rows of `marked`.
        marked: int32 (M), sentences.
        problem: the candidates.
        limit: most candidates of an entity, at least 1.
        table_bits: solve groups of up to so many bits per state; larger ones keep greedy's
            answer.
        choice: with greedy's answer; rewritten. The route is the hardest that a group of the
            sentence took: `GREEDY` where one was too large, so that nothing is proven.
    """
    for s in marked[lo:hi]:
        base, words = problem.entity_offsets[s], np.int64(problem.target_lengths[s])
        root = groups_of(problem, s)
        members = np.empty(len(root), np.int32)
        hardest, slack = CERTIFICATE, 0.0
        for r in range(len(root)):
            if root[r] != r:
                continue
            k = 0
            for e in range(r, len(root)):
                if root[e] == r:
                    members[k] = base + e
                    k += 1
            route, missing = solve_group(
                problem, words, members[:k], limit, table_bits, choice.chosen
            )
            hardest = max(hardest, route)
            slack += missing
        total = 0.0
        first, last = problem.candidate_offsets[base], problem.candidate_offsets[base + len(root)]
        for c in range(first, last):
            if choice.chosen[c]:
                total += problem.score[c]
        choice.route[s], choice.objective[s], choice.bound[s] = hardest, total, total + slack


@allocating
def groups_of(problem, s):
    """Return int32 (k): each entity's group, named by its lowest entity; groups share no word."""
    base = problem.entity_offsets[s]
    k = np.int64(problem.entity_offsets[s + 1] - base)
    root = np.empty(k, np.int32)
    for e in range(k):
        root[e] = e
    owner = np.empty(np.int64(problem.target_lengths[s]), np.int32)
    for w in range(len(owner)):
        owner[w] = -1
    for e in range(k):
        seen = np.int64(0)
        for c in range(
            problem.candidate_offsets[base + e], problem.candidate_offsets[base + e + 1]
        ):
            for w in range(max(seen, np.int64(problem.start[c])), problem.end[c]):
                if owner[w] >= 0:
                    a, b = find_root(root, np.int64(owner[w])), find_root(root, e)
                    root[max(a, b)] = min(a, b)
                owner[w] = e
            seen = max(seen, np.int64(problem.end[c]))
    for e in range(k):
        root[e] = find_root(root, e)
    return root


@inner
def find_root(root, e):
    """Return the group of entity e, and shorten the way to it."""
    while root[e] != e:
        root[e] = root[root[e]]
        e = np.int64(root[e])
    return e


@allocating
def solve_group(problem, words, members, limit, table_bits, chosen):
    """Improve `chosen` to the group's optimum.

    Returns the route, and how much better an unproven answer might be (0 where proven).
    """
    value = 0.0
    most = 0.0
    for e in members:
        first, last = problem.candidate_offsets[e], problem.candidate_offsets[e + 1]
        for c in range(first, last):
            if chosen[c]:
                value += problem.score[c]
        most += ceiling(problem.score[first:last], limit)
    if most <= value + TIE:
        return CERTIFICATE, 0.0
    alive = reduce(problem, words, members, value + TIE - most, limit)
    width = 1
    while limit >> width and width < 31:
        width += 1
    group, bits = lay_out(problem, words, members, alive, limit, width)
    if bits > table_bits:
        group.shift[:] = -1  # any number of uses: an upper bound
        slack = min(most, fill_table(group, limit, width, np.int64(0))[0, 0]) - value
        return (GREEDY, slack) if slack > TIE else (CERTIFICATE, 0.0)
    best = fill_table(group, limit, width, bits)
    if best[0, 0] > value + TIE:
        for e in members:
            for c in range(problem.candidate_offsets[e], problem.candidate_offsets[e + 1]):
                chosen[c] = 0
        choose(group, limit, width, best, chosen)
    return DP, 0.0


@allocating
def reduce(problem, words, members, margin, limit):
    """Return uint8, from the group's first candidate on: 1 for those a better choice may need.

    Dropped are candidates that leave too little even if every other entity gets its best
    (`margin`, below 0, is what may be lost; for a limit of 1 alone), and those that contain
    a candidate of the same entity which scores as much.
    """
    offsets, start, end = problem.candidate_offsets, problem.start, problem.end
    score = problem.score
    base = offsets[members[0]]
    alive = np.zeros(np.int64(offsets[members[-1] + 1] - base), np.uint8)
    inside = np.empty(words + 1)  # best score of what starts later, by where it ends
    for e in members:
        lo, hi = offsets[e], offsets[e + 1]
        floor = 0.0
        if limit == 1 and lo < hi:
            floor = ceiling(score[lo:hi], limit) + margin
        for t in range(len(inside)):
            inside[t] = 0.0
        while hi > lo:
            run = hi - 1
            while run > lo and start[run - 1] == start[hi - 1]:
                run -= 1
            for c in range(run, hi):
                if score[c] > floor and score[c] > inside[end[c]]:
                    alive[c - base] = 1
                    t = end[c]
                    while t <= words and inside[t] < score[c]:
                        inside[t] = score[c]
                        t += 1
            hi = run
    return alive


@allocating
def lay_out(problem, words, members, alive, limit, width):
    """Return the `Group` of the candidates alive, and the bits of one of its states."""
    offsets, start, end = problem.candidate_offsets, problem.start, problem.end
    base = offsets[members[0]]
    at = np.zeros(words + 1, np.int32)
    shift = np.empty(len(members), np.int64)
    bits = 0
    for k, e in enumerate(members):
        apart = 0  # how many of the entity's candidates fit next to each other
        free = np.int64(0)
        for c in range(offsets[e], offsets[e + 1]):
            if alive[c - base]:
                at[start[c]] += 1
                if start[c] >= free:
                    apart += 1
                    free = end[c]
                free = min(free, np.int64(end[c]))
        shift[k] = -1
        if apart > limit:
            shift[k] = bits
            bits += width
    position = np.empty(words + 1, np.int32)  # first position at or after a word
    first = np.empty(words + 1, np.int32)
    p = 0
    m = 0
    for w in range(words + 1):
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
        for c in range(offsets[e], offsets[e + 1]):
            if alive[c - base]:
                i = at[start[c]]
                at[start[c]] += 1
                candidate[i] = c
                score[i] = problem.score[c]
                after[i] = position[end[c]]
                owner[i] = k
    return Group(candidate, score, owner, after, first[: p + 1], shift), bits


@allocating
def fill_table(group, limit, width, bits):
    """Return float64 (P+1, 2**bits): the most that positions p and on can add.

    The second index counts the uses of each entity so far.
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
    return best


@inner
def choose(group, limit, width, best, chosen):
    """Set `chosen` to 1 for the candidates of the optimum. best: of `fill_table`."""
    full = (1 << width) - 1
    p = 0
    u = 0
    while p < len(group.first) - 1:
        if best[p, u] == best[p + 1, u]:
            p += 1
            continue
        for i in range(group.first[p], group.first[p + 1]):
            shift = group.shift[group.owner[i]]
            if shift >= 0 and (u >> shift) & full >= limit:
                continue
            v = u if shift < 0 else u + (1 << shift)
            if group.score[i] + best[group.after[i], v] == best[p, u]:
                chosen[group.candidate[i]] = 1
                p = group.after[i]
                u = v
                break
