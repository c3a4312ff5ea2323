"""Mixture: the native aligner and the similarities of a pretrained encoder together."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias, get_args

import numpy as np

from xner.aligners.native import NativeAligner
from xner.aligners.pretrained import Pretrained
from xner.aligners.rounds import FIRST_CHAINS
from xner.aligners.similarity import Calibration, Similar, WordSimilarities
from xner.aligners.soft import SoftLinks, averaged, joined, largest
from xner.aligners.units import bitext_of, links_of_tokens
from xner.options import declare, like, option, options_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from xner.aligners.bitext import Bitext, Links
    from xner.aligners.units import Units

Combination: TypeAlias = Literal["joint", "mean", "union", "backoff"]
# Chosen on MASSIVE ko, am and sw and on Europarl de with multilingual-e5-small.
ROUNDS = 2
"""Calibrations, each on the links of the one before."""
SHARE = {"joint": 0.3, "mean": 0.5}
"""Weight of the similarities in the mean, if they are fully trusted."""
PIECE, PIECE_CELLS = 8192, 1 << 22
"""Sentence pairs, and pairs of word positions, that a model is applied to at a time."""


@declare
class MixtureAligner(Pretrained):
    """The native aligner with the similarities of a pretrained encoder.

    The similarities of words become probabilities by a softmax in both directions. Its temperature
    and the trust in the encoder are those under which the links of the native aligner are most
    likely, so no gold links are needed (`xner.aligners.similarity`). An encoder that does not agree
    with the native aligner has a trust near 0 and hardly changes its links.
    """

    fitted: ClassVar[bool] = True
    random: ClassVar[bool] = True

    combination: Combination = option(
        "joint",
        "How native links and similarities are combined: joint multiplies the weights of links by "
        "the probabilities of the similarities while it samples, and averages the result with "
        "them; mean averages the probabilities of both; union takes the larger of the two; backoff "
        "takes similarities only between words without native links.",
        choices=get_args(Combination),
        rare=True,
    )
    seed: int = like(NativeAligner, "seed")
    chains: int = like(NativeAligner, "chains", when=())
    threshold: float | None = like(NativeAligner, "threshold", when=())
    fit_pairs: int = like(NativeAligner, "fit_pairs", when=())
    effort: float = like(NativeAligner, "effort")

    @cached_property
    def native(self) -> NativeAligner:
        """The native aligner with its options."""
        shared = options_of(NativeAligner).keys() & options_of(type(self)).keys() - {"model"}
        return NativeAligner(**{name: getattr(self, name) for name in shared})

    @property
    def rule(self) -> WordSimilarities:
        """How similarities are computed."""
        return WordSimilarities()

    @property
    def signature(self) -> str:
        """Names both parts and their settings."""
        native = replace(self.native, units="words")  # the units are named once, at the end
        return self._signed("mixture", f"combination:{self.combination},{native.signature}")

    def align(self, bitext: Bitext, progress: Callable[[float], None] | None = None) -> Links:
        """Return the links of every pair; arguments and errors are those of both aligners."""
        tell = progress or (lambda share: None)
        units = self.split(bitext)
        text = bitext_of(bitext, *units)
        native = replace(self.native, units="tokens")
        if native.is_large(text):
            soft = self._applied(native, text, tell)
        else:
            similar = self._similar(text, lambda share: tell(0.8 * share))
            soft, _ = self._mixed(native, text, similar, None)
        tell(1.0)
        return self.native.decide(links_of_tokens(soft, bitext, *units))

    def split(self, bitext: Bitext) -> tuple[Units | None, Units | None]:
        """Return the units of both sides, which are those of the native aligner."""
        return self.native.split(bitext)

    def _similar(self, text: Bitext, tell: Callable[[float], None]) -> Similar:
        own = text.slice(0, text.aligned)
        lengths = np.diff(own.source.offsets), np.diff(own.target.offsets)
        return Similar(self.align_units(own, tell), *lengths)

    def _applied(
        self, native: NativeAligner, text: Bitext, tell: Callable[[float], None]
    ) -> SoftLinks:
        """Fit the native aligner on a sample, and align piece by piece with its model."""
        model = native.fit(text, lambda share: tell(0.1 * share))
        native = NativeAligner(
            seed=native.seed, effort=native.effort, threshold=native.threshold, units="tokens",
            model=model,
        )  # fmt: skip
        made: list[SoftLinks] = []
        found, first = None, 0
        cells = np.cumsum(text.cells)
        while first < text.aligned:
            before = cells[first - 1] if first else 0
            within = int(np.searchsorted(cells, before + PIECE_CELLS, side="right"))
            last = min(max(within, first + 1), first + PIECE, text.aligned)
            piece = text.slice(first, last)
            similar = self._similar(piece, lambda share: None)
            soft, calibrated = self._mixed(native, piece, similar, found)
            found = calibrated if calibrated.trust else None  # a piece may have no links
            made.append(soft)
            first = last
            tell(0.1 + 0.9 * first / text.aligned)
        return joined(made)

    def _mixed(
        self, native: NativeAligner, text: Bitext, similar: Similar, found: Calibration | None
    ) -> tuple[SoftLinks, Calibration]:
        """Return the links of both together, and the calibration, unless one is given."""
        cells = int(text.cells.sum())

        def sampled(aligner: NativeAligner, calibration: Calibration | None) -> SoftLinks:
            hints = () if calibration is None else (similar.hints(calibration, cells),)
            return aligner.soft_units(text, lambda share: None, *hints)

        if found is None:
            quick = native
            if native.model is None:
                quick = replace(native, chains=min(native.chains, FIRST_CHAINS))
            for _ in range(ROUNDS if self.combination == "joint" else 1):
                found = similar.calibrate(sampled(quick, found))
        assert found is not None
        neural = similar.soft(found.temperature)
        links = sampled(native, found if self.combination == "joint" else None)
        if self.combination == "union":
            return largest([links, neural]), found
        if self.combination == "backoff":
            return largest([links, neural.between_free(native.decide(links))]), found
        share = SHARE[self.combination] * found.trust
        return averaged([links, neural], [1 - share, share]), found
