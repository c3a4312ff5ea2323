"""The result of a solver: the choice, and what is known about each sentence."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from xner.kernels.records import Choice, Flags, Float64, Int32, Problem

TOLERANCE = 1e-9


class Route(IntEnum):
    """What settled a sentence; where its groups took several, the hardest of them."""

    CERTIFICATE = 0  # no best candidates overlap, or greedy's answer meets a bound
    DP = 1  # dynamic programming over (target position, uses of each entity)
    ILP = 2  # OR-Tools
    GREEDY = 3  # not proven: the table is too large, or greedy was requested
    HEURISTIC = 4  # not proven: another method


class Status(IntEnum):
    """What is known about the choice in a sentence."""

    OPTIMAL = 0  # nothing is better
    FEASIBLE = 1  # allowed; another choice may be better, up to the bound
    INFEASIBLE = 2  # no choice meets the constraint: nothing is chosen
    UNKNOWN = 3  # no allowed choice within the time limit: nothing is chosen


def names_of(kind: type[Route | Status]) -> list[str]:
    """The names of routes or statuses by value, as columns and reports have them."""
    return [each.name.lower() for each in kind]


_ROUTES, _STATUSES = names_of(Route), names_of(Status)


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

    @classmethod
    def unproven(cls, choice: Choice) -> Solution:
        """Return the solution of a method that proves nothing; optimal where it meets the bound."""
        met = choice.bound - choice.objective <= TOLERANCE
        return cls(*choice, np.where(met, Status.OPTIMAL, Status.FEASIBLE).astype(np.uint8))

    @property
    def optimal(self) -> NDArray[np.bool_]:
        """Whether each sentence's choice is proven optimal, bool (S)."""
        return np.equal(self.status, Status.OPTIMAL)

    @property
    def gap(self) -> Float64:
        """How much better another choice might be, float64 (S)."""
        return self.bound - self.objective

    def routes(self) -> dict[str, int]:
        """Number of sentences by route, those that occur."""
        return _counts(self.route, _ROUTES)

    def statuses(self) -> dict[str, int]:
        """Number of sentences by status, those that occur."""
        return _counts(self.status, _STATUSES)


def candidate_edges(problem: Problem) -> Int32:
    """Return int32 (S+1): sentence s owns the candidates `[edges[s], edges[s+1])`."""
    return problem.candidate_offsets[problem.entity_offsets]


def _counts(codes: Flags, names: list[str]) -> dict[str, int]:
    counts = np.bincount(codes).tolist()
    return {names[code]: n for code, n in enumerate(counts) if n}
