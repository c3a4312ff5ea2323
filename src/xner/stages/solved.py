"""The columns of a projection: chosen spans, and the outcome of every source entity."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xner.columns import ENTITIES, SOLUTION, offsets_of, struct_lists
from xner.kernels.candidate_spans import NO_CANDIDATE, NO_TARGET, TOO_SHORT, UNALIGNED
from xner.kernels.records import Float64, Int32, Problem
from xner.outcomes import Outcome
from xner.score.alignment import Candidates
from xner.solve.solution import Route, Solution, Status

PROJECTED, CONFLICT, BELOW, INFEASIBLE, UNSOLVED, RELABELLED, NO_COUNTERPART = 4, 5, 6, 7, 8, 9, 11
OUTCOMES = {
    PROJECTED: Outcome.PROJECTED,
    RELABELLED: Outcome.RELABELLED,
    UNALIGNED: Outcome.UNALIGNED,
    TOO_SHORT: Outcome.TOO_SHORT,
    BELOW: Outcome.BELOW_THRESHOLD,
    CONFLICT: Outcome.CONFLICT,
    INFEASIBLE: Outcome.INFEASIBLE,
    UNSOLVED: Outcome.UNSOLVED,
    NO_TARGET: Outcome.EMPTY_TARGET,
    NO_CANDIDATE: Outcome.NO_CANDIDATE,
    NO_COUNTERPART: Outcome.NO_COUNTERPART,
}
"""Outcomes by the codes that kernels and solvers give."""


def outcome_codes(
    made: Candidates, lost: NDArray[np.uint8], problem: Problem, solution: Solution
) -> NDArray[np.uint8]:
    """uint8 (E): the outcome of every source entity, keys of `OUTCOMES`.

    lost: uint8 (E), the outcome of entities that lost all candidates, 0 for others.
    """
    codes = made.status.copy()
    codes[codes == 0] = CONFLICT
    codes = np.where(lost > 0, lost, codes)
    for status, code in ((Status.INFEASIBLE, INFEASIBLE), (Status.UNKNOWN, UNSOLVED)):
        codes[np.repeat(solution.status == status, np.diff(problem.entity_offsets))] = code
    codes[owner_of(problem)[np.flatnonzero(solution.chosen)]] = PROJECTED
    return codes


def count_outcomes(codes: NDArray[np.uint8]) -> dict[str, int]:
    """Number of source entities by outcome."""
    found = zip(*np.unique(codes, return_counts=True), strict=True)
    return {OUTCOMES[int(code)].value: int(n) for code, n in found}


def owner_of(problem: Problem) -> NDArray[np.int64]:
    """Return int64 (C): the entity of every candidate."""
    return np.repeat(np.arange(problem.entities), np.diff(problem.candidate_offsets))


class Chosen(NamedTuple):
    """The chosen candidates, by start within each sentence, longer ones first.

    offsets: int32 (S+1); sentence s owns the chosen `[offsets[s], offsets[s+1])`.
    candidate, entity, sentence: int64 (K), numbers of each.
    """

    offsets: Int32
    candidate: NDArray[np.int64]
    entity: NDArray[np.int64]
    sentence: NDArray[np.int64]

    @classmethod
    def of(cls, problem: Problem, solution: Solution) -> Chosen:
        """Return the chosen candidates of a solution."""
        chosen = np.flatnonzero(solution.chosen)
        entity = owner_of(problem)[chosen]
        sentence = np.searchsorted(problem.entity_offsets, entity, side="right") - 1
        order = np.lexsort((-problem.end[chosen], problem.start[chosen], sentence))
        counts = np.bincount(sentence, minlength=problem.sentences)
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
        return cls(offsets, chosen[order], entity[order], sentence[order])


def target_entities(batch: pa.RecordBatch, problem: Problem, chosen: Chosen) -> pa.ListArray:
    """The chosen candidates as entities."""
    at = chosen.candidate
    labels = batch["source_entities"].values.field("label")
    first = int(offsets_of(batch["source_entities"])[0])
    scores: Float64 = problem.score[at]
    return struct_lists(
        ENTITIES,
        chosen.offsets,
        problem.start[at],
        problem.end[at],
        labels.take(pa.array(chosen.entity + first)),
        scores.astype(np.float32),
        (chosen.entity - problem.entity_offsets[chosen.sentence]).astype(np.int32),
    )


def solution_column(solution: Solution) -> pa.StructArray:
    """Objective, bound, route and status of each sentence."""
    routes = pa.array([route.name.lower() for route in Route])
    statuses = pa.array([status.name.lower() for status in Status])
    return pa.StructArray.from_arrays(
        [
            pa.array(solution.objective),
            pa.array(solution.bound),
            routes.take(pa.array(solution.route.astype(np.int32))),
            statuses.take(pa.array(solution.status.astype(np.int32))),
        ],
        fields=list(SOLUTION),
    )


def outcome_column(codes: NDArray[np.uint8], problem: Problem) -> pa.ListArray:
    """The names of the outcomes, one list per sentence."""
    names = pa.array([OUTCOMES.get(code, "") for code in range(max(OUTCOMES) + 1)], pa.string())
    return pa.ListArray.from_arrays(
        pa.array(problem.entity_offsets), names.take(pa.array(codes.astype(np.int32)))
    )
