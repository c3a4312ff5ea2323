"""The edge score: whether the first and last word of a candidate belong inside spans.

The first pass counts how often each word type stands inside a span, and how often right before
or after one. For a word w, its own sentence left out,

    p(w) = (inside(w) + k * q) / (inside(w) + outside(w) + k),   k = 2
    c = min(1, p(first) / t) * min(1, p(last) / t),   t = 0.3

where q, for words seen rarely, is the same share for the first and last words of spans among
all words of w's shape (upper case, lower case, digit, sign), add-one smoothed. In [0, 1]. Only
words that speak against a span cost: above t all are equal, so that no span is cut for the
sake of a better word further in.
"""

from __future__ import annotations

import numpy as np

from xner.kernels.blocks import over_blocks
from xner.kernels.edges import INSIDE, OUTSIDE, edge_scores
from xner.kernels.keys import SHAPES
from xner.score.counts import Counts, Keys
from xner.score.scene import Int64, Scene, Spans, Text, key_of
from xner.solve.problem import Float64

STRENGTH = 2.0
ENOUGH = 0.3
SHAPE_INSIDE, SHAPE_OUTSIDE = np.uint64(8), np.uint64(9)


def count_edges(text: Text, spans: Spans, counts: Counts) -> None:
    """Count the words inside spans and next to them."""
    words = text.target
    lengths = np.diff(spans.offsets)
    base = np.repeat(words.offsets[:-1], lengths).astype(np.int64)
    limit = np.repeat(words.offsets[1:], lengths)
    first, last = base + spans.start, base + spans.end
    outside = np.concatenate([first[spans.start > 0] - 1, last[last < limit]])
    counts.add(key_of(words.keys[_positions(first, last)], INSIDE))
    counts.add(key_of(words.keys[outside], OUTSIDE))
    edges = np.concatenate([first, last - 1])
    counts.add(_shape_keys(SHAPE_INSIDE), np.bincount(words.shapes[edges], minlength=SHAPES))
    counts.add(_shape_keys(SHAPE_OUTSIDE), np.bincount(words.shapes[outside], minlength=SHAPES))


def _positions(first: Int64, last: Int64) -> Int64:
    """int64: all positions of the spans, one after the other."""
    lengths = last - first
    starts = np.cumsum(lengths) - lengths
    return np.repeat(first - starts, lengths) + np.arange(lengths.sum())


def _shape_keys(kind: np.uint64) -> Keys:
    return key_of(np.arange(SHAPES).astype(np.uint64) << np.uint64(8), kind)


def edge(scene: Scene) -> Float64:
    """float64 (C): the edge score of every candidate."""
    spans, counts = scene.counted()
    problem, text, words = scene.problem, scene.text, scene.text.target
    inside = counts.of(_shape_keys(SHAPE_INSIDE))
    outside = counts.of(_shape_keys(SHAPE_OUTSIDE))
    score = np.empty(problem.candidates)
    over_blocks(
        edge_scores,
        problem.sentences,
        problem.entity_offsets,
        problem.candidate_offsets,
        problem.start,
        problem.end,
        text.entity_start,
        text.entity_end,
        text.source.offsets,
        text.source.keys,
        spans.offsets,
        spans.start,
        spans.end,
        words.offsets,
        words.keys,
        words.shapes,
        counts.table,
        counts.counts,
        (inside + 1.0) / (inside + outside + 2.0),
        STRENGTH,
        ENOUGH,
        score,
    )
    return score
