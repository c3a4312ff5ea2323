"""The built-in word aligner: a statistical model fitted on the text that it aligns.

The model is in `xner.kernels.gibbs`, its lexical prior in `xner.aligners.parts`. Several chains
are sampled in each direction; the weight of a link is its mean probability over both directions
and all chains.
"""

from __future__ import annotations

from itertools import count, pairwise
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from xner.aligners import parts, sampling
from xner.aligners.shards import Shard, make_shard, shard_bounds
from xner.aligners.soft import DECISIONS, LEAST, Decision, SoftLinks, decide, joined, thinned
from xner.kernels import gibbs
from xner.kernels import parts as kernels
from xner.options import declare, option, settle

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from xner.aligners.bitext import Bitext, Links

# Tuned on alignment error rate (ro-en, en-fr) and on projected entities (Europarl en-de, ABSA
# en-es and en-fr).
NULL_PROBABILITY = 0.2
JUMP_PRIOR = 25.0
FERTILITY_PRIOR = 1.0
FIRST_CHAINS = 2
FIRST_EFFORT = 0.6
# The mean over chains that have not fully converged is better, as they differ more: twice as many
# sweeps on 20,000 pairs lose 0.3 points on projected entities.
LEAST_SCALE, MOST_SCALE = 0.4, 4.0


@declare
class NativeAligner:
    """Bayesian HMM aligner with fertilities, fitted by Gibbs sampling.

    The same bitext and options give the same links on any number of threads.

    A corpus of more than `fit_pairs` pairs, or of more than 33 million pairs of word positions,
    is split into consecutive parts of about equal size, each fitted separately, to bound memory:
    a part takes up to about 2.5 GB on two threads, plus 0.15 GB per further thread. A single
    longer sentence pair is a part of its own.
    """

    fitted: ClassVar[bool] = True
    random: ClassVar[bool] = True
    pivots: ClassVar[bool] = True

    seed: int = option(1, "Random seed.", ge=0, unit="N")
    chains: int = option(
        8,
        "Number of independent sampling chains per direction; more chains are slower and give "
        "more stable links.",
        ge=1,
        unit="N",
    )
    symmetrisation: Decision = option(
        "soft",
        "How the two alignment directions are combined: soft keeps every link whose probability "
        "is at least the threshold; the others choose the most probable link of each word in "
        "each direction and then combine the two. intersection gives the fewest and most "
        "reliable links.",
        choices=DECISIONS,
    )
    threshold: float = option(
        0.3, "Minimum probability of a link, for symmetrisation soft.", ge=LEAST, le=1, unit="P"
    )
    fit_pairs: int = option(
        200_000,
        "Maximum number of sentence pairs that are fitted together; larger corpora are split "
        "into parts to bound memory.",
        ge=1,
        unit="N",
    )
    effort: float = option(
        1.0, "Factor on the number of sampling sweeps over the text.", gt=0, unit="FACTOR"
    )

    def __post_init__(self) -> None:
        settle(self)

    @property
    def signature(self) -> str:
        """Every option that can change the links."""
        at = f">={self.threshold:g}" if self.symmetrisation == "soft" else ""
        return (
            f"native(chains:{self.chains},effort:{self.effort:g},fit:{self.fit_pairs},"
            f"sym:{self.symmetrisation}{at},seed:{self.seed})"
        )

    def align(self, bitext: Bitext, progress: Callable[[float], None] | None = None) -> Links:
        """Fit the model on `bitext` and align it.

        Args:
            bitext: the sentence pairs; either side of a pair may be empty.
            progress: called from this thread with the fraction done.

        Returns:
            Links sorted by sentence, source word and target word, with weights in (0, 1].

        Raises:
            ValueError: the two sides differ in their number of sentences.
        """
        return self.decide(self.soft(bitext, progress))

    def decide(self, soft: SoftLinks) -> Links:
        """Convert probabilities to links by `symmetrisation` and `threshold`."""
        return decide(soft, self.symmetrisation, self.threshold)

    def soft(self, bitext: Bitext, progress: Callable[[float], None] | None = None) -> SoftLinks:
        """Fit the model on `bitext` and return the probabilities of all links above 0.01.

        Arguments and errors are those of `align`.
        """
        source_pairs, target_pairs = len(bitext.source.offsets) - 1, len(bitext.target.offsets) - 1
        if source_pairs != target_pairs:
            raise ValueError(
                f"the source has {source_pairs} sentences and the target {target_pairs}; "
                "each source sentence needs one target sentence, which may be empty"
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
        """Learn the lexical prior from a short first alignment, then align with it."""
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
            sampling.probabilities(way, found.posterior, len(shard.cells))
            for way, found in zip(ways, made, strict=True)
        ]
        lengths = np.diff(shard.source.offsets), np.diff(shard.target.offsets)
        return thinned(*lengths, shard.cell_offsets, likely[0], likely[1])

    def _learned(
        self, shard: Shard, ways: list[sampling.Way], settings: gibbs.Settings,
        keys: list[sampling.Key], step: Callable[[], None],
    ) -> NDArray[np.float64]:  # fmt: skip
        """Return the prior mass, float64 (entries), learned from a short first alignment."""
        features = parts.features_of(shard)
        usual = parts.prior(features, parts.USUAL)
        made = sampling.sample(ways, usual, settings, keys, step)
        linked = np.zeros(len(shard.source_types), np.float32)
        for way, found in zip(ways, made, strict=True):
            kernels.count_links(way.entries, found.posterior, np.float32(0.5 / gibbs.CERTAIN), linked)
        return parts.prior(features, parts.learn(shard, features, linked))


def _settings(shard: Shard, effort: float) -> gibbs.Settings:
    """Return the sampler settings; smaller corpora need more sweeps."""
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
