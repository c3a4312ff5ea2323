"""Records of arrays: what kernels take, built once per batch.

Each record is a NamedTuple, which Numba passes to compiled code as it is. Arrays inside are
contiguous and, unless a kernel writes them, read-only (`frozen`), so that Numba compiles every
kernel once. Sentences are numbered s, entities e and candidates c through the whole batch;
words are numbered from 0 in their sentence, and spans are half-open.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from xner.kernels.blocks import frozen

Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Flags = NDArray[np.uint8]
Keys = NDArray[np.uint64]

T = TypeVar("T", bound=tuple[Any, ...])


def joined(blocks: list[T]) -> T:
    """Concatenate records (or tuples of arrays) field by field."""
    if len(blocks) == 1:
        return blocks[0]
    fields = [np.concatenate(arrays) for arrays in zip(*blocks, strict=True)]
    make: Any = getattr(type(blocks[0]), "_make", tuple)
    made: T = make(fields)
    return made


def sizes_of(offsets: NDArray[Any]) -> NDArray[Any]:
    """Return how many items each row owns, of its offsets."""
    sizes: NDArray[Any] = offsets[1:] - offsets[:-1]  # np.diff takes longer for a single row
    return sizes


def rows_at(items: NDArray[Any], offsets: NDArray[Any]) -> Int64:
    """Return int64: the row that owns each of some items, of the offsets of rows."""
    rows: Int64 = offsets.searchsorted(items, side="right") - 1
    return rows


class Links(NamedTuple):
    """Word links of S sentence pairs.

    offsets: int32 (S+1); pair s owns the links `[offsets[s], offsets[s+1])`. source, target:
    int32 (L), the linked words. weight: float32 (L); links of weight 0 do not count.
    """

    offsets: Int32
    source: Int32
    target: Int32
    weight: Float32


class NewLinks(NamedTuple):
    """Links to add, by sentence and target word.

    row, source, target: int32 (L), sentence and words; weight: float32 (L).
    """

    row: Int32
    source: Int32
    target: Int32
    weight: Float32

    @classmethod
    def of(cls, blocks: list[tuple[NewLinks, int]]) -> NewLinks:
        """Return the links of all blocks: the first n of each."""
        return joined([cls._make(column[:n] for column in links) for links, n in blocks])


class Entities(NamedTuple):
    """Source entities.

    offsets: int32 (S+1); sentence s owns the entities `[offsets[s], offsets[s+1])`.
    start, end: int32 (E), source words.
    """

    offsets: Int32
    start: Int32
    end: Int32


class Words(NamedTuple):
    """The words of one side.

    offsets: int32 (S+1); sentence s owns the words `[offsets[s], offsets[s+1])`.
    keys: uint64 (W), hash of each word in lower case with surrounding punctuation stripped.
    shapes: uint8 (W), upper case, lower case, digit or punctuation (`xner.kernels.keys`).
    letters, brackets: int32 (W), letters, and opening minus closing brackets, of each word.
    """

    offsets: Int32
    keys: Keys
    shapes: Flags
    letters: Int32
    brackets: Int32


class Texts(NamedTuple):
    """Both sides of a batch with its entities.

    inside: uint8 (source words), 1 for the words of entities. counted: uint8 (S), 1 for the
    sentences that corpus statistics include.
    """

    source: Words
    target: Words
    entities: Entities
    inside: Flags
    counted: Flags


class Strings(NamedTuple):
    """UTF-8 of strings: string k is `data[offsets[k]:offsets[k+1]]`.

    offsets: int32 (K+1). data: uint8.
    """

    offsets: Int32
    data: Flags


class Letters(NamedTuple):
    """Code points of the words of one side.

    words: int32 (S+1), first word of each sentence. offsets: int64 (W+1), first letter of each
    word. letters: uint32.
    """

    words: Int32
    offsets: Int64
    letters: NDArray[np.uint32]


class Tags(NamedTuple):
    """Tag probabilities of the target words, by position in an entity and by label.

    offsets: int32 (S+1), first word of each sentence. probability: float32 (4, W, L), that a
    word has the position in an entity of the label. predicted: uint8 (4, W, L), whether its most
    probable tag says so.
    """

    offsets: Int32
    probability: Float32
    predicted: Flags


class Regions(NamedTuple):
    """Where the n-grams of each entity may be.

    offsets: int32 (S+1), entities of each sentence. first, last: int32 (E), the region
    `[first, last)` in target words. limit: int32 (E), words of the longest n-gram.
    words: int32 (S+1), first target word of each sentence. stop: uint8 (W), 1 for the target
    words that no n-gram contains.
    """

    offsets: Int32
    first: Int32
    last: Int32
    limit: Int32
    words: Int32
    stop: Flags


class Spans(NamedTuple):
    """The spans that the first pass chose.

    offsets: int32 (S+1); sentence s owns the spans `[offsets[s], offsets[s+1])`.
    start, end: int32 (K), target words. entity: int32 (K), the entity of each span.
    """

    offsets: Int32
    start: Int32
    end: Int32
    entity: Int32

    def only(self, sentences: Flags) -> Spans:
        """Return the spans of some sentences. sentences: uint8 (S)."""
        sizes = np.diff(self.offsets)
        keep = np.repeat(sentences != 0, sizes)
        offsets = np.concatenate([[0], np.cumsum(np.where(sentences, sizes, 0))])
        arrays = offsets, self.start[keep], self.end[keep], self.entity[keep]
        return Spans(*(frozen(array, np.int32) for array in arrays))

    @classmethod
    def of(cls, problem: Problem, chosen: Flags) -> Spans:
        """Return the chosen candidates of a problem. chosen: uint8 (C)."""
        taken = chosen.nonzero()[0]
        owner = rows_at(taken, problem.candidate_offsets)
        edges = taken.searchsorted(problem.candidate_offsets[problem.entity_offsets])
        arrays = edges, problem.start[taken], problem.end[taken], owner
        return cls(*(frozen(array, np.int32) for array in arrays))


class Table(NamedTuple):
    """An open-addressing hash table of counts (`xner.kernels.keys`).

    keys: uint64, a power of two of slots, 0 where free. counts: int64, as long.
    """

    keys: Keys
    counts: Int64


class _Columns(NamedTuple):
    entity_offsets: Int32
    candidate_offsets: Int32
    start: Int32
    end: Int32
    score: Float64
    target_lengths: Int32


class Problem(_Columns):
    """Choose candidates for the source entities of S independent sentences.

    Maximise the sum of the chosen matching scores so that no two chosen candidates of a
    sentence share a target word and no entity has more candidates than its limit
    (Politov et al. 2025; Shkalikov 2025, eq. 3.1-3.5).

    Attributes:
        entity_offsets: int32 (S+1); sentence s owns the entities `[offsets[s], offsets[s+1])`.
        candidate_offsets: int32 (E+1); entity e owns the candidates `[offsets[e], offsets[e+1])`,
            ordered by start, then end, without repeats.
        start: int32 (C), first target word of each candidate.
        end: int32 (C), one past its last word, `start < end`.
        score: float64 (C), matching score, finite and above 0.
        target_lengths: int32 (S), words of each target sentence, at least every `end`.
    """

    __slots__ = ()

    def __new__(
        cls,
        entity_offsets: Any,
        candidate_offsets: Any,
        start: Any,
        end: Any,
        score: Any,
        target_lengths: Any,
    ) -> Self:
        """Convert the columns to their types, without copying those that fit."""
        return super().__new__(
            cls,
            frozen(entity_offsets, np.int32),
            frozen(candidate_offsets, np.int32),
            frozen(start, np.int32),
            frozen(end, np.int32),
            frozen(score, np.float64),
            frozen(target_lengths, np.int32),
        )

    @classmethod
    def _make(cls, iterable: Iterable[Any]) -> Problem:  # type: ignore[override]
        return cls(*iterable)

    @property
    def sentences(self) -> int:
        """Number of sentences, S."""
        return len(self.target_lengths)

    @property
    def entities(self) -> int:
        """Number of source entities, E."""
        return len(self.candidate_offsets) - 1

    @property
    def candidates(self) -> int:
        """Number of scored (entity, candidate) pairs, C."""
        return len(self.start)

    def with_scores(self, score: Float64) -> Problem:
        """Return the problem with other scores. score: float64 (C)."""
        return super().__new__(type(self), *self[:4], frozen(score, np.float64), self[5])

    def take(self, sentences: NDArray[np.integer[Any]]) -> Problem:
        """Return the problem of these sentences, in any order; candidates keep their order."""
        entities, entity_offsets = _slices(self.entity_offsets, sentences)
        candidates, candidate_offsets = _slices(self.candidate_offsets, entities)
        return Problem(
            entity_offsets,
            candidate_offsets,
            self.start[candidates],
            self.end[candidates],
            self.score[candidates],
            self.target_lengths[sentences],
        )


def _slices(offsets: Int32, rows: NDArray[Any]) -> tuple[Int64, Int64]:
    """The numbers of what the rows own, concatenated, and its offsets."""
    sizes = sizes_of(offsets)[rows]
    edges = np.concatenate(([0], np.cumsum(sizes)))
    return np.repeat(offsets[:-1][rows] - edges[:-1], sizes) + np.arange(edges[-1]), edges


class Choice(NamedTuple):
    """The output of solvers.

    chosen: uint8 (C), 1 for the chosen candidates. objective, bound: float64 (S), the sum of the
    chosen scores, and a bound on that of any choice. route: uint8 (S), what settled the sentence
    (`xner.solve.solution.Route`).
    """

    chosen: Flags
    objective: Float64
    bound: Float64
    route: Flags

    @classmethod
    def none(cls, problem: Problem) -> Choice:
        """Return the choice of no candidate."""
        sentences = problem.sentences
        return cls(
            np.zeros(problem.candidates, np.uint8),
            np.zeros(sentences),
            np.zeros(sentences),
            np.zeros(sentences, np.uint8),
        )
