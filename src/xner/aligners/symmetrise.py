"""Symmetrisation of two directional word alignments."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from xner.aligners.bitext import Links
from xner.kernels import symmetrise as kernels
from xner.kernels.blocks import frozen, over_blocks

Symmetrisation: TypeAlias = Literal["intersection", "union", "grow-diag-final-and"]

METHODS: dict[str, int] = {
    "intersection": kernels.INTERSECTION,
    "union": kernels.UNION,
    "grow-diag-final-and": kernels.GROW_DIAG_FINAL_AND,
}


def check_symmetrisation(method: str) -> None:
    """Raise `ValueError` unless `method` is a known symmetrisation."""
    if method not in METHODS:
        known = ", ".join(get_args(Symmetrisation))
        raise ValueError(f"unknown symmetrisation {method!r}; use one of: {known}")


def select(
    offsets: NDArray[np.int64],
    source: NDArray[np.int32],
    target: NDArray[np.int32],
    weight: NDArray[np.float32],
    votes: NDArray[np.uint8],
    method: Symmetrisation,
) -> Links:
    """Return the links that a method keeps from the sorted union of both directions.

    Args:
        offsets: int64 (N+1), offsets of sentence pairs into links.
        source: int32 (L), source word of each link of the union.
        target: int32 (L), target word; within a pair, links are sorted by source, then target.
        weight: float32 (L), weight of each link, not changed.
        votes: uint8 (L), `kernels.symmetrise.FORWARD`, `REVERSE` or both.
        method: the symmetrisation.
    """
    check_symmetrisation(method)
    keep = np.zeros(len(source), np.bool_)
    over_blocks(
        kernels.select_links,
        len(offsets) - 1,
        frozen(offsets, np.int64),
        frozen(source, np.int32),
        frozen(target, np.int32),
        frozen(votes, np.uint8),
        METHODS[method],
        keep,
    )
    kept = np.concatenate([np.zeros(1, np.int64), np.cumsum(keep, dtype=np.int64)])
    return Links(kept[offsets], source[keep], target[keep], weight[keep])


def symmetrise(
    forward: Links, reverse: Links, method: Symmetrisation = "grow-diag-final-and"
) -> Links:
    """Combine two directional alignments of the same sentence pairs.

    Links need not be sorted; a link that is repeated within a direction counts once, with its
    highest weight. The weight of a link is the mean of its two directional weights, where a
    missing direction counts as 0.

    * `intersection` keeps the links of both directions, `union` those of either direction.
    * `grow-diag-final-and` (Koehn et al. 2003) starts with the intersection and adds links of the
      union that neighbour a kept link, diagonally or not, and have an unlinked word, until
      nothing changes. It then adds links between two unlinked words, first of the forward, then
      of the reverse direction. Links are visited by source word, then target word.

    Returns:
        Links sorted by sentence, source word, target word.

    Raises:
        ValueError: `method` is unknown, or the two sides differ in their number of sentences.
    """
    check_symmetrisation(method)
    if len(forward.offsets) != len(reverse.offsets):
        raise ValueError(
            f"forward has {len(forward.offsets) - 1} sentence pairs and reverse "
            f"{len(reverse.offsets) - 1}; align the same bitext in both directions"
        )
    return select(*_union(forward, reverse), method)


def _union(
    forward: Links, reverse: Links
) -> tuple[
    NDArray[np.int64],
    NDArray[np.int32],
    NDArray[np.int32],
    NDArray[np.float32],
    NDArray[np.uint8],
]:
    """Return offsets, source, target, mean weight and votes of the sorted union."""
    pairs = len(forward.offsets) - 1
    rows = np.arange(pairs)
    sentence = np.concatenate([np.repeat(rows, np.diff(x.offsets)) for x in (forward, reverse)])
    source = np.concatenate([forward.source, reverse.source])
    target = np.concatenate([forward.target, reverse.target])
    order = np.lexsort((target, source, sentence))
    sentence, source, target = sentence[order], source[order], target[order]

    starts = np.ones(len(order), np.bool_)
    starts[1:] = (np.diff(sentence) != 0) | (np.diff(source) != 0) | (np.diff(target) != 0)
    link = np.empty(len(order), np.int64)  # index of each input link, forward ones first
    link[order] = np.cumsum(starts) - 1
    size = int(starts.sum())
    weight = np.zeros((2, size), np.float32)
    votes = np.zeros(size, np.uint8)
    split = len(forward.source)
    for row, links, mine, bit in (
        (weight[0], forward, link[:split], kernels.FORWARD),
        (weight[1], reverse, link[split:], kernels.REVERSE),
    ):
        np.maximum.at(row, mine, links.weight)
        votes[mine] |= np.uint8(bit)
    offsets = np.searchsorted(sentence[starts], np.arange(pairs + 1)).astype(np.int64)
    return offsets, source[starts], target[starts], weight.mean(axis=0), votes
