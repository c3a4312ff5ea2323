"""Sums over the spans of the first pass: shapes of words at their edges, words and letters."""

import numpy as np

from xner.kernels.jit import kernel
from xner.kernels.keys import SHAPES
from xner.kernels.records import Int64, Spans, Texts

INSIDE, OUTSIDE, LENGTHS = 0, SHAPES, 2 * SHAPES
"""Where the sums of each kind begin."""
SUMS = LENGTHS + 4


def sum_spans(lo: int, hi: int, texts: Texts, spans: Spans) -> Int64:
    """Return int64 (SUMS): the sums over the spans of the sentences `[lo, hi)`.

    By shape, the first and last words of spans and the words next to spans; then words and letters
    of the entities that have a span, and words and letters of the spans.
    """
    sums = np.zeros(SUMS, np.int64)
    add_spans(lo, hi, texts, spans, sums)
    return sums


@kernel
def add_spans(lo, hi, texts, spans, sums):
    """See `sum_spans`. sums: int64 (SUMS), added to."""
    source, target, entities = texts.source, texts.target, texts.entities
    for s in range(lo, hi):
        own, base, end = source.offsets[s], target.offsets[s], target.offsets[s + 1]
        for k in range(spans.offsets[s], spans.offsets[s + 1]):
            i, j = base + spans.start[k], base + spans.end[k]
            sums[INSIDE + target.shapes[i]] += 1
            sums[INSIDE + target.shapes[j - 1]] += 1
            if i > base:
                sums[OUTSIDE + target.shapes[i - 1]] += 1
            if j < end:
                sums[OUTSIDE + target.shapes[j]] += 1
            first, last = own + entities.start[spans.entity[k]], own + entities.end[spans.entity[k]]
            sums[LENGTHS] += last - first
            for w in range(first, last):
                sums[LENGTHS + 1] += source.letters[w]
            sums[LENGTHS + 2] += j - i
            for w in range(i, j):
                sums[LENGTHS + 3] += target.letters[w]
