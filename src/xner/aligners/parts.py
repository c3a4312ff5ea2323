"""Lexical prior from word parts and spelling, which helps to align rare words.

A first, short alignment gives the link rates of words with the same beginning or end, and how
well similar spelling predicts links in these two languages. A logistic regression
(`xner.kernels.parts`) learns the weights of these features from the corpus.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from xner.aligners.letters import latin, letters_of
from xner.aligners.views import FITTED, Views, classes_of
from xner.kernels import parts as kernels
from xner.kernels.blocks import frozen, over_blocks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xner.aligners.shards import Shard, Text

BASE = 3e-4
"""Prior mass of two word types without evidence."""
LEAST, MOST = -3.5, 9.0
"""Bounds of the log-odds that multiply `BASE`."""
STRENGTH = 4.0
"""Number of pseudo-cells with the mean rate in the evidence of a view."""
RIDGE = 1.0
"""Strength of the L2 penalty towards the default weights."""
SAMPLE = 50_000
"""Maximum number of entries that the weights are fitted on."""
ROUNDS = 8
LEAST_GAIN = 1e-3
"""Relative gain of log-likelihood below which the weights are good enough."""

# Default weights, for corpora too small to learn from: constant, frequency and length, levels of
# similarity, kinds of shared substrings. Those of the views are between (`xner.aligners.views`).
_CONSTANT = (0.7, -0.6, -0.3)
_SIMILAR = (0.0, 0.3, 1.0, 2.1, 3.0, 3.5, 3.5, 3.0, 5.0)
_SHARED = (0.0, 0.5, 0.5, 0.5, 0.5, 0.8, 0.8, 0.8, 0.8)


def usual_weights(views: Views) -> NDArray[np.float64]:
    """Return the default weights of all features."""
    return np.array([*_CONSTANT, *views.weights, *_SIMILAR, *_SHARED])


USUAL = usual_weights(FITTED)


class Features(NamedTuple):
    """Features of every entry.

    Attributes:
        source_types, target_types: int32 (entries), word types.
        source_frequency, target_frequency: float64 (types), log frequency.
        source_length, target_length: float64 (types), log length.
        evidence: float32 (views, entries), evidence of each view.
        similar, shared: uint8 (entries), level of similarity and kind of shared substring.
    """

    source_types: NDArray[np.int32]
    target_types: NDArray[np.int32]
    source_frequency: NDArray[np.float64]
    target_frequency: NDArray[np.float64]
    source_length: NDArray[np.float64]
    target_length: NDArray[np.float64]
    evidence: NDArray[np.float32]
    similar: NDArray[np.uint8]
    shared: NDArray[np.uint8]


class Prior:
    """The lexical prior of a shard.

    Attributes:
        features: features of every entry; their evidence is 0 until `learn` computes it.
        weights: float64, weight of each feature, the default ones until `learn` fits them.
    """

    def __init__(self, shard: Shard, views: Views = FITTED) -> None:
        """Prepare the features of a shard's entries."""
        self.features = _features(shard, views)
        self.weights = self._usual = usual_weights(views)
        self._cells = np.zeros(len(shard.source_types), np.float32)
        kernels.count_cells(shard.cells, self._cells)
        self._classes = list(classes_of(shard, views))

    def mass(self) -> NDArray[np.float64]:
        """Return the prior mass of each entry, float64 (entries)."""
        mass = np.empty(len(self._cells))
        bounds = BASE, LEAST, MOST
        rows = range(0, len(mass), 1 << 14)
        over_blocks(kernels.part_prior, rows, self.features, self.weights, *bounds, mass)
        return mass

    def learn(self, linked: NDArray[np.float32]) -> None:
        """Compute the evidence of all views and fit the weights to a first alignment.

        Args:
            linked: float32 (entries), expected number of links of each entry.
        """
        cells = self._cells.sum(dtype=np.float64)
        rate = float(np.clip(linked.sum(dtype=np.float64) / max(1.0, cells), 1e-4, 0.9))
        known = linked, self._cells, rate, STRENGTH
        for evidence, classes in zip(self.features.evidence, self._classes, strict=True):
            rows = range(0, len(classes.starts) - 1, 1 << 10)
            over_blocks(kernels.class_evidence, rows, classes, *known, evidence)
        self._fit(np.log(rate / (1 - rate)), linked)

    def _fit(self, offset: float, linked: NDArray[np.float32]) -> None:
        """Find the maximum a posteriori weights, by Newton's method with step halving."""
        sample = self._sample(linked)
        weights, size = self.weights, len(self.weights)
        best, last = weights, -np.inf
        tried: NDArray[np.float64] = np.zeros(size)
        error, curve = np.empty_like(sample.cells), np.empty_like(sample.cells)
        gradient, hessian = np.empty(size), np.empty((size, size))
        for _ in range(ROUNDS):
            value = kernels.log_likelihood(sample, offset, weights, error, curve)
            away = weights - self._usual
            value -= 0.5 * RIDGE * float(away @ away)
            if value < last:
                tried = tried / 2
            else:
                best = weights
                if value - last < LEAST_GAIN * abs(value):
                    break
                last = value
                kernels.derivatives(sample, error, curve, gradient, hessian)
                curved = hessian + RIDGE * np.eye(size)
                tried = np.linalg.solve(curved, gradient - RIDGE * away).astype(np.float64)
            weights = best + tried
        self.weights = best

    def _sample(self, linked: NDArray[np.float32]) -> kernels.Sample:
        """Return the features of up to twice `SAMPLE` entries."""
        every = max(1, len(linked) // SAMPLE)
        size = len(range(0, len(linked), every))
        most = size * (len(self.features.evidence) + 5)
        numbers = np.empty(size + 1, np.int64), np.empty(most, np.int32)
        sample = kernels.Sample(*numbers, np.empty(most), np.empty(size), np.empty(size))
        kernels.list_features(self.features, every, linked, self._cells, sample)
        return sample


def _features(shard: Shard, views: Views) -> Features:
    size = len(shard.source_types)
    sides = [shard.source.words, shard.target.words]
    source, target = map(latin, sides) if views.latin else sides
    similar, shared = np.empty(size, np.uint8), np.empty(size, np.uint8)
    over_blocks(
        kernels.spelling,
        range(0, size, 1 << 16),
        shard.source_types,
        shard.target_types,
        letters_of(source),
        letters_of(target),
        similar,
        shared,
    )
    return Features(
        shard.source_types,
        shard.target_types,
        _log_frequency(shard.source),
        _log_frequency(shard.target),
        _log_length(source),
        _log_length(target),
        np.zeros((len(views.parts), size), np.float32),
        similar,
        shared,
    )


def _log_frequency(text: Text) -> NDArray[np.float64]:
    counts = np.bincount(text.ids, minlength=len(text.words))
    return frozen(np.log(np.maximum(counts, 1)), np.float64)


def _log_length(words: list[str]) -> NDArray[np.float64]:
    return frozen(np.log([2.0 + len(word) for word in words]), np.float64)
