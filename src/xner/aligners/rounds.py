"""The native aligner on one bitext: first alignments that teach the lexical prior, then the last.

The model is in `xner.kernels.gibbs`, its lexical prior in `xner.aligners.parts`. Several chains
are sampled in each direction; the weight of a link is its mean probability over both directions
and all chains.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import numpy as np

from xner.aligners import parts, sampling
from xner.aligners.fitting import Learned
from xner.aligners.hints import NO_HINTS, Hints
from xner.aligners.shards import Shard, make_shard
from xner.aligners.soft import SoftLinks, thinned
from xner.aligners.views import FITTED, REPEATED, SMALL, Views
from xner.kernels import gibbs
from xner.kernels import parts as kernels

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from xner.aligners.bitext import Bitext

# Tuned on alignment error rate (ro-en, en-fr) and on projected entities (Europarl en-de, ABSA
# en-es and en-fr).
JUMP_PRIOR = 25.0
FERTILITY_PRIOR = 1.0
FIRST_CHAINS = 2
FIRST_EFFORT = 0.6
SMALL_EFFORT = 0.75
"""Factor on the sweeps over a small corpus after its first alignments."""
FIRST_ROUNDS = 3
"""First alignments of a small corpus; each teaches the prior of the next."""
SMALL_CELLS = 1 << 22
"""Pairs of word positions up to which a corpus is small: it has more views and more rounds."""
LONG = 16.0
"""Words of a sentence from which the null word has its full probability and links need the full
weight. Short utterances are translated almost word by word, and their entities contain most of
their function words."""
SHORT, REPEATED_PAIRS = 10.0, 1000
"""Words of a sentence below which, and pairs from which, the patterns of a corpus repeat."""
# The mean over chains that have not fully converged is better, as they differ more: twice as many
# sweeps on 20,000 pairs lose 0.3 points on projected entities.
LEAST_SCALE, MOST_SCALE = 0.4, 4.0


def sample(
    bitext: Bitext,
    seed: int,
    chains: int,
    effort: float,
    report: Callable[[float], None],
    *,
    model: bool,
    hints: Hints = NO_HINTS,
) -> tuple[SoftLinks, Learned]:
    """Learn the lexical prior from short first alignments, then align with it.

    Args:
        bitext: the sentence pairs.
        seed: seed of all chains.
        chains: chains of each direction in the last alignment.
        effort: factor on the number of sweeps.
        report: called with the fraction done.
        model: whether the weights that are learned have to be those of a fitted model.
        hints: factors of the weights of all links.

    Returns:
        The probabilities of links, and what was learned.
    """
    shard = make_shard(bitext)
    small = len(shard.cells) <= SMALL_CELLS
    rounds = FIRST_ROUNDS if small else 1
    keys = [(seed, 0, c) for c in range(chains + rounds * FIRST_CHAINS)]
    first = _settings(shard, FIRST_EFFORT * effort)
    main = _settings(shard, effort * (SMALL_EFFORT if small else 1.0))
    steps = rounds * sampling.steps(first, FIRST_CHAINS) + sampling.steps(main, chains)
    done = count(1)

    def step() -> None:
        report(next(done) / steps)

    ways = sampling.ways_of(shard)
    prior = parts.Prior(shard, _views(shard) if small else FITTED)
    for k in range(rounds):
        mine = keys[chains + k * FIRST_CHAINS :][:FIRST_CHAINS]
        found = sampling.sample(ways, prior.mass(), first, mine, step, hints)
        prior.learn(_linked(shard, ways, found))
    made = sampling.sample(ways, prior.mass(), main, keys[:chains], step, hints)
    if small and model:  # a model has no other views
        prior = parts.Prior(shard)
        prior.learn(_linked(shard, ways, made))
    learned = Learned(prior.weights, np.stack([found.jumps for found in made]))
    return _soft(shard, ways, made), learned


def _soft(shard: Shard, ways: list[sampling.Way], found: list[sampling.Sampled]) -> SoftLinks:
    """Return the probabilities of links, the mean of both directions."""
    forward, backward = (
        sampling.probabilities(way, one) for way, one in zip(ways, found, strict=True)
    )
    lengths = np.diff(shard.source.offsets), np.diff(shard.target.offsets)
    return thinned(*lengths, shard.cell_offsets, forward, backward)


def _linked(
    shard: Shard, ways: list[sampling.Way], found: list[sampling.Sampled]
) -> NDArray[np.float32]:
    """Return the expected links of each entry, the mean of both directions."""
    linked = np.zeros(len(shard.source_types), np.float32)
    for way, one in zip(ways, found, strict=True):
        kernels.count_links(way.entries, one.posterior, np.float32(0.5 / gibbs.CERTAIN), linked)
    return linked


def _settings(shard: Shard, effort: float) -> gibbs.Settings:
    """Return the sampler settings; smaller corpora need more sweeps."""
    pairs, cells = len(shard.cell_offsets) - 1, len(shard.cells)
    size = max(pairs, cells / 1000, 1)  # a few huge sentences are not a small corpus
    scale = effort * min(max((3000 / size) ** 0.5, LEAST_SCALE), MOST_SCALE)
    lexical, jump, full = (max(1, round(n * scale)) for n in (2, 3, 12))
    null = sampling.NULL_PROBABILITY * length_share(_words(shard), pairs)
    return gibbs.Settings(
        null_odds=np.float32(null / (1 - null)),
        jump_alpha=JUMP_PRIOR,
        fertility_alpha=FERTILITY_PRIOR,
        lexical_sweeps=lexical,
        jump_sweeps=jump,
        fertility_sweeps=full,
        averaged_sweeps=max(1, round(0.7 * full)),
    )


def _words(shard: Shard) -> int:
    return len(shard.source.ids) + len(shard.target.ids)


def length_share(words: int, pairs: int) -> float:
    """Return how long sentences are: 1 from `LONG` words on average, and less for shorter ones.

    Args:
        words: words of both sides.
        pairs: sentence pairs.
    """
    return min(1.0, (words / 2 / max(1, pairs) / LONG) ** 3)


def _views(shard: Shard) -> Views:
    """Return the views of a small corpus."""
    pairs = len(shard.cell_offsets) - 1
    repeated = pairs >= REPEATED_PAIRS and _words(shard) / 2 / pairs < SHORT
    return REPEATED if repeated else SMALL
