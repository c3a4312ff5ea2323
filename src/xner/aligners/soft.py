"""Soft links: link probabilities, their composition and averages, and conversion to links."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from xner.aligners.bitext import Links, offsets_from
from xner.aligners.symmetrise import METHODS, Symmetrisation, select
from xner.kernels import soft as kernels
from xner.kernels.blocks import frozen, over_blocks

LEAST = 0.01
"""Minimum mean probability over both directions; links below it are dropped."""

Decision: TypeAlias = Literal["soft"] | Symmetrisation
DECISIONS = ("soft", *METHODS)

_ROUNDS = 20
_FIRST_SHARE = 0.9

Int64 = NDArray[np.int64]
Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SoftLinks:
    """Link probabilities of N sentence pairs, sorted by sentence, source word, target word.

    Attributes:
        source_lengths: int64 (N), words of each source sentence.
        target_lengths: int64 (N), words of each target sentence.
        offsets: int64 (N+1); the links of pair n are `[offsets[n], offsets[n+1])`.
        source: int32 (L), source word of each link, counted from 0 in its sentence.
        target: int32 (L), target word.
        forward: float32 (L), P(source word | target word); a target word is unlinked with 1 minus
            the sum over its links.
        reverse: float32 (L), P(target word | source word).
    """

    source_lengths: Int64
    target_lengths: Int64
    offsets: Int64
    source: NDArray[np.int32]
    target: NDArray[np.int32]
    forward: Float32
    reverse: Float32

    def head(self, pairs: int) -> SoftLinks:
        """Return the links of the first `pairs` sentence pairs."""
        last = int(self.offsets[pairs])
        return SoftLinks(
            self.source_lengths[:pairs],
            self.target_lengths[:pairs],
            self.offsets[: pairs + 1],
            self.source[:last],
            self.target[:last],
            self.forward[:last],
            self.reverse[:last],
        )

    def cells(self) -> Int64:
        """Return the index of each link among all pairs of words, int64 (L), ascending."""
        sizes = self.source_lengths * self.target_lengths
        row = self.source.astype(np.int64) * self.per_link(self.target_lengths) + self.target
        return self.per_link(offsets_from(sizes)[:-1]) + row

    def between_free(self, links: Links) -> SoftLinks:
        """Return the links between words that `links` leave without any link.

        Args:
            links: links of the same sentence pairs.
        """
        taken = np.zeros(len(self.source), np.bool_)
        counts = np.diff(links.offsets)
        for lengths, mine, theirs in (
            (self.source_lengths, self.source, links.source),
            (self.target_lengths, self.target, links.target),
        ):
            starts = offsets_from(lengths)
            linked = np.zeros(starts[-1], np.bool_)
            linked[np.repeat(starts[:-1], counts) + theirs] = True
            taken |= linked[self.per_link(starts[:-1]) + mine]
        kept = ~taken
        return SoftLinks(
            self.source_lengths,
            self.target_lengths,
            offsets_from(kept.astype(np.int64))[self.offsets],
            self.source[kept],
            self.target[kept],
            self.forward[kept],
            self.reverse[kept],
        )

    def per_link(self, values: Int64) -> Int64:
        """Repeat the value of each sentence for each of its links."""
        return np.repeat(values, np.diff(self.offsets))


def thinned(
    source_lengths: Int64, target_lengths: Int64, cell_offsets: Int64, forward: Float32,
    reverse: Float32,
) -> SoftLinks:  # fmt: skip
    """Return the links above `LEAST`, given the probabilities of all cells, float32 (cells)."""
    keep = np.zeros(len(forward), np.bool_)
    rows = range(0, len(keep), 1 << 20)
    over_blocks(kernels.mark_likely, rows, forward, reverse, LEAST, keep)
    cells = np.flatnonzero(keep)
    return _from_cells(
        source_lengths, target_lengths, cell_offsets, cells, forward[cells], reverse[cells]
    )


def _from_cells(
    source_lengths: Int64, target_lengths: Int64, cell_offsets: Int64, cells: Int64,
    forward: Float32, reverse: Float32,
) -> SoftLinks:  # fmt: skip
    offsets = np.searchsorted(cells, cell_offsets).astype(np.int64)
    counts = np.diff(offsets)
    within = cells - np.repeat(cell_offsets[:-1], counts)
    source, target = np.divmod(within, np.repeat(target_lengths, counts))
    return SoftLinks(
        source_lengths,
        target_lengths,
        offsets,
        source.astype(np.int32),
        target.astype(np.int32),
        forward.astype(np.float32),
        reverse.astype(np.float32),
    )


def _summed(
    source_lengths: Int64, target_lengths: Int64, cells: Int64, forward: Float32, reverse: Float32
) -> SoftLinks:
    """Sum the probabilities of repeated cells, and drop links below `LEAST`."""
    return per_cell(source_lengths, target_lengths, cells, forward, reverse, np.add)


def per_cell(
    source_lengths: Int64, target_lengths: Int64, cells: Int64, forward: Float32, reverse: Float32,
    combine: np.ufunc, least: float = LEAST,
) -> SoftLinks:  # fmt: skip
    """Combine the probabilities of repeated cells, and drop links below `least`."""
    order = np.argsort(cells, kind="stable")
    unique, starts = np.unique(cells[order], return_index=True)
    f, r = (
        combine.reduceat(p[order].astype(np.float64), starts) if len(starts) else np.zeros(0)
        for p in (forward, reverse)
    )
    keep = f + r >= 2 * least
    offsets = offsets_from(source_lengths * target_lengths)
    return _from_cells(
        source_lengths,
        target_lengths,
        offsets,
        unique[keep],
        f[keep].astype(np.float32),
        r[keep].astype(np.float32),
    )


def composed(first: SoftLinks, second: SoftLinks) -> SoftLinks:
    """Compose two alignments through a middle text.

    P(i | j) = sum over k of P(i | k) P(k | j), and likewise in reverse. A word that is unlinked in
    either alignment remains unlinked.

    Args:
        first: alignment of the source with the middle text.
        second: alignment of the middle text with the target.
    """
    middle = offsets_from(first.target_lengths)
    here = first.per_link(middle[:-1]) + first.target  # index of the middle word of each link
    there = second.per_link(middle[:-1]) + second.source
    begin = np.searchsorted(there, here, side="left")
    count = np.searchsorted(there, here, side="right") - begin
    a = np.repeat(np.arange(len(here)), count)
    b = np.arange(len(a)) + np.repeat(begin - offsets_from(count)[:-1], count)
    sizes = first.source_lengths * second.target_lengths
    row = first.per_link(offsets_from(sizes)[:-1])
    row += first.source * first.per_link(second.target_lengths)
    return _summed(
        first.source_lengths,
        second.target_lengths,
        row[a] + second.target[b],
        first.forward[a] * second.forward[b],
        first.reverse[a] * second.reverse[b],
    )


def largest(parts: list[SoftLinks]) -> SoftLinks:
    """Return the larger probability of each link in several alignments of the same pairs."""
    return per_cell(
        parts[0].source_lengths,
        parts[0].target_lengths,
        np.concatenate([part.cells() for part in parts]),
        np.concatenate([part.forward for part in parts]),
        np.concatenate([part.reverse for part in parts]),
        np.maximum,
    )


def averaged(parts: list[SoftLinks], shares: list[float]) -> SoftLinks:
    """Return the weighted mean of several alignments of the same sentence pairs.

    Args:
        parts: the alignments.
        shares: weight of each; they sum to 1.
    """
    weights = np.repeat(np.array(shares, np.float32), [len(part.source) for part in parts])
    return _summed(
        parts[0].source_lengths,
        parts[0].target_lengths,
        np.concatenate([part.cells() for part in parts]),
        np.concatenate([part.forward for part in parts]) * weights,
        np.concatenate([part.reverse for part in parts]) * weights,
    )


def explained_share(p: Float64, uniform: Float64, weight: Float64) -> float:
    """Return the share of links that probabilities explain; a uniform choice explains the others.

    Expectation maximisation finds the share under which the links are most likely; 0 without links.

    Args:
        p: float64 (L), probability of each link.
        uniform: float64 (L), probability of each link in a uniform choice.
        weight: float64 (L), how often each link counts.
    """
    if not weight.sum():
        return 0.0
    share = _FIRST_SHARE
    for _ in range(_ROUNDS):
        explained = share * p
        share = float(weight @ (explained / (explained + (1 - share) * uniform)) / weight.sum())
    return share


def joined(parts: list[SoftLinks]) -> SoftLinks:
    """Concatenate alignments of consecutive sentence pairs."""

    def both(name: str) -> NDArray[Any]:
        return np.concatenate([getattr(part, name) for part in parts])

    return SoftLinks(
        both("source_lengths"),
        both("target_lengths"),
        offsets_from(np.concatenate([np.diff(part.offsets) for part in parts])),
        both("source"),
        both("target"),
        both("forward"),
        both("reverse"),
    )


def decide(soft: SoftLinks, method: Decision, threshold: float) -> Links:
    """Convert probabilities to links; the weight of a link is the mean of its two probabilities.

    The method `soft` keeps links with a weight of at least `threshold`. With the other methods
    each direction links a word to its most probable partner, or leaves it unlinked if that is
    more probable, and the two directions are then symmetrised.
    """
    weight = np.minimum((soft.forward + soft.reverse) / np.float32(2), np.float32(1))
    if method == "soft":
        kept = weight >= threshold
        offsets = offsets_from(kept.astype(np.int64))[soft.offsets]
        return Links(offsets, soft.source[kept], soft.target[kept], weight[kept])
    votes = np.zeros(len(soft.source), np.uint8)
    over_blocks(
        kernels.vote,
        len(soft.offsets) - 1,
        frozen(soft.offsets, np.int64),
        frozen(soft.source, np.int32),
        frozen(soft.target, np.int32),
        frozen(soft.forward, np.float32),
        frozen(soft.reverse, np.float32),
        votes,
    )
    won = votes > 0
    offsets = offsets_from(won.astype(np.int64))[soft.offsets]
    return select(offsets, soft.source[won], soft.target[won], weight[won], votes[won], method)
