"""From link probabilities of a sample to a model that aligns other text (`xner.aligners.model`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from xner.aligners import parts
from xner.aligners.model import AlignmentModel, Entries, empty_table, with_priors
from xner.aligners.vocabulary import Vocabulary, part_keys
from xner.kernels import model as tables
from xner.kernels.blocks import frozen, over_blocks
from xner.kernels.lexicon import VIEWS
from xner.kernels.order import FERTILITIES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xner.aligners.shards import Text
    from xner.aligners.soft import SoftLinks

DISCOUNT = 0.75
"""Subtracted from the expected links of a pair of word types: what one pair of words adds to its
own count would otherwise confirm a wrong link."""
LEAST_LINKS = 0.1
"""Minimum expected links of an entry whose word parts are evidence."""
LEAST_EVIDENCE = 1.0
COUNTED = 20_000
"""Sentence pairs in which pairs of word parts are counted."""


class Learned(NamedTuple):
    """What the sampler learned about any text of the two languages.

    Attributes:
        weights: float64, of the features of the prior (`xner.aligners.parts`).
        jumps: float32 (2, jumps), probability of each jump with source and target given.
    """

    weights: NDArray[np.float64]
    jumps: NDArray[np.float32]


class _Sums(NamedTuple):
    """Expected links by pair of word types: int32, types; float32 (entries), links."""

    source: NDArray[np.int32]
    target: NDArray[np.int32]
    forward: NDArray[np.float32]
    reverse: NDArray[np.float32]


def model_of(
    source: Text, target: Text, links: SoftLinks, learned: Learned, signature: str
) -> AlignmentModel:
    """Return the model of a sample.

    Args:
        source, target: the sample.
        links: its link probabilities.
        learned: what else was learned.
        signature: what made the model.
    """
    sums = _summed(source, target, links)
    view_keys, evidence = _views(source, target, sums)
    kept = np.flatnonzero(np.maximum(sums.forward, sums.reverse) > DISCOUNT)
    model = AlignmentModel(
        signature,
        (),
        len(links.offsets) - 1,
        _vocabulary(source, 0, links, sums),
        _vocabulary(target, 1, links, sums),
        _entries(sums, kept),
        view_keys,
        evidence,
        learned.weights,
        learned.jumps,
    )
    return with_priors(model)


def _summed(source: Text, target: Text, links: SoftLinks) -> _Sums:
    """Sum the links of each pair of word types, in ascending order of types."""
    ids = [
        text.ids[links.per_link(text.offsets[:-1]) + words]
        for text, words in ((source, links.source), (target, links.target))
    ]
    types = max(1, len(target.words))
    keys, entry = np.unique(ids[0].astype(np.int64) * types + ids[1], return_inverse=True)
    sums = np.zeros((2, len(keys)))
    tables.sum_links(frozen(entry, np.int64), *_probabilities(links), sums)
    first, second = np.divmod(keys, types)
    return _Sums(first.astype(np.int32), second.astype(np.int32), *sums.astype(np.float32))


def _probabilities(links: SoftLinks) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    return frozen(links.forward, np.float32), frozen(links.reverse, np.float32)


def _entries(sums: _Sums, kept: NDArray[np.int64]) -> Entries:
    """Return the kept entries with discounted counts; their priors are 0."""
    forward, reverse = (
        frozen(np.maximum(found[kept] - np.float32(DISCOUNT), 0), np.float32)
        for found in (sums.forward, sums.reverse)
    )
    source, target = frozen(sums.source[kept], np.int32), frozen(sums.target[kept], np.int32)
    return Entries(source, target, frozen(np.zeros(len(kept)), np.float32), forward, reverse)


def _vocabulary(text: Text, number: int, links: SoftLinks, sums: _Sums) -> Vocabulary:
    """Return side `number` of the model: given in its own direction, observed in the other."""
    types = len(text.words)
    own = sums[number]
    given, observed = sums[2 + number], sums[3 - number]
    frequency = np.bincount(text.ids, minlength=types)
    null = frequency - np.bincount(own, observed, types)
    fertility = np.zeros((types, FERTILITIES), np.float32)
    tables.count_fertility(
        text.ids,
        text.offsets,
        frozen(links.offsets, np.int64),
        frozen((links.source, links.target)[number], np.int32),
        _probabilities(links)[number],
        fertility,
    )
    mass = np.bincount(own, given, types).astype(np.float32)
    null = np.maximum(null, 0).astype(np.float32)
    return Vocabulary(text.words, mass, null, fertility, frequency)


def _views(
    source: Text, target: Text, sums: _Sums
) -> tuple[NDArray[np.uint64], NDArray[np.float32]]:
    """Return the pairs of word parts that are evidence of a link, and their evidence."""
    linked = (sums.forward + sums.reverse) / np.float32(2)
    chosen = np.flatnonzero(linked >= LEAST_LINKS)
    source_parts, target_parts = part_keys(source.words)[0], part_keys(target.words)[0]
    keys, bits = empty_table(len(VIEWS) * len(chosen))
    links = np.zeros(len(keys), np.float32)
    tables.list_views(
        frozen(sums.source[chosen], np.int32),
        frozen(sums.target[chosen], np.int32),
        frozen(linked[chosen], np.float32),
        source_parts,
        target_parts,
        keys,
        bits,
        links,
    )
    pairs = len(source.offsets) - 1
    counted = min(pairs, COUNTED)
    blocks = over_blocks(
        tables.count_views,
        range(0, counted, 4096),
        source.ids,
        source.offsets,
        target.ids,
        target.offsets,
        source_parts,
        target_parts,
        frozen(keys, np.uint64),
        frozen(bits, np.uint64),
    )
    met = np.sum(blocks, axis=0) * np.float32(pairs / max(1, counted))
    sizes = np.diff(source.offsets) * np.diff(target.offsets)
    rate = float(np.clip(linked.sum(dtype=np.float64) / max(1, int(sizes.sum())), 1e-4, 0.9))
    p = np.minimum(links + parts.STRENGTH * rate, met + parts.STRENGTH) / (met + parts.STRENGTH)
    evidence = np.log(p / np.maximum(1 - p, 1e-6)) - np.log(rate / (1 - rate))
    used = np.flatnonzero((keys != 0) & (evidence > LEAST_EVIDENCE))
    used = used[np.argsort(keys[used])]
    return keys[used], evidence[used].astype(np.float32)
