"""The edge score: whether the first and last word of a candidate belong inside spans.

The first pass counts how often each word type occurs inside a span, and how often immediately
before or after one. For a word w, excluding its own sentence,

    p(w) = (inside(w) + k * q) / (inside(w) + outside(w) + k),   k = 2
    c = min(1, p(first) / t) * min(1, p(last) / t),   t = 0.3

where q, for rare words, is the same share for the first and last words of spans among
all words of w's shape (upper case, lower case, digit, punctuation), add-one smoothed. In [0, 1].
Only words that are evidence against a span cost: above t all are equal, so that no span is cut
because a word further in is better.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from xner.kernels.corpus_scores import INSIDE, OUTSIDE, EdgeRule, edge_scores
from xner.kernels.keys import SHAPES
from xner.kernels.records import Float64, Int64, Keys, Spans, Words
from xner.score.counts import Counts
from xner.score.scene import Scene, Text, key_of, score_with

STRENGTH = 2.0
ENOUGH = 0.3
SHAPE_INSIDE, SHAPE_OUTSIDE = np.uint64(8), np.uint64(9)


def count_edges(text: Text, spans: Spans, counts: Counts) -> None:
    """Count the words inside spans and next to them."""
    keys = text.target.keys
    first, last, outside = _edges(text.target, spans)
    counts.add(key_of(keys[_positions(first, last)], INSIDE))
    counts.add(key_of(keys[outside], OUTSIDE))
    count_shapes(text, spans, counts)


def count_shapes(text: Text, spans: Spans, counts: Counts) -> None:
    """Count the shapes of the first and last words of spans, and of the words next to them."""
    shapes = text.target.shapes
    first, last, outside = _edges(text.target, spans)
    edges = np.concatenate([first, last - 1])
    inside = np.bincount(shapes[edges], minlength=SHAPES)
    counts.add(_shape_keys(SHAPE_INSIDE), inside)
    counts.add(_shape_keys(SHAPE_OUTSIDE), np.bincount(shapes[outside], minlength=SHAPES))


def _edges(words: Words, spans: Spans) -> tuple[Int64, Int64, Int64]:
    """Positions in all words: begin and end of each span, and the words next to spans."""
    lengths = np.diff(spans.offsets)
    base = np.repeat(words.offsets[:-1], lengths).astype(np.int64)
    limit = np.repeat(words.offsets[1:], lengths)
    first, last = base + spans.start, base + spans.end
    return first, last, np.concatenate([first[spans.start > 0] - 1, last[last < limit]])


def _positions(first: Int64, last: Int64) -> Int64:
    """int64: all positions of the spans, one span after the other."""
    lengths = last - first
    starts = np.cumsum(lengths) - lengths
    return np.repeat(first - starts, lengths) + np.arange(lengths.sum())


@cache
def _shape_keys(kind: np.uint64) -> Keys:
    return key_of(np.arange(SHAPES).astype(np.uint64) << np.uint64(8), kind)


def shares_of_shapes(counts: Counts) -> Float64:
    """Return float64 (SHAPES): the share of the first and last words of spans among all words."""
    inside = counts.of(_shape_keys(SHAPE_INSIDE))
    outside = counts.of(_shape_keys(SHAPE_OUTSIDE))
    shares: Float64 = (inside + 1.0) / (inside + outside + 2.0)
    return shares


def edge_rule(counts: Counts) -> EdgeRule:
    """The constants of the score for a corpus."""
    return EdgeRule(shares_of_shapes(counts), STRENGTH, ENOUGH)


def edge(scene: Scene) -> Float64:
    """Return float64 (C): the edge score of every candidate."""
    spans, counts = scene.counted()
    arguments = scene.text.both, spans, counts.table, edge_rule(counts)
    return score_with(edge_scores, scene.problem, *arguments)
