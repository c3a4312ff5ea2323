"""The alignment score: how many of the words of entity and candidate are linked to each other.

For an entity p and a candidate t,

    c(p, t) = 2 * sum of the weights of the links between p and t / (len p + len t)

(Politov et al. 2025; Shkalikov 2025, section 3.3), lengths in words. With links of weight 1
that are one to one it lies in [0, 1]; many-to-many links may lift it above 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from xner.columns import field_of, lengths_of, offsets_of
from xner.kernels.blocks import frozen, over_blocks
from xner.kernels.candidates import candidates
from xner.score.scene import Scene
from xner.solve.problem import Flags, Float64, Int32, Problem


def alignment(scene: Scene) -> Float64:
    """float64 (C): the alignment score of every candidate, which came with the candidates."""
    return scene.problem.score


@dataclass(frozen=True, slots=True)
class Candidates:
    """Scored candidates of a batch.

    Attributes:
        problem: the matching problem they pose.
        status: uint8 (E), per entity why it has no candidate, one of the constants of
            `xner.kernels.candidates`.
        length: int32 (E), words of each source entity.
    """

    problem: Problem
    status: Flags
    length: Int32


def linked_ngrams(batch: pa.RecordBatch, max_span: int = 10, max_ratio: float = 0.0) -> Candidates:
    """Target n-grams of limited length that share a link with the entity.

    Only those that start and end on a linked word are made: any other has a shorter one
    inside it with the same links, a higher score and fewer conflicts.

    Args:
        batch: with source_entities, target_tokens and links, checked.
        max_span: longest candidate, in words, at least 1.
        max_ratio: an entity's candidates may also have this many times its words.
    """
    return _candidates(batch, max_span, max_ratio)


def linked_runs(
    batch: pa.RecordBatch,
    merge_distance: int = 1,
    length_ratio: float = 0.8,
    top_k: int | None = None,
) -> Candidates:
    """Runs of consecutive target words that are linked to the entity.

    Args:
        batch: with source_entities, target_tokens and links, checked.
        merge_distance: runs with at most this many words between them become one.
        length_ratio: a run is kept if run words / entity words is above this.
        top_k: keep only the longest `top_k` runs of an entity (ties: the first); None keeps all.
    """
    return _candidates(batch, 0, 0.0, merge_distance, length_ratio, top_k or 0)


def _candidates(
    batch: pa.RecordBatch,
    max_span: int,
    max_ratio: float,
    merge_distance: int = 0,
    length_ratio: float = 0.0,
    top_k: int = 0,
) -> Candidates:
    entities, links = batch["source_entities"], batch["links"]
    base = offsets_of(entities)
    part = slice(int(base[0]), int(base[-1]))
    offsets = frozen(base - base[0], np.int32)
    first = frozen(field_of(entities, "start")[part], np.int32)
    last = frozen(field_of(entities, "end")[part], np.int32)
    target_lengths = frozen(lengths_of(batch["target_tokens"]), np.int32)
    blocks = over_blocks(
        candidates,
        batch.num_rows,
        offsets,
        first,
        last,
        frozen(offsets_of(links), np.int32),
        frozen(field_of(links, "source"), np.int32),
        frozen(field_of(links, "target"), np.int32),
        frozen(field_of(links, "weight"), np.float32),
        target_lengths,
        max_span,
        max_ratio,
        merge_distance,
        length_ratio,
        top_k,
    )
    start, end, score, found, status = (
        parts[0] if len(parts) == 1 else np.concatenate(parts)
        for parts in zip(*blocks, strict=True)
    )
    per_entity = np.zeros(len(found) + 1, np.int32)
    np.cumsum(found, out=per_entity[1:])
    problem = Problem(offsets, per_entity, start, end, score, target_lengths)
    return Candidates(problem, status, last - first)
