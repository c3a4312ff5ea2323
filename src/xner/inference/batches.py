"""Batches by token budget: items of like cost together, so that little is padded."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Int64 = NDArray[np.int64]


def plan_batches(costs: Int64, budget: int) -> list[Int64]:
    """Split items into batches whose padded cost stays within a budget.

    Costly items come first, so that memory runs out at once or never; items of one cost keep
    their order.

    Args:
        costs: int64 (N), tokens of each item.
        budget: most tokens of a batch, padding included: items x the largest cost. An item that
            costs more makes a batch of its own.

    Returns:
        int64 arrays of item indices, each item in exactly one.
    """
    order = np.argsort(-costs, kind="stable")
    batches, begin = [], 0
    while begin < len(order):
        rows = max(1, budget // max(1, int(costs[order[begin]])))
        batches.append(order[begin : begin + rows])
        begin += rows
    return batches


def padded(rows: list[NDArray[np.int32]], filler: int) -> tuple[Int64, Int64]:
    """Rows of token ids as one rectangle.

    Returns:
        int64 (B, L), the ids with `filler` behind, and int64 (B, L), 1 where there is a token.
    """
    lengths = np.array([len(row) for row in rows], np.int64)
    mask = np.arange(lengths.max(initial=0)) < lengths[:, None]
    ids = np.full(mask.shape, filler, np.int64)
    if len(rows):
        ids[mask] = np.concatenate(rows)
    return ids, mask.astype(np.int64)
