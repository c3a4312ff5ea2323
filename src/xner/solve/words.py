"""Word alignment as one-to-one matching by a similarity matrix.

With single words on both sides the matching problem is an assignment problem, which is
polynomial. SciPy's solver is the fastest here: see benchmarks/results/exact.md.
"""

from __future__ import annotations

import numpy as np

from xner.errors import InputError
from xner.kernels.records import Int32


def match_words(similarity: np.ndarray) -> Int32:
    """Choose the one-to-one links with the largest sum of similarities.

    Pairs with a similarity of 0 or less are never linked, so a word may remain unlinked.
    Of several best choices SciPy's is used, which is deterministic.

    Args:
        similarity: floats (n, m), of n source and m target words, finite.

    Returns:
        int32 (links, 2): source word and target word, ordered by source word.

    Raises:
        InputError: the matrix is not two-dimensional, or contains NaN or infinity.
    """
    from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]

    matrix = np.asarray(similarity)
    if matrix.ndim != 2:
        raise InputError(f"similarity has {matrix.ndim} dimensions; it must have 2")
    if not np.isfinite(matrix).all():
        raise InputError("similarity contains NaN or infinity; every value must be finite")
    source, target = linear_sum_assignment(np.maximum(matrix, 0.0), maximize=True)
    linked = matrix[source, target] > 0
    return np.stack((source[linked], target[linked]), axis=1).astype(np.int32)
