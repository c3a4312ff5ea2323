"""Make new sentence pairs from a real word-aligned bitext.

A new pair is a real pair, or the beginning of one and the end of another of about the same length,
cut where no link crosses. In it, on both sides at once,

* entities are swapped for others of the same label,
* numbers that are equal on both sides get other digits,
* linked words are replaced by new types: compounds of two linked word pairs, or made-up names.

New types follow the tail of Zipf's law, so that the vocabulary grows by Heaps' law as that of the
bitext: the share of tokens that are new types is the Good-Turing estimate (types seen once /
tokens), and the exponent comes from the number of types in half of the bitext and in all of it.
"""

from collections import Counter
from collections.abc import Iterable
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks.scale_parts import COPY, ENTITY, NEW, NUMBER, SLOT, SOURCE, TARGET, Ints, find_parts
from xner.columns import ENTITIES, struct_lists

Hashes = NDArray[np.uint64]
ENDINGS = {"de": ("", "en", "s"), "es": ("", "s"), "fr": ("", "s")}
REPLACED = 0.5
"""Share of entities and of numbers that are replaced."""
SPLICED = 0.8
"""Share of new pairs that are spliced, among pairs that can be cut."""
NEIGHBOURS = 2_000
"""Beginnings are spliced with ends at most so many places away in the order of lengths."""
STEM = 8
"""Longest word that is compounded."""


class Block(NamedTuple):
    """Pairs, a hash of each, and per side the hashes of their types."""

    pairs: pa.RecordBatch
    hashes: Hashes
    types: list[Hashes]


class Pieces(NamedTuple):
    """Contiguous pieces of pairs, in order of the rows that they make up.

    Attributes:
        begin: (pieces, 4) first source word, target word, entity and slot.
        end: (pieces, 4) the last of each + 1.
        row: the row of every piece.
        rows: number of rows.
    """

    begin: Ints
    end: Ints
    row: Ints
    rows: int


class Replacements(NamedTuple):
    """What takes the place of the entities and slots of some pieces.

    Attributes:
        entities: the entities, in order.
        swaps: for each the entity that takes its place, or itself.
        words: per side and slot the id of the word that takes its place, or -1.
        new: the words whose ids follow those of the vocabulary.
    """

    entities: Ints
    swaps: Ints
    words: tuple[Ints, Ints]
    new: list[str]


class Bitext:
    """A real bitext, and new pairs made from it.

    Attributes:
        language: code of the target language.
        pairs: number of real pairs.
    """

    def __init__(self, table: pa.Table, language: str) -> None:
        """Prepare a table with `source_tokens`, `source_entities`, `target_tokens` and `links`."""
        self.language, self.pairs = language, table.num_rows
        self._parts = parts = find_parts(table)
        self._hashes = hashes_of(parts.vocabulary.to_pylist())
        self._cuts_of = np.argsort(parts.cut_pair, kind="stable")
        self._cut_count = np.bincount(parts.cut_pair, minlength=self.pairs)
        self._cut_first = np.cumsum(self._cut_count) - self._cut_count
        self._fit_growth()
        self._collect_entities()
        self._collect_stems()

    def _fit_growth(self) -> None:
        words = self._parts.words[SOURCE]
        self._types, half = (len(np.unique(part)) for part in (words, words[: len(words) // 2]))
        self._exponent = min(max(float(np.log2(self._types / half)), 0.1), 0.9)
        slots = (self._parts.kinds != NUMBER).sum()
        self._new_share = float((np.bincount(words) == 1).sum() / slots)

    def _collect_entities(self) -> None:
        """Group the entities that can be swapped by label."""
        spans = self._parts.spans
        self._entity_begin = spans[:, 0], spans[:, 2]
        self._entity_length = spans[:, 1] - spans[:, 0], spans[:, 3] - spans[:, 2]
        labels = self._parts.labels.dictionary_encode().indices.to_numpy()
        usable = np.flatnonzero(self._entity_length[TARGET])
        self._by_label = usable[np.argsort(labels[usable], kind="stable")]
        count = np.bincount(labels[usable], minlength=labels.max() + 1)
        self._label_first, self._label_count = (np.cumsum(count) - count)[labels], count[labels]

    def _collect_stems(self) -> None:
        """Collect pairs of words to make compounds of, and names to make other names of."""
        text = self._parts.vocabulary.to_pylist()
        source, target = (
            words[at >= 0][np.argsort(at[at >= 0])].tolist()
            for words, at in zip(self._parts.words, self._parts.slot_at, strict=True)
        )
        seen = Counter(zip(source, target, self._parts.kinds.tolist(), strict=True))
        partners: dict[str, str] = {}
        names = []
        for (word, partner, kind), _ in seen.most_common():
            if kind == COPY:
                names.append((text[word], text[word]))
            elif kind == NEW and max(len(text[word]), len(text[partner])) <= STEM:
                partners.setdefault(text[word], text[partner])
        self._stems = {NEW: list(partners.items()), COPY: names}

    def real(self, pairs: Ints) -> Block:
        """Return real pairs by their numbers."""
        bounds = self._parts.bounds
        pieces = Pieces(bounds[pairs], bounds[pairs + 1], np.arange(len(pairs)), len(pairs))
        entities, _ = _covered(pieces, ENTITY)
        slots = int((pieces.end - pieces.begin)[:, SLOT].sum())
        kept = np.full(slots, -1)
        return self._block(pieces, Replacements(entities, entities, (kept, kept), []))

    def recombined(self, rows: int, rng: np.random.Generator) -> Block:
        """Return new pairs."""
        bounds, cuts = self._parts.bounds, self._parts.cuts
        pairs = rng.integers(self.pairs, size=rows)
        begin, end = np.repeat(bounds[pairs], 2, 0), np.repeat(bounds[pairs + 1], 2, 0)
        begin[1::2] = end[1::2]  # The second piece of a row is empty unless the row is spliced.
        spliced = np.flatnonzero((self._cut_count[pairs] > 0) & (rng.random(rows) < SPLICED))
        count = self._cut_count[pairs[spliced]]
        left = self._cuts_of[self._cut_first[pairs[spliced]] + _below(count, rng)]
        steps = rng.integers(-NEIGHBOURS, NEIGHBOURS + 1, len(left))
        right = np.clip(left + steps, 0, len(cuts) - 1)
        end[2 * spliced], begin[2 * spliced + 1] = cuts[left], cuts[right]
        end[2 * spliced + 1] = bounds[self._parts.cut_pair[right] + 1]
        pieces = Pieces(begin, end, np.repeat(np.arange(rows), 2), rows)
        return self._block(pieces, self._replacements(pieces, rng))

    def _replacements(self, pieces: Pieces, rng: np.random.Generator) -> Replacements:
        entities, _ = _covered(pieces, ENTITY)
        swappable = self._entity_length[TARGET][entities] > 0
        chosen = np.flatnonzero(swappable & (rng.random(len(entities)) < REPLACED))
        own = entities[chosen]
        swaps = entities.copy()
        swaps[chosen] = self._by_label[self._label_first[own] + _below(self._label_count[own], rng)]
        slots, _ = _covered(pieces, SLOT)
        words = np.full(len(slots), -1), np.full(len(slots), -1)
        new: list[str] = []
        draw = rng.random(len(slots))
        kinds = self._parts.kinds[slots]
        first = len(self._parts.vocabulary)
        for kind in (NEW, COPY):
            at = np.flatnonzero((kinds == kind) & (draw < self._new_share))
            made, which = self._new_types(kind, len(at), rng)
            for side in (SOURCE, TARGET):
                words[side][at] = first + len(new) + side * len(made) + which
            new += [source for source, _ in made] + [target for _, target in made]
        at = np.flatnonzero((kinds == NUMBER) & (draw < REPLACED))
        words[SOURCE][at] = words[TARGET][at] = first + len(new) + np.arange(len(at))
        new += self._new_numbers(slots[at], rng)
        return Replacements(entities, swaps, words, new)

    def _new_types(
        self, kind: int, count: int, rng: np.random.Generator
    ) -> tuple[list[tuple[str, str]], Ints]:
        """Draw words from the tail of Zipf's law; return those drawn, and the draws."""
        stems, endings = self._stems[kind], ENDINGS.get(self.language, ("",))
        tail = rng.random(count) ** (-1 / (1 / self._exponent - 1)) - 1
        ranks = (np.minimum(self._types * tail, 2.0**40)).astype(np.int64) % len(stems) ** 2
        drawn, which = np.unique(
            ranks * len(endings) + rng.integers(len(endings), size=count), return_inverse=True
        )
        made = []
        for number in drawn.tolist():
            rank, ending = divmod(number, len(endings))
            # Ranks that follow each other must not share a stem, unlike in an alphabetical list.
            high, low = divmod(rank * 7_919 % len(stems) ** 2, len(stems))
            first, second = stems[high], stems[low]
            if kind == COPY:
                name = first[0][: len(first[0]) // 2 + 1] + second[0][len(second[0]) // 2 :].lower()
                made.append((name, name))
            else:
                plural = "s" if ending else ""
                made.append(
                    (
                        first[0] + second[0].lower() + plural,
                        first[1] + second[1].lower() + endings[ending],
                    )
                )
        return made, which

    def _new_numbers(self, slots: Ints, rng: np.random.Generator) -> list[str]:
        """Replace the digits of the words at number slots."""
        at = self._number_words()[slots]
        text = self._parts.vocabulary.take(pa.array(at)).to_pylist()
        digits = rng.integers(10**9, 10**10, len(text)).tolist()
        return [_with_digits(word, str(new)) for word, new in zip(text, digits, strict=True)]

    def _number_words(self) -> Ints:
        at = self._parts.slot_at[SOURCE]
        words = np.zeros(len(self._parts.kinds), np.int64)
        words[at[at >= 0]] = self._parts.words[SOURCE][at >= 0]
        return words

    def _block(self, pieces: Pieces, made: Replacements) -> Block:
        vocabulary = pa.concat_arrays([self._parts.vocabulary, pa.array(made.new, pa.string())])
        hashes = np.concatenate([self._hashes, hashes_of(made.new)])
        columns, types = [], []
        row_hashes = np.zeros(pieces.rows, np.uint64)
        for side in (SOURCE, TARGET):
            ids, offsets, firsts = self._gather(side, pieces, made)
            if side == SOURCE:
                columns.append(self._entities(pieces, made, firsts, offsets))
            words = vocabulary.take(pa.array(ids))
            columns.append(pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), words))
            types.append(np.unique(hashes[ids]))
            row_hashes = row_hashes * np.uint64(_ODD) + _hashes_of_rows(hashes[ids], offsets)
        entities, source, target = columns
        names = ["source_tokens", "source_entities", "target_tokens"]
        batch = pa.RecordBatch.from_arrays([source, entities, target], names)
        return Block(batch, row_hashes, types)

    def _gather(self, side: int, pieces: Pieces, made: Replacements) -> tuple[Ints, Ints, Ints]:
        """Return word ids of the rows, their offsets, and where the entities begin (source)."""
        words, piece = _covered(pieces, side)
        ids = self._parts.words[side][words]
        slot = self._parts.slot_at[side][words]
        new = np.where(slot < 0, -1, _at(made.words[side], pieces, SLOT, slot, piece))
        ids = np.where(new < 0, ids, new)
        entity = self._parts.entity_at[side][words]
        swap = _at(made.swaps, pieces, ENTITY, entity, piece)
        swapped = (entity >= 0) & (swap != entity)
        first = (entity >= 0) & (words == self._entity_begin[side][entity])
        length = np.where(first, self._entity_length[side][swap], 0)
        count = np.where(swapped, length, 1)
        begin = np.cumsum(count) - count
        run = np.repeat(np.arange(len(words)), count)
        others = self._entity_begin[side][swap[run]] + np.arange(len(run)) - begin[run]
        inside = swapped[run]
        ids = ids[run]
        ids[inside] = self._parts.words[side][others[inside]]
        rows = np.bincount(pieces.row[piece[run]], minlength=pieces.rows)
        return ids, _offsets(rows), begin[first]

    def _entities(
        self, pieces: Pieces, made: Replacements, firsts: Ints, offsets: Ints
    ) -> pa.ListArray:
        row = np.repeat(pieces.row, (pieces.end - pieces.begin)[:, ENTITY])
        start = firsts - offsets[row]
        end = start + self._entity_length[SOURCE][made.swaps]
        labels = self._parts.labels.take(pa.array(made.entities))
        unknown = [pa.nulls(len(row), kind) for kind in (pa.float32(), pa.int32())]
        bounds = _offsets(np.bincount(row, minlength=pieces.rows))
        return struct_lists(
            ENTITIES, bounds, start.astype(np.int32), end.astype(np.int32), labels, *unknown
        )


_ODD = 0x9E3779B97F4A7C15


def hashes_of(words: Iterable[str]) -> Hashes:
    """A 64-bit hash of every word."""
    return np.array(
        [
            int.from_bytes(blake2b(word.encode(), digest_size=8).digest(), "little")
            for word in words
        ],
        np.uint64,
    )


def _hashes_of_rows(words: Hashes, offsets: Ints) -> Hashes:
    """Hash the words of every row, in their order."""
    position = np.arange(len(words)) - np.repeat(offsets[:-1], np.diff(offsets))
    factors = np.cumprod(np.full(position.max(initial=0) + 1, _ODD, np.uint64))
    sums: Hashes = np.concatenate([np.zeros(1, np.uint64), np.cumsum(words * factors[position])])
    return np.diff(sums[offsets])


def _covered(pieces: Pieces, column: int) -> tuple[Ints, Ints]:
    """All places from the beginnings to the ends of pieces, and the piece of each."""
    begin = pieces.begin[:, column]
    lengths = pieces.end[:, column] - begin
    piece = np.repeat(np.arange(len(begin)), lengths)
    return np.arange(len(piece)) + (begin - np.cumsum(lengths) + lengths)[piece], piece


def _at(values: Ints, pieces: Pieces, column: int, place: Ints, piece: Ints) -> Ints:
    """The values at places of pieces, where `values` holds one per place of `_covered`."""
    lengths = (pieces.end - pieces.begin)[:, column]
    shift = np.cumsum(lengths) - lengths - pieces.begin[:, column]
    found = np.full(len(place), -1)
    known = place >= 0
    found[known] = values[place[known] + shift[piece[known]]]
    return found


def _below(count: Ints, rng: np.random.Generator) -> Ints:
    """Draw an integer below each count."""
    return (rng.random(len(count)) * count).astype(np.int64)


def _offsets(counts: Ints) -> Ints:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])


def _with_digits(word: str, digits: str) -> str:
    """Replace the digits of a word; its first digit does not become 0."""
    at = iter(digits * (len(word) // len(digits) + 1))
    return "".join(next(at) if letter.isdigit() else letter for letter in word)
