"""The columns of a projection: chosen spans, and the outcome of every source entity."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xner.columns import ENTITIES, SOLUTION, rows_of, struct_lists, taken
from xner.kernels.candidate_spans import NO_CANDIDATE, NO_TARGET, TOO_SHORT, UNALIGNED
from xner.kernels.records import Float64, Int32, Problem, rows_at, sizes_of
from xner.outcomes import Outcome
from xner.score.alignment import Candidates
from xner.score.scene import Text
from xner.solve.solution import Route, Solution, Status, candidate_edges, names_of
from xner.validate import MOST_WORDS

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
_CODES = range(max(OUTCOMES) + 1)
_NAMES = [str(OUTCOMES.get(code, "")) for code in _CODES]
_OUTCOMES, _ROUTES, _STATUSES = map(pa.array, (_NAMES, names_of(Route), names_of(Status)))
_WORDS = 2 * MOST_WORDS
_WITHOUT_CHOICE = np.zeros(len(Status), np.uint8)
_WITHOUT_CHOICE[[Status.INFEASIBLE, Status.UNKNOWN]] = INFEASIBLE, UNSOLVED
"""The outcome of all entities of a sentence, by its status; 0 if a choice was made."""


def outcome_codes(
    made: Candidates,
    lost: NDArray[np.uint8],
    problem: Problem,
    solution: Solution,
    chosen: Chosen,
) -> NDArray[np.uint8]:
    """uint8 (E): the outcome of every source entity, keys of `OUTCOMES`.

    lost: uint8 (E), the outcome of entities that lost all candidates, 0 for others.
    """
    codes = made.status.copy()
    codes[codes == 0] = CONFLICT
    np.copyto(codes, lost, where=lost > 0)
    without = _WITHOUT_CHOICE[solution.status]
    if without.any():
        of_entity = without.repeat(sizes_of(problem.entity_offsets))
        np.copyto(codes, of_entity, where=of_entity > 0)
    codes[chosen.entity] = PROJECTED
    return codes


def count_outcomes(codes: NDArray[np.uint8]) -> dict[str, int]:
    """Number of source entities by outcome."""
    return {_NAMES[code]: n for code, n in enumerate(np.bincount(codes).tolist()) if n}


def owner_of(problem: Problem) -> NDArray[np.int64]:
    """Return int64 (C): the entity of every candidate."""
    return rows_of(problem.candidate_offsets)


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
        chosen = solution.chosen.nonzero()[0]
        entity = rows_at(chosen, problem.candidate_offsets)
        sentence = rows_at(entity, problem.entity_offsets)
        start, end = problem.start[chosen], problem.end[chosen]
        order = np.argsort(((sentence * _WORDS + start) + 1) * _WORDS - end, kind="stable")
        offsets = chosen.searchsorted(candidate_edges(problem)).astype(np.int32)
        return cls(offsets, chosen[order], entity[order], sentence[order])


def target_entities(text: Text, problem: Problem, chosen: Chosen) -> pa.ListArray:
    """The chosen candidates as entities."""
    at = chosen.candidate
    scores: Float64 = problem.score[at]
    return struct_lists(
        ENTITIES,
        chosen.offsets,
        problem.start[at],
        problem.end[at],
        taken(text.source_entities.values.field("label"), chosen.entity),
        scores.astype(np.float32),
        (chosen.entity - problem.entity_offsets[chosen.sentence]).astype(np.int32),
    )


def solution_column(solution: Solution) -> pa.StructArray:
    """Objective, bound, route and status of each sentence."""
    return pa.StructArray.from_arrays(
        [
            pa.array(solution.objective),
            pa.array(solution.bound),
            taken(_ROUTES, solution.route),
            taken(_STATUSES, solution.status),
        ],
        fields=list(SOLUTION),
    )


def outcome_column(codes: NDArray[np.uint8], problem: Problem) -> pa.ListArray:
    """The names of the outcomes, one list per sentence."""
    return pa.ListArray.from_arrays(pa.array(problem.entity_offsets), taken(_OUTCOMES, codes))
