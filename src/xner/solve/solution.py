"""What a solver hands back: the choice, and per sentence how good it is known to be."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xner.kernels.blocks import frozen

if TYPE_CHECKING:
    from xner.solve.problem import Flags, Float64, Problem

TOLERANCE = 1e-9


class Route(IntEnum):
    """What settled a sentence; where its groups took several, the hardest of them."""

    CERTIFICATE = 0  # every best candidate stands, or greedy's answer meets the bound
    DP = 1  # dynamic programming over (target position, uses of each entity)
    SEARCH = 2  # the same with bounds
    ILP = 3  # OR-Tools
    GREEDY = 4  # not proven: the search gave up, or greedy was asked for
    HEURISTIC = 5  # not proven: another method


class Status(IntEnum):
    """What is known about a sentence's choice."""

    OPTIMAL = 0  # nothing is better
    FEASIBLE = 1  # allowed; something may be better, up to the bound
    INFEASIBLE = 2  # no choice meets the constraint: nothing is chosen
    UNKNOWN = 3  # the time limit came before any allowed choice: nothing is chosen


@dataclass(frozen=True, slots=True)
class Solution:
    """The choice for a `Problem` of S sentences and C candidates.

    Attributes:
        chosen: uint8 (C), 1 where the (entity, candidate) pair is chosen.
        objective: float64 (S), sum of the chosen scores.
        bound: float64 (S), no allowed choice has a larger sum.
        route: uint8 (S), values of `Route`.
        status: uint8 (S), values of `Status`.
    """

    chosen: Flags
    objective: Float64
    bound: Float64
    route: Flags
    status: Flags

    def __post_init__(self) -> None:
        for name in ("chosen", "route", "status"):
            object.__setattr__(self, name, frozen(getattr(self, name), np.uint8))
        for name in ("objective", "bound"):
            object.__setattr__(self, name, frozen(getattr(self, name), np.float64))

    @classmethod
    def of(cls, problem: Problem, chosen: Flags, route: Route, limit: int | None = 1) -> Solution:
        """The solution that an unproven method chose, bounded by each entity's best.

        Sentences that meet this bound are optimal, by whatever route.
        """
        objective = sums(problem, problem.score * chosen)
        bound = np.maximum(objective, _ceiling(problem, limit))
        return cls.unproven(chosen, objective, bound, route)

    @classmethod
    def unproven(cls, chosen: Flags, objective: Float64, bound: Float64, route: Route) -> Solution:
        """The solution of a method that proves nothing; optimal where it meets the bound."""
        met = bound - objective <= TOLERANCE
        status = np.where(met, Status.OPTIMAL, Status.FEASIBLE).astype(np.uint8)
        return cls(chosen, objective, bound, np.full(len(status), route, np.uint8), status)

    @property
    def optimal(self) -> NDArray[np.bool_]:
        """Whether each sentence's choice is proven optimal, bool (S)."""
        return np.equal(self.status, Status.OPTIMAL)

    @property
    def gap(self) -> Float64:
        """float64 (S): how much better another choice might be."""
        return self.bound - self.objective

    def routes(self) -> dict[str, int]:
        """Number of sentences by route, those that occur."""
        return _counts(self.route, Route)

    def statuses(self) -> dict[str, int]:
        """Number of sentences by status, those that occur."""
        return _counts(self.status, Status)


def sums(problem: Problem, values: Float64) -> Float64:
    """float64 (S): sums of per-candidate values (C) by sentence."""
    edges = problem.candidate_offsets[problem.entity_offsets]
    owner = np.repeat(np.arange(problem.sentences), np.diff(edges))
    return np.bincount(owner, values, problem.sentences).astype(np.float64)


def _ceiling(problem: Problem, limit: int | None) -> Float64:
    """float64 (S): sum over entities of the best score, or of all where more may be used."""
    if limit != 1:
        return sums(problem, problem.score)
    best = np.zeros(problem.entities)
    filled = np.flatnonzero(np.diff(problem.candidate_offsets))
    if len(filled):
        best[filled] = np.maximum.reduceat(problem.score, problem.candidate_offsets[filled])
    owner = np.repeat(np.arange(problem.sentences), np.diff(problem.entity_offsets))
    return np.bincount(owner, best, problem.sentences).astype(np.float64)


def _counts(codes: Flags, names: type[Route | Status]) -> dict[str, int]:
    found = np.bincount(codes, minlength=len(names))
    return {name.name.lower(): int(found[name]) for name in names if found[name]}
