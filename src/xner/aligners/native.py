"""The built-in word aligner: statistical, fitted on the text it aligns, no download.

Model: `xner.kernels.gibbs`, its lexical prior learned by `xner.aligners.parts`. Several chains run
in each direction; a link's weight is the probability that the chains give it, the mean over both
directions and all chains.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from xner.aligners import parts
from xner.aligners.shards import Shard, make_shard, shard_bounds
from xner.aligners.soft import LEAST, Decision, SoftLinks, check_decision, decide, joined, thinned
from xner.kernels import gibbs
from xner.kernels import parts as kernels
from xner.kernels.blocks import thread_count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from xner.aligners.bitext import Bitext, Links

# Chosen on word-alignment error (ro-en, en-fr) and on projected entities (Europarl en-de,
# ABSA en-es and en-fr), never on one language alone.
NULL_PRIOR = 3e-4
NULL_PROBABILITY = 0.2
JUMP_PRIOR = 25.0
FERTILITY_PRIOR = 1.0
FIRST_CHAINS = 2
FIRST_EFFORT = 0.6

_MASK = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class NativeAligner:
    """Bayesian HMM aligner with fertilities, by Gibbs sampling.

    The same bitext and settings give the same links on any number of threads.

    Attributes:
        seed: of the random numbers, a whole number from 0.
        chains: independent chains in each direction; more are steadier and slower.
        symmetrisation: how the two directions become one alignment. `soft` keeps every link
            whose weight is at least `threshold`; the others decide word by word first, and
            `intersection` gives fewer, surer links.
        threshold: least weight of a link, from 0.01 to 1, for `soft`.
        fit_pairs: a corpus of more pairs is cut into equal consecutive parts of at most this
            many, each fitted by itself, so that memory stays bounded. Parts also hold at
            most 33 million pairs of word positions, which take roughly 1.5 GB on two threads
            and 0.25 GB for each thread more (a single longer sentence pair is a part).
        effort: multiplies the number of sweeps over the text.
    """

    seed: int = 1
    chains: int = 8
    symmetrisation: Decision = "soft"
    threshold: float = 0.3
    fit_pairs: int = 200_000
    effort: float = 1.0

    def __post_init__(self) -> None:
        check_decision(self.symmetrisation)
        if not LEAST <= self.threshold <= 1:
            raise ValueError(f"threshold is {self.threshold}; use a number from {LEAST} to 1")
        if self.seed < 0:
            raise ValueError(f"seed is {self.seed}; use a whole number from 0")
        if self.chains < 1:
            raise ValueError(f"chains is {self.chains}; use at least 1")
        if self.fit_pairs < 1:
            raise ValueError(f"fit_pairs is {self.fit_pairs}; use at least 1")
        if not 0 < self.effort < float("inf"):
            raise ValueError(f"effort is {self.effort}; use a number above 0, 1 by default")

    @property
    def signature(self) -> str:
        """All that decides the links besides the text."""
        at = f">={self.threshold:g}" if self.symmetrisation == "soft" else ""
        return (
            f"native(chains:{self.chains},effort:{self.effort:g},fit:{self.fit_pairs},"
            f"sym:{self.symmetrisation}{at},seed:{self.seed})"
        )

    def align(self, bitext: Bitext, progress: Callable[[float], None] | None = None) -> Links:
        """Fit the model on `bitext` and align it.

        Args:
            bitext: the sentence pairs; either side of a pair may be empty.
            progress: called from this thread with the fraction done, up to 1.

        Returns:
            Links sorted by sentence, source, target; weights in (0, 1].

        Raises:
            ValueError: the two sides differ in their number of sentences.
        """
        return self.decide(self.soft(bitext, progress))

    def decide(self, soft: SoftLinks) -> Links:
        """The links that `symmetrisation` makes of probabilities."""
        return decide(soft, self.symmetrisation, self.threshold)

    def soft(self, bitext: Bitext, progress: Callable[[float], None] | None = None) -> SoftLinks:
        """Fit the model on `bitext`; the probability of every link that is not negligible.

        Arguments and errors as for `align`.
        """
        source_pairs, target_pairs = len(bitext.source.offsets) - 1, len(bitext.target.offsets) - 1
        if source_pairs != target_pairs:
            raise ValueError(
                f"the source has {source_pairs} sentences and the target {target_pairs}; "
                "give one target sentence, perhaps empty, for each source sentence"
            )
        bounds = shard_bounds(bitext, self.fit_pairs)
        wanted = [(lo, hi) for lo, hi in pairwise(bounds) if lo < max(1, bitext.aligned)]
        made = []
        for k, (lo, hi) in enumerate(wanted):

            def report(done: float, k: int = k) -> None:
                if progress is not None:
                    progress((k + done) / len(wanted))

            made.append(self._fit(make_shard(bitext, lo, hi), k, report))
        return joined(made).head(bitext.aligned)

    def _fit(self, shard: Shard, number: int, report: Callable[[float], None]) -> SoftLinks:
        """Learn what word parts tell from a short first alignment, then align in earnest."""
        steps = 2 * (FIRST_CHAINS + self.chains)

        def counted(chains: range, prior: _Prior, effort: float) -> Iterator[NDArray[np.float32]]:
            keys = [(self.seed, number, c) for c in chains]
            runs = _chains(shard, prior, _settings(shard, effort), keys)
            for k, posterior in enumerate(runs, 1 if chains.start else 1 + 2 * FIRST_CHAINS):
                yield posterior
                report(k / steps)

        first = range(self.chains, self.chains + FIRST_CHAINS)
        features = parts.features_of(shard)
        linked = np.zeros(len(shard.source_types), np.float32)
        prior = _prior(shard, parts.prior(features, parts.USUAL))
        for posterior in counted(first, prior, FIRST_EFFORT * self.effort):
            kernels.count_links(shard.cells, posterior, np.float32(0.5 / FIRST_CHAINS), linked)
        prior = _prior(shard, parts.prior(features, parts.learn(shard, features, linked)))
        del features, linked  # as much memory as a chain takes

        average = np.zeros(len(shard.cells), np.float32), np.zeros(len(shard.cells), np.float32)
        for k, posterior in enumerate(counted(range(self.chains), prior, self.effort)):
            gibbs.add_chain(posterior, np.float32(1.0 / self.chains), average[k % 2])
        lengths = np.diff(shard.source.offsets), np.diff(shard.target.offsets)
        return thinned(*lengths, shard.cell_offsets, *average)


class _Prior(NamedTuple):
    """Prior mass of every entry, and its sum over each source and each target type."""

    mass: NDArray[np.float64]
    source: NDArray[np.float64]
    target: NDArray[np.float64]


def _prior(shard: Shard, mass: NDArray[np.float64]) -> _Prior:
    """`mass` with its sums, which stay above 0 where a type has no entries."""

    def sums(types: NDArray[np.int32], size: int) -> NDArray[np.float64]:
        total = np.bincount(types, mass, minlength=size).astype(np.float64)
        return np.maximum(total, parts.BASE)

    return _Prior(
        mass,
        sums(shard.source_types, len(shard.source.words)),
        sums(shard.target_types, len(shard.target.words)),
    )


def _chains(
    shard: Shard, prior: _Prior, settings: gibbs.Settings, keys: list[tuple[int, int, int]]
) -> Iterator[NDArray[np.float32]]:
    """Posteriors of one chain for each key in each direction, forward first, in order."""
    tasks = [(forward, _rng(*key, forward)) for key in keys for forward in (True, False)]
    pool = ThreadPoolExecutor(min(thread_count(), len(tasks)))
    try:
        running: deque[Future[NDArray[np.float32]]] = deque(
            pool.submit(_chain, shard, prior, forward, settings, rng) for forward, rng in tasks
        )
        while running:
            yield running.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _settings(shard: Shard, effort: float) -> gibbs.Settings:
    """Numbers of sweeps: the smaller the corpus, the more of them it needs and affords."""
    pairs, cells = len(shard.cell_offsets) - 1, len(shard.cells)
    size = max(pairs, cells / 1000, 1)  # a few huge sentences are not a small corpus
    scale = effort * min(max((3000 / size) ** 0.5, 0.75), 4.0)
    lexical, jump, full = (max(1, round(n * scale)) for n in (2, 3, 12))
    return gibbs.Settings(
        null=NULL_PROBABILITY,
        jump_alpha=JUMP_PRIOR,
        fertility_alpha=FERTILITY_PRIOR,
        lexical_sweeps=lexical,
        jump_sweeps=jump,
        fertility_sweeps=full,
        averaged_sweeps=max(1, round(0.7 * full)),
    )


def _rng(*key: int) -> NDArray[np.uint64]:
    """The random state of one chain: a hash (splitmix64) of seed, shard, chain, direction."""
    state = 0
    for part in key:
        state = (state + part + 0x9E3779B97F4A7C15) & _MASK
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _MASK
        state ^= state >> 31
    # Multiply with carry never leaves 1 .. multiplier * 2^32 - 2.
    return np.array([1 + state % (int(gibbs.MULTIPLIER) * 2**32 - 2)], np.uint64)


def _chain(
    shard: Shard,
    prior: _Prior,
    forward: bool,
    settings: gibbs.Settings,
    rng: NDArray[np.uint64],
) -> NDArray[np.float32]:
    """Posterior of every cell, float32, from one chain in one direction."""
    given, observed = (shard.source, shard.target) if forward else (shard.target, shard.source)
    direction = gibbs.Direction(
        given.ids,
        given.offsets,
        observed.ids,
        observed.offsets,
        shard.cells,
        shard.cell_offsets,
        forward,
    )
    total = (prior.source if forward else prior.target).copy()
    state = gibbs.State(
        links=np.empty(len(observed.ids), np.int32),
        mass=prior.mass.copy(),
        total=total,
        scale=np.empty(len(total)),
        null_mass=np.full(len(observed.words), NULL_PRIOR),
        null_total=np.full(1, NULL_PRIOR * len(observed.words)),
        fertility=np.zeros((len(given.words), gibbs.FERTILITIES), np.int32),
        rng=rng,
    )
    posterior = np.zeros(len(shard.cells), np.float32)
    gibbs.sample_chain(direction, state, settings, posterior)
    return posterior
