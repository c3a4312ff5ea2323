"""The rows of a large corpus that corpus statistics are collected from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from xner.columns import BATCH
from xner.kernels.blocks import frozen
from xner.kernels.records import Flags

RUNS = 64
"""Places of a corpus that a sample is taken from, at most."""
_ALIGNED = 2 * BATCH


class Sample(NamedTuple):
    """The first `taken` rows of every `block` rows, counted from row `first`.

    A run of rows is read faster than as many single rows.
    """

    first: int
    block: int
    taken: int

    @classmethod
    def of(cls, first: int, rows: int, most: int) -> Sample | None:
        """Return a sample of at most `most` rows, or None if there are no more.

        Args:
            first: row of the whole corpus that the first of the rows is.
            rows: number of rows.
            most: at least 1.
        """
        if rows <= most:
            return None
        block = -(-rows // min(RUNS, most))
        if block > _ALIGNED:  # blocks begin with parts of a job, and where row groups often do
            block = -(-block // _ALIGNED) * _ALIGNED
        return cls(first, block, most // -(-rows // block))

    def runs(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        """Yield the rows of the sample among the rows `[first, last)`, as half-open runs."""
        block = (first - self.first) // self.block
        while (begin := self.first + block * self.block) < last:
            run = max(first, begin), min(last, begin + self.taken)
            if run[0] < run[1]:
                yield run
            block += 1

    def flags(self, first: int, rows: int) -> Flags:
        """Return uint8 (rows): whether the rows from `first` on are in the sample."""
        place = np.arange(first - self.first, first - self.first + rows) % self.block
        return frozen(place < self.taken, np.uint8)
