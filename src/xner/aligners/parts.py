"""Lexical prior from word parts and spelling, which helps to align rare words.

A first, short alignment gives the link rates of words with the same beginning or end, and how
well similar spelling predicts links in these two languages. A logistic regression
(`xner.kernels.parts`) learns the weights of these features from the corpus.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from xner.aligners.bitext import offsets_from
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
SAMPLE = 100_000
"""Maximum number of entries that the weights are fitted on."""
ROUNDS = 8

# Source part and target part: number of first (positive) or last (negative) letters; 0 is the
# whole word.
VIEWS = ((5, 5), (-5, -5), (4, 0), (0, 4), (-4, 0), (0, -4))

# Default weights, for corpora too small to learn from: constant, frequency, length, evidence of
# each view, levels of similarity, kinds of shared substrings.
_EVIDENCE = (0.8, 0.4, 0.1, 0.1, 0.1, 0.1)
_SIMILAR = (0.0, 0.3, 1.0, 2.1, 3.0, 3.5, 3.5, 3.0, 5.0)
_SHARED = (0.0, 0.5, 0.5, 0.5, 0.5, 0.8, 0.8, 0.8, 0.8)
USUAL = np.array([0.7, -0.6, -0.3, *_EVIDENCE, *_SIMILAR, *_SHARED])


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


def features_of(shard: Shard) -> Features:
    """Return the features of a shard's entries, with evidence 0."""
    size = len(shard.source_types)
    similar, shared = np.empty(size, np.uint8), np.empty(size, np.uint8)
    over_blocks(
        kernels.spelling,
        range(0, size, 1 << 16),
        shard.source_types,
        shard.target_types,
        letters_of(shard.source.words),
        letters_of(shard.target.words),
        similar,
        shared,
    )
    return Features(
        shard.source_types,
        shard.target_types,
        _log_frequency(shard.source),
        _log_frequency(shard.target),
        _log_length(shard.source),
        _log_length(shard.target),
        np.zeros((len(VIEWS), size), np.float32),
        similar,
        shared,
    )


def prior(features: Features, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the prior mass of each entry, float64 (entries)."""
    mass = np.empty(len(features.similar))
    rows = range(0, len(mass), 1 << 16)
    over_blocks(kernels.part_prior, rows, features, weights, BASE, LEAST, MOST, mass)
    return mass


def learn(shard: Shard, features: Features, linked: NDArray[np.float32]) -> NDArray[np.float64]:
    """Compute the evidence of `features` and fit the weights to a first alignment.

    Args:
        shard: the shard.
        features: its features; `evidence` is overwritten.
        linked: float32 (entries), expected number of links of each entry.
    """
    met = np.zeros(len(linked), np.float32)
    kernels.count_cells(shard.cells, met)
    rate = float(np.clip(linked.sum(dtype=np.float64) / max(1.0, len(shard.cells)), 1e-4, 0.9))
    entry_starts = offsets_from(np.bincount(shard.source_types, minlength=len(shard.source.words)))
    for view, (source_part, target_part) in enumerate(VIEWS):
        group = _classes(shard.source.words, source_part)
        starts = offsets_from(np.bincount(group))
        classes = kernels.Classes(
            frozen(np.argsort(group, kind="stable"), np.int32),
            frozen(starts, np.int64),
            frozen(entry_starts, np.int64),
            shard.target_types,
            frozen(_classes(shard.target.words, target_part), np.int32),
        )
        rows, evidence = range(0, len(starts) - 1, 1 << 10), features.evidence[view]
        over_blocks(kernels.class_evidence, rows, classes, linked, met, rate, STRENGTH, evidence)
    return _fit(features, np.log(rate / (1 - rate)), linked, met)


def _fit(
    features: Features, offset: float, linked: NDArray[np.float32], met: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Return the maximum a posteriori weights, by Newton's method with step halving."""
    weights, size = USUAL.copy(), len(USUAL)
    best, last, tried = weights, -np.inf, np.zeros(size)
    for _ in range(ROUNDS):
        gradient, hessian = np.empty(size), np.empty((size, size))
        every = max(1, len(linked) // SAMPLE)
        value = kernels.regression_step(
            features, every, offset, weights, linked, met, gradient, hessian
        )
        away = weights - USUAL
        value -= 0.5 * RIDGE * float(away @ away)
        if value < last:
            tried = tried / 2
        else:
            if value - last < 1e-4 * abs(value):
                return weights
            best, last = weights, value
            tried = np.linalg.solve(hessian + RIDGE * np.eye(size), gradient - RIDGE * away)
        weights = best + tried
    return best


def _classes(words: list[str], part: int) -> NDArray[np.int32]:
    """Return classes of words with the same part, int32 (types); short words are separate."""
    if part == 0:
        return np.arange(len(words), dtype=np.int32)
    numbers: dict[str, int] = {}
    take = slice(part) if part > 0 else slice(part, None)
    parts = (word[take] if len(word) >= abs(part) else f"{word} " for word in words)
    return np.array([numbers.setdefault(p, len(numbers)) for p in parts], np.int32)


def _log_frequency(text: Text) -> NDArray[np.float64]:
    counts = np.bincount(text.ids, minlength=len(text.words))
    return frozen(np.log(np.maximum(counts, 1)), np.float64)


def _log_length(text: Text) -> NDArray[np.float64]:
    return frozen(np.log([2.0 + len(word) for word in text.words]), np.float64)


def letters_of(words: list[str]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Return the code points of all words, concatenated, and the offset of each word."""
    codes = np.frombuffer("".join(words).encode("utf-32-le", "surrogatepass"), "<u4")
    starts = offsets_from(np.array([len(w) for w in words], np.int64))
    return frozen(codes, np.uint32), frozen(starts, np.int64)
