"""The optimum of the matching problem, compiled.

Greedy's choice is the optimum where no two entities' best candidates overlap: the certificate.
The few sentences that it leaves go, in a module of their own, through conflict groups and dynamic
programming. The rare sentence whose table would be too large goes to the ILP if OR-Tools is
installed, and otherwise keeps greedy's choice.
"""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec

import numpy as np

from xner.errors import UsageError
from xner.kernels.blocks import over_blocks
from xner.kernels.matching import GREEDY, NO_LIMIT, greedy
from xner.kernels.records import Choice, Int64, Problem
from xner.solve.constraint import Constraint
from xner.solve.solution import TOLERANCE, Route, Solution, Status, candidate_edges

TABLE_BITS = 16  # 65,536 states per word; beyond, the ILP is faster: benchmarks/results/exact.md
BLOCK = 256  # marked sentences per job
MOST_WORDS = 1_000_000  # words in the candidates of a sentence; a larger ILP would not be solved
EFFORT = 3.0  # per sentence, of the ILP


def covers(constraint: Constraint) -> bool:
    """Return whether `solve_exact` handles the constraint: at most n, or unlimited."""
    return constraint.always_feasible


def solve_exact(
    problem: Problem,
    *,
    limit: int | None = 1,
    table_bits: int = TABLE_BITS,
    ilp: bool = True,
) -> Solution:
    """Choose the candidates with the largest sum of scores; each entity at most `limit` times.

    Greedy's answer is kept in every conflict group where nothing is better by more than
    1e-9. The answer is the same for any number of threads.

    Args:
        problem: the scored candidates.
        limit: most candidates of an entity; None for no limit; default 1.
        table_bits: solve a conflict group by a table of up to 2**table_bits states per word: one
            bit for each entity that could exceed the limit, or as many as it takes to count to
            it; 0 to 24, default 16.
        ilp: solve sentences with larger groups by OR-Tools, if it is installed, within limits;
            otherwise they keep greedy's answer, status `FEASIBLE`. Default True.

    Raises:
        UsageError: `limit` is below 1, or `table_bits` is out of range.
    """
    if limit is not None and limit < 1:
        raise UsageError(f"limit is {limit}; it must be at least 1, or None for no limit")
    if not 0 <= table_bits <= 24:
        raise UsageError(f"table_bits is {table_bits}; it must be between 0 and 24")
    uses = NO_LIMIT if limit is None else min(limit, NO_LIMIT)
    choice = Choice.none(problem)
    over_blocks(greedy, problem.sentences, problem, uses, choice)
    unproven = (choice.route == GREEDY).nonzero()[0]
    if len(unproven):  # import, and compile, only what some sentence needs
        from xner.kernels.exact_groups import solve_marked

        rows, marked = range(0, len(unproven), BLOCK), unproven.astype(np.int32)
        over_blocks(solve_marked, rows, marked, problem, uses, table_bits, choice)
        unproven = (choice.route == GREEDY).nonzero()[0]
    status = np.zeros(problem.sentences, np.uint8)  # optimal
    if len(unproven):
        status[unproven] = Status.FEASIBLE
    solution = Solution(*choice, status)
    if ilp and len(unproven) and find_spec("ortools"):
        return _finish(problem, solution, limit, unproven[_sizes(problem, unproven) <= MOST_WORDS])
    return solution


def _sizes(problem: Problem, sentences: Int64) -> Int64:
    """Words in all candidates of each of some sentences."""
    before = np.concatenate([[0], np.cumsum(problem.end - problem.start, dtype=np.int64)])
    sizes: Int64 = np.diff(before[candidate_edges(problem)])[sentences]
    return sizes


def _finish(problem: Problem, solution: Solution, limit: int | None, left: Int64) -> Solution:
    """Solve the sentences `left` by the ILP; keep its answers that are better by over 1e-9."""
    from xner.solve.ilp import solve_ilp

    part = problem.take(left)
    found = solve_ilp(part, constraint=Constraint(at_most=limit), effort=EFFORT)
    edges, found_edges = candidate_edges(problem), candidate_edges(part)
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
