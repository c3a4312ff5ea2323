"""AWESoME: links that are likely in both directions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from xner.aligners import matrices
from xner.aligners.pretrained import Pretrained
from xner.errors import UsageError
from xner.kernels import similar

if TYPE_CHECKING:
    import torch

Distribution: TypeAlias = Literal["softmax", "entmax15"]
Int64 = NDArray[np.int64]
Float32 = NDArray[np.float32]


@dataclass(frozen=True)
class AwesomeAligner(Pretrained):
    """AWESoME (Dou & Neubig 2021), with the links of the package `awesome-align` 0.1.7.

    Dot products of the subwords' hidden states become probabilities over the subwords of the
    other side, in both directions; two words are linked where any of their subwords are. A
    link's weight is the mean of its two probabilities, the greatest among its subwords.

    Attributes:
        extraction: `softmax`, or `entmax15`, which gives 0 to all but the likeliest (Peters,
            Niculae & Martins 2019).
        threshold: a link's softmax exceeds this in both directions. What entmax15 gives need only
            exceed 0.
    """

    extraction: Distribution = "softmax"
    threshold: float = 0.001

    def __post_init__(self) -> None:
        """Check the options, as `Pretrained` does."""
        if self.extraction not in get_args(Distribution):
            choices = ", ".join(get_args(Distribution))
            raise UsageError(f"extraction is {self.extraction!r}; choose one of {choices}")
        if not 0 < self.threshold < 1:
            raise UsageError(f"threshold is {self.threshold:g}; it must lie between 0 and 1")
        super().__post_init__()

    @property
    def signature(self) -> str:
        """Name, method, model and version."""
        above = f">{self.threshold:g}" if self.extraction == "softmax" else ""
        return self._signed("awesome", f"extraction:{self.extraction}{above}")

    @property
    def rule(self) -> ProbabilityLinks:
        """What makes links of states."""
        return ProbabilityLinks(self.extraction, self.threshold)


@dataclass(frozen=True, slots=True)
class ProbabilityLinks:
    """Links by probability in both directions; an `Extraction`."""

    distribution: Distribution
    threshold: float
    whole_words: bool = False
    leaves_out_special: bool = True

    def scores(
        self, source: torch.Tensor, target: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor
    ) -> torch.Tensor:
        """Dot products, float32."""
        return matrices.dot(source, target)

    def host_weights(self, scores: NDArray[Any], rows: Int64, columns: Int64) -> Float32:
        """Mean probabilities of linked cells, by Numba."""
        weight = np.zeros(scores.shape, np.float32)
        if self.distribution == "softmax":
            similar.link_softmax(0, len(scores), scores, rows, columns, self.threshold, weight)
        else:
            similar.link_entmax15(0, len(scores), scores, rows, columns, weight)
        return weight

    def device_weights(
        self, scores: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor
    ) -> torch.Tensor:
        """The same by torch."""
        inside = matrices.real(scores, rows, columns)
        if self.distribution == "softmax":
            ways, bound = matrices.softmax_both(scores, inside), self.threshold
        else:
            ways, bound = matrices.entmax15_both(scores, inside), 0.0
        mean = ((ways[0] + ways[1]) / 2).float().clamp_min(matrices.SMALLEST)
        return mean * ((ways[0] > bound) & (ways[1] > bound))
