"""Batches by token budget, with items of similar cost together to minimise padding."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Int64 = NDArray[np.int64]


def plan_batches(costs: Int64, budget: int) -> list[Int64]:
    """Split items into batches whose padded cost stays within a budget.

    The most expensive items come first, so that memory runs out at the start or never. Items of
    equal cost keep their order.

    Args:
        costs: int64 (N), tokens of each item.
        budget: maximum number of tokens per batch, padding included: items times the highest
            cost. An item that exceeds the budget is a batch by itself.

    Returns:
        int64 arrays of item indices; each item is in exactly one of them.
    """
    order = np.argsort(-costs, kind="stable")
    batches, begin = [], 0
    while begin < len(order):
        rows = max(1, budget // max(1, int(costs[order[begin]])))
        batches.append(order[begin : begin + rows])
        begin += rows
    return batches


def padded(rows: list[NDArray[np.int32]], filler: int) -> tuple[Int64, Int64]:
    """Pad rows of token ids on the right.

    Returns:
        int64 (B, L), ids padded with `filler`, and int64 (B, L), 1 for tokens and 0 for padding.
    """
    lengths = np.array([len(row) for row in rows], np.int64)
    mask = np.arange(lengths.max(initial=0)) < lengths[:, None]
    ids = np.full(mask.shape, filler, np.int64)
    if len(rows):
        ids[mask] = np.concatenate(rows)
    return ids, mask.astype(np.int64)
