"""Alignment through translations of the same sentences into further languages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from xner.aligners.bitext import Bitext, Links, Side
from xner.aligners.soft import SoftLinks, averaged, composed


@runtime_checkable
class SoftAligner(Protocol):
    """An aligner that also computes link probabilities."""

    def soft(self, bitext: Bitext, progress: Callable[[float], None] | None = None) -> SoftLinks:
        """Return the probabilities of the links of every pair."""
        ...

    def decide(self, soft: SoftLinks) -> Links:
        """Convert probabilities to links."""
        ...


def align_with_pivots(
    aligner: SoftAligner,
    bitext: Bitext,
    pivots: Sequence[Side],
    progress: Callable[[float], None],
) -> Links:
    """Return the links of every pair, averaged over the direct alignment and all pivots.

    A pivot contains the same sentences in a further language. Source and pivot are aligned, pivot
    and target are aligned, and the two alignments are composed. The direct alignment has weight
    1/2; the composed alignments share the other half equally.

    Args:
        aligner: fitted separately on each of the 1 + 2 * pivots bitexts.
        bitext: source and target; only the direct alignment uses its pairs to fit on.
        pivots: at least one, parallel to the pairs that are aligned.
        progress: called with the fraction done.
    """
    runs = 1 + 2 * len(pivots)

    def run(number: int, text: Bitext) -> SoftLinks:
        return aligner.soft(text, lambda share: progress((number + share) / runs))

    source, target = bitext.source.head(bitext.aligned), bitext.target.head(bitext.aligned)
    parts = [run(0, bitext)]
    for k, pivot in enumerate(pivots):
        there = run(1 + 2 * k, Bitext(source, pivot))
        parts.append(composed(there, run(2 + 2 * k, Bitext(pivot, target))))
    detours = [0.5 / len(pivots)] * len(pivots)
    return aligner.decide(averaged(parts, [0.5, *detours]))
