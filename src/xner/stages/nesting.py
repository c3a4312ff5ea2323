"""Source entities that share words: solved level by level, the outermost first.

The matching problem forbids two spans to share a target word. An entity inside another, such as
`England` in `Bank of England`, is usually translated inside the translation of the other, so its
candidates would compete with it. Entities therefore get levels: an entity that shares a source
word with longer ones is one level below the lowest of them. Each level is a matching problem of its
own, solved after the levels above it; a candidate must fit the spans that were chosen there:

* of an entity that it shares no source word with: no common target word;
* of an entity around its own: inside that span, or no common word;
* of an entity that crosses its own: anything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from xner.columns import rows_of
from xner.kernels.records import Entities, Int32, Int64, Problem, rows_at
from xner.score.alignment import Candidates
from xner.solve.solution import Solution, Status
from xner.stages.solved import owner_of

Solve = Callable[[Problem, Candidates], Solution]


def levels_of(entities: Entities) -> Int32:
    """int32 (E): the level of each entity, 0 the outermost."""
    row = rows_of(entities.offsets)
    first, last = entities.start.astype(np.int64), entities.end.astype(np.int64)
    room = int(last.max(initial=0)) + 1
    order = np.lexsort((first, row))
    reached = np.maximum.accumulate((row * room + last)[order])
    shared = (row * room + first)[order][1:] < reached[:-1]
    levels = np.zeros(len(row), np.int32)
    for s in np.unique(row[order][1:][shared]):
        _number(first, last, range(*entities.offsets[s : s + 2].tolist()), levels)
    return levels


def _number(first: Int64, last: Int64, members: range, levels: Int32) -> None:
    """Write the levels of the entities of one sentence."""
    order = sorted(members, key=lambda e: (first[e] - last[e], first[e], e))
    for place, e in enumerate(order):
        above = [
            levels[other] + 1
            for other in order[:place]
            if first[e] < last[other] and first[other] < last[e]
        ]
        levels[e] = max(above, default=0)


def solve_levels(
    problem: Problem, made: Candidates, entities: Entities, levels: Int32, solve: Solve
) -> Solution:
    """Solve a problem level by level.

    Args:
        problem: the scored candidates.
        made: their source; only the lengths of entities are used.
        entities: the source entities.
        levels: int32 (E), as of `levels_of`.
        solve: solves the problem of one level.

    Returns:
        Objective and bound are sums over the levels; route and status are the highest of them.
        If one level has no allowed choice, or none was found in time, nothing is chosen in the
        sentence.
    """
    owner = owner_of(problem)
    sentence = rows_at(owner, problem.entity_offsets)
    deepest = np.zeros(problem.sentences, np.int32)
    np.maximum.at(deepest, rows_of(problem.entity_offsets), levels)
    fit = np.ones(problem.candidates, bool)
    chosen = np.zeros(problem.candidates, np.uint8)
    sums = np.zeros((2, problem.sentences))
    codes = np.zeros((2, problem.sentences), np.uint8)
    for level in range(int(levels.max()) + 1):
        members = np.flatnonzero(levels == level)
        kept = np.flatnonzero(fit & (levels[owner] == level))
        part = _part(problem, members, kept, owner)
        found = solve(part, replace(made, problem=part, length=made.length[members]))
        picked = kept[np.flatnonzero(found.chosen)]
        chosen[picked] = 1
        sums += found.objective, found.bound
        codes = np.maximum(codes, [found.route, found.status])
        for candidate in picked[deepest[sentence[picked]] > level].tolist():
            _exclude(problem, entities, levels, owner, candidate, fit)
    nothing = codes[1] >= Status.INFEASIBLE
    chosen[nothing[sentence]] = 0
    sums[0, nothing] = 0.0
    sums[1, codes[1] == Status.INFEASIBLE] = 0.0
    return Solution(chosen, *sums, *codes)


def _part(
    problem: Problem, members: NDArray[np.int64], kept: NDArray[np.int64], owner: NDArray[np.int64]
) -> Problem:
    """The problem of some entities and some of their candidates."""
    sentence = rows_at(members, problem.entity_offsets)
    entities = np.bincount(sentence, minlength=problem.sentences)
    sizes = np.bincount(owner[kept], minlength=problem.entities)[members]
    return Problem(
        np.concatenate([[0], np.cumsum(entities)]),
        np.concatenate([[0], np.cumsum(sizes)]),
        problem.start[kept],
        problem.end[kept],
        problem.score[kept],
        problem.target_lengths,
    )


def _exclude(
    problem: Problem,
    entities: Entities,
    levels: Int32,
    owner: NDArray[np.int64],
    candidate: int,
    fit: NDArray[np.bool_],
) -> None:
    """Mark the candidates of lower levels that do not fit a chosen one."""
    e = owner[candidate]
    s = int(np.searchsorted(problem.entity_offsets, e, side="right")) - 1
    first, last = problem.entity_offsets[s : s + 2]
    part = slice(problem.candidate_offsets[first], problem.candidate_offsets[last])
    i, j = problem.start[candidate], problem.end[candidate]
    start, end, own = problem.start[part], problem.end[part], owner[part]
    apart = (end <= i) | (start >= j)
    inside = (start >= i) & (end <= j)
    begin, close = entities.start[own], entities.end[own]
    shares = (begin < entities.end[e]) & (entities.start[e] < close)
    nested = (begin >= entities.start[e]) & (close <= entities.end[e])
    fit[part] &= apart | (nested & inside) | (shares & ~nested) | (levels[own] <= levels[e])
