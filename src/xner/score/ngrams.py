"""Candidates that need not start and end on a linked word: n-grams of a sentence or a region."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xner.columns import rows_of
from xner.kernels.blocks import frozen, over_blocks
from xner.kernels.candidate_spans import (
    NO_CANDIDATE,
    NO_TARGET,
    UNALIGNED,
    linked_regions,
    list_ngrams,
)
from xner.kernels.link_scores import alignment_scores
from xner.kernels.records import Int32, Int64, Problem, Regions, joined
from xner.score.alignment import Candidates
from xner.score.scene import Text, score_with

STOP_TOKENS = ("!", "?")
"""Tokens that no n-gram contains, as in the published code."""


def all_ngrams(
    text: Text,
    max_span: int = 10,
    max_ratio: float = 0.0,
    stop_tokens: Collection[str] = STOP_TOKENS,
) -> Candidates:
    """Return every n-gram of limited length without a stop token, for every entity.

    Args:
        text: a batch with source_entities and target_tokens, checked; links give the alignment
            scores, which are 0 without.
        max_span: longest candidate, in words, at least 1.
        max_ratio: allow this many times the entity's words if that is more.
        stop_tokens: words that no candidate may contain.
    """
    last = text.target_lengths[rows_of(text.entities.offsets)]
    return _ngrams(text, np.zeros_like(last), last, _limit(text, max_span, max_ratio), stop_tokens)


def region_ngrams(
    text: Text,
    max_span: int = 10,
    max_ratio: float = 0.0,
    stop_tokens: Collection[str] = STOP_TOKENS,
) -> Candidates:
    """Return every such n-gram between the first and the last word linked to the entity.

    Arguments are those of `all_ngrams`; the batch needs links.
    """
    first, last = np.zeros((2, len(text.entities.start)), np.int32)
    over_blocks(linked_regions, text.batch.num_rows, text.entities, text.links, first, last)
    found = _ngrams(text, first, last, _limit(text, max_span, max_ratio), stop_tokens)
    found.status[(last == 0) & (found.status == NO_CANDIDATE)] = UNALIGNED
    return found


def _limit(text: Text, max_span: int, max_ratio: float) -> Int32:
    """int32 (E): the most words that an entity's candidates may have."""
    scaled = (max_ratio * (text.entities.end - text.entities.start)).astype(np.int64)
    return np.clip(scaled, max_span, np.iinfo(np.int32).max).astype(np.int32)


def _ngrams(
    text: Text, first: Int32, last: Int32, limit: Int32, stop_tokens: Collection[str]
) -> Candidates:
    """The n-grams within `[first, last)` of each entity's sentence."""
    tokens = text.batch["target_tokens"].flatten()
    stop = pc.is_in(tokens, pa.array(list(stop_tokens), pa.string()))
    words = np.concatenate([[0], np.cumsum(text.target_lengths)])
    regions = Regions(
        text.entities.offsets,
        frozen(first, np.int32),
        frozen(last, np.int32),
        frozen(limit, np.int32),
        frozen(words, np.int32),
        frozen(stop.to_numpy(zero_copy_only=False), np.uint8),
    )
    return scored(text, *joined(over_blocks(list_ngrams, text.batch.num_rows, regions)))


def scored(text: Text, count: Int32 | Int64, start: Int32, end: Int32) -> Candidates:
    """Return candidates with their alignment scores, which are 0 where the batch has no links.

    Args:
        text: a batch with source_entities, target_tokens and maybe links, checked.
        count: integers (E), candidates of each entity.
        start: int32 (C), entity after entity.
        end: int32 (C).
    """
    entities, lengths = text.entities, text.target_lengths
    offsets = np.concatenate([[0], np.cumsum(count)])
    problem = Problem(entities.offsets, offsets, start, end, np.zeros(len(start)), lengths)
    status = np.where(count == 0, NO_CANDIDATE, 0).astype(np.uint8)
    status[lengths[rows_of(entities.offsets)] == 0] = NO_TARGET
    if text.has_links:
        aligned = score_with(alignment_scores, problem, entities, text.links)
        problem = problem.with_scores(aligned)
    return Candidates(problem, status, entities.end - entities.start)
