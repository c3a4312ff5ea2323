"""Alignment with the help of further translations of the same sentences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from xner.aligners.bitext import Bitext, Links, Side
from xner.aligners.soft import SoftLinks, averaged, composed


@runtime_checkable
class SoftAligner(Protocol):
    """An aligner that also tells how probable each link is."""

    def soft(self, bitext: Bitext, progress: Callable[[float], None] | None = None) -> SoftLinks:
        """Probabilities of the links of every pair."""
        ...

    def decide(self, soft: SoftLinks) -> Links:
        """Links out of probabilities."""
        ...


def align_with_pivots(
    aligner: SoftAligner,
    bitext: Bitext,
    pivots: Sequence[Side],
    progress: Callable[[float], None],
) -> Links:
    """Links of every pair, averaged with those that go through each pivot.

    A pivot is the same sentences in a further language. The source is aligned with it and it
    with the target, which makes a detour. The direct alignment and all detours together count
    one half each.

    Args:
        aligner: fitted anew on each of the 1 + 2 * pivots bitexts.
        bitext: source and target; pairs that are only fitted on are so for this bitext alone.
        pivots: at least one, parallel to the pairs that are aligned.
        progress: called with the share that is done.
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
