"""Alignment of any text with a fitted model."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from xner.aligners.bitext import Bitext, offsets_from
from xner.aligners.model import AlignmentModel, types_of
from xner.aligners.shards import text_of
from xner.aligners.soft import SoftLinks, joined, thinned
from xner.kernels import local
from xner.kernels.blocks import frozen, over_blocks

if TYPE_CHECKING:
    from xner.aligners.shards import Text

PIECE_CELLS = 1 << 23
"""Pairs of word positions that are aligned at a time, to bound memory."""
BLOCK = 256


def apply_model(
    model: AlignmentModel, bitext: Bitext, settings: local.Sampling, null_odds: float
) -> SoftLinks:
    """Return the probabilities of the links of every pair.

    Args:
        model: fitted on any text.
        bitext: what to align.
        settings: of the chains.
        null_odds: prior odds of the null word.
    """
    source = text_of(bitext.source, 0, bitext.aligned)
    target = text_of(bitext.target, 0, bitext.aligned)
    types = [
        types_of(text.words, side, null_odds)
        for text, side in ((source, model.source), (target, model.target))
    ]
    lengths = np.diff(source.offsets), np.diff(target.offsets)
    cells = offsets_from(lengths[0] * lengths[1])
    bounds = np.searchsorted(cells, np.arange(0, cells[-1], PIECE_CELLS), side="left").tolist()
    pieces = pairwise(sorted({0, *bounds, len(lengths[0])}))
    jumps = frozen(model.jumps, np.float32)
    made = []
    for lo, hi in pieces:
        inside = frozen(cells[lo : hi + 1] - cells[lo], np.int64)
        likely = [np.zeros(inside[-1], np.float32) for _ in range(2)]
        sides = [_side(*side, lo, hi) for side in ((source, types[0]), (target, types[1]))]
        over_blocks(
            local.link_pairs, range(0, hi - lo, BLOCK), model.lexicon, *sides, jumps, settings,
            inside, *likely,
        )  # fmt: skip
        made.append(thinned(lengths[0][lo:hi], lengths[1][lo:hi], inside, *likely))
    return joined(made)


def _side(text: Text, types: local.Types, lo: int, hi: int) -> local.Side:
    first, last = text.offsets[lo], text.offsets[hi]
    return local.Side(text.ids[first:last], frozen(text.offsets[lo : hi + 1] - first, np.int64), types)
