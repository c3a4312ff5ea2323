"""From the samples of a shard to a model that aligns other text (`xner.aligners.model`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xner.aligners import parts
from xner.aligners.model import AlignmentModel, Entries, Vocabulary, empty_table
from xner.kernels import gibbs, local
from xner.kernels import model as tables
from xner.kernels import parts as kernels
from xner.kernels.blocks import frozen, over_blocks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xner.aligners.sampling import Sampled, Way
    from xner.aligners.shards import Shard, Text

DISCOUNT = 0.5
"""Subtracted from the expected links of a pair of word types: what one pair of words adds to its
own count would otherwise confirm a wrong link."""
_LEAST_LINKS = 0.1
"""Minimum expected links of an entry whose word parts are evidence."""
_LEAST_EVIDENCE = 0.5


def model_of(
    shard: Shard, ways: list[Way], made: list[Sampled], prior: NDArray[np.float64],
    weights: NDArray[np.float64], signature: str,
) -> AlignmentModel:  # fmt: skip
    """Return the model of a shard.

    Args:
        shard: the sample.
        ways: its directions, forward first.
        made: what was sampled in each direction.
        prior: float64 (entries), prior mass.
        weights: weights of the features that give the prior.
        signature: what made the model.
    """
    links = [_expected(way, found) for way, found in zip(ways, made, strict=True)]
    kept = np.flatnonzero(np.maximum(*links) > DISCOUNT)
    discounted = [np.maximum(found[kept] - np.float32(DISCOUNT), 0) for found in links]
    entries = Entries(
        shard.source_types[kept],
        shard.target_types[kept],
        prior[kept].astype(np.float32),
        *discounted,
    )
    sides = (shard.source, shard.target)
    vocabularies = [
        _vocabulary(sides[k], sides[1 - k], k, ways, made, links, kept, prior) for k in (0, 1)
    ]
    view_keys, evidence = _views(shard, (links[0] + links[1]) / np.float32(2))
    jumps = np.stack([found.jumps for found in made])
    pairs = len(shard.cell_offsets) - 1
    return AlignmentModel(
        signature, ("", ""), pairs, *vocabularies, entries, view_keys, evidence, weights, jumps
    )


def _expected(way: Way, found: Sampled) -> NDArray[np.float32]:
    """Return the expected links of each entry, float32 (entries)."""
    linked = np.zeros(len(way.entry_types), np.float32)
    kernels.count_links(way.entries, found.posterior, np.float32(1 / gibbs.CERTAIN), linked)
    return linked


def _vocabulary(
    text: Text, other: Text, number: int, ways: list[Way], made: list[Sampled],
    links: list[NDArray[np.float32]], kept: NDArray[np.int64], prior: NDArray[np.float64],
) -> Vocabulary:  # fmt: skip
    """Return side `number` of the model: given in its own way, observed in the other one."""
    given, observed = ways[number].entry_types, ways[number].entry_types
    types = len(text.words)
    mass = np.bincount(given, links[number], types)
    mass += np.bincount(given[kept], prior[kept], types)
    frequency = np.bincount(text.ids, minlength=types)
    null = frequency - np.bincount(observed, links[1 - number], types)
    return Vocabulary(
        text.words,
        mass.astype(np.float32),
        np.maximum(null, 0).astype(np.float32),
        made[number].fertility,
        frequency,
    )


def _views(
    shard: Shard, linked: NDArray[np.float32]
) -> tuple[NDArray[np.uint64], NDArray[np.float32]]:
    """Return the pairs of word parts that are evidence of a link, and their evidence."""
    met = np.zeros(len(linked), np.float32)
    kernels.count_cells(shard.cells, met)
    rate = float(np.clip(linked.sum(dtype=np.float64) / max(1.0, len(shard.cells)), 1e-4, 0.9))
    chosen = np.flatnonzero(linked >= _LEAST_LINKS)
    keys, filter_ = empty_table(len(local.VIEWS) * len(chosen))
    links, cells = (np.zeros(len(keys), np.float32) for _ in range(2))
    words = shard.source_types, shard.target_types
    keys_of = [_part_keys(text.words) for text in (shard.source, shard.target)]
    tables.list_views(*words, frozen(chosen, np.int64), *keys_of, keys, filter_)
    tables.count_views(
        *words, frozen(linked, np.float32), frozen(met, np.float32), *keys_of, keys, filter_, links, cells
    )
    p = (links + parts.STRENGTH * rate) / (cells + parts.STRENGTH)
    evidence = np.log(p / np.maximum(1 - p, 1e-6)) - np.log(rate / (1 - rate))
    used = np.flatnonzero((keys != 0) & (evidence > _LEAST_EVIDENCE))
    used = used[np.argsort(keys[used])]
    return keys[used], evidence[used].astype(np.float32)


def _part_keys(words: list[str]) -> NDArray[np.uint64]:
    codes, starts = parts.letters_of(words)
    keys, bits = np.empty((len(words), local.PARTS), np.uint64), np.empty((len(words), 2), np.uint64)
    over_blocks(local.part_keys, len(words), codes, starts, keys, bits)
    return frozen(keys, np.uint64)
