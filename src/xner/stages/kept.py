"""The column scored_candidates: the best candidates of each source entity, and why they lost."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xner.columns import SCORED_CANDIDATES, struct_lists
from xner.kernels.records import Problem, rows_at
from xner.score.alignment import Candidates
from xner.solve.solution import Solution, Status
from xner.stages.solved import owner_of


class Fate(StrEnum):
    """What became of a candidate."""

    CHOSEN = "chosen"
    OVERLAPS = "overlaps"  # a chosen candidate of another entity has one of its words
    LOWER_SCORE = "lower_score"  # its entity got other candidates, which make the sum larger
    BELOW_THRESHOLD = "below_threshold"  # its score or probability is too low
    NOT_CHOSEN = "not_chosen"  # nothing was chosen in its sentence


_FATES = tuple(Fate)
_NOBODY = np.iinfo(np.int64).max


def candidate_column(
    made: Candidates, above: NDArray[np.bool_], solution: Solution, most: int
) -> pa.ListArray:
    """Return the best candidates of each entity: the chosen ones, then by falling score.

    Args:
        made: the C candidates before `min_score` and `min_precision`.
        above: bool (C), the candidates that the solver saw.
        solution: its choice among them.
        most: candidates to keep of each entity; more if more were chosen.
    """
    problem = made.problem
    chosen = np.zeros(problem.candidates, bool)
    chosen[above] = solution.chosen.astype(bool)
    owner = owner_of(problem)
    order = np.lexsort((problem.end, problem.start, -problem.score, ~chosen, owner))
    rank = np.arange(len(order)) - problem.candidate_offsets[owner[order]]
    kept = order[(rank < most) | chosen[order]]
    sentence = rows_at(owner, problem.entity_offsets)
    rival = _rivals(problem, chosen, owner, sentence, kept)
    settled = (solution.status != Status.INFEASIBLE) & (solution.status != Status.UNKNOWN)
    fate = np.select(
        [chosen[kept], ~above[kept], ~settled[sentence[kept]], rival != _NOBODY],
        [
            _FATES.index(f)
            for f in (Fate.CHOSEN, Fate.BELOW_THRESHOLD, Fate.NOT_CHOSEN, Fate.OVERLAPS)
        ],
        _FATES.index(Fate.LOWER_SCORE),
    )
    first = problem.entity_offsets[sentence[kept]]
    overlaps = fate == _FATES.index(Fate.OVERLAPS)
    counts = np.bincount(sentence[kept], minlength=problem.sentences)
    return struct_lists(
        SCORED_CANDIDATES,
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int32),
        (owner[kept] - first).astype(np.int32),
        problem.start[kept],
        problem.end[kept],
        problem.score[kept],
        pa.array([name.value for name in _FATES]).take(pa.array(fate)),
        pa.array(np.where(overlaps, rival - first, 0), pa.int32(), mask=~overlaps),
    )


def _rivals(
    problem: Problem,
    chosen: NDArray[np.bool_],
    owner: NDArray[np.int64],
    sentence: NDArray[np.int64],
    kept: NDArray[np.int64],
) -> NDArray[np.int64]:
    """int64 (kept): the first other entity that was given a word of the candidate, or `_NOBODY`."""
    words = np.concatenate([[0], np.cumsum(problem.target_lengths, dtype=np.int64)])
    start = (words[sentence] + problem.start).astype(np.int64)
    length = (problem.end - problem.start).astype(np.int64)
    taker = np.full(words[-1], _NOBODY)
    taken = np.flatnonzero(chosen)
    taker[_ranges(start[taken], length[taken])] = np.repeat(owner[taken], length[taken])
    if not len(kept):
        return np.zeros(0, np.int64)
    by = taker[_ranges(start[kept], length[kept])]
    by[by == np.repeat(owner[kept], length[kept])] = _NOBODY
    edges = np.concatenate([[0], np.cumsum(length[kept])[:-1]])
    rivals: NDArray[np.int64] = np.minimum.reduceat(by, edges)
    return rivals


def _ranges(start: NDArray[np.int64], length: NDArray[np.int64]) -> NDArray[np.int64]:
    """The numbers of all ranges `[start, start + length)`, concatenated."""
    edges = np.concatenate([[0], np.cumsum(length)[:-1]]) if len(length) else length
    ranges: NDArray[np.int64] = np.repeat(start - edges, length) + np.arange(int(length.sum()))
    return ranges
