"""The columns of a corpus: their Arrow types, how foreign ones are fitted, what is checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from xner.errors import FormatError

BATCH = 32_768
"""Rows that are read, projected and written at a time."""

Int32 = NDArray[np.int32]
LINKS_MADE_BY = b"xner.links"
"""Key of the schema metadata that tells what made the column links."""
TRANSLATION_MADE_BY = b"xner.translation"
"""Key of the schema metadata that tells what translated one side."""
TAGGED_BY = {"source": b"xner.source_tagger", "target": b"xner.target_tagger"}
"""Likewise for what a tagger made, by side."""

Where = Callable[[int], str]
"""Names a row of a batch for an error message: file and line, or sentence id."""

TOKENS = pa.list_(pa.string())
ENTITIES = pa.list_(
    pa.struct(
        [
            ("start", pa.int32()),
            ("end", pa.int32()),
            ("label", pa.string()),
            ("score", pa.float32()),
            ("source", pa.int32()),
        ]
    )
)
LINKS = pa.list_(
    pa.struct([("source", pa.int32()), ("target", pa.int32()), ("weight", pa.float32())])
)
OFFSETS = pa.list_(pa.struct([("start", pa.int32()), ("end", pa.int32())]))
TAGSET = pa.list_(pa.string())
PROBABILITIES = pa.list_(pa.list_(pa.float32()))
CANDIDATES = pa.list_(pa.struct([("start", pa.int32()), ("end", pa.int32())]))
COLUMNS: dict[str, pa.DataType] = {
    "id": pa.string(),
    "source_tokens": TOKENS,
    "source_entities": ENTITIES,
    "target_tokens": TOKENS,
    "target_entities": ENTITIES,
    "links": LINKS,
    "outcomes": pa.list_(pa.string()),
    "source_text": pa.string(),
    "source_offsets": OFFSETS,
    "target_text": pa.string(),
    "target_offsets": OFFSETS,
    "translation_outcome": pa.string(),
    "source_tagset": TAGSET,
    "source_probabilities": PROBABILITIES,
    "target_tagset": TAGSET,
    "target_probabilities": PROBABILITIES,
    "target_candidates": CANDIDATES,
    "back_tokens": TOKENS,
    "back_text": pa.string(),
    "back_offsets": OFFSETS,
    "back_entities": ENTITIES,
    "back_outcomes": TOKENS,
    # One side alone, before it is paired or when it is evaluated.
    "tokens": TOKENS,
    "entities": ENTITIES,
}
# Struct fields that a file may leave out; null stands for "not known".
_OPTIONAL = {"score": None, "source": None, "weight": 1.0}


def fit(array: pa.Array, wanted: pa.DataType, name: str) -> pa.Array:
    """Return `array` as `wanted`: other widths, encodings and missing optional fields fitted.

    Raises:
        FormatError: the values cannot be read as `wanted`.
    """
    if array.type == wanted and not (pa.types.is_list(wanted) and array.null_count):
        return array
    if pa.types.is_list(wanted):
        return _fit_list(array, wanted, name)
    if pa.types.is_struct(wanted):
        return _fit_struct(array, wanted, name)
    try:
        return array.cast(wanted)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise FormatError(f"column {name!r} should hold {wanted}: {error}") from None


def _fit_list(array: pa.Array, wanted: pa.DataType, name: str) -> pa.Array:
    if pa.types.is_null(array.type):
        lengths, values = np.zeros(len(array), np.int64), pa.nulls(0, wanted.value_type)
    elif not hasattr(array, "flatten") or pa.types.is_struct(array.type):
        raise FormatError(f"column {name!r} should hold a list, not {array.type}")
    else:
        lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False)
        values = array.flatten()
    offsets = np.zeros(len(array) + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    return pa.ListArray.from_arrays(pa.array(offsets), fit(values, wanted.value_type, name))


def _fit_struct(array: pa.Array, wanted: pa.DataType, name: str) -> pa.Array:
    if pa.types.is_null(array.type) and len(array) == 0:
        return pa.nulls(0, wanted)
    if not pa.types.is_struct(array.type):
        raise FormatError(f"column {name!r} should hold objects like {wanted}, not {array.type}")
    have = [field.name for field in array.type]
    strange = sorted(set(have) - {field.name for field in wanted})
    if strange:
        raise FormatError(
            f"column {name!r} has the unknown field {strange[0]!r}; "
            f"known are {', '.join(field.name for field in wanted)}"
        )
    children = dict(zip(have, array.flatten(), strict=True))
    fitted = []
    for field in wanted:
        if field.name in children:
            child = fit(children[field.name], field.type, f"{name}.{field.name}")
            default = _OPTIONAL.get(field.name)
            fitted.append(child if default is None else child.fill_null(default))
        elif field.name in _OPTIONAL:
            fitted.append(pa.array([_OPTIONAL[field.name]], field.type).take(_zeros(len(array))))
        else:
            raise FormatError(f"column {name!r} lacks the field {field.name!r}")
    return pa.StructArray.from_arrays(fitted, fields=list(wanted))


def _zeros(n: int) -> pa.Array:
    return pa.array(np.zeros(n, np.int32))


def conform(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return `batch` with every column that xner knows in its Arrow type; others untouched.

    Raises:
        FormatError: a column stands twice, or cannot be read as its type.
    """
    names = batch.schema.names
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise FormatError(f"column {twice[0]!r} stands twice; remove or rename one")
    columns = [
        fit(column, COLUMNS[name], name) if name in COLUMNS else column
        for name, column in zip(names, batch.columns, strict=True)
    ]
    fitted = pa.RecordBatch.from_arrays(columns, names=names)
    return fitted.replace_schema_metadata(batch.schema.metadata)


def offsets_of(column: pa.ListArray) -> Int32:
    """Offsets of a list column into its values, int32 (rows + 1), without copying."""
    return np.asarray(column.offsets.to_numpy())


def lengths_of(column: pa.ListArray) -> Int32:
    """Number of values in each row of a list column, int32 (rows)."""
    return np.diff(offsets_of(column))


def field_of(column: pa.ListArray, name: str) -> NDArray[Any]:
    """A field of a list-of-structs column as a flat array without copying.

    Rows are found with `offsets_of`. Nulls are not allowed.
    """
    return np.asarray(column.values.field(name).to_numpy())


def rows_of(offsets: Int32) -> NDArray[np.int64]:
    """The row of every value that `offsets` covers, int64 (values)."""
    return np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
