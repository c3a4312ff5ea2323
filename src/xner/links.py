"""Columns of word links combined: backed off, averaged, or composed through a third text.

Let a be the weights of the links from source to middle and b those from middle to target. The
weight of the composed link from source word i to target word j is

    sum:       min(1, sum over k of a_ik b_kj)
    noisy-or:  1 - product over k of (1 - min(1, a_ik b_kj))

over all middle words k.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xner.columns import LINKS, fields_of, offsets_of, rows_of, struct_lists
from xner.errors import UsageError

Int64 = NDArray[np.int64]
Float64 = NDArray[np.float64]

WAYS = ("noisy-or", "sum")
_WORD = np.int64(1) << 20
"""Above the number of words of any sentence; two words and a row number fit into 63 bits."""


class _Flat(NamedTuple):
    """The links of all rows: row, source word, target word and weight of each."""

    row: Int64
    source: Int64
    target: Int64
    weight: Float64

    @classmethod
    def of(cls, links: pa.ListArray) -> _Flat:
        source, target, weight = fields_of(links, "source", "target", "weight")
        rows = rows_of(offsets_of(links))
        return cls(rows, source.astype(np.int64), target.astype(np.int64), weight.astype(float))

    def joined(self, other: _Flat) -> _Flat:
        return _Flat(
            np.concatenate([self.row, other.row]),
            np.concatenate([self.source, other.source]),
            np.concatenate([self.target, other.target]),
            np.concatenate([self.weight, other.weight]),
        )

    def at(self, index: NDArray[np.integer] | NDArray[np.bool_]) -> _Flat:
        return _Flat(self.row[index], self.source[index], self.target[index], self.weight[index])

    def column(self, rows: int) -> pa.ListArray:
        """The links, which are in order of rows, as a column of so many rows."""
        offsets = np.searchsorted(self.row, np.arange(rows + 1))
        parts = (self.source, np.int32), (self.target, np.int32), (self.weight, np.float32)
        return struct_lists(LINKS, offsets, *(part.astype(kind) for part, kind in parts))


def back_off(first: pa.ListArray, second: pa.ListArray) -> pa.ListArray:
    """Add the links of `second` between words that have none in `first`, row by row.

    Links of weight 0 in `first` do not count.
    """
    links, more = _Flat.of(first), _Flat.of(second)
    counted = links.at(links.weight > 0)
    free = np.ones(len(more.row), bool)
    for word in ("source", "target"):
        keys, taken = (flat.row * _WORD + getattr(flat, word) for flat in (more, counted))
        free &= ~np.isin(keys, taken)
    both = links.joined(more.at(free))
    return both.at(np.argsort(both.row, kind="stable")).column(len(first))


def average(first: pa.ListArray, second: pa.ListArray) -> pa.ListArray:
    """Links with half the sum of their weights in two columns; a missing link weighs 0.

    Links are in order of source word, then target word, each pair once; those of weight 0 are
    left out.
    """
    both = _Flat.of(first).joined(_Flat.of(second))
    return _grouped(both._replace(weight=both.weight / 2), "add", len(first))


def compose(first: pa.ListArray, second: pa.ListArray, way: str = "noisy-or") -> pa.ListArray:
    """Compose links through a middle text, row by row.

    Args:
        first: links from source to middle.
        second: links from middle to target, of as many rows.
        way: how the weights of several paths between two words add up, `noisy-or` or `sum`.

    Returns:
        Links from source to target, ordered as by `average`.

    Raises:
        UsageError: `way` is unknown.
    """
    if way not in WAYS:
        raise UsageError(f"unknown way {way!r} to combine paths; choose one of {', '.join(WAYS)}")
    there, onward = _Flat.of(first), _Flat.of(second)
    keys = onward.row * _WORD + onward.source
    order = np.argsort(keys, kind="stable")
    wanted = there.row * _WORD + there.target
    low, high = (np.searchsorted(keys[order], wanted, side) for side in ("left", "right"))
    paths = high - low
    begins = np.cumsum(paths) - paths
    path = order[np.repeat(low - begins, paths) + np.arange(paths.sum())]
    begun = there.at(np.repeat(np.arange(len(paths)), paths))
    weight = np.minimum(1.0, begun.weight * onward.weight[path])
    composed = _Flat(begun.row, begun.source, onward.target[path], weight)
    return _grouped(composed, way, len(first))


def _grouped(links: _Flat, way: str, rows: int) -> pa.ListArray:
    """Merge links between the same two words; the weights add up in `way`."""
    keys = (links.row * _WORD + links.source) * _WORD + links.target
    places, index = np.unique(keys, return_inverse=True)
    if way == "noisy-or":
        with np.errstate(divide="ignore"):  # log1p(-1) is -inf: the product is 0
            lost = np.bincount(index, np.log1p(-links.weight), len(places))
        total = -np.expm1(lost)
    else:
        total = np.bincount(index, links.weight, len(places))
    if way == "sum":
        total = np.minimum(1.0, total)
    places, total = places[total > 0], total[total > 0]
    row = places // (_WORD * _WORD)
    return _Flat(row, places // _WORD % _WORD, places % _WORD, total).column(rows)
