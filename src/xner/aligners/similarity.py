"""Similarities of all pairs of words as link probabilities, and how far they can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from xner.aligners import matrices
from xner.aligners.bitext import Links, offsets_from
from xner.aligners.hints import Hints
from xner.aligners.soft import SoftLinks, explained_share, thinned
from xner.kernels.blocks import frozen

if TYPE_CHECKING:
    import torch

Int64 = NDArray[np.int64]
Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
TEMPERATURES = (0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.15)
"""Temperatures of the softmax over cosines, from which calibration chooses."""


@dataclass(frozen=True, slots=True)
class WordSimilarities:
    """Extraction of the similarities of all pairs of words (an `Extraction`).

    A word has the mean state of its subwords. The weight of every pair of words is its similarity,
    (cos + 1) / 2.
    """

    whole_words: bool = True
    leaves_out_special: bool = False

    def scores(
        self, source: torch.Tensor, target: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor
    ) -> torch.Tensor:
        """Return similarities in [0, 1], float32; 0 for padding."""
        return matrices.cosine(source, target) * matrices.real(source @ target.mT, rows, columns)

    def host_weights(self, scores: NDArray[Any], rows: Int64, columns: Int64) -> Float32:
        """Return the scores, at most 1."""
        made: Float32 = np.clip(scores, 0.0, 1.0)
        return made

    def device_weights(
        self, scores: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor
    ) -> torch.Tensor:
        """Return the scores, at most 1."""
        return scores.clamp(0.0, 1.0)


class Calibration(NamedTuple):
    """How similarities predict the links of another aligner.

    Attributes:
        temperature: of the softmax over cosines.
        trust: share of the links that the softmax explains; a uniform choice explains the others.
    """

    temperature: float
    trust: float


class Similar:
    """The similarities of all pairs of words of N sentence pairs, in the order of cells.

    A cell is a pair of words; cells are sorted by sentence, source word, target word.
    """

    def __init__(self, links: Links, source_lengths: Int64, target_lengths: Int64) -> None:
        """Take similarities as the links of `WordSimilarities`.

        Args:
            links: pairs of words with their similarity; the others have a word without a state.
            source_lengths: int64 (N), words of each source sentence.
            target_lengths: int64 (N), words of each target sentence.
        """
        self.source_lengths, self.target_lengths = source_lengths, target_lengths
        self.offsets = offsets_from(source_lengths * target_lengths)
        counts = np.diff(links.offsets)
        row = links.source.astype(np.int64) * np.repeat(target_lengths, counts) + links.target
        self.cosine = np.full(self.offsets[-1], -np.inf, np.float32)
        self.cosine[np.repeat(self.offsets[:-1], counts) + row] = 2 * links.weight - 1
        widths = np.repeat(target_lengths, source_lengths)
        starts = offsets_from(widths)[:-1]
        first = np.repeat(offsets_from(target_lengths)[:-1], source_lengths) - starts
        self._row = np.repeat(np.arange(len(widths)), widths)
        self._column = np.arange(len(self.cosine)) + np.repeat(first, widths)

    def probabilities(self, temperature: float) -> tuple[Float64, Float64]:
        """Return P(source word | target word) and P(target word | source word) of all cells.

        They are the softmax of cosine / temperature over the words of the other side. Words without
        a state have 0.
        """
        mass = np.exp((self.cosine.astype(np.float64) - 1) / temperature)
        made = []
        for group in (self._column, self._row):
            total = np.bincount(group, mass)[group]
            made.append(np.divide(mass, total, out=np.zeros_like(mass), where=total > 0))
        return made[0], made[1]

    def soft(self, temperature: float) -> SoftLinks:
        """Return the probabilities as links."""
        forward, reverse = (p.astype(np.float32) for p in self.probabilities(temperature))
        return thinned(
            self.source_lengths,
            self.target_lengths,
            frozen(self.offsets, np.int64),
            frozen(forward, np.float32),
            frozen(reverse, np.float32),
        )

    def hints(self, found: Calibration, cells: int) -> Hints:
        """Return hints for the native aligner: trust * P + 1 - trust.

        Args:
            found: temperature and trust.
            cells: number of cells of the whole bitext; those beyond N pairs have the hint 1.
        """
        made = []
        for p in self.probabilities(found.temperature):
            values = np.ones(cells, np.float32)
            values[: len(p)] = found.trust * p + (1 - found.trust)
            made.append(frozen(values, np.float32))
        return Hints(*made)

    def calibrate(self, links: SoftLinks) -> Calibration:
        """Return the temperature and trust under which the links of an aligner are most likely.

        Every link counts with its probability. The trust of each temperature is estimated by
        expectation maximisation.

        Args:
            links: links of the same sentence pairs.
        """
        at = links.cells()
        weight = np.concatenate([links.forward, links.reverse]).astype(np.float64)
        if not weight.sum():
            return Calibration(TEMPERATURES[0], 0.0)
        sizes = links.per_link(self.source_lengths), links.per_link(self.target_lengths)
        uniform = 1.0 / np.concatenate(sizes)
        best, chosen = -np.inf, Calibration(TEMPERATURES[0], 0.0)
        for temperature in TEMPERATURES:
            p = np.concatenate([way[at] for way in self.probabilities(temperature)])
            trust = explained_share(p, uniform, weight)
            likelihood = float(weight @ np.log(trust * p + (1 - trust) * uniform + 1e-300))
            if likelihood > best:
                best, chosen = likelihood, Calibration(temperature, trust)
        return chosen
