"""Links out of similarity matrices, one pair at a time, over lists and NumPy rows."""

import numpy as np


def argmax(scores):
    """Cells that are the first greatest of their row and of their column."""
    n, m = scores.shape
    if not n or not m:
        return set()
    rows = [max(range(m), key=lambda j: (scores[i, j], -j)) for i in range(n)]
    columns = [max(range(n), key=lambda i: (scores[i, j], -i)) for j in range(m)]
    return {(i, rows[i]) for i in range(n) if columns[rows[i]] == i}


def itermax(scores, alpha=0.9):
    """Sabet et al. (2020), two rounds."""
    first = argmax(scores)
    n, m = scores.shape
    free_rows = set(range(n)) - {i for i, _ in first}
    free_columns = set(range(m)) - {j for _, j in first}
    if min(n, m) <= 2 or not free_rows or not free_columns:
        return first
    again = np.zeros((n, m))
    for i in range(n):
        for j in range(m):
            factor = {0: 0.0, 1: alpha, 2: 1.0}[(i in free_rows) + (j in free_columns)]
            again[i, j] = float(scores[i, j]) * factor
    second = {(i, j) for i, j in argmax(again) if i in free_rows or j in free_columns}
    return first | second


def softmax(row):
    exps = np.exp(np.asarray(row, np.float64) - max(row))
    return exps / exps.sum()


def entmax15_margin(row):
    """z / 2 - tau by bisection, where p = max(z / 2 - tau, 0)^2 sums to 1."""
    half = np.asarray(row, np.float64) / 2
    low, high = half.max() - 1, half.max()
    for _ in range(100):
        tau = (low + high) / 2
        if (np.maximum(half - tau, 0) ** 2).sum() > 1:
            low = tau
        else:
            high = tau
    return half - low


def entmax15(row):
    """1.5-entmax."""
    return np.maximum(entmax15_margin(row), 0) ** 2


def both_ways(scores, distribution):
    """The distribution over every row, and over every column."""
    n, m = scores.shape
    if not n or not m:
        return np.zeros((n, m)), np.zeros((n, m))
    rows = np.array([distribution(row) for row in scores])
    return rows, np.array([distribution(column) for column in scores.T]).T
