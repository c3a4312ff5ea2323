"""Alignment of any text with a fitted model."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from xner.aligners.bitext import offsets_from
from xner.aligners.hints import NO_HINTS, Hints, part_of
from xner.aligners.soft import LEAST, SoftLinks, joined
from xner.kernels import lexicon as tables
from xner.kernels import local
from xner.kernels.blocks import frozen, thread_count
from xner.overlap import in_order

if TYPE_CHECKING:
    from collections.abc import Callable

    from xner.aligners.bitext import Bitext
    from xner.aligners.model import AlignmentModel

PIECE = 8192
"""Sentence pairs that a thread aligns at a time."""
PIECE_CELLS = 1 << 23
"""Pairs of word positions that a thread aligns at a time, to bound memory."""


def apply_model(
    model: AlignmentModel,
    bitext: Bitext,
    settings: local.Sampling,
    progress: Callable[[float], None],
    hints: Hints = NO_HINTS,
) -> SoftLinks:
    """Return the probabilities of the links of every pair.

    Pieces of the bitext are aligned in several threads; a pair has the same links in any piece.

    Args:
        model: fitted on any text.
        bitext: what to align.
        settings: of the chains.
        progress: called from this thread with the fraction done.
        hints: factors of the weights of all links.
    """
    cells = offsets_from(bitext.cells)
    source, target = model.seen[0].side(bitext.source), model.seen[1].side(bitext.target)
    edges = [*range(0, bitext.pairs, PIECE), bitext.pairs] if bitext.pairs else [0, 0]
    made: list[SoftLinks] = []

    def align(piece: tuple[int, int]) -> SoftLinks:
        own = cells[piece[0] : piece[1] + 1]
        inner = np.searchsorted(own, np.arange(own[0], own[-1], PIECE_CELLS), side="right") - 1
        rows = sorted({*(piece[0] + inner).tolist(), *piece})
        made = []
        for lo, hi in pairwise(rows if len(rows) > 1 else piece):
            here = part_of(hints, *cells[[lo, hi]].tolist())
            made.append(_apply(model, _part(source, lo, hi), _part(target, lo, hi), settings, here))
        return joined(made)

    for links in in_order(align, pairwise(edges), thread_count()):
        made.append(links)
        progress(edges[len(made)] / max(1, bitext.pairs))
    return joined(made)


def _apply(
    model: AlignmentModel,
    source: tables.Side,
    target: tables.Side,
    settings: local.Sampling,
    hints: Hints,
) -> SoftLinks:
    lengths = np.diff(source.offsets), np.diff(target.offsets)
    cells = frozen(offsets_from(lengths[0] * lengths[1]), np.int64)
    counts = np.zeros(len(lengths[0]), np.int64)
    # Only the pages of memory that links are written to are taken.
    words = [np.empty(cells[-1], np.int32) for _ in range(2)]
    probabilities = [np.empty(cells[-1], np.float32) for _ in range(2)]
    local.link_pairs(
        0, len(counts), model.lexicon, source, target, frozen(model.jumps, np.float32), settings,
        cells, (hints.forward, hints.reverse), LEAST, counts, *words, *probabilities,
    )  # fmt: skip
    offsets = offsets_from(counts)
    kept = (array[: offsets[-1]].copy() for array in (*words, *probabilities))
    return SoftLinks(*lengths, offsets, *kept)


def _part(side: tables.Side, lo: int, hi: int) -> tables.Side:
    first, last = side.offsets[lo], side.offsets[hi]
    offsets = frozen(side.offsets[lo : hi + 1] - first, np.int64)
    return tables.Side(side.ids[first:last], offsets, side.types)
