"""The built-in word aligner: statistical, fitted on the text it aligns, no download.

Model: `xner.kernels.gibbs`, its lexical prior learned by `xner.aligners.parts`. Several chains run
in each direction; a link's weight is the probability that the chains give it, the mean over both
directions and all chains.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count, pairwise
from typing import TYPE_CHECKING

import numpy as np

from xner.aligners import parts, sampling
from xner.aligners.shards import Shard, make_shard, shard_bounds
from xner.aligners.soft import LEAST, Decision, SoftLinks, check_decision, decide, joined, thinned
from xner.kernels import gibbs
from xner.kernels import parts as kernels

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from xner.aligners.bitext import Bitext, Links

# Chosen on word-alignment error (ro-en, en-fr) and on projected entities (Europarl en-de,
# ABSA en-es and en-fr), never on one language alone.
NULL_PROBABILITY = 0.2
JUMP_PRIOR = 25.0
FERTILITY_PRIOR = 1.0
FIRST_CHAINS = 2
FIRST_EFFORT = 0.6
# Chains that have not settled wholly differ more, and their mean is better: as many sweeps
# again on 20,000 pairs lose 0.3 points of projected entities.
LEAST_SCALE, MOST_SCALE = 0.4, 4.0


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
            most 33 million pairs of word positions, which take roughly 2.5 GB on two threads
            and 0.15 GB for each thread more (a single longer sentence pair is a part).
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
        keys = [(self.seed, number, c) for c in range(self.chains + FIRST_CHAINS)]
        first, main = _settings(shard, FIRST_EFFORT * self.effort), _settings(shard, self.effort)
        steps = sampling.steps(first, FIRST_CHAINS) + sampling.steps(main, self.chains)
        done = count(1)

        def step() -> None:
            report(next(done) / steps)

        ways = sampling.ways_of(shard)
        prior = self._learned(shard, ways, first, keys[self.chains :], step)
        made = sampling.sample(ways, prior, main, keys[: self.chains], step)
        likely = [
            sampling.probabilities(way, posterior, len(shard.cells))
            for way, posterior in zip(ways, made, strict=True)
        ]
        lengths = np.diff(shard.source.offsets), np.diff(shard.target.offsets)
        return thinned(*lengths, shard.cell_offsets, likely[0], likely[1])

    def _learned(
        self, shard: Shard, ways: list[sampling.Way], settings: gibbs.Settings,
        keys: list[sampling.Key], step: Callable[[], None],
    ) -> NDArray[np.float64]:  # fmt: skip
        """float64 (entries): prior mass, after a short alignment with the usual one."""
        features = parts.features_of(shard)
        usual = parts.prior(features, parts.USUAL)
        made = sampling.sample(ways, usual, settings, keys, step)
        linked = np.zeros(len(shard.source_types), np.float32)
        for way, posterior in zip(ways, made, strict=True):
            kernels.count_links(way.entries, posterior, np.float32(0.5 / gibbs.CERTAIN), linked)
        return parts.prior(features, parts.learn(shard, features, linked))


def _settings(shard: Shard, effort: float) -> gibbs.Settings:
    """Numbers of sweeps: the smaller the corpus, the more of them it needs and affords."""
    pairs, cells = len(shard.cell_offsets) - 1, len(shard.cells)
    size = max(pairs, cells / 1000, 1)  # a few huge sentences are not a small corpus
    scale = effort * min(max((3000 / size) ** 0.5, LEAST_SCALE), MOST_SCALE)
    lexical, jump, full = (max(1, round(n * scale)) for n in (2, 3, 12))
    return gibbs.Settings(
        null_odds=np.float32(NULL_PROBABILITY / (1 - NULL_PROBABILITY)),
        jump_alpha=JUMP_PRIOR,
        fertility_alpha=FERTILITY_PRIOR,
        lexical_sweeps=lexical,
        jump_sweeps=jump,
        fertility_sweeps=full,
        averaged_sweeps=max(1, round(0.7 * full)),
    )
