"""Composition of links through a third text (source to middle to target), and averages of links.

Let a be the weights of the links from source to middle and b those from middle to target. The
weight of the link from source word i to target word j is

    sum:       min(1, sum over k of a_ik b_kj)
    noisy-or:  1 - product over k of (1 - min(1, a_ik b_kj))

over all middle words k.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xner.columns import LINKS, field_of, offsets_of, rows_of
from xner.errors import UsageError

Int64 = NDArray[np.int64]
Float64 = NDArray[np.float64]

WAYS = ("noisy-or", "sum")
_WORD = np.int64(1) << 20
"""Above the number of words of any sentence; two words and a row number fit into 63 bits."""


def compose(first: pa.ListArray, second: pa.ListArray, way: str = "noisy-or") -> pa.ListArray:
    """Return the links from source to target through a middle text, row by row.

    Args:
        first: links from source to middle.
        second: links from middle to target, with the same number of rows.
        way: how the paths between two words are combined, `noisy-or` or `sum`.

    Returns:
        Links sorted by source word, then target word, without links of weight 0.

    Raises:
        UsageError: `way` is unknown.
    """
    if way not in WAYS:
        raise UsageError(f"unknown way {way!r} to combine paths; choose one of {', '.join(WAYS)}")
    rows, source, middle, weight = _flat(first)
    more, begin, target, onward = _flat(second)
    keys = more * _WORD + begin
    order = np.argsort(keys, kind="stable")
    wanted = rows * _WORD + middle
    low, high = (np.searchsorted(keys[order], wanted, side) for side in ("left", "right"))
    paths = high - low
    begins = np.cumsum(paths) - paths
    path = order[np.repeat(low - begins, paths) + np.arange(paths.sum())]
    product = np.minimum(1.0, np.repeat(weight, paths) * onward[path])
    return _grouped(
        np.repeat(rows, paths), np.repeat(source, paths), target[path], product, way, len(first)
    )


def average(first: pa.ListArray, second: pa.ListArray) -> pa.ListArray:
    """Average the weights of two columns of links; a missing link has weight 0."""
    sides = zip(_flat(first), _flat(second), strict=True)
    rows, source, target, weight = (np.concatenate(pair) for pair in sides)
    return _grouped(rows, source, target, weight / 2, "add", len(first))


def _flat(links: pa.ListArray) -> tuple[Int64, Int64, Int64, Float64]:
    """Return row, source, target and weight of every link."""
    offsets = offsets_of(links)
    part = slice(int(offsets[0]), int(offsets[-1]))
    source, target = (field_of(links, name)[part].astype(np.int64) for name in ("source", "target"))
    return rows_of(offsets), source, target, field_of(links, "weight")[part].astype(np.float64)


def _grouped(
    rows: Int64, source: Int64, target: Int64, weight: Float64, way: str, count: int
) -> pa.ListArray:
    """Merge links between the same two words and combine their weights."""
    places, index = np.unique((rows * _WORD + source) * _WORD + target, return_inverse=True)
    if way == "noisy-or":
        with np.errstate(divide="ignore"):  # log1p(-1) is -inf: the product is 0
            lost = np.bincount(index, np.log1p(-weight), len(places))
        total = -np.expm1(lost)
    else:
        total = np.bincount(index, weight, len(places))
    if way == "sum":
        total = np.minimum(1.0, total)
    places, total = places[total > 0], total[total > 0]
    values = [
        pa.array((places // _WORD % _WORD).astype(np.int32)),
        pa.array((places % _WORD).astype(np.int32)),
        pa.array(total.astype(np.float32)),
    ]
    edges = np.searchsorted(places // (_WORD * _WORD), np.arange(count + 1)).astype(np.int32)
    made = pa.StructArray.from_arrays(values, fields=list(LINKS.value_type))
    return pa.ListArray.from_arrays(pa.array(edges), made)
