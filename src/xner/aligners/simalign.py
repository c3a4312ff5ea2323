"""SimAlign: links between the words whose hidden states are most similar."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from xner.aligners import matrices
from xner.aligners.pretrained import Pretrained
from xner.kernels import similar
from xner.options import declare, option
from xner.solve.words import match_words

if TYPE_CHECKING:
    import torch

Matching: TypeAlias = Literal["argmax", "itermax", "match"]
TokenType: TypeAlias = Literal["bpe", "word"]
Int64 = NDArray[np.int64]
Float32 = NDArray[np.float32]
ALPHA = 0.9


@declare
class SimAlignAligner(Pretrained):
    """SimAlign (Jalili Sabet et al. 2020), with the same links as the package `simalign` 0.4.

    The similarity of two units (subwords or words) is (cos + 1) / 2 of their hidden states. The
    weight of a link is the highest similarity of its units.
    """

    matching: Matching = option(
        "itermax",
        "Which units are linked: argmax links units that are most similar to each other; itermax "
        "repeats this once for units of which one is still unlinked; match computes the "
        "one-to-one assignment with the highest total similarity.",
        choices=get_args(Matching),
        rare=True,
    )
    token_type: TokenType = option(
        "bpe",
        "Unit of comparison: bpe compares subwords and links words that have linked subwords; "
        "word compares words, each the mean of its subwords.",
        choices=get_args(TokenType),
        rare=True,
    )
    distortion: float = option(
        0.0,
        "Penalty for links between different relative positions: similarities are multiplied by "
        "1 - distortion * (x - y)^2, where x and y are positions from 0 to 1.",
        ge=0,
        le=1,
        unit="FACTOR",
        rare=True,
    )

    @property
    def signature(self) -> str:
        """Name, method, model and version."""
        more = f",distortion:{self.distortion:g}" if self.distortion else ""
        settings = f"matching:{self.matching},token_type:{self.token_type}{more}"
        return self._signed("simalign", settings)

    @property
    def rule(self) -> SimilarityLinks:
        """How links are extracted from hidden states."""
        return SimilarityLinks(self.matching, self.token_type == "word", self.distortion)


@dataclass(frozen=True, slots=True)
class SimilarityLinks:
    """Extraction of links by similarity (an `Extraction`)."""

    matching: Matching
    whole_words: bool
    distortion: float = 0.0
    leaves_out_special: bool = False

    def scores(
        self, source: torch.Tensor, target: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor
    ) -> torch.Tensor:
        """Return similarities in [0, 1]: float32, or float64 with distortion."""
        similarity = matrices.cosine(source, target)
        if not self.distortion:
            return similarity
        return matrices.distorted(similarity, rows, columns, self.distortion)

    def host_weights(self, scores: NDArray[Any], rows: Int64, columns: Int64) -> Float32:
        """Compute the similarities of linked cells with Numba or SciPy."""
        weight = np.zeros(scores.shape, np.float32)
        if self.matching == "argmax":
            similar.link_argmax(0, len(scores), scores, rows, columns, weight)
        elif self.matching == "itermax":
            similar.link_itermax(0, len(scores), scores, rows, columns, ALPHA, weight)
        else:
            for b, (n, m) in enumerate(zip(rows.tolist(), columns.tolist(), strict=True)):
                i, j = match_words(scores[b, :n, :m]).T
                weight[b, i, j] = np.clip(scores[b, i, j], similar.SMALLEST, 1.0)
        return weight

    def device_weights(
        self, scores: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor
    ) -> torch.Tensor:
        """Compute the same with torch; `match` is solved on the host."""
        import torch

        if self.matching == "match":
            host = (t.cpu().numpy() for t in (scores, rows, columns))
            return torch.from_numpy(self.host_weights(*host)).to(scores.device)
        inside = matrices.real(scores, rows, columns)
        if self.matching == "argmax":
            links = matrices.argmax_links(scores, inside)
        else:
            links = matrices.itermax_links(scores, inside, rows, columns, ALPHA)
        return scores.float().clamp(matrices.SMALLEST, 1.0) * links
