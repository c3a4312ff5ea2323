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

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from xner.columns import field_of, offsets_of, rows_of
from xner.kernels.blocks import frozen, over_blocks
from xner.kernels.keys import mixed
from xner.kernels.lexicon import PAIR, SOURCE, TARGET, UNIT, lexicon_links
from xner.score.counts import Counts
from xner.score.scene import Text, key_of
from xner.solve.problem import Int32

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


@dataclass(frozen=True, slots=True)
class Filled:
    """Links that were made, by row and target word.

    Attributes:
        row, source, target: int32; source and target words of the row.
        weight: float32.
    """

    row: Int32
    source: Int32
    target: Int32
    weight: NDArray[np.float32]

    @classmethod
    def of(cls, blocks: Sequence[tuple[np.ndarray, ...]]) -> Filled:
        """From what a kernel made of each block of rows."""
        return cls(*(np.concatenate(parts) for parts in zip(*blocks, strict=True)))

    @classmethod
    def none(cls) -> Filled:
        """No links."""
        empty = np.empty(0, np.int32)
        return cls(empty, empty, empty, np.empty(0, np.float32))

    def columns(self) -> tuple[np.ndarray, ...]:
        """row, source, target, weight."""
        return self.row, self.source, self.target, self.weight

    def times(self, factor: float) -> Filled:
        """The same with other weights."""
        return replace(self, weight=self.weight * np.float32(factor))


def lexicon(text: Text, counts: Counts) -> Filled:
    """Links between words of entities and target words that both have none."""
    source, target, links = text.source, text.target, text.batch["links"]
    blocks = over_blocks(
        lexicon_links,
        text.batch.num_rows,
        source.offsets,
        source.keys,
        text.in_entity,
        target.offsets,
        target.keys,
        frozen(offsets_of(links), np.int32),
        frozen(field_of(links, "source"), np.int32),
        frozen(field_of(links, "target"), np.int32),
        frozen(field_of(links, "weight"), np.float32),
        counts.table,
        counts.counts,
        LEAST,
    )
    return Filled.of(blocks)
