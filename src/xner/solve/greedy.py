"""The two published methods: greedy matching, and the heuristic's first fit."""

from __future__ import annotations

import numpy as np

from xner.kernels.blocks import frozen, over_blocks
from xner.kernels.matching import NO_LIMIT, first_fit, greedy
from xner.kernels.records import Choice, Int32, Problem
from xner.solve.solution import Route, Solution


def solve_greedy(problem: Problem, *, limit: int | None = 1) -> Solution:
    """Take the best score, drop what it excludes, and repeat (Politov et al. 2025).

    Ties: lowest entity, then lowest start, then shortest span.

    Args:
        problem: the scored candidates.
        limit: most candidates of an entity; None for no limit.
    """
    choice = Choice.none(problem)
    over_blocks(greedy, problem.sentences, problem, limit or NO_LIMIT, choice)
    choice.route[:] = Route.GREEDY
    return Solution.unproven(choice)


def solve_first_fit(problem: Problem, length: Int32) -> Solution:
    """Take every candidate that covers no word taken before, shorter entities first.

    Ties: the entity that comes first; within an entity, candidates in their order.

    Args:
        problem: the scored candidates.
        length: int32 (E), words of each source entity.
    """
    choice = Choice.none(problem)
    over_blocks(first_fit, problem.sentences, problem, frozen(length, np.int32), choice)
    return Solution.unproven(choice)
