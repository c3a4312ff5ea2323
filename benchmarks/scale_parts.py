"""Find what can be cut and replaced in a real word-aligned bitext (see recombine)."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xner.columns import fields_of, offsets_of

Ints = NDArray[np.int64]
Links = list[tuple[int, int]]
SOURCE, TARGET, ENTITY, SLOT = range(4)
"""Columns of a cut; the first two are also indices of the sides."""
NEW, COPY, NUMBER = range(3)
"""Kinds of slots: words that translate each other, equal words, and equal words with a digit."""


class Parts(NamedTuple):
    """Places of a bitext. Words, entities and slots are counted over all its pairs.

    Attributes:
        words: per side, ids of all words in `vocabulary`.
        vocabulary: the types of both sides.
        bounds: (pairs + 1, 4) where each pair begins in words, entities and slots.
        cuts: (cuts, 4) such places within pairs, in the order of the pairs' lengths.
        cut_pair: the pair of every cut.
        entity_at: per side, the entity of every word, or -1.
        slot_at: per side, the slot of every word, or -1.
        spans: (entities, 4) first and last word + 1 on each side; empty on the target side unless
            the entity can be swapped.
        labels: label of every entity.
        kinds: kind of every slot.
    """

    words: tuple[Ints, Ints]
    vocabulary: pa.Array
    bounds: Ints
    cuts: Ints
    cut_pair: Ints
    entity_at: tuple[Ints, Ints]
    slot_at: tuple[Ints, Ints]
    spans: Ints
    labels: pa.Array
    kinds: Ints


def find_parts(table: pa.Table) -> Parts:
    """Find the parts of a table with `source_tokens`, `source_entities`, `target_tokens`, `links`.

    A slot is a pair of words that only link each other. A cut separates the words of both sides
    so that no link crosses it and no entity is divided.
    """
    batch = table.combine_chunks().to_batches()[0]
    columns = batch["source_tokens"], batch["target_tokens"]
    encoded = pa.concat_arrays([column.flatten() for column in columns]).dictionary_encode()
    text = encoded.dictionary.to_pylist()
    ids = encoded.indices.to_numpy().astype(np.int64)
    split = len(columns[SOURCE].flatten())
    words = ids[:split], ids[split:]
    starts, targets = (_first(column) for column in columns)
    links = _rows(batch["links"], "source", "target")
    entities = _rows(batch["source_entities"], "start", "end")

    entity_at = np.full(split, -1), np.full(len(ids) - split, -1)
    slot_at = np.full(split, -1), np.full(len(ids) - split, -1)
    spans: list[tuple[int, int, int, int]] = []
    kinds: list[int] = []
    bounds: list[tuple[int, int, int, int]] = []
    cuts: list[tuple[int, ...]] = []
    for row, (base, other) in enumerate(zip(starts[:-1], targets[:-1], strict=True)):
        bounds.append((base, other, len(spans), len(kinds)))
        length = starts[row + 1] - base
        slots = []
        for i, j in _one_to_one(links[row]):
            kind = _kind(text[words[SOURCE][base + i]], text[words[TARGET][other + j]])
            if kind is not None:
                slot_at[SOURCE][base + i] = slot_at[TARGET][other + j] = len(kinds)
                kinds.append(kind)
                slots.append(i)
        for i, j in _crossings(links[row], length):
            if all(i <= start or i >= end for start, end in entities[row]):
                entity = len(spans) + sum(end <= i for _, end in entities[row])
                slot = bounds[row][SLOT] + sum(place < i for place in slots)
                cuts.append((base + i, other + j, entity, slot, row, length, i))
        for start, end in entities[row]:
            low, high = _image(links[row], start, end)
            entity_at[SOURCE][base + start : base + end] = len(spans)
            entity_at[TARGET][other + low : other + high] = len(spans)
            spans.append((base + start, base + end, other + low, other + high))
    bounds.append((split, len(ids) - split, len(spans), len(kinds)))
    table_of_cuts = np.array(cuts)
    table_of_cuts = table_of_cuts[np.lexsort((table_of_cuts[:, 6], table_of_cuts[:, 5]))]
    return Parts(
        words,
        encoded.dictionary,
        np.array(bounds),
        table_of_cuts[:, :4],
        table_of_cuts[:, 4],
        entity_at,
        slot_at,
        np.array(spans),
        batch["source_entities"].flatten().field("label"),
        np.array(kinds),
    )


def _first(column: pa.ListArray) -> list[int]:
    offsets = offsets_of(column)
    return [int(offset) for offset in offsets - offsets[0]]


def _rows(column: pa.ListArray, *names: str) -> list[Links]:
    """Pairs of fields of every row."""
    pairs = list(zip(*(field.tolist() for field in fields_of(column, *names)), strict=True))
    offsets = _first(column)
    return [pairs[a:b] for a, b in pairwise(offsets)]


def _one_to_one(links: Links) -> Links:
    """Links of words that have no other link, in order of the source."""
    sources, targets = [i for i, _ in links], [j for _, j in links]
    return sorted((i, j) for i, j in links if sources.count(i) == 1 and targets.count(j) == 1)


def _kind(source: str, target: str) -> int | None:
    """The kind of slot that two linked words are, or None if they stay as they are."""
    if source == target and any(letter.isdigit() for letter in source):
        return NUMBER
    if min(len(source), len(target)) < 4 or not (source.isalpha() and target.isalpha()):
        return None
    return COPY if source == target else NEW


def _crossings(links: Links, length: int) -> Links:
    """Places (i, j) where the words before i link only words before j, and the others the rest."""
    first = [10**6] * (length + 1)
    for i, j in links:
        first[i] = min(first[i], j)
    for i in range(length - 1, -1, -1):
        first[i] = min(first[i], first[i + 1])
    found, last = [], -1
    ordered = sorted(links)
    at = 0
    for i in range(1, length):
        while at < len(ordered) and ordered[at][0] < i:
            last = max(last, ordered[at][1])
            at += 1
        if 0 <= last < first[i] < 10**6:
            found.append((i, first[i]))
    return found


def _image(links: Links, start: int, end: int) -> tuple[int, int]:
    """The target span of an entity, or (0, 0) unless its words alone link into that span."""
    own = [j for i, j in links if start <= i < end]
    if not own:
        return 0, 0
    low, high = min(own), max(own) + 1
    alone = all(start <= i < end for i, j in links if low <= j < high)
    return (low, high) if alone and high - low <= 2 * (end - start) + 1 else (0, 0)
