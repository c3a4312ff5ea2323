"""Character offsets of entities: the column `{side}_entity_offsets`, half-open, in code points."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from xner.columns import (
    OFFSETS,
    field_of,
    fields_of,
    offsets_of,
    rows_of,
    struct_lists,
    types_of,
)


def entity_offsets(entities: pa.ListArray, offsets: pa.ListArray) -> pa.ListArray:
    """The character spans of entities, a value of `{side}_entity_offsets` for each.

    Args:
        entities: spans of tokens, which have at least one token each.
        offsets: character span of each token.
    """
    rows, (start, end) = offsets_of(entities), fields_of(entities, "start", "end")
    first = offsets_of(offsets)[:-1].astype(np.int64)[rows_of(rows)]
    begins, ends = field_of(offsets, "start"), field_of(offsets, "end")
    return struct_lists(OFFSETS, rows - rows[0], begins[first + start], ends[first + end - 1])


def with_entity_offsets(
    columns: Mapping[str, pa.Array], batch: pa.RecordBatch, side: str
) -> dict[str, pa.Array]:
    """New columns with the entities of a side, and their offsets if its tokens have offsets."""
    names = f"{side}_entities", f"{side}_offsets"
    if names[1] not in {*batch.schema.names, *columns}:
        return dict(columns)
    entities, offsets = (columns[name] if name in columns else batch[name] for name in names)
    return {**columns, f"{side}_entity_offsets": entity_offsets(entities, offsets)}


def entity_types(schema: pa.Schema, side: str, *new: str) -> dict[str, pa.DataType]:
    """The types of `with_entity_offsets`.

    Args:
        schema: that of the batch.
        side: `source` or `target`.
        *new: names of the new columns.
    """
    placed = f"{side}_offsets" in {*schema.names, *new}
    return types_of(*new, *([f"{side}_entity_offsets"] if placed else []))
