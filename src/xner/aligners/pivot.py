"""Alignment through translations of the same sentences into further languages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from xner.aligners.bitext import Bitext, Links, Side
from xner.aligners.native import NativeAligner
from xner.aligners.soft import SoftLinks, averaged, composed, explained_share
from xner.aligners.units import Units, bitext_of, links_of_tokens, units_of

# Chosen on xSID, MASSIVE, UNER and Europarl: benchmarks/results/pivots.md.
SHARE = 0.5
"""Weight of all pivots in the mean, if they are fully trusted."""


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
    and target are aligned, and the two alignments are composed. Of K pivots, each composed
    alignment has the weight `SHARE` * trust^2 / K, and the direct alignment the rest (`trust_of`).
    Words of text without spaces are aligned as words (`xner.aligners.units`).

    Args:
        aligner: fitted separately on each of the 1 + 2 * pivots bitexts.
        bitext: source and target; only the direct alignment uses its pairs to fit on.
        pivots: at least one, parallel to the pairs that are aligned.
        progress: called with the fraction done.
    """
    runs = 1 + 2 * len(pivots)
    units: tuple[Units | None, Units | None] = (None, None)
    if isinstance(aligner, NativeAligner):
        units = aligner.split(bitext)
        pivots = [_words_of(aligner, pivot, bitext) for pivot in pivots]
    text = bitext_of(bitext, *units)

    def run(number: int, text: Bitext) -> SoftLinks:
        def tell(share: float) -> None:
            progress((number + share) / runs)

        if isinstance(aligner, NativeAligner):
            return aligner.soft_units(text, tell)
        return aligner.soft(text, tell)

    source, target = text.source.head(text.aligned), text.target.head(text.aligned)
    parts = [run(0, text)]
    shares = []
    for k, pivot in enumerate(pivots):
        there = run(1 + 2 * k, Bitext(source, pivot))
        parts.append(composed(there, run(2 + 2 * k, Bitext(pivot, target))))
        shares.append(SHARE * trust_of(parts[-1], parts[0]) ** 2 / len(pivots))
    mean = averaged(parts, [1 - sum(shares), *shares])
    return aligner.decide(links_of_tokens(mean, bitext, *units))


def _words_of(aligner: NativeAligner, pivot: Side, bitext: Bitext) -> Side:
    """Return the units of a pivot. A word of several tokens would be counted once for each."""
    if aligner.units == "tokens":
        return pivot
    units = units_of(pivot, whole=not aligner.is_large(bitext))
    return pivot if units is None else units.side


def trust_of(detour: SoftLinks, direct: SoftLinks) -> float:
    """Return the share of the direct links that an alignment through a pivot explains.

    A link has the probability trust * P(through the pivot) + (1 - trust) / n of n words; the trust
    is the one under which the direct links are most likely (expectation maximisation).

    Args:
        detour: composed alignment.
        direct: alignment of the same sentence pairs.
    """
    cells, at = detour.cells(), direct.cells()
    place = np.minimum(np.searchsorted(cells, at), max(0, len(cells) - 1))
    known = cells[place] == at if len(cells) else np.zeros(len(at), np.bool_)
    p = np.zeros((2, len(at)))
    p[:, known] = np.stack([detour.forward, detour.reverse])[:, place[known]]
    weight = np.concatenate([direct.forward, direct.reverse]).astype(np.float64)
    words = direct.source_lengths, direct.target_lengths
    uniform = 1.0 / np.concatenate([direct.per_link(lengths) for lengths in words])
    return explained_share(p.ravel(), uniform, weight)
