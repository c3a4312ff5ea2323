"""Sentences that are too large to project: their entities get the outcome `too_large`.

Most kernels take entities times links and words of a sentence, and room for every pair of linked
words of an entity. A sentence of a news text takes about 1e4 of these steps. One above `MOST`
would take longer than thousands of others, or all memory, so it is left out and reported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xner.columns import fields_of, lengths_of, offsets_of, replace_columns, rows_of
from xner.corpus.bad_rows import blanked
from xner.outcomes import Outcome
from xner.report import Report

if TYPE_CHECKING:
    from xner.stages.projection_options import ProjectionOptions

MOST = 1 << 28
"""Steps, or candidates, of one sentence; up to about ten seconds."""


def large_rows(batch: pa.RecordBatch, options: ProjectionOptions) -> NDArray[np.int64]:
    """Numbers of the rows of a batch that are too large to project."""
    entities = batch["source_entities"]
    if _are_small(batch):
        return np.zeros(0, np.int64)
    count = lengths_of(entities).astype(np.int64)
    source, target = (
        lengths_of(batch[f"{side}_tokens"]).astype(np.int64) for side in ("source", "target")
    )
    links = np.zeros(batch.num_rows, np.int64)
    ends = target
    if "links" in batch.schema.names:
        links = lengths_of(batch["links"]).astype(np.int64)
        if options.candidates in ("links", "runs"):
            ends = np.minimum(target, links)  # candidates start and end on a linked word
    row = rows_of(offsets_of(entities))
    start, end = fields_of(entities, "start", "end")
    longest = np.maximum(options.max_span, options.max_ratio * (end - start))
    spans = ends[row] * np.minimum(ends[row], longest)
    candidates = np.bincount(row, spans, batch.num_rows)
    return np.flatnonzero((count * (links + source + target) > MOST) | (candidates > MOST))


def _are_small(batch: pa.RecordBatch) -> bool:
    """Whether all rows together are small; it takes a fraction of the time for a few rows."""
    names = ("source_entities", "source_tokens", "target_tokens", "links")
    held = set(batch.schema.names)
    columns = (offsets_of(batch[name]) for name in names if name in held)
    entities, *others = (int(offsets[-1] - offsets[0]) for offsets in columns)
    return entities * (sum(others) + 1) ** 2 <= MOST


def without_large(batch: pa.RecordBatch, options: ProjectionOptions) -> pa.RecordBatch:
    """Return a batch in which the rows that are too large are empty."""
    return blanked(batch, large_rows(batch, options))


def restored(
    made: pa.RecordBatch, batch: pa.RecordBatch, large: NDArray[np.int64], report: Report
) -> pa.RecordBatch:
    """Return the projection of a batch with what was emptied; the report counts its entities.

    Args:
        made: the projection of the batch in which the large rows are empty.
        batch: the batch.
        large: numbers of these rows.
        report: counts sentences that were projected.
    """
    counts = lengths_of(batch["source_entities"])[large].tolist()
    report.add(entities=sum(counts), outcomes={Outcome.TOO_LARGE.value: sum(counts)})
    own = pa.array([[Outcome.TOO_LARGE.value] * n for n in counts], made["outcomes"].type)
    order = np.arange(batch.num_rows)
    order[large] = batch.num_rows + np.arange(len(large))
    outcomes = pa.concat_arrays([made["outcomes"], own]).take(pa.array(order))
    kept = (
        "target_entities",
        "target_entity_offsets",
        "probabilities",
        "solution",
        "scored_candidates",
    )
    columns = {name: made[name] for name in kept if name in made.schema.names}
    metadata = made.schema.metadata
    return replace_columns(batch, {**columns, "outcomes": outcomes}, metadata=metadata).select(
        made.schema.names
    )
