"""The bitext that is sampled: casefolded word types, and numbered pairs of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from xner.aligners.bitext import Bitext, Side, offsets_from
from xner.kernels import entries as table
from xner.kernels.blocks import frozen

if TYPE_CHECKING:
    from numpy.typing import NDArray


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


def make_shard(bitext: Bitext) -> Shard:
    """Number the entries of all pairs."""
    source, target = text_of(bitext.source), text_of(bitext.target)
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


def text_of(side: Side) -> Text:
    """Return the words of a side as casefolded types numbered from 0."""
    used, ids = np.unique(side.ids, return_inverse=True)
    folded: dict[str, int] = {}
    fold = [folded.setdefault(side.words[w].casefold(), len(folded)) for w in used.tolist()]
    numbers = np.array(fold, np.int32)[ids] if fold else ids
    return Text(frozen(numbers, np.int32), frozen(side.offsets, np.int64), list(folded))
