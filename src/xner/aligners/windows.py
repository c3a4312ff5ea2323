"""Sentences as rows of a model: whole if they fit, else as overlapping windows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xner.aligners.subwords import spans

Int64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of B sentences, those of one sentence together and in order.

    A subword that lies in two windows belongs to the one whose border is further away: windows
    share a quarter of their subwords, and each owns its half of what is shared.

    Attributes:
        sentence: int64 (R), which sentence.
        start: int64 (R), the sentence's subword that is first in the row.
        size: int64 (R), subwords of the row.
        own_from: int64 (R), first subword of the sentence that belongs to the row.
        own_to: int64 (R), the one behind the last.
    """

    sentence: Int64
    start: Int64
    size: Int64
    own_from: Int64
    own_to: Int64

    def cells(self, first_row: int, width: int) -> Int64:
        """Where each subword stands in a rectangle of rows, one special token in front of each.

        Args:
            first_row: the rectangle's row where these begin.
            width: tokens of a row.

        Returns:
            int64 (K), row x width + column, sentence by sentence.
        """
        row = first_row + np.arange(len(self.start))
        return spans(row * width + 1 + self.own_from - self.start, self.own_to - self.own_from)


def window_counts(lengths: Int64, room: int) -> Int64:
    """How many rows sentences of these lengths need, if a row holds `room` subwords."""
    shared = room // 4
    more = -(-(lengths - room) // max(1, room - shared))
    return 1 + np.maximum(more, 0)


def lay_rows(lengths: Int64, room: int) -> Rows:
    """Rows for sentences of these lengths; windows lie evenly."""
    counts = window_counts(lengths, room)
    sentence = np.repeat(np.arange(len(lengths)), counts)
    total = lengths[sentence]
    place = spans(np.zeros(len(counts), np.int64), counts)
    last = counts[sentence] - 1
    start = place * np.maximum(total - room, 0) // np.maximum(last, 1)
    size = np.minimum(total, room)
    # Half way between the end of one window and the start of the next.
    behind = (start + size + np.roll(start, -1)) // 2
    own_to = np.where(place == last, total, behind)
    own_from = np.where(place == 0, 0, np.roll(own_to, 1))
    return Rows(sentence, start, size, own_from, own_to)
