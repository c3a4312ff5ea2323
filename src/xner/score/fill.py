"""Links made where words have none, by what the first pass counted."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from xner.columns import LINKS, field_of, offsets_of
from xner.score.counts import Counts
from xner.score.lexicon import Filled, lexicon
from xner.score.neighbours import neighbours
from xner.score.scene import Spans, Text


def fill_links(
    text: Text, spans: Spans, counts: Counts, weights: Mapping[str, float]
) -> pa.RecordBatch:
    """The batch of `text` with links filled in.

    A target word gets links from one way of filling only, the lexicon first.

    Args:
        text: the batch.
        spans: what the first pass chose in it.
        counts: what it counted in the whole corpus.
        weights: what the weights of the links of each way are multiplied by, by its name.
    """
    made = Filled.none()
    if "lexicon" in weights:
        made = lexicon(text, counts).times(weights["lexicon"])
    if "neighbours" in weights:
        more = neighbours(text, spans, counts).times(weights["neighbours"])
        made = _joined(made, more, text.target.offsets)
    return _with_links(text.batch, made) if len(made.row) else text.batch


def _joined(first: Filled, second: Filled, offsets: np.ndarray) -> Filled:
    """Both, in order of sentence and target word, `second` where `first` has none."""
    place, other = (offsets[filled.row] + filled.target for filled in (first, second))
    kept = np.flatnonzero(~np.isin(other, place))
    order = np.argsort(np.concatenate([place, other[kept]]), kind="stable")
    columns = zip(first.columns(), second.columns(), strict=True)
    return Filled(*(np.concatenate([a, b[kept]])[order] for a, b in columns))


def _with_links(batch: pa.RecordBatch, made: Filled) -> pa.RecordBatch:
    """The batch with links added after those that its rows have."""
    links = batch["links"]
    offsets = offsets_of(links)
    part = slice(int(offsets[0]), int(offsets[-1]))
    times = np.bincount(made.row, minlength=batch.num_rows)
    place = np.repeat(offsets[1:] - offsets[0], times)
    added = {"source": made.source, "target": made.target, "weight": made.weight}
    values = pa.StructArray.from_arrays(
        [pa.array(np.insert(field_of(links, n)[part], place, v)) for n, v in added.items()],
        fields=list(LINKS.value_type),
    )
    more = np.concatenate([[0], np.cumsum(times)])
    filled = pa.ListArray.from_arrays(
        pa.array((offsets - offsets[0] + more).astype(np.int32)), values
    )
    return batch.set_column(batch.schema.get_field_index("links"), "links", filled)
