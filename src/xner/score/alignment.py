"""The alignment score: how many words of entity and candidate are linked to each other.

For an entity p and a candidate t,

    c(p, t) = 2 * sum of the weights of the links between p and t / (len p + len t)

(Politov et al. 2025; Shkalikov 2025, section 3.3), lengths in words. It is in [0, 1] for one-to-one
links of weight 1; many-to-many links may lift it above 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xner.kernels.blocks import over_blocks
from xner.kernels.candidate_spans import NgramLimits, RunLimits, linked_spans
from xner.kernels.records import Flags, Float64, Int32, Problem, joined
from xner.score.scene import Scene, Text


def alignment(scene: Scene) -> Float64:
    """Return float64 (C): the alignment score of every candidate, as computed with them."""
    return scene.problem.score


@dataclass(frozen=True, slots=True)
class Candidates:
    """Scored candidates of a batch.

    Attributes:
        problem: the matching problem.
        status: uint8 (E), why an entity has no candidate, one of the constants of
            `xner.kernels.candidate_spans`.
        length: int32 (E), words of each source entity.
    """

    problem: Problem
    status: Flags
    length: Int32


def linked_ngrams(text: Text, max_span: int = 10, max_ratio: float = 0.0) -> Candidates:
    """Return target n-grams of limited length that start and end on a word linked to the entity.

    Any other n-gram contains a shorter one with the same links, a higher score and fewer conflicts.

    Args:
        text: a batch with source_entities, target_tokens and links, checked.
        max_span: longest candidate, in words, at least 1.
        max_ratio: allow this many times the entity's words if that is more.
    """
    return _candidates(text, NgramLimits(max_span, float(max_ratio)), None)


def linked_runs(
    text: Text,
    merge_distance: int = 1,
    length_ratio: float = 0.8,
    top_k: int | None = None,
) -> Candidates:
    """Return runs of consecutive target words that are linked to the entity.

    Args:
        text: a batch with source_entities, target_tokens and links, checked.
        merge_distance: runs with at most this many words between them become one.
        length_ratio: keep a run if run words / entity words is above this.
        top_k: keep only the longest `top_k` runs of an entity (ties: the first); None keeps all.
    """
    return _candidates(text, None, RunLimits(merge_distance, float(length_ratio), top_k or 0))


def _candidates(text: Text, ngrams: NgramLimits | None, runs: RunLimits | None) -> Candidates:
    entities, lengths = text.entities, text.target_lengths
    spans = joined(
        over_blocks(linked_spans, text.batch.num_rows, entities, text.links, lengths, ngrams, runs)
    )
    offsets = np.zeros(len(spans.sizes) + 1, np.int32)
    spans.sizes.cumsum(dtype=np.int32, out=offsets[1:])
    problem = Problem(entities.offsets, offsets, spans.start, spans.end, spans.score, lengths)
    return Candidates(problem, spans.status, entities.end - entities.start)
