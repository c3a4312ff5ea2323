"""The optimum of the matching problem, compiled.

Every sentence first tries the certificate. The few that it leaves go, in a module of
their own, through conflict groups, dynamic programming and bounded search; the rare
sentence that even the search gives up goes to the ILP where OR-Tools is installed.
"""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec

import numpy as np

from xner.errors import UsageError
from xner.kernels.blocks import over_blocks
from xner.kernels.exact import certify
from xner.solve.constraint import Constraint
from xner.solve.problem import Flags, Float64, Problem
from xner.solve.solution import TOLERANCE, Route, Solution, Status
from xner.solve.subset import take

TABLE_BITS = 8  # where the table stops paying: benchmarks/results/exact.md
BUDGET = 1 << 20  # states of one bounded search before it gives up
NO_LIMIT = 1 << 30
BLOCK = 256  # marked sentences a job


def covers(constraint: Constraint) -> bool:
    """Whether `solve_exact` handles the constraint: at most n, or unlimited."""
    return constraint.always_feasible


def solve_exact(
    problem: Problem,
    *,
    limit: int | None = 1,
    table_bits: int = TABLE_BITS,
    budget: int = BUDGET,
    ilp: bool = True,
) -> Solution:
    """Choose the candidates with the largest sum of scores; each entity at most `limit` times.

    Greedy's answer stands in every conflict group where nothing is better by more than
    1e-9. The answer is the same for any number of threads.

    Args:
        problem: the scored candidates.
        limit: at most so many candidates an entity; None for no limit; default 1.
        table_bits: a conflict group with up to so many entities that could exceed the limit
            (times the bits that count to it) is solved by a table of 2**table_bits states a
            word, a larger one by bounded search; 0 to 24, default 8.
        budget: states that a bounded search may make before it gives up, a power of two;
            default 2**20, about 30 MB a thread.
        ilp: hand sentences that the search gave up to OR-Tools, if it is installed;
            otherwise they keep greedy's answer, status `FEASIBLE`. Default True.

    Raises:
        UsageError: `limit` is below 1, or `budget` is not a power of two.
    """
    if limit is not None and limit < 1:
        raise UsageError(f"limit is {limit}; it must be at least 1, or None for no limit")
    if not 0 <= table_bits <= 24:
        raise UsageError(f"table_bits is {table_bits}; it must lie between 0 and 24")
    if budget < 2 or budget & (budget - 1):
        raise UsageError(f"budget is {budget}; it must be a power of two")
    chosen = np.zeros(problem.candidates, np.uint8)
    objective = np.zeros(problem.sentences)
    route = np.zeros(problem.sentences, np.uint8)
    marked = _uncertified(problem, limit, chosen, objective)
    bound = objective.copy()
    if len(marked):  # import, and compile, only what some sentence needs
        from xner.kernels.exact_groups import TOO_LARGE, solve_marked

        uses = NO_LIMIT if limit is None else min(limit, NO_LIMIT)
        columns = *_columns(problem), problem.target_lengths, chosen, objective, bound, route
        for states in (None, budget):
            if len(marked):
                arguments = marked, uses, table_bits, states, *columns
                over_blocks(solve_marked, len(marked), *arguments, block=BLOCK)
                marked = marked[route[marked] == TOO_LARGE]
    unproven = route == Route.GREEDY
    status = np.where(unproven, Status.FEASIBLE, Status.OPTIMAL).astype(np.uint8)
    solution = Solution(chosen, objective, bound, route, status)
    if ilp and unproven.any() and find_spec("ortools"):
        return _finish(problem, solution, limit)
    return solution


def _columns(problem: Problem) -> tuple[np.ndarray, ...]:
    return (
        problem.entity_offsets,
        problem.candidate_offsets,
        problem.start,
        problem.end,
        problem.score,
    )


def _uncertified(
    problem: Problem, limit: int | None, chosen: Flags, objective: Float64
) -> np.ndarray:
    """int32: the sentences that the certificate does not settle; settles the others."""
    if limit != 1:
        edges = problem.candidate_offsets[problem.entity_offsets]
        return np.flatnonzero(np.diff(edges)).astype(np.int32)
    settled = np.zeros(problem.sentences, np.uint8)
    over_blocks(certify, problem.sentences, *_columns(problem), chosen, objective, settled)
    return np.flatnonzero(settled == 0).astype(np.int32)


def _finish(problem: Problem, solution: Solution, limit: int | None) -> Solution:
    """Hand what is not proven to the ILP; keep its answers that are better by over 1e-9."""
    from xner.solve.ilp import solve_ilp

    left = np.flatnonzero(solution.route == Route.GREEDY)
    found = solve_ilp(take(problem, left), constraint=Constraint(at_most=limit))
    edges = problem.candidate_offsets[problem.entity_offsets]
    found_edges = np.concatenate(([0], np.cumsum(np.diff(edges)[left])))
    chosen, objective = solution.chosen.copy(), solution.objective.copy()
    bound, route, status = solution.bound.copy(), solution.route.copy(), solution.status.copy()
    for i, s in enumerate(left):
        if found.objective[i] > objective[s] + TOLERANCE:
            chosen[edges[s] : edges[s + 1]] = found.chosen[found_edges[i] : found_edges[i + 1]]
            objective[s] = found.objective[i]
        bound[s] = max(objective[s], min(bound[s], found.bound[i]))
    route[left] = Route.ILP
    met = bound[left] - objective[left] <= TOLERANCE
    status[left] = np.where(met, Status.OPTIMAL, Status.FEASIBLE)
    return replace(
        solution, chosen=chosen, objective=objective, bound=bound, route=route, status=status
    )
