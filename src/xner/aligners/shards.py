"""Splitting of a bitext into shards that fit into memory, with numbered word pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from xner.aligners.bitext import Bitext, Side, offsets_from
from xner.kernels import entries as table
from xner.kernels.blocks import frozen

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_CELLS = 1 << 25
"""Maximum number of pairs of word positions per shard, which bounds memory (`NativeAligner`)."""


class Text(NamedTuple):
    """One side of a shard, with casefolded and renumbered word types."""

    ids: NDArray[np.int32]
    offsets: NDArray[np.int64]
    words: list[str]


class Shard(NamedTuple):
    """Data shared by all chains of a shard."""

    source: Text
    target: Text
    cells: NDArray[np.int32]
    cell_offsets: NDArray[np.int64]
    source_types: NDArray[np.int32]
    target_types: NDArray[np.int32]


def shard_bounds(bitext: Bitext, fit_pairs: int) -> list[int]:
    """Return the bounds of parts of about equal load, including 0 and N."""
    pairs = bitext.pairs
    cells = np.diff(bitext.source.offsets) * np.diff(bitext.target.offsets)
    load = np.cumsum(MAX_CELLS + cells * fit_pairs)  # relative to both limits
    parts = max(1, -(-pairs // fit_pairs), -(-int(cells.sum()) // MAX_CELLS))
    while True:
        shares = load[-1] * np.arange(1, parts) // parts if parts > 1 else load[:0]
        bounds = sorted({0, pairs, *np.searchsorted(load, shares, side="right").tolist()})
        if not pairs or _fits(bounds, cells, fit_pairs):
            return bounds if pairs else [0, 0]
        parts += 1


def _fits(bounds: list[int], cells: NDArray[np.int64], fit_pairs: int) -> bool:
    """Whether every part of more than one pair is within both limits."""
    sizes = np.diff(bounds)
    totals = np.add.reduceat(cells, bounds[:-1])
    return bool(np.all((sizes == 1) | ((sizes <= fit_pairs) & (totals <= MAX_CELLS))))


def make_shard(bitext: Bitext, lo: int, hi: int) -> Shard:
    """Number the entries of the pairs `[lo, hi)`."""
    source, target = text_of(bitext.source, lo, hi), text_of(bitext.target, lo, hi)
    sizes = np.diff(source.offsets) * np.diff(target.offsets)
    cell_offsets = offsets_from(sizes)
    cells = np.empty(cell_offsets[-1], np.int32)
    words = (source.ids, source.offsets, target.ids, target.offsets)
    by_type = np.argsort(source.ids, kind="stable")
    type_starts = offsets_from(np.bincount(source.ids, minlength=len(source.words)))
    entries = table.index_cells(
        *words,
        frozen(by_type, np.int64),
        frozen(type_starts, np.int64),
        len(target.words),
        cells,
    )
    types = np.empty(entries, np.int32), np.empty(entries, np.int32)
    cells = frozen(cells, np.int32)
    table.entry_types(*words, cells, *types)
    return Shard(
        source,
        target,
        cells,
        frozen(cell_offsets, np.int64),
        *(frozen(t, np.int32) for t in types),
    )


def text_of(side: Side, lo: int, hi: int) -> Text:
    """Return the words of the sentences `[lo, hi)` as casefolded types numbered from 0."""
    folded: dict[str, int] = {}
    fold = np.array([folded.setdefault(w.casefold(), len(folded)) for w in side.words], np.int32)
    used, ids = np.unique(fold[side.ids[side.offsets[lo] : side.offsets[hi]]], return_inverse=True)
    words = list(folded)
    offsets = side.offsets[lo : hi + 1] - side.offsets[lo]
    return Text(frozen(ids, np.int32), frozen(offsets, np.int64), [words[v] for v in used])
