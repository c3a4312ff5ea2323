"""Sentences as rows of a model: whole if they fit, otherwise as overlapping windows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Int64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Windows:
    """Rows of B sentences, grouped by sentence and in order.

    Every token is owned by exactly one row: of the rows that contain it, the one in which it is
    furthest from the nearest border.

    Attributes:
        sentence: int64 (R), index of the sentence.
        start: int64 (R), first token of the row, counted in its sentence.
        size: int64 (R), number of tokens in the row.
        own_from: int64 (R), first token of the sentence that the row owns.
        own_to: int64 (R), end (exclusive) of the tokens that it owns.
    """

    sentence: Int64
    start: Int64
    size: Int64
    own_from: Int64
    own_to: Int64

    def cells(self, first_row: int, width: int) -> Int64:
        """Return the cell of each token in a rectangle of rows with one leading special token.

        Args:
            first_row: index of the first of these rows in the rectangle.
            width: tokens per row.

        Returns:
            int64 (K), row * width + column, sentence by sentence.
        """
        row = first_row + np.arange(len(self.start))
        return ranges(row * width + 1 + self.own_from - self.start, self.own_to - self.own_from)


def window_counts(lengths: Int64, room: int, overlap: int) -> Int64:
    """Return the number of rows of each sentence; arguments as for `plan_windows`."""
    more = -(-(lengths - room) // max(1, room - overlap))
    return 1 + np.maximum(more, 0)


def plan_windows(lengths: Int64, room: int, overlap: int, ties_first: bool = False) -> Windows:
    """Split sentences into evenly spaced windows.

    Args:
        lengths: int64 (B), tokens of each sentence, without special tokens.
        room: maximum number of tokens per row.
        overlap: minimum number of tokens that consecutive windows share.
        ties_first: a token equally far from the borders of two windows belongs to the first;
            by default to the second.
    """
    counts = window_counts(lengths, room, overlap)
    sentence = np.repeat(np.arange(len(lengths)), counts)
    total = lengths[sentence]
    number = ranges(np.zeros(len(counts), np.int64), counts)
    last = counts[sentence] - 1
    start = number * np.maximum(total - room, 0) // np.maximum(last, 1)
    size = np.minimum(total, room)
    # Half way between the end of one window and the start of the next.
    border = (start + size + np.roll(start, -1) + ties_first) // 2
    own_to = np.where(number == last, total, border)
    own_from = np.where(number == 0, 0, np.roll(own_to, 1))
    return Windows(sentence, start, size, own_from, own_to)


def ranges(begin: Int64, lengths: Int64) -> Int64:
    """Return the integers of the ranges `[begin, begin + length)`, concatenated."""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    numbers: Int64 = np.arange(total) + np.repeat(begin - (ends - lengths), lengths)
    return numbers
