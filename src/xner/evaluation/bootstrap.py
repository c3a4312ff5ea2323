"""Bootstrap over sentences: how far a score could be off by the choice of the test text.

Sentences are drawn with replacement, as many as there are, and the counts of those drawn are
summed (Efron & Tibshirani 1993; Koehn 2004 for paired systems).
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
    """How often each sentence is drawn: blocks int64 (n, sentences) of `samples` rows in all."""
    generator = np.random.default_rng(seed)
    step = max(1, _CHUNK // max(1, sentences))
    for first in range(0, samples, step):
        n = min(step, samples - first)
        chosen = generator.integers(0, max(1, sentences), (n, sentences))
        chosen += np.arange(n)[:, None] * sentences
        counted = np.bincount(chosen.ravel(), minlength=n * sentences)
        yield counted.reshape(n, sentences).astype(np.int64)


def resampled(counts: NDArray[np.integer], samples: int, seed: Seed) -> NDArray[np.float64]:
    """Sums of counts over resampled sentences.

    The same number of sentences, samples and seed draw the same sentences: systems whose counts
    are resampled so are paired.

    Args:
        counts: integers (N, ...), one row a sentence.
        samples: B, how often the text is drawn anew.
        seed: of the draws.

    Returns:
        float64 (B, ...).
    """
    flat = counts.reshape(len(counts), math.prod(counts.shape[1:])).astype(np.float64)
    sums = [drawn @ flat for drawn in draws(len(counts), samples, seed)]
    return np.concatenate(sums).reshape(samples, *counts.shape[1:])


def interval(values: NDArray[np.float64], level: float = 0.95) -> tuple[float, float]:
    """The percentile interval that holds the share `level` of the resampled `values` (B).

    Raises:
        UsageError: `level` is not between 0 and 1.
    """
    if not 0 < level < 1:
        raise UsageError(f"the level of an interval is {level}; use a number between 0 and 1")
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
