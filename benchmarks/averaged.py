"""eflomal at its best: several runs of the package, their links averaged."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from xner.aligners.bitext import Bitext, Links
from xner.aligners.eflomal import EflomalAligner
from xner.aligners.soft import SoftLinks, averaged, decide
from xner.aligners.symmetrise import Symmetrisation


@dataclass(frozen=True)
class AveragedEflomal:
    """Averages symmetrised runs of eflomal with its own settings and applies a threshold.

    Attributes:
        runs: number of runs; the package takes no seed, and its runs differ.
        symmetrisation: applied to each run. `union` keeps a link of one direction at half its
            weight, so that the average is over both directions, as in the native aligner.
        threshold: minimum average weight of a link; default of the native aligner.
    """

    runs: int = 8
    symmetrisation: Symmetrisation = "union"
    threshold: float = 0.3

    @property
    def signature(self) -> str:
        """Return name, version and settings."""
        one = EflomalAligner(symmetrisation=self.symmetrisation).signature
        return f"{one[:-1]},runs:{self.runs},averaged>={self.threshold:g})"

    def align(self, bitext: Bitext, progress: Callable[[float], None] | None = None) -> Links:
        """Return the averaged links of every pair."""
        parts = []
        for run in range(self.runs):
            parts.append(
                soft(bitext, EflomalAligner(symmetrisation=self.symmetrisation).align(bitext))
            )
            if progress:
                progress((run + 1) / self.runs)
        return decide(averaged(parts, [1 / self.runs] * self.runs), "soft", self.threshold)


def soft(bitext: Bitext, links: Links) -> SoftLinks:
    """Convert links to probabilities that are the same in both directions."""
    source, target = (
        np.diff(side.offsets)[: bitext.aligned] for side in (bitext.source, bitext.target)
    )
    weight = links.weight
    return SoftLinks(source, target, links.offsets, links.source, links.target, weight, weight)
