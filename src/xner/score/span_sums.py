"""Sums over all spans of the first pass, on which the scores `edge` and `likelihood` depend."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from xner.kernels.blocks import frozen, over_blocks
from xner.kernels.keys import SHAPES
from xner.kernels.records import Int64, Keys, Spans
from xner.kernels.span_sums import LENGTHS, OUTSIDE, sum_spans
from xner.score.counts import Counts
from xner.score.scene import Text, key_of

_INSIDE, _OUTSIDE, _LENGTHS = np.uint64(8), np.uint64(9), np.uint64(11)


class SpanSums(NamedTuple):
    """Sums over the spans of a corpus.

    inside, outside: int64 (SHAPES), the first and last words of spans, and the words next to
    spans, by shape. lengths: int64 (4), words and letters of the entities that have a span, and
    of the spans.
    """

    inside: Int64
    outside: Int64
    lengths: Int64


def count_sums(text: Text, spans: Spans, counts: Counts) -> None:
    """Count what the spans of a batch sum up to."""
    parts = over_blocks(sum_spans, text.batch.num_rows, text.both, spans)
    counts.add(_keys(), sum(parts[1:], parts[0]))


def sums_of(counts: Counts) -> SpanSums:
    """Return the sums that were counted."""
    sums = counts.of(_keys())
    return SpanSums(sums[:OUTSIDE], sums[OUTSIDE:LENGTHS], sums[LENGTHS:])


@cache
def _keys() -> Keys:
    """uint64 (SUMS): the keys under which the sums are counted."""
    kinds = ((SHAPES, _INSIDE), (SHAPES, _OUTSIDE), (4, _LENGTHS))
    keys = [key_of(np.arange(n, dtype=np.uint64) << np.uint64(8), kind) for n, kind in kinds]
    return frozen(np.concatenate(keys), np.uint64)
