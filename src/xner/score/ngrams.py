"""Candidates that need not begin and end on a linked word: n-grams, of a sentence or a region."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from xner.columns import field_of, lengths_of, offsets_of, rows_of
from xner.kernels.blocks import frozen, over_blocks
from xner.kernels.candidates import NO_TARGET, UNALIGNED
from xner.kernels.ngrams import (
    NO_CANDIDATE,
    alignments,
    count_ngrams,
    linked_regions,
    write_ngrams,
)
from xner.score.alignment import Candidates
from xner.score.scene import Text
from xner.solve.problem import Float64, Int32, Problem

STOP_TOKENS = ("!", "?")
"""Tokens that no n-gram holds, as in the published code."""

Int64 = NDArray[np.int64]


def all_ngrams(
    batch: pa.RecordBatch,
    max_span: int = 10,
    max_ratio: float = 0.0,
    stop_tokens: Collection[str] = STOP_TOKENS,
) -> Candidates:
    """Every n-gram of limited length without a stop token, for every entity.

    Args:
        batch: with source_entities and target_tokens, checked; links give the alignment scores,
            which are 0 without.
        max_span: longest candidate, in words, at least 1.
        max_ratio: an entity's candidates may also have this many times its words.
        stop_tokens: words that no candidate may hold.
    """
    text = Text(batch)
    last = lengths_of(batch["target_tokens"])[rows_of(text.entity_offsets)]
    limit = _limit(text, max_span, max_ratio)
    return _ngrams(batch, text, np.zeros_like(last), last, limit, stop_tokens)


def region_ngrams(
    batch: pa.RecordBatch,
    max_span: int = 10,
    max_ratio: float = 0.0,
    stop_tokens: Collection[str] = STOP_TOKENS,
) -> Candidates:
    """Every such n-gram between the first and the last word that is linked to the entity.

    Args:
        batch: with source_entities, target_tokens and links, checked.
        max_span: longest candidate, in words, at least 1.
        max_ratio: an entity's candidates may also have this many times its words.
        stop_tokens: words that no candidate may hold.
    """
    text, links = Text(batch), batch["links"]
    first, last = np.zeros((2, len(text.entity_start)), np.int32)
    over_blocks(
        linked_regions,
        batch.num_rows,
        frozen(text.entity_offsets, np.int32),
        text.entity_start,
        text.entity_end,
        frozen(offsets_of(links), np.int32),
        *(frozen(field_of(links, name), np.int32) for name in ("source", "target")),
        frozen(field_of(links, "weight"), np.float32),
        first,
        last,
    )
    made = _ngrams(batch, text, first, last, _limit(text, max_span, max_ratio), stop_tokens)
    made.status[(last == 0) & (made.status == NO_CANDIDATE)] = UNALIGNED
    return made


def _limit(text: Text, max_span: int, max_ratio: float) -> Int32:
    """int32 (E): the most words that an entity's candidates may have."""
    scaled = (max_ratio * (text.entity_end - text.entity_start)).astype(np.int64)
    return np.clip(scaled, max_span, np.iinfo(np.int32).max).astype(np.int32)


def _ngrams(
    batch: pa.RecordBatch,
    text: Text,
    first: Int32,
    last: Int32,
    limit: Int32,
    stop_tokens: Collection[str],
) -> Candidates:
    """The n-grams within `[first, last)` of each entity's sentence."""
    tokens = batch["target_tokens"]
    words = offsets_of(tokens)
    stop = pc.is_in(tokens.flatten(), pa.array(list(stop_tokens), pa.string()))
    given = (
        frozen(text.entity_offsets, np.int32),
        frozen(words - words[0], np.int32),
        frozen(stop.to_numpy(zero_copy_only=False), np.uint8),
        *(frozen(numbers, np.int32) for numbers in (first, last, limit)),
    )
    count = np.zeros(len(first), np.int64)
    over_blocks(count_ngrams, batch.num_rows, *given, count)
    places = np.cumsum(count) - count
    start, end = np.empty((2, int(count.sum())), np.int32)
    over_blocks(write_ngrams, batch.num_rows, *given, frozen(places, np.int64), start, end)
    return scored(batch, text, count, start, end)


def scored(batch: pa.RecordBatch, text: Text, count: Int64, start: Int32, end: Int32) -> Candidates:
    """Candidates with their alignment scores, which are 0 where the batch has no links.

    Args:
        batch: with source_entities, target_tokens and maybe links, checked.
        text: of the batch.
        count: int64 (E), candidates of each entity.
        start, end: int32 (C), entity after entity.
    """
    offsets = np.concatenate([[0], np.cumsum(count)])
    lengths = lengths_of(batch["target_tokens"])
    problem = Problem(text.entity_offsets, offsets, start, end, np.zeros(len(start)), lengths)
    status = np.where(count == 0, NO_CANDIDATE, 0)
    status[lengths[rows_of(text.entity_offsets)] == 0] = NO_TARGET
    if "links" in batch.schema.names:
        aligned = _aligned(batch, text, problem)
        problem = Problem(text.entity_offsets, offsets, start, end, aligned, lengths)
    return Candidates(problem, status.astype(np.uint8), text.entity_end - text.entity_start)


def _aligned(batch: pa.RecordBatch, text: Text, problem: Problem) -> Float64:
    """float64 (C): the alignment score of every candidate (`xner.score.alignment`)."""
    links = batch["links"]
    score = np.empty(problem.candidates)
    over_blocks(
        alignments,
        problem.sentences,
        problem.entity_offsets,
        problem.candidate_offsets,
        problem.start,
        problem.end,
        text.entity_start,
        text.entity_end,
        frozen(offsets_of(links), np.int32),
        frozen(field_of(links, "source"), np.int32),
        frozen(field_of(links, "target"), np.int32),
        frozen(field_of(links, "weight"), np.float32),
        problem.target_lengths,
        score,
    )
    return score
