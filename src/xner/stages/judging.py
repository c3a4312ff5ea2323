"""How probable the spans of a projection are, and which candidates are too improbable."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xner.kernels.records import Float64, Problem, Spans, sizes_of
from xner.score.alignment import linked_ngrams
from xner.score.counts import Counts
from xner.score.likelihood import likelihood
from xner.score.registry import TINY
from xner.score.scene import Scene, Text
from xner.stages.solved import BELOW, NO_COUNTERPART, Chosen, owner_of

if TYPE_CHECKING:
    from xner.stages.projection_options import ProjectionOptions


def likelihoods(
    text: Text, problem: Problem, spans: Spans, counts: Counts, options: ProjectionOptions
) -> Float64:
    """Return float64 (C): the likelihood of every candidate; NaN for those that are not n-grams.

    An entity's candidates are all of its linked n-grams, whatever the method chooses from.
    """
    if options.method != "heuristic":
        return likelihood(Scene(text, problem, spans, counts))
    ngrams = linked_ngrams(text, options.max_span, options.max_ratio).problem
    found = likelihood(Scene(text, ngrams, spans, counts))
    keys, wanted = _keys(ngrams), _keys(problem)
    at = np.minimum(np.searchsorted(keys, wanted), max(0, len(keys) - 1))
    if not len(keys):
        return np.full(len(wanted), np.nan)
    return np.where(keys[at] == wanted, found[at], np.nan)


def _keys(problem: Problem) -> NDArray[np.uint64]:
    """Entity, start and end of every candidate as one number, ascending.

    Spans are shorter than 2^20 words (`xner.validate.MOST_WORDS`); entities of a batch are fewer
    than 2^24.
    """
    owner = owner_of(problem)
    parts = owner.astype(np.uint64), problem.start.astype(np.uint64), problem.end.astype(np.uint64)
    return (parts[0] << np.uint64(40)) | (parts[1] << np.uint64(20)) | parts[2]


def above(
    problem: Problem, options: ProjectionOptions, chance: Float64 | None
) -> NDArray[np.bool_]:
    """Return bool (C): which candidates score enough and are probable enough.

    chance: float64 (C), their likelihoods, or None. NaN is unknown, not improbable.
    """
    keep: NDArray[np.bool_] = (problem.score > TINY) & (problem.score >= options.min_score)
    if chance is not None and options.min_precision > 0:
        keep &= ~(chance < options.min_precision)
    return keep


def without(
    problem: Problem, keep: NDArray[np.bool_], chance: Float64 | None
) -> tuple[Problem, Float64 | None, NDArray[np.uint8]]:
    """Leave out candidates.

    Args:
        problem: the candidates.
        keep: bool (C), those that remain.
        chance: float64 (C), likelihoods, or None.

    Returns:
        The problem and the likelihoods of those that remain; uint8 (E), the outcome of entities
        that lost all, or 0: `no_counterpart` if that is more probable than the best candidate,
        `below_threshold` otherwise.
    """
    lost = np.zeros(problem.entities, np.uint8)
    if keep.all():
        return problem, chance, lost
    kept = keep.nonzero()[0]
    offsets = kept.searchsorted(problem.candidate_offsets)
    gone = (sizes_of(problem.candidate_offsets) > 0) & (sizes_of(offsets) == 0)
    if gone.any():
        lost[gone] = BELOW
        if chance is not None:
            lost[gone & _without_counterpart(problem, chance)] = NO_COUNTERPART
    part = Problem(
        problem.entity_offsets,
        offsets,
        problem.start[kept],
        problem.end[kept],
        problem.score[kept],
        problem.target_lengths,
    )
    return part, None if chance is None else chance[kept], lost


def _without_counterpart(problem: Problem, chance: Float64) -> NDArray[np.bool_]:
    """Bool (E): whether none of its candidates is more probable than the best of them."""
    owner = owner_of(problem)
    best, total = np.zeros(problem.entities), np.zeros(problem.entities)
    np.maximum.at(best, owner, chance)
    np.add.at(total, owner, chance)
    return 1.0 - total > best


def probability_column(chosen: Chosen, chance: Float64) -> tuple[pa.ListArray, float]:
    """The likelihood of every target entity, null where it is unknown; and the sum of all."""
    values = chance[chosen.candidate]
    unknown = np.isnan(values)
    column = pa.array(values.astype(np.float32), mask=unknown)
    expected = float(values[~unknown].sum())
    return pa.ListArray.from_arrays(pa.array(chosen.offsets), column), expected
