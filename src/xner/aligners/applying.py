"""Alignment of any text with a fitted model."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from xner.aligners.bitext import Bitext, offsets_from
from xner.aligners.hints import NO_HINTS, Hints, part_of
from xner.aligners.model import AlignmentModel, types_of
from xner.aligners.shards import text_of
from xner.aligners.soft import SoftLinks, joined, thinned
from xner.kernels import lexicon as tables
from xner.kernels import local
from xner.kernels.blocks import frozen, thread_count
from xner.overlap import in_order

if TYPE_CHECKING:
    from collections.abc import Callable

    from xner.aligners.shards import Text

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
    lexicon = model.lexicon
    edges = [*range(0, bitext.pairs, PIECE), bitext.pairs] if bitext.pairs else [0, 0]
    made: list[SoftLinks] = []

    def align(piece: tuple[int, int]) -> SoftLinks:
        own = part_of(hints, *cells[list(piece)].tolist())
        return _apply(model, lexicon, bitext.slice(*piece), settings, own)

    for links in in_order(align, pairwise(edges), thread_count()):
        made.append(links)
        progress(edges[len(made)] / max(1, bitext.pairs))
    return joined(made)


def _apply(
    model: AlignmentModel,
    lexicon: tables.Lexicon,
    bitext: Bitext,
    settings: local.Sampling,
    hints: Hints,
) -> SoftLinks:
    texts = text_of(bitext.source), text_of(bitext.target)
    types = [
        types_of(text.words, side)
        for text, side in zip(texts, (model.source, model.target), strict=True)
    ]
    lengths = [np.diff(text.offsets) for text in texts]
    cells = offsets_from(lengths[0] * lengths[1])
    bounds = np.searchsorted(cells, np.arange(0, cells[-1], PIECE_CELLS), side="right") - 1
    between = sorted({*bounds.tolist()} - {0, len(cells) - 1})
    jumps = frozen(model.jumps, np.float32)
    made = []
    for lo, hi in pairwise([0, *between, len(cells) - 1]):
        inside = frozen(cells[lo : hi + 1] - cells[lo], np.int64)
        forward, reverse = (np.zeros(inside[-1], np.float32) for _ in range(2))
        source = _side(texts[0], types[0], lo, hi)
        target = _side(texts[1], types[1], lo, hi)
        own = part_of(hints, *cells[[lo, hi]].tolist())
        local.link_pairs(
            0, hi - lo, lexicon, source, target, jumps, settings, inside,
            (own.forward, own.reverse), forward, reverse,
        )  # fmt: skip
        made.append(thinned(lengths[0][lo:hi], lengths[1][lo:hi], inside, forward, reverse))
    return joined(made)


def _side(text: Text, types: tables.Types, lo: int, hi: int) -> tables.Side:
    first, last = text.offsets[lo], text.offsets[hi]
    offsets = frozen(text.offsets[lo : hi + 1] - first, np.int64)
    return tables.Side(text.ids[first:last], offsets, types)
