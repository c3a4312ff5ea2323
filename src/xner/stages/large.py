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

from xner.columns import lengths_of, replace_columns, rows_of
from xner.corpus.bad_rows import blanked
from xner.kernels.records import sizes_of
from xner.outcomes import Outcome
from xner.report import Report
from xner.score.scene import Text

if TYPE_CHECKING:
    from xner.stages.projection_options import ProjectionOptions

MOST = 1 << 28
"""Steps, or candidates, of one sentence; up to about ten seconds."""


def large_rows(text: Text, options: ProjectionOptions) -> NDArray[np.int64]:
    """Numbers of the rows of a batch that are too large to project."""
    if _are_small(text):
        return np.zeros(0, np.int64)
    rows, entities = text.batch.num_rows, text.source_entities
    count, source, target = (
        lists.sizes.astype(np.int64) for lists in (entities, text.source_tokens, text.target_tokens)
    )
    links, ends = np.zeros(rows, np.int64), target
    if text.has_links:
        links = sizes_of(text.links.offsets).astype(np.int64)
        if options.candidates in ("links", "runs"):
            ends = np.minimum(target, links)  # candidates start and end on a linked word
    row = rows_of(entities.offsets)
    words = text.entities.end - text.entities.start
    spans = ends[row] * np.minimum(
        ends[row], np.maximum(options.max_span, options.max_ratio * words)
    )
    candidates = np.bincount(row, spans, rows)
    return np.flatnonzero((count * (links + source + target) > MOST) | (candidates > MOST))


def _are_small(text: Text) -> bool:
    """Whether all rows together are small; it takes a fraction of the time for a few rows."""
    words = len(text.source_tokens.values) + len(text.target_tokens.values)
    links = len(text.links.source) if text.has_links else 0
    return len(text.source_entities.values) * (words + links + 1) ** 2 <= MOST


def without_large(text: Text, large: NDArray[np.int64]) -> Text:
    """Return a text in which the rows that are too large are empty."""
    return Text(blanked(text.batch, large), text.counted) if len(large) else text


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
