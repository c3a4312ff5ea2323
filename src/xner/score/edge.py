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

import numpy as np

from xner.kernels.corpus_scores import INSIDE, OUTSIDE, EdgeRule, edge_scores
from xner.kernels.records import Float64, Int64, Spans, Words, sizes_of
from xner.score.counts import Counts
from xner.score.scene import Scene, Text, key_of, score_with
from xner.score.span_sums import SpanSums, sums_of

STRENGTH = 2.0
ENOUGH = 0.3


def count_edges(text: Text, spans: Spans, counts: Counts) -> None:
    """Count the words inside spans and next to them."""
    keys = text.target.keys
    first, last, outside = _edges(text.target, spans)
    counts.add(key_of(keys[_positions(first, last)], INSIDE))
    counts.add(key_of(keys[outside], OUTSIDE))


def _edges(words: Words, spans: Spans) -> tuple[Int64, Int64, Int64]:
    """Positions in all words: begin and end of each span, and the words next to spans."""
    lengths = sizes_of(spans.offsets)
    base = np.repeat(words.offsets[:-1], lengths).astype(np.int64)
    limit = np.repeat(words.offsets[1:], lengths)
    first, last = base + spans.start, base + spans.end
    return first, last, np.concatenate([first[spans.start > 0] - 1, last[last < limit]])


def _positions(first: Int64, last: Int64) -> Int64:
    """int64: all positions of the spans, one span after the other."""
    lengths = last - first
    starts = np.cumsum(lengths) - lengths
    return np.repeat(first - starts, lengths) + np.arange(lengths.sum())


def edge_rule(sums: SpanSums) -> EdgeRule:
    """The constants of the score for a corpus."""
    shares: Float64 = (sums.inside + 1.0) / (sums.inside + sums.outside + 2.0)
    return EdgeRule(shares, STRENGTH, ENOUGH)


def edge(scene: Scene) -> Float64:
    """Return float64 (C): the edge score of every candidate."""
    spans, counts = scene.counted()
    arguments = scene.text.both, spans, counts.table, edge_rule(sums_of(counts))
    return score_with(edge_scores, scene.problem, *arguments)
