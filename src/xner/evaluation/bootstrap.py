"""Bootstrap resampling of sentences: the uncertainty of a score due to the choice of test text.

As many sentences as the text has are drawn with replacement, and their counts are summed (Efron &
Tibshirani 1993; Koehn 2004 for paired systems).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from xner.errors import UsageError

Seed = int | Sequence[int]
_CHUNK = 1 << 22
"""Sentences drawn at a time, so that memory stays bounded."""


def draws(sentences: int, samples: int, seed: Seed) -> Iterator[NDArray[np.int64]]:
    """Yield how often each sentence is drawn: int64 (n, sentences), `samples` rows in all."""
    generator = np.random.default_rng(seed)
    step = max(1, _CHUNK // max(1, sentences))
    for first in range(0, samples, step):
        n = min(step, samples - first)
        chosen = generator.integers(0, max(1, sentences), (n, sentences))
        chosen += np.arange(n)[:, None] * sentences
        counted = np.bincount(chosen.ravel(), minlength=n * sentences)
        yield counted.reshape(n, sentences).astype(np.int64)


def resampled(counts: NDArray[np.integer], samples: int, seed: Seed) -> NDArray[np.float64]:
    """Sum counts over resampled sentences.

    The same number of sentences, samples and seed draw the same sentences, so that systems
    resampled with them are paired.

    Args:
        counts: integers (N, ...), one row per sentence.
        samples: B, the number of resampled texts.
        seed: random seed.

    Returns:
        float64 (B, ...).
    """
    flat = counts.reshape(len(counts), math.prod(counts.shape[1:])).astype(np.float64)
    sums = [drawn @ flat for drawn in draws(len(counts), samples, seed)]
    return np.concatenate(sums).reshape(samples, *counts.shape[1:])


def interval(values: NDArray[np.float64], level: float = 0.95) -> tuple[float, float]:
    """Return the percentile interval that contains the share `level` of resampled `values` (B).

    Raises:
        UsageError: `level` is not between 0 and 1.
    """
    if not 0 < level < 1:
        raise UsageError(f"level is {level}; it must be between 0 and 1")
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
