"""What a projection writes: the chosen spans, and what became of every source entity."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xner.columns import ENTITIES, offsets_of
from xner.kernels.candidate_spans import NO_CANDIDATE, NO_TARGET, TOO_SHORT, UNALIGNED
from xner.kernels.records import Float64, Problem
from xner.score.alignment import Candidates
from xner.solve.solution import Route, Solution, Status

PROJECTED, CONFLICT, BELOW, INFEASIBLE, UNSOLVED, RELABELLED = 4, 5, 6, 7, 8, 9
OUTCOMES = {
    PROJECTED: "projected",
    RELABELLED: "relabelled",
    UNALIGNED: "unaligned",
    TOO_SHORT: "too_short",
    BELOW: "below_threshold",
    CONFLICT: "conflict",
    INFEASIBLE: "infeasible",
    UNSOLVED: "unsolved",
    NO_TARGET: "empty_target",
    NO_CANDIDATE: "no_candidate",
}
"""What becomes of a source entity (docs/data.md says when)."""


def outcomes(
    made: Candidates, dropped: NDArray[np.bool_], problem: Problem, solution: Solution
) -> NDArray[np.uint8]:
    """uint8 (E): the outcome of every source entity, keys of `OUTCOMES`."""
    codes = made.status.copy()
    codes[codes == 0] = CONFLICT
    codes[dropped] = BELOW
    for status, code in ((Status.INFEASIBLE, INFEASIBLE), (Status.UNKNOWN, UNSOLVED)):
        codes[np.repeat(solution.status == status, np.diff(problem.entity_offsets))] = code
    codes[_owner(problem)[np.flatnonzero(solution.chosen)]] = PROJECTED
    return codes


def _owner(problem: Problem) -> NDArray[np.int64]:
    """int64 (C): the entity of every candidate."""
    return np.repeat(np.arange(problem.entities), np.diff(problem.candidate_offsets))


def target_entities(batch: pa.RecordBatch, problem: Problem, solution: Solution) -> pa.ListArray:
    """The chosen candidates as entities, by start within each sentence."""
    chosen = np.flatnonzero(solution.chosen)
    entity = _owner(problem)[chosen]
    sentence = np.searchsorted(problem.entity_offsets, entity, side="right") - 1
    order = np.lexsort((problem.start[chosen], sentence))
    chosen, entity, sentence = chosen[order], entity[order], sentence[order]
    counts = np.bincount(sentence, minlength=problem.sentences)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    labels = batch["source_entities"].values.field("label")
    first = int(offsets_of(batch["source_entities"])[0])
    scores: Float64 = problem.score[chosen]
    values = pa.StructArray.from_arrays(
        [
            pa.array(problem.start[chosen]),
            pa.array(problem.end[chosen]),
            labels.take(pa.array(entity + first)),
            pa.array(scores.astype(np.float32)),
            pa.array((entity - problem.entity_offsets[sentence]).astype(np.int32)),
        ],
        fields=list(ENTITIES.value_type),
    )
    return pa.ListArray.from_arrays(pa.array(offsets), values)


def solution_column(solution: Solution) -> pa.StructArray:
    """Per sentence: objective, bound, what settled it and what is known of it."""
    routes = pa.array([route.name.lower() for route in Route])
    statuses = pa.array([status.name.lower() for status in Status])
    return pa.StructArray.from_arrays(
        [
            pa.array(solution.objective),
            pa.array(solution.bound),
            routes.take(pa.array(solution.route.astype(np.int32))),
            statuses.take(pa.array(solution.status.astype(np.int32))),
        ],
        names=["objective", "bound", "route", "status"],
    )


def outcome_column(codes: NDArray[np.uint8], problem: Problem) -> pa.ListArray:
    """The names of the outcomes, one list a sentence."""
    names = pa.array([OUTCOMES.get(code, "") for code in range(max(OUTCOMES) + 1)], pa.string())
    return pa.ListArray.from_arrays(
        pa.array(problem.entity_offsets), names.take(pa.array(codes.astype(np.int32)))
    )
