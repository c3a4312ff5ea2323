"""The matching problem as an integer linear program, solved by OR-Tools.

There is one 0/1 variable per candidate; one row per target word (at most one chosen candidate
covers it), which is tighter than a row per overlapping pair and grows with the words, not
with the pairs; and one row per entity for the constraint. OR-Tools comes with `xner[ilp]` and is
imported on the first call.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from itertools import pairwise
from math import frexp, inf, ldexp
from typing import Any, Literal, get_args

import numpy as np

from xner.errors import MissingExtraError, UsageError
from xner.kernels.records import Problem
from xner.solve.constraint import Constraint
from xner.solve.solution import Route, Solution, Status

Backend = Literal["cp-sat", "highs", "scip"]
MIP_TOLERANCE = 1e-6  # a floating-point solver's proof is not finer
CP_SAT_BITS = 50  # the largest scaled objective stays below 2**50, far from CP-SAT's limits


@dataclass(frozen=True, slots=True)
class _Program:
    """One sentence: candidates (C), and those of each target word and entity."""

    score: list[float]
    words: list[list[int]]  # candidates that cover each word, if more than one
    entities: list[list[int]]  # candidates of each entity
    length: int
    constraint: Constraint


@dataclass(frozen=True, slots=True)
class _Options:
    time_limit: float | None
    gap: float
    seed: int
    effort: float | None


@dataclass(frozen=True, slots=True)
class _Outcome:
    status: Status
    picks: list[int]
    bound: float


def solve_ilp(
    problem: Problem,
    *,
    constraint: Constraint | None = None,
    backend: Backend = "cp-sat",
    time_limit: float | None = None,
    gap: float = 0.0,
    seed: int = 0,
    effort: float | None = None,
) -> Solution:
    """Choose the candidates with the largest sum of scores, sentence by sentence.

    The chosen set meets the constraint, or is empty where no set does (`INFEASIBLE`) or
    none was found in time (`UNKNOWN`). Solvers run on one thread, so that the answer is
    reproducible unless a time limit interrupts them.

    Args:
        problem: the scored candidates; pairs that score 0 are not among them.
        constraint: how many candidates each entity may or must have; default at most one.
        backend: "cp-sat" (exact integer arithmetic, default), or "highs" or "scip", which
            prove the optimum to their floating-point tolerance of about 1e-6.
        time_limit: seconds per sentence; default None, no limit.
        gap: relative gap at which to stop; default 0.0, the proven optimum.
        seed: random seed of the solver; default 0.
        effort: most work per sentence, in about seconds, but reproducible; default None, no limit.
            Only for cp-sat.

    Raises:
        MissingExtraError: OR-Tools is not installed.
        UsageError: an option is out of range.
    """
    if backend not in get_args(Backend):
        raise UsageError(
            f"unknown backend {backend!r}; choose one of {', '.join(get_args(Backend))}"
        )
    if not 0 <= gap < inf:
        raise UsageError(f"gap is {gap}; it must be at least 0")
    if time_limit is not None and not time_limit > 0:
        raise UsageError(f"time_limit is {time_limit}; it must be above 0, or None")
    solve = _cp_sat() if backend == "cp-sat" else _math_opt(backend)
    options = _Options(time_limit, gap, seed, effort)
    constraint = constraint or Constraint()
    chosen = np.zeros(problem.candidates, np.uint8)
    objective = np.zeros(problem.sentences)
    bound = np.zeros(problem.sentences)
    route = np.full(problem.sentences, Route.CERTIFICATE, np.uint8)
    status = np.full(problem.sentences, Status.OPTIMAL, np.uint8)
    for s in range(problem.sentences):
        program = _program(problem, s, constraint)
        if any(len(row) < constraint.at_least for row in program.entities):
            status[s] = Status.INFEASIBLE
        elif program.score:
            outcome = solve(program, options)
            first = problem.candidate_offsets[problem.entity_offsets[s]]
            chosen[[first + i for i in outcome.picks]] = 1
            objective[s] = _total(program, outcome.picks)
            bound[s] = max(outcome.bound, objective[s])
            route[s], status[s] = Route.ILP, outcome.status
    return Solution(chosen, objective, bound, route, status)


def _program(problem: Problem, s: int, constraint: Constraint) -> _Program:
    entities = slice(problem.entity_offsets[s], problem.entity_offsets[s + 1] + 1)
    edges = problem.candidate_offsets[entities].tolist()
    first, last = edges[0], edges[-1]
    length = int(problem.target_lengths[s])
    words: list[list[int]] = [[] for _ in range(length)]
    spans = zip(problem.start[first:last].tolist(), problem.end[first:last].tolist(), strict=True)
    for i, (start, end) in enumerate(spans):
        for w in range(start, end):
            words[w].append(i)
    return _Program(
        problem.score[first:last].tolist(),
        [row for row in words if len(row) > 1],
        [list(range(a - first, b - first)) for a, b in pairwise(edges)],
        length,
        constraint,
    )


def _load(module: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingExtraError("ortools", "ilp") from error


def _total(program: _Program, picks: list[int]) -> float:
    return sum(program.score[i] for i in picks)


def _unproven(picks: list[int], constraint: Constraint) -> Status:
    return Status.FEASIBLE if picks or constraint.always_feasible else Status.UNKNOWN


def _scale(score: list[float], length: int) -> float:
    """Return the power of two that scales any sum of disjoint candidates to 2**CP_SAT_BITS at most.

    Rounding a score moves it by at most 0.5 / scale, hence any objective by `length` times
    that: 1e-12 for a sentence of 60 words and scores up to 1, 1e-9 for one of 1,000.
    """
    return ldexp(1.0, CP_SAT_BITS - frexp(max(score) * max(1, length))[1])


def _cp_sat() -> Callable[[_Program, _Options], _Outcome]:
    cp_model = _load("ortools.sat.python.cp_model")

    def solve(program: _Program, options: _Options) -> _Outcome:
        model = cp_model.CpModel()
        take = [model.new_bool_var("") for _ in program.score]
        for row in program.words:
            model.add_at_most_one([take[i] for i in row])
        for row in program.entities:
            uses = cp_model.LinearExpr.sum([take[i] for i in row])
            if program.constraint.at_least:
                model.add(uses >= program.constraint.at_least)
            if program.constraint.at_most is not None and len(row) > program.constraint.at_most:
                model.add(uses <= program.constraint.at_most)
        scale = _scale(program.score, program.length)
        weights = [round(score * scale) for score in program.score]
        model.maximize(cp_model.LinearExpr.weighted_sum(take, weights))
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.random_seed = options.seed
        solver.parameters.relative_gap_limit = options.gap
        solver.parameters.absolute_gap_limit = 0.0
        if options.time_limit is not None:
            solver.parameters.max_time_in_seconds = options.time_limit
        if options.effort is not None:
            solver.parameters.max_deterministic_time = options.effort
        status = solver.solve(model)
        if status == cp_model.INFEASIBLE:
            return _Outcome(Status.INFEASIBLE, [], 0.0)
        found = status in (cp_model.OPTIMAL, cp_model.FEASIBLE)
        picks = [i for i, x in enumerate(take) if found and solver.boolean_value(x)]
        ceiling = int(solver.best_objective_bound) if found else sum(weights)
        reached = sum(weights[i] for i in picks)
        if status == cp_model.OPTIMAL and ceiling <= reached:
            return _Outcome(Status.OPTIMAL, picks, _total(program, picks))
        bound = (ceiling + 0.5 * program.length) / scale
        return _Outcome(_unproven(picks, program.constraint), picks, bound)

    return solve


def _math_opt(backend: Backend) -> Callable[[_Program, _Options], _Outcome]:
    mathopt = _load("ortools.math_opt.python.mathopt")
    kind = mathopt.SolverType.HIGHS if backend == "highs" else mathopt.SolverType.GSCIP
    reasons = mathopt.TerminationReason

    def solve(program: _Program, options: _Options) -> _Outcome:
        model = mathopt.Model()
        take = [model.add_binary_variable() for _ in program.score]
        for row in program.words:
            model.add_linear_constraint(mathopt.fast_sum(take[i] for i in row) <= 1)
        for row in program.entities:
            if not row:
                continue
            uses = mathopt.fast_sum(take[i] for i in row)
            if program.constraint.at_least:
                model.add_linear_constraint(uses >= program.constraint.at_least)
            if program.constraint.at_most is not None and len(row) > program.constraint.at_most:
                model.add_linear_constraint(uses <= program.constraint.at_most)
        model.maximize(mathopt.fast_sum(c * x for c, x in zip(program.score, take, strict=True)))
        limit = None if options.time_limit is None else timedelta(seconds=options.time_limit)
        result = mathopt.solve(
            model,
            kind,
            params=mathopt.SolveParameters(
                time_limit=limit,
                threads=None if backend == "highs" else 1,
                random_seed=options.seed,
                relative_gap_tolerance=options.gap,
                absolute_gap_tolerance=0.0,
            ),
        )
        reason = result.termination.reason
        if reason in (reasons.INFEASIBLE, reasons.INFEASIBLE_OR_UNBOUNDED):
            return _Outcome(Status.INFEASIBLE, [], 0.0)
        if reason not in (reasons.OPTIMAL, reasons.FEASIBLE, reasons.NO_SOLUTION_FOUND):
            raise RuntimeError(f"{backend} stopped without an answer: {result.termination}")
        picks = []
        if result.has_primal_feasible_solution():
            picks = [i for i, x in enumerate(result.variable_values(take)) if x > 0.5]
        reached = _total(program, picks)
        bound = min(result.dual_bound(), sum(program.score))
        if reason == reasons.OPTIMAL and bound - reached <= MIP_TOLERANCE * max(1.0, reached):
            return _Outcome(Status.OPTIMAL, picks, bound)
        return _Outcome(_unproven(picks, program.constraint), picks, bound)

    return solve
