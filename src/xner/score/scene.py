"""What a score sees of a batch: words, candidates, the first pass's choice and its counts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from xner.columns import field_of, offsets_of, rows_of
from xner.kernels.blocks import frozen, over_blocks
from xner.kernels.keys import mixed, word_keys
from xner.score.counts import Counts, Keys
from xner.solve.problem import Flags, Int32, Problem

if TYPE_CHECKING:
    from xner.score.nmt import NmtScorer

Int64 = NDArray[np.int64]
_ENDS = r"^[^\p{L}\p{N}\p{M}]+|[^\p{L}\p{N}\p{M}]+$"


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one side.

    Attributes:
        offsets: int32 (S+1); sentence s owns the words `[offsets[s], offsets[s+1])`.
        keys: uint64, one a word, of its lower case without signs at its ends.
        shapes: uint8, upper, lower, digit or sign (`xner.kernels.keys`).
    """

    offsets: Int32
    keys: Keys
    shapes: Flags

    @classmethod
    def of(cls, tokens: pa.ListArray) -> Words:
        """The words of a column of tokens."""
        offsets = offsets_of(tokens)
        values = tokens.values.slice(int(offsets[0]), int(offsets[-1] - offsets[0]))
        coded = values.dictionary_encode()
        keys, shapes = _keys(coded.dictionary)
        index = coded.indices.to_numpy()
        return cls(
            frozen(offsets - offsets[0], np.int32),
            frozen(keys[index], np.uint64),
            frozen(shapes[index], np.uint8),
        )


def _keys(strings: pa.StringArray) -> tuple[Keys, Flags]:
    keys, shapes = np.empty(len(strings), np.uint64), np.empty(len(strings), np.uint8)
    if len(strings):
        lower = pc.utf8_lower(strings)
        sides = _bytes(strings), _bytes(lower), _bytes(_bare(lower))
        over_blocks(word_keys, len(strings), *sides[0], *sides[1], *sides[2], keys, shapes)
    return keys, shapes


def _bare(words: pa.StringArray) -> pa.StringArray:
    """Words without the signs at their ends; words of nothing else stay."""
    bare = pc.replace_substring_regex(words, _ENDS, "")
    return pc.if_else(pc.equal(bare, ""), words, bare)


def _bytes(strings: pa.StringArray) -> tuple[NDArray[np.uint8], Int32]:
    """UTF-8 of all strings, and where each begins."""
    _, offsets, data = strings.buffers()
    ends = np.frombuffer(offsets, np.int32)[strings.offset : strings.offset + len(strings) + 1]
    text = np.frombuffer(data if data is not None and data.size else b"\0", np.uint8)
    return frozen(text, np.uint8), frozen(ends, np.int32)


@dataclass(frozen=True)
class Text:
    """The words and entities of a batch, made when they are first asked for."""

    batch: pa.RecordBatch

    @cached_property
    def source(self) -> Words:
        """Words of the source side."""
        return Words.of(self.batch["source_tokens"])

    @cached_property
    def target(self) -> Words:
        """Words of the target side."""
        return Words.of(self.batch["target_tokens"])

    @cached_property
    def entity_offsets(self) -> Int32:
        """int32 (S+1): where the entities of each sentence begin."""
        offsets = offsets_of(self.batch["source_entities"])
        return frozen(offsets - offsets[0], np.int32)

    @cached_property
    def entity_start(self) -> Int32:
        """int32 (E): first source word of each entity."""
        return self._entity("start")

    @cached_property
    def entity_end(self) -> Int32:
        """int32 (E): one past its last."""
        return self._entity("end")

    def _entity(self, name: str) -> Int32:
        column = self.batch["source_entities"]
        offsets = offsets_of(column)
        return frozen(field_of(column, name)[offsets[0] : offsets[-1]], np.int32)

    @cached_property
    def label_keys(self) -> Keys:
        """uint64 (E): key of each entity's label; case counts."""
        column = self.batch["source_entities"]
        offsets = offsets_of(column)
        labels = column.values.field("label").slice(int(offsets[0]), int(offsets[-1] - offsets[0]))
        coded = labels.dictionary_encode()
        return frozen(hashed(coded.dictionary)[coded.indices.to_numpy()], np.uint64)

    @cached_property
    def in_entity(self) -> Flags:
        """uint8, per source word: whether an entity covers it."""
        base = self.source.offsets[rows_of(self.entity_offsets)]
        edges = np.zeros(len(self.source.keys) + 1, np.int64)
        np.add.at(edges, base + self.entity_start, 1)
        np.add.at(edges, base + self.entity_end, -1)
        return frozen(np.cumsum(edges)[:-1] > 0, np.uint8)


@dataclass(frozen=True, slots=True)
class Spans:
    """What the first pass chose.

    Attributes:
        offsets: int32 (S+1); sentence s owns the spans `[offsets[s], offsets[s+1])`.
        start, end: int32, half-open, target words of the sentence.
        entity: int32, the entity of each, counted through the batch.
    """

    offsets: Int32
    start: Int32
    end: Int32
    entity: Int32

    @classmethod
    def of(cls, problem: Problem, chosen: Flags) -> Spans:
        """The chosen candidates."""
        taken = np.flatnonzero(chosen)
        owner = rows_of(problem.candidate_offsets)[taken]
        edges = np.searchsorted(taken, problem.candidate_offsets[problem.entity_offsets])
        arrays = edges, problem.start[taken], problem.end[taken], owner
        return cls(*(frozen(array, np.int32) for array in arrays))


@dataclass(frozen=True, slots=True)
class Scene:
    """What a score is computed from.

    Attributes:
        batch: the columns, links that were filled in included.
        text: its words and entities.
        problem: the candidates; its scores are alignment scores.
        spans: what the first pass chose in this batch.
        counts: what the first pass counted in the whole corpus.
        nmt: the translation model of the score `nmt`.
    """

    batch: pa.RecordBatch
    text: Text
    problem: Problem
    spans: Spans | None = None
    counts: Counts | None = None
    nmt: NmtScorer | None = None

    def counted(self) -> tuple[Spans, Counts]:
        """The first pass's choice and counts."""
        if self.spans is None or self.counts is None:
            raise ValueError("this score needs a first pass over the corpus")
        return self.spans, self.counts


def hashed(strings: pa.StringArray) -> Keys:
    """uint64: the keys of strings as they are."""
    keys, shapes = np.empty(len(strings), np.uint64), np.empty(len(strings), np.uint8)
    if len(strings):
        over_blocks(word_keys, len(strings), *_bytes(strings) * 3, keys, shapes)
    return keys


def key_of(keys: Keys, kind: np.uint64 | Keys) -> Keys:
    """The keys under which facts of one kind about words or phrases are counted."""
    return mixed(keys ^ kind)
