"""AWESoME: links that are probable in both directions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from xner.aligners import matrices
from xner.aligners.pretrained import Pretrained
from xner.effects import when
from xner.kernels import similar
from xner.options import declare, option

if TYPE_CHECKING:
    import torch

Distribution: TypeAlias = Literal["softmax", "entmax15"]
Int64 = NDArray[np.int64]
Float32 = NDArray[np.float32]


@declare
class AwesomeAligner(Pretrained):
    """AWESoME (Dou & Neubig 2021), with the same links as the package `awesome-align` 0.1.7.

    The dot products of the subwords' hidden states are normalised to probabilities over the
    subwords of the other side, in both directions. Two words are linked if any of their subwords
    are. The weight of a link is the mean of its two probabilities, maximised over its subwords.
    """

    extraction: Distribution = option(
        "softmax",
        "How dot products become probabilities: softmax, or entmax15, which is sparse (Peters, "
        "Niculae & Martins 2019).",
        choices=get_args(Distribution),
        rare=True,
    )
    threshold: float = option(
        0.001,
        "Probability that a link must exceed in both directions, for extraction softmax. With "
        "entmax15, it must exceed 0.",
        gt=0,
        lt=1,
        unit="P",
        when=when(extraction="softmax"),
    )

    @property
    def signature(self) -> str:
        """Name, method, model and version."""
        above = f">{self.threshold:g}" if self.extraction == "softmax" else ""
        return self._signed("awesome", f"extraction:{self.extraction}{above}")

    @property
    def rule(self) -> ProbabilityLinks:
        """How links are extracted from hidden states."""
        return ProbabilityLinks(self.extraction, self.threshold)


@dataclass(frozen=True, slots=True)
class ProbabilityLinks:
    """Extraction of links by probability in both directions (an `Extraction`)."""

    distribution: Distribution
    threshold: float
    whole_words: bool = False
    leaves_out_special: bool = True

    def scores(
        self, source: torch.Tensor, target: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor
    ) -> torch.Tensor:
        """Return dot products, float32."""
        return matrices.dot(source, target)

    def host_weights(self, scores: NDArray[Any], rows: Int64, columns: Int64) -> Float32:
        """Compute the mean probabilities of linked cells with Numba."""
        weight = np.zeros(scores.shape, np.float32)
        if self.distribution == "softmax":
            similar.link_softmax(0, len(scores), scores, rows, columns, self.threshold, weight)
        else:
            similar.link_entmax15(0, len(scores), scores, rows, columns, weight)
        return weight

    def device_weights(
        self, scores: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor
    ) -> torch.Tensor:
        """Compute the same with torch."""
        inside = matrices.real(scores, rows, columns)
        if self.distribution == "softmax":
            ways, bound = matrices.softmax_both(scores, inside), self.threshold
        else:
            ways, bound = matrices.entmax15_both(scores, inside), 0.0
        mean = ((ways[0] + ways[1]) / 2).float().clamp_min(matrices.SMALLEST)
        return mean * ((ways[0] > bound) & (ways[1] > bound))
