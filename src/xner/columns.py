"""The columns of a corpus: their Arrow types, and functions to convert, build and replace them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from xner.kernels.records import sizes_of

BATCH = 32_768
"""Rows that are read, projected and written at a time."""

Int32 = NDArray[np.int32]
LINKS_MADE_BY = b"xner.links"
"""Key of the schema metadata that holds the signature of the column links."""
TRANSLATION_MADE_BY = b"xner.translation"
"""Key of the schema metadata that holds the signature of the translated side."""
TAGGED_BY = {"source": b"xner.source_tagger", "target": b"xner.target_tagger"}
"""Keys of the schema metadata that hold the signatures of taggers, by side."""

Where = Callable[[int], str]
"""Names a row of a batch in an error message: file and line, or sentence id."""
Metadata = Mapping[bytes, bytes | str | None]
"""Entries of schema metadata to set; None removes one."""

TOKENS = pa.list_(pa.string())
WORD_TYPES = pa.list_(pa.dictionary(pa.int32(), pa.string()))
"""Tokens as places in a dictionary of their types."""
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
CANDIDATES = OFFSETS
TAGSET = TOKENS
PROBABILITIES = pa.list_(pa.list_(pa.float32()))
SCORED_CANDIDATES = pa.list_(
    pa.struct(
        [
            ("source", pa.int32()),
            ("start", pa.int32()),
            ("end", pa.int32()),
            ("score", pa.float64()),
            ("fate", pa.string()),
            ("rival", pa.int32()),
        ]
    )
)
SOLUTION = pa.struct(
    [
        ("objective", pa.float64()),
        ("bound", pa.float64()),
        ("route", pa.string()),
        ("status", pa.string()),
    ]
)
COLUMNS: dict[str, pa.DataType] = {
    "id": pa.string(),
    "source_tokens": TOKENS,
    "source_entities": ENTITIES,
    "target_tokens": TOKENS,
    "target_entities": ENTITIES,
    "links": LINKS,
    "outcomes": TOKENS,
    "probabilities": pa.list_(pa.float32()),
    "source_text": pa.string(),
    "source_offsets": OFFSETS,
    "target_text": pa.string(),
    "target_offsets": OFFSETS,
    "source_entity_offsets": OFFSETS,
    "target_entity_offsets": OFFSETS,
    "translation_outcome": pa.string(),
    "source_tagset": TAGSET,
    "source_probabilities": PROBABILITIES,
    "target_tagset": TAGSET,
    "target_probabilities": PROBABILITIES,
    "target_candidates": CANDIDATES,
    "scored_candidates": SCORED_CANDIDATES,
    "back_tokens": TOKENS,
    "back_text": pa.string(),
    "back_offsets": OFFSETS,
    "back_entities": ENTITIES,
    "back_outcomes": TOKENS,
    # One side alone, before it is paired or when it is evaluated.
    "tokens": TOKENS,
    "entities": ENTITIES,
    "text": pa.string(),
    "offsets": OFFSETS,
    "entity_offsets": OFFSETS,
}
_PLACED = {
    f"{side}_{name}": f"{side}_entity_offsets"
    for side in ("source", "target")
    for name in ("tokens", "entities")
}
"""Columns whose values `entity_offsets` of the same side refers to."""
_TAKE = pc.get_function("array_take")


def row_place(prefix: str, first: int) -> Where:
    """Name row r of a batch `prefix` + (`first` + r)."""
    return lambda row: f"{prefix}{first + row}"


def replace_columns(
    batch: pa.RecordBatch,
    columns: Mapping[str, pa.Array],
    *,
    drop: Collection[str] = (),
    metadata: Metadata | None = None,
) -> pa.RecordBatch:
    """Return `batch` with columns replaced in place or appended, and others dropped.

    Args:
        batch: its further columns and its metadata are kept.
        columns: new columns by name. Character offsets of entities that they do not have leave
            with the entities and tokens that they belong to.
        drop: names of columns to leave out; names that `batch` lacks are ignored. A name that
            is also in `columns` moves to the end.
        metadata: entries of the schema metadata to set; None removes an entry.
    """
    drop = _with_offsets(columns, drop)
    held = zip(batch.schema.names, batch.columns, strict=True)
    arrays = {name: column for name, column in held if name not in drop} | dict(columns)
    return pa.RecordBatch.from_arrays(
        list(arrays.values()),
        names=list(arrays),
        metadata=_changed(batch.schema.metadata, metadata),
    )


def with_columns(
    schema: pa.Schema,
    types: Mapping[str, pa.DataType],
    *,
    drop: Collection[str] = (),
    metadata: Metadata | None = None,
) -> pa.Schema:
    """Return the schema of `replace_columns`, from the types of the new columns."""
    drop = _with_offsets(types, drop)
    held = {n: kind for n, kind in zip(schema.names, schema.types, strict=True) if n not in drop}
    return pa.schema(held | dict(types), _changed(schema.metadata, metadata))


def _with_offsets(columns: Mapping[str, Any], drop: Collection[str]) -> set[str]:
    """The columns to leave out: `drop`, and offsets of entities that are replaced or dropped."""
    stale = {_PLACED[name] for name in (*columns, *drop) if name in _PLACED}
    return {*drop, *(stale - columns.keys())}


def _changed(held: Mapping[bytes, bytes] | None, changes: Metadata | None) -> dict[bytes, Any]:
    merged = {**(held or {}), **(changes or {})}
    return {key: value for key, value in merged.items() if value is not None}


def types_of(*names: str) -> dict[str, pa.DataType]:
    """The Arrow types of columns that xner knows, by name; for `with_columns`."""
    return {name: COLUMNS[name] for name in names}


def empty_batch(schema: pa.Schema) -> pa.RecordBatch:
    """A batch without rows."""
    return pa.RecordBatch.from_pylist([], schema=schema)


def struct_lists(kind: pa.ListType, offsets: NDArray[np.integer], *fields: Any) -> pa.ListArray:
    """Build a column such as links or entities from flat arrays.

    Args:
        kind: `LINKS`, `ENTITIES` or `OFFSETS`.
        offsets: integers (rows + 1), from 0.
        *fields: an array for each field of the structs, in their order.
    """
    values = pa.StructArray.from_arrays(
        [pa.array(field) for field in fields], fields=list(kind.value_type)
    )
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values)


class Lists(NamedTuple):
    """What a list column holds, without copying.

    offsets: int32 (rows + 1), from 0; row r owns the values `[offsets[r], offsets[r + 1])`.
    values: those that the rows cover.
    """

    offsets: Int32
    values: pa.Array

    @classmethod
    def of(cls, column: pa.ListArray) -> Lists:
        """Take a list column apart."""
        offsets, values = offsets_of(column), column.values
        first, last = int(offsets[0]), int(offsets[-1])
        if first == 0 and last == len(values):
            return cls(offsets, values)
        return cls(offsets - first, values.slice(first, last - first))

    @property
    def sizes(self) -> Int32:
        """int32 (rows): number of values in each row."""
        return sizes_of(self.offsets)

    def row_of(self, value: int) -> int:
        """The row that owns a value."""
        return int(self.offsets.searchsorted(value, side="right")) - 1

    def numbers(self, *names: str) -> list[NDArray[Any]]:
        """Fields of values that are structs, as flat arrays; nulls are not allowed."""
        return [self.values.field(name).to_numpy() for name in names]


def taken(values: pa.Array, at: NDArray[np.integer]) -> pa.Array:
    """The values at some positions, as `values.take`, which spends more on each call."""
    return _TAKE.call([values, pa.array(at)])


def offsets_of(column: pa.ListArray) -> Int32:
    """Offsets of a list column into its values, int32 (rows + 1), without copying."""
    offsets: Int32 = column.offsets.to_numpy()
    return offsets


def lengths_of(column: pa.ListArray) -> Int32:
    """Number of values in each row of a list column, int32 (rows)."""
    return sizes_of(offsets_of(column))


def string_offsets(strings: pa.StringArray) -> Int32:
    """Offsets of strings into the bytes of their buffer, int32 (strings + 1), without copying."""
    if not len(strings):
        return np.zeros(1, np.int32)  # may have no buffer
    offsets = np.frombuffer(strings.buffers()[1], np.int32)
    return offsets[strings.offset : strings.offset + len(strings) + 1]


def values_of(column: pa.ListArray) -> pa.Array:
    """The values that the rows of a list column cover, without copying."""
    return Lists.of(column).values


def field_of(column: pa.ListArray, name: str) -> NDArray[Any]:
    """A field of a list-of-structs column as a flat array, without copying.

    Covers all values of the underlying array; `offsets_of` says which belong to which row. Nulls
    are not allowed.
    """
    return np.asarray(column.values.field(name).to_numpy())


def fields_of(column: pa.ListArray, *names: str) -> list[NDArray[Any]]:
    """Fields of a list-of-structs column, each for the values that its rows cover.

    Nulls are not allowed.
    """
    return Lists.of(column).numbers(*names)


def numbered(name: str, first: int, last: int) -> pa.StringArray:
    """Return the ids `name-row` of the rows `[first, last)`."""
    rows = pa.array(np.arange(first, last)).cast(pa.string())
    return pc.binary_join_element_wise(pa.scalar(name), rows, "-")


def rows_of(offsets: Int32) -> NDArray[np.int64]:
    """The row of every value that `offsets` covers, int64 (values)."""
    return np.arange(len(offsets) - 1).repeat(sizes_of(offsets))
