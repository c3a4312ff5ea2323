"""The two published choices: greedy matching, and the heuristic's first fit."""

from __future__ import annotations

import numpy as np

from xner.kernels.blocks import frozen, over_blocks
from xner.kernels.first_fit import first_fit
from xner.kernels.greedy import greedy
from xner.solve.problem import Int32, Problem
from xner.solve.solution import Route, Solution


def solve_greedy(problem: Problem, *, limit: int | None = 1) -> Solution:
    """Take the best score, drop what it excludes, go on (Politov et al. 2025).

    Ties: lowest entity, then lowest start, then shortest span.

    Args:
        problem: S sentences, C candidates.
        limit: most candidates an entity may get; None for no limit.
    """
    chosen = np.zeros(problem.candidates, np.uint8)
    objective, bound = np.empty(problem.sentences), np.empty(problem.sentences)
    over_blocks(
        greedy,
        problem.sentences,
        problem.entity_offsets,
        problem.candidate_offsets,
        problem.start,
        problem.end,
        problem.score,
        problem.target_lengths,
        limit or 0,
        chosen,
        objective,
        bound,
    )
    return Solution.unproven(chosen, objective, bound, Route.GREEDY)


def solve_first_fit(problem: Problem, length: Int32) -> Solution:
    """Take every candidate that meets no word taken before, shorter entities first.

    Ties: the entity that comes first; within an entity, candidates as they stand.

    Args:
        problem: S sentences, E entities.
        length: int32 (E), words of each source entity.
    """
    chosen = np.zeros(problem.candidates, np.uint8)
    objective, bound = np.empty(problem.sentences), np.empty(problem.sentences)
    over_blocks(
        first_fit,
        problem.sentences,
        problem.entity_offsets,
        problem.candidate_offsets,
        problem.start,
        problem.end,
        problem.score,
        problem.target_lengths,
        frozen(length, np.int32),
        chosen,
        objective,
        bound,
    )
    return Solution.unproven(chosen, objective, bound, Route.HEURISTIC)
