"""Candidates from given spans, of a tagger or runs of linked words, with their subspans."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from xner.columns import field_of, offsets_of, rows_of
from xner.errors import InputError
from xner.kernels.records import Int32, Int64
from xner.score.alignment import Candidates, linked_runs
from xner.score.ngrams import scored
from xner.score.scene import Text


def given_spans(text: Text, subspans: bool = False) -> Candidates:
    """Return the spans of the column target_candidates, for every entity of their sentence.

    Args:
        text: a batch with source_entities, target_tokens and target_candidates, checked; links
            give the alignment scores, which are 0 without.
        subspans: add every span within one of them.

    Raises:
        InputError: there is no such column.
    """
    if "target_candidates" not in text.batch.schema.names:
        raise InputError(
            "the corpus has no column 'target_candidates'; add the spans, as objects with start "
            "and end, or choose the candidates links or ngrams"
        )
    column = text.batch["target_candidates"]
    offsets = offsets_of(column)
    part = slice(int(offsets[0]), int(offsets[-1]))
    spans = [field_of(column, name)[part] for name in ("start", "end")]
    keys = _distinct(np.stack([rows_of(offsets), *spans], axis=1), subspans)
    per_row = np.bincount(keys[:, 0], minlength=text.batch.num_rows)
    row = rows_of(text.entities.offsets)
    count = per_row[row]
    taken = np.repeat((np.cumsum(per_row) - per_row)[row], count) + _within(count)
    return scored(text, count, *_ends(keys[taken]))


def run_spans(
    text: Text,
    merge_distance: int = 1,
    length_ratio: float = 0.8,
    top_k: int | None = None,
    subspans: bool = False,
) -> Candidates:
    """Return the runs of linked words that the heuristic labels, each for its entity.

    Args:
        text: a batch with source_entities, target_tokens and links, checked.
        merge_distance, length_ratio, top_k: as for `xner.score.alignment.linked_runs`.
        subspans: add every span within one of them.
    """
    runs = linked_runs(text, merge_distance, length_ratio, top_k)
    if not subspans:
        return runs
    problem = runs.problem
    entity = rows_of(problem.candidate_offsets)
    keys = _distinct(np.stack([entity, problem.start, problem.end], axis=1), True)
    count = np.bincount(keys[:, 0], minlength=problem.entities)
    return replace(scored(text, count, *_ends(keys)), status=runs.status)


def _ends(keys: Int64) -> tuple[Int32, Int32]:
    """Start and end of keys."""
    return keys[:, 1].astype(np.int32), keys[:, 2].astype(np.int32)


def _distinct(keys: Int64, subspans: bool) -> Int64:
    """Sorted keys (owner, start, end) without repeats; on request with every span inside them."""
    if subspans:
        length = keys[:, 2] - keys[:, 1]
        owner, start, end = (np.repeat(part, length) for part in keys.T)
        start = start + _within(length)
        length = end - start
        owner, start = np.repeat(owner, length), np.repeat(start, length)
        keys = np.stack([owner, start, start + 1 + _within(length)], axis=1)
    return np.unique(keys, axis=0)


def _within(counts: Int64) -> Int64:
    """0, 1, … up to each of the counts, one after another."""
    before = np.cumsum(counts) - counts
    return np.arange(counts.sum()) - np.repeat(before, counts)
