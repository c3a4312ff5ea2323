"""What a score sees of a batch: words, links, candidates, choice and counts of the first pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Concatenate, NamedTuple, ParamSpec

import numpy as np
import pyarrow as pa

from xner.columns import Lists
from xner.kernels.blocks import frozen, over_blocks
from xner.kernels.keys import mixed
from xner.kernels.records import (
    Entities,
    Flags,
    Float64,
    Int32,
    Int64,
    Keys,
    Links,
    Problem,
    Spans,
    Texts,
    Words,
)
from xner.score.counts import Counts
from xner.score.word_types import hashed, words_of

if TYPE_CHECKING:
    from xner.score.nmt import NmtScorer

P = ParamSpec("P")


@dataclass(frozen=True)
class Text:
    """The words, entities and links of a batch as records of arrays, built when first used.

    Attributes:
        batch: the columns.
        counted: uint8 (S), which sentences the corpus statistics include; None for all.
    """

    batch: pa.RecordBatch
    counted: Flags | None = None

    @cached_property
    def source_tokens(self) -> Lists:
        """The column of source words."""
        return Lists.of(self.batch["source_tokens"])

    @cached_property
    def target_tokens(self) -> Lists:
        """The column of target words."""
        return Lists.of(self.batch["target_tokens"])

    @cached_property
    def source_entities(self) -> Lists:
        """The column of source entities."""
        return Lists.of(self.batch["source_entities"])

    @cached_property
    def source(self) -> Words:
        """Words of the source side."""
        return words_of(self.source_tokens)

    @cached_property
    def target(self) -> Words:
        """Words of the target side."""
        return words_of(self.target_tokens)

    @cached_property
    def target_lengths(self) -> Int32:
        """int32 (S): number of target words."""
        return frozen(self.target_tokens.sizes, np.int32)

    @cached_property
    def entities(self) -> Entities:
        """The source entities."""
        column = self.source_entities
        return Entities(*_frozen(column.offsets, *column.numbers("start", "end")))

    @cached_property
    def links(self) -> Links:
        """The links of the batch, or those given to `with_links`."""
        column = Lists.of(self.batch["links"])
        source, target, weight = column.numbers("source", "target", "weight")
        offsets, source, target = _frozen(column.offsets, source, target)
        return Links(offsets, source, target, frozen(weight, np.float32))

    @property
    def has_links(self) -> bool:
        """Whether the batch has links."""
        return "links" in self.batch.schema.names

    def with_links(self, links: Links) -> Text:
        """Return the same text with other links."""
        text = Text(self.batch, self.counted)
        text.__dict__.update(self.__dict__, links=links)
        return text

    @cached_property
    def depth(self) -> Int64:
        """int64 (source words): number of entities that each word is in."""
        words = self.source_tokens.offsets
        base = words[:-1].repeat(self.source_entities.sizes)
        room = int(words[-1]) + 1
        begins = np.bincount(base + self.entities.start, minlength=room)
        ends = np.bincount(base + self.entities.end, minlength=room)
        depth: Int64 = (begins - ends).cumsum()[:-1]
        return depth

    @property
    def nested(self) -> bool:
        """Whether entities of a sentence share words."""
        offsets, start, end = self.entities
        apart = start[1:] >= end[:-1]
        if apart.all():
            return False
        apart[offsets[(offsets > 0) & (offsets < len(start))] - 1] = True  # between sentences
        return not apart.all() and bool(self.depth.max() > 1)

    @cached_property
    def both(self) -> Texts:
        """Both sides and the entities."""
        inside = frozen((self.depth > 0).view(np.uint8), np.uint8)
        counted = np.ones(self.batch.num_rows, np.uint8) if self.counted is None else self.counted
        return Texts(self.source, self.target, self.entities, inside, frozen(counted, np.uint8))

    def in_counts(self, spans: Spans) -> Spans:
        """Return those spans of the first pass that the corpus statistics include."""
        return spans if self.counted is None else spans.only(self.counted)

    @cached_property
    def label_keys(self) -> Keys:
        """uint64 (E): key of each entity's label; case counts."""
        return hashed(self.source_entities.values.field("label"))


class NerSettings(NamedTuple):
    """Settings of the NER scores.

    Attributes:
        alpha: factor for each word after the first of a span that is predicted entirely.
        threshold: scores that are not above it count as 0.
        longest: number of words up to which the factor grows.
    """

    alpha: float = 1.15
    threshold: float = 0.05
    longest: int = 15


NER = NerSettings()


@dataclass(frozen=True, slots=True)
class Scene:
    """What a score is computed from.

    Attributes:
        text: words, entities and links of the batch, filled-in links included.
        problem: the candidates; its scores are alignment scores.
        spans: what the first pass chose in this batch.
        counts: what the first pass counted in the whole corpus.
        nmt: the translation model of the score `nmt`.
        ner: the settings of the NER scores.
        likelihood: float64 (C), the score `likelihood`, if it has been computed.
    """

    text: Text
    problem: Problem
    spans: Spans | None = None
    counts: Counts | None = None
    nmt: NmtScorer | None = None
    ner: NerSettings = NER
    likelihood: Float64 | None = None

    @property
    def batch(self) -> pa.RecordBatch:
        """The columns of the batch, without filled-in links."""
        return self.text.batch

    def counted(self) -> tuple[Spans, Counts]:
        """Return the counts of the first pass, and those of its spans that they include."""
        if self.spans is None or self.counts is None:
            raise ValueError("this score needs a first pass over the corpus")
        return self.text.in_counts(self.spans), self.counts


def score_with(
    kernel: Callable[Concatenate[int, int, Problem, Float64, P], None],
    problem: Problem,
    *args: P.args,
    **kwargs: P.kwargs,
) -> Float64:
    """Return float64 (C): what a kernel writes for every candidate."""
    score = np.empty(problem.candidates)
    over_blocks(kernel, problem.sentences, problem, score, *args, **kwargs)
    return score


def key_of(keys: Keys, kind: np.uint64 | Keys) -> Keys:
    """Return the keys under which facts of one kind about words or phrases are counted."""
    return mixed(keys ^ kind)


def _frozen(*arrays: Int32) -> list[Int32]:
    return [frozen(array, np.int32) for array in arrays]
