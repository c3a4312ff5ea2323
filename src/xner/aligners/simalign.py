"""SimAlign: links between words that are most similar to each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from xner.aligners import matrices
from xner.aligners.pretrained import Pretrained
from xner.errors import UsageError
from xner.kernels import similar
from xner.solve.words import match_words

if TYPE_CHECKING:
    import torch

Matching: TypeAlias = Literal["argmax", "itermax", "match"]
TokenType: TypeAlias = Literal["bpe", "word"]
Int64 = NDArray[np.int64]
Float32 = NDArray[np.float32]
ALPHA = 0.9


@dataclass(frozen=True)
class SimAlignAligner(Pretrained):
    """SimAlign (Jalili Sabet et al. 2020), with the links of the package `simalign` 0.4.

    The similarity of two units is (cos + 1) / 2 of their hidden states, and the greatest among a
    link's subwords is its weight.

    Attributes:
        matching: `argmax` links units that are each other's most similar; `itermax` then links
            once more among those where one is still free; `match` links one to one, so that
            similarities add up to the most.
        token_type: `bpe` compares subwords, and links words of which any subwords are linked;
            `word` compares words, each the mean of its subwords.
        distortion: similarities are multiplied by 1 - distortion (x - y)^2, where x and y say
            how far through its sentence a unit stands, from 0 to 1.
    """

    matching: Matching = "argmax"
    token_type: TokenType = "bpe"
    distortion: float = 0.0

    def __post_init__(self) -> None:
        """Check the options, as `Pretrained` does."""
        for name, known in (("matching", Matching), ("token_type", TokenType)):
            if getattr(self, name) not in get_args(known):
                choices = ", ".join(get_args(known))
                raise UsageError(f"{name} is {getattr(self, name)!r}; choose one of {choices}")
        if not 0 <= self.distortion <= 1:
            raise UsageError(f"distortion is {self.distortion:g}; it must be from 0 to 1")
        super().__post_init__()

    @property
    def signature(self) -> str:
        """Name, method, model and version."""
        more = f",distortion:{self.distortion:g}" if self.distortion else ""
        settings = f"matching:{self.matching},token_type:{self.token_type}{more}"
        return self._signed("simalign", settings)

    @property
    def rule(self) -> SimilarityLinks:
        """What makes links of states."""
        return SimilarityLinks(self.matching, self.token_type == "word", self.distortion)


@dataclass(frozen=True, slots=True)
class SimilarityLinks:
    """Links by similarity; an `Extraction`."""

    matching: Matching
    whole_words: bool
    distortion: float = 0.0
    leaves_out_special: bool = False

    def scores(
        self, source: torch.Tensor, target: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor
    ) -> torch.Tensor:
        """Similarities in [0, 1]: float32, or float64 where they are distorted."""
        similarity = matrices.cosine(source, target)
        if not self.distortion:
            return similarity
        return matrices.distorted(similarity, rows, columns, self.distortion)

    def host_weights(self, scores: NDArray[Any], rows: Int64, columns: Int64) -> Float32:
        """Similarities of linked cells, by Numba or SciPy."""
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
        """The same by torch; `match` is solved in the host's memory."""
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
