"""Filling in links: words that have none get one from how their types are linked elsewhere.

For a source word a inside an entity and a target word b, neither of them linked,

    p(a, b) = n(a, b) / sqrt((n(a) + 1) * (n(b) + 1))

n(a, b) sums the weights of the links between the two types, a inside an entity; n(a) counts
a inside entities, n(b) all b in sentences with entities; lower case, the own sentence left out.
Every such target word is linked to the a with the largest p, if that is above 0.05, with the
weight p. A filled link never stands beside another, so it adds to an entity's links where they
are missing and argues with none.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from xner.columns import LINKS, field_of, offsets_of, rows_of
from xner.kernels.blocks import frozen, over_blocks
from xner.kernels.keys import mixed
from xner.kernels.lexicon import PAIR, SOURCE, TARGET, UNIT, lexicon_links
from xner.score.counts import Counts
from xner.score.scene import Text, key_of

LEAST = 0.05


def count_lexicon(text: Text, counts: Counts) -> None:
    """Count words, and links of words inside entities, in sentences with entities."""
    batch, source, target = text.batch, text.source, text.target
    inside = text.in_entity.astype(bool)
    counts.add(key_of(source.keys[inside], SOURCE))
    counts.add(key_of(target.keys[_with_entities(text)[rows_of(target.offsets)]], TARGET))
    links = batch["links"]
    offsets = offsets_of(links)
    part = slice(int(offsets[0]), int(offsets[-1]))
    row = rows_of(offsets)
    i = source.offsets[row] + field_of(links, "source")[part]
    kept = np.flatnonzero(inside[i])
    j = target.offsets[row[kept]] + field_of(links, "target")[part][kept]
    weight = field_of(links, "weight")[part][kept].astype(np.float64)
    pairs = mixed(key_of(source.keys[i[kept]], PAIR) ^ target.keys[j])
    counts.add(pairs, (weight * UNIT + 0.5).astype(np.int64))


def _with_entities(text: Text) -> np.ndarray:
    return np.diff(text.entity_offsets) > 0


def fill_links(text: Text, counts: Counts, weight: float = 1.0) -> pa.RecordBatch:
    """The batch of `text` with links filled in, each of weight `weight` * p."""
    batch, source, target = text.batch, text.source, text.target
    links = batch["links"]
    offsets = offsets_of(links)
    blocks = over_blocks(
        lexicon_links,
        batch.num_rows,
        source.offsets,
        source.keys,
        text.in_entity,
        target.offsets,
        target.keys,
        frozen(offsets, np.int32),
        frozen(field_of(links, "source"), np.int32),
        frozen(field_of(links, "target"), np.int32),
        frozen(field_of(links, "weight"), np.float32),
        counts.table,
        counts.counts,
        LEAST,
    )
    row, i, j, p = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    if not len(row):
        return batch
    return with_links(batch, row, i, j, p * np.float32(weight))


def with_links(
    batch: pa.RecordBatch, row: np.ndarray, i: np.ndarray, j: np.ndarray, weight: np.ndarray
) -> pa.RecordBatch:
    """The batch with links added after those that its rows have.

    row: ascending; i, j: int32, source and target words; weight: float32.
    """
    links = batch["links"]
    offsets = offsets_of(links)
    part = slice(int(offsets[0]), int(offsets[-1]))
    place = np.repeat(offsets[1:] - offsets[0], np.bincount(row, minlength=batch.num_rows))
    added = {"source": i, "target": j, "weight": weight}
    values = pa.StructArray.from_arrays(
        [pa.array(np.insert(field_of(links, n)[part], place, v)) for n, v in added.items()],
        fields=list(LINKS.value_type),
    )
    more = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=batch.num_rows))])
    filled = pa.ListArray.from_arrays(
        pa.array((offsets - offsets[0] + more).astype(np.int32)), values
    )
    return batch.set_column(batch.schema.get_field_index("links"), "links", filled)
