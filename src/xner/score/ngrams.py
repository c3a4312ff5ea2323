"""Candidates that need no links: all n-grams of the target, or spans that are given."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from xner.columns import field_of, lengths_of, offsets_of, rows_of
from xner.errors import InputError
from xner.kernels.blocks import frozen, over_blocks
from xner.kernels.candidates import NO_TARGET
from xner.kernels.ngrams import NO_CANDIDATE, alignments, count_ngrams, write_ngrams
from xner.score.alignment import Candidates
from xner.score.scene import Text
from xner.solve.problem import Float64, Int32, Problem

STOP_TOKENS = ("!", "?")
"""Tokens that no n-gram holds, as in the published code."""

Int64 = NDArray[np.int64]


def all_ngrams(
    batch: pa.RecordBatch, max_span: int = 10, stop_tokens: Collection[str] = STOP_TOKENS
) -> Candidates:
    """Every n-gram of at most `max_span` target words without a stop token, for every entity.

    Args:
        batch: with source_entities and target_tokens, checked; links give the alignment scores,
            which are 0 without.
        max_span: longest candidate, in words, at least 1.
        stop_tokens: words that no candidate may hold.
    """
    tokens = batch["target_tokens"]
    offsets = offsets_of(tokens)
    words = frozen(offsets - offsets[0], np.int32)
    stop = pc.is_in(tokens.flatten(), pa.array(list(stop_tokens), pa.string()))
    flags = frozen(stop.to_numpy(zero_copy_only=False), np.uint8)
    count = np.zeros(batch.num_rows, np.int64)
    over_blocks(count_ngrams, batch.num_rows, words, flags, max_span, count)
    copies = lengths_of(batch["source_entities"])
    ends = np.cumsum(count * copies)
    total = int(ends[-1]) if len(ends) else 0
    start, end = np.empty(total, np.int32), np.empty(total, np.int32)
    places = ends - count * copies
    over_blocks(
        write_ngrams,
        batch.num_rows,
        words,
        flags,
        max_span,
        frozen(copies, np.int32),
        frozen(places, np.int64),
        start,
        end,
    )
    return _candidates(batch, count, start, end)


def given_spans(batch: pa.RecordBatch) -> Candidates:
    """The spans of the column target_candidates, for every entity of their sentence.

    Args:
        batch: with source_entities, target_tokens and target_candidates, checked; links give
            the alignment scores, which are 0 without.

    Raises:
        InputError: there is no such column.
    """
    if "target_candidates" not in batch.schema.names:
        raise InputError(
            "the corpus has no column 'target_candidates'; give the spans, as objects with start "
            "and end, or choose the candidates links or ngrams"
        )
    column = batch["target_candidates"]
    offsets = offsets_of(column)
    part = slice(int(offsets[0]), int(offsets[-1]))
    spans = [field_of(column, name)[part] for name in ("start", "end")]
    keys = np.unique(np.stack([rows_of(offsets), *spans], axis=1), axis=0)
    count = np.bincount(keys[:, 0], minlength=batch.num_rows)
    copies = lengths_of(batch["source_entities"])
    taken = _repeated(count, copies)
    return _candidates(batch, count, keys[taken, 1], keys[taken, 2])


def _repeated(count: Int64, copies: Int32) -> Int64:
    """Indices of the sentences' spans, each sentence's as often as `copies` says."""
    per_entity = np.repeat(count, copies)
    first = np.repeat(np.cumsum(count) - count, copies)
    before = np.cumsum(per_entity) - per_entity
    return np.repeat(first - before, per_entity) + np.arange(per_entity.sum())


def _candidates(batch: pa.RecordBatch, count: Int64, start: Int32, end: Int32) -> Candidates:
    """Candidates with their alignment scores; each entity has its sentence's `count`."""
    text, entities = Text(batch), offsets_of(batch["source_entities"])
    row = rows_of(entities)
    offsets = np.concatenate([[0], np.cumsum(count[row])])
    lengths = lengths_of(batch["target_tokens"])
    problem = Problem(text.entity_offsets, offsets, start, end, np.zeros(len(start)), lengths)
    status = np.where(count[row] == 0, NO_CANDIDATE, 0)
    status[lengths[row] == 0] = NO_TARGET
    if "links" in batch.schema.names:
        problem = Problem(
            text.entity_offsets, offsets, start, end, _aligned(batch, text, problem), lengths
        )
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
