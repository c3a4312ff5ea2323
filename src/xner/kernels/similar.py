"""Links from similarity matrices: argmax, itermax, softmax and entmax of both directions.

A batch of B sentence pairs comes as scores (B, S, T), padded: pair b has the units (subwords or
words) [0, rows[b]) and [0, columns[b]), and the padding is never read. A kernel works on
the pairs [lo, hi) and writes a weight above 0 at each link; `weight` (B, S, T) starts as zeros.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from xner.kernels.jit import allocating, allocating_kernel, inner
from xner.kernels.records import Float32, Int64

SMALLEST = np.float32(1.1754944e-38)
# A link's weight stays above 0 where float32 would round it down.


@inner
def first_best(scores, by_row, by_column):
    """Find the first greatest cell of each row and of each column.

    scores: floats (S, T); by_row: int64 (S), column of each row's, written; by_column: int64
    (T), row of each column's, written.
    """
    for i in range(scores.shape[0]):
        for j in range(scores.shape[1]):
            if j == 0 or scores[i, j] > scores[i, by_row[i]]:
                by_row[i] = j
            if i == 0 or scores[i, j] > scores[by_column[j], j]:
                by_column[j] = i


@inner
def as_weight(similarity):
    """Return a similarity as a weight: float32 in (0, 1]."""
    return np.float32(min(max(similarity, SMALLEST), 1.0))


@allocating_kernel
def link_argmax(
    lo: int, hi: int, scores: NDArray[Any], rows: Int64, columns: Int64, weight: Float32
) -> None:
    """Link cells that are the greatest of both their row and their column.

    scores: float32 or float64 (B, S, T), in [0, 1]; rows, columns: int64 (B); weight: float32
    (B, S, T), written.
    """
    by_row = np.empty(scores.shape[1], np.int64)
    by_column = np.empty(scores.shape[2], np.int64)
    for b in range(lo, hi):
        own = scores[b, : rows[b], : columns[b]]
        first_best(own, by_row, by_column)
        for i in range(own.shape[0] if own.shape[1] else 0):
            if by_column[by_row[i]] == i:
                weight[b, i, by_row[i]] = as_weight(own[i, by_row[i]])


@allocating_kernel
def link_itermax(
    lo: int,
    hi: int,
    scores: NDArray[Any],
    rows: Int64,
    columns: Int64,
    alpha: float,
    weight: Float32,
) -> None:
    """`link_argmax`, then once more among cells with a free row or a free column.

    In the second round, a cell with one free side counts `alpha` times its score, in float64, and
    one without a free side 0. There is no second round where a side has two units or fewer, or none
    is free.
    Arguments are those of `link_argmax`; alpha: float.
    """
    link_argmax(lo, hi, scores, rows, columns, weight)
    by_row = np.empty(scores.shape[1], np.int64)
    by_column = np.empty(scores.shape[2], np.int64)
    again = np.empty((scores.shape[1], scores.shape[2]))
    for b in range(lo, hi):
        n, m = rows[b], columns[b]
        row_free = np.ones(n, np.bool_)
        column_free = np.ones(m, np.bool_)
        for i in range(n):
            for j in range(m):
                if weight[b, i, j] > 0:
                    row_free[i] = column_free[j] = False
        if min(n, m) <= 2 or not row_free.any() or not column_free.any():
            continue
        for i in range(n):
            for j in range(m):
                count = int(row_free[i]) + int(column_free[j])
                factor = 1.0 if count == 2 else alpha * count
                again[i, j] = np.float64(scores[b, i, j]) * factor
        first_best(again[:n, :m], by_row, by_column)
        for i in range(n):
            j = by_row[i]
            if by_column[j] == i and (row_free[i] or column_free[j]):
                weight[b, i, j] = as_weight(scores[b, i, j])


@inner
def shift(scores, row_top, column_top):
    """Find the greatest score of each row and of each column.

    scores: float32 (S, T); row_top: float64 (S), column_top: float64 (T), written.
    """
    row_top[:] = -np.inf
    column_top[:] = -np.inf
    for i in range(scores.shape[0]):
        for j in range(scores.shape[1]):
            score = np.float64(scores[i, j])
            row_top[i] = max(row_top[i], score)
            column_top[j] = max(column_top[j], score)


@allocating_kernel
def link_softmax(
    lo: int,
    hi: int,
    scores: NDArray[Any],
    rows: Int64,
    columns: Int64,
    threshold: float,
    weight: Float32,
) -> None:
    """Link cells whose softmax over the row and over the column both exceed `threshold`.

    scores: float32 (B, S, T), dot products; rows, columns: int64 (B); threshold: float in
    (0, 1); weight: float32 (B, S, T), written: the mean of both.
    """
    size, width = scores.shape[1], scores.shape[2]
    row_top, row_sum = np.empty(size), np.empty(size)
    column_top, column_sum = np.empty(width), np.empty(width)
    # exp(-60) is lost in a sum of at least 1, and no p exceeds exp(score - top).
    negligible = -60.0
    bound = np.log(threshold)
    for b in range(lo, hi):
        own = scores[b, : rows[b], : columns[b]]
        n, m = own.shape
        shift(own, row_top[:n], column_top[:m])
        row_sum[:] = 0.0
        column_sum[:] = 0.0
        for i in range(n):
            for j in range(m):
                below_row = own[i, j] - row_top[i]
                below_column = own[i, j] - column_top[j]
                if below_row > negligible:
                    row_sum[i] += np.exp(below_row)
                if below_column > negligible:
                    column_sum[j] += np.exp(below_column)
        for i in range(n):
            for j in range(m):
                below_row = own[i, j] - row_top[i]
                below_column = own[i, j] - column_top[j]
                if below_row > bound and below_column > bound:
                    by_row = np.exp(below_row) / row_sum[i]
                    by_column = np.exp(below_column) / column_sum[j]
                    if by_row > threshold and by_column > threshold:
                        weight[b, i, j] = 0.5 * (by_row + by_column)


@allocating
def entmax15_threshold(halves):
    """The tau of Peters, Niculae & Martins (2019), algorithm 2: sum of max(z - tau, 0)^2 = 1.

    halves: float64 (K), K at least 1: half the scores, less half the greatest, above -1; sorted
    in place.
    """
    halves.sort()
    mean = 0.0
    spread = 0.0
    tau = 0.0
    for k in range(len(halves)):
        value = halves[len(halves) - 1 - k]
        if k and tau >= value:
            return tau
        step = value - mean
        mean += step / (k + 1)
        spread += step * (value - mean)
        tau = mean - np.sqrt(max(0.0, (1.0 - spread) / (k + 1)))
    return tau


@allocating
def entmax15_thresholds(scores, top, tau, room):
    """`entmax15_threshold` of each row, above half the row's greatest score.

    scores: float32 (S, T); top: float64 (S); tau: float64 (S), written; room: float64 (T).
    """
    for i in range(scores.shape[0]):
        count = 0
        for j in range(scores.shape[1]):
            half = 0.5 * (scores[i, j] - top[i])
            if half > -1.0:
                room[count] = half
                count += 1
        if count:
            tau[i] = entmax15_threshold(room[:count])


@allocating_kernel
def link_entmax15(
    lo: int, hi: int, scores: NDArray[Any], rows: Int64, columns: Int64, weight: Float32
) -> None:
    """Link cells to which 1.5-entmax over the row and over the column both assign more than 0.

    Arguments are those of `link_softmax`.
    """
    size, width = scores.shape[1], scores.shape[2]
    row_top, row_tau = np.empty(size), np.empty(size)
    column_top, column_tau = np.empty(width), np.empty(width)
    room = np.empty(max(size, width))
    for b in range(lo, hi):
        own = scores[b, : rows[b], : columns[b]]
        n, m = own.shape
        shift(own, row_top[:n], column_top[:m])
        entmax15_thresholds(own, row_top, row_tau, room)
        entmax15_thresholds(own.T, column_top, column_tau, room)
        for i in range(n):
            for j in range(m):
                by_row = 0.5 * (own[i, j] - row_top[i]) - row_tau[i]
                by_column = 0.5 * (own[i, j] - column_top[j]) - column_tau[j]
                if by_row > 0.0 and by_column > 0.0:
                    weight[b, i, j] = max(0.5 * (by_row**2 + by_column**2), SMALLEST)
