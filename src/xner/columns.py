"""The columns of a corpus: their Arrow types, and functions to convert, build and replace them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from xner.errors import FormatError
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
_MOST = 2**31 - 1
"""Values of a list column in one batch: its offsets are 32-bit integers."""
# Struct fields that a file may leave out; null means "unknown".
_OPTIONAL = {"score": None, "source": None, "rival": None, "weight": 1.0}
_FILLED = tuple(name for name, default in _OPTIONAL.items() if default is not None)


def row_place(prefix: str, first: int) -> Where:
    """Name row r of a batch `prefix` + (`first` + r)."""
    return lambda row: f"{prefix}{first + row}"


def fit(array: pa.Array, wanted: pa.DataType, name: str) -> pa.Array:
    """Convert `array` to `wanted`: other widths, encodings, and missing optional fields.

    Raises:
        FormatError: the values cannot be read as `wanted`.
    """
    if _is_fit(array, wanted):
        return array
    if pa.types.is_list(wanted):
        return _fit_list(array, wanted, name)
    if pa.types.is_struct(wanted):
        return _fit_struct(array, wanted, name)
    try:
        return array.cast(wanted)
    except pa.ArrowException as error:
        raise FormatError(f"column {name!r} should hold {wanted}: {error}") from None


def _is_fit(array: pa.Array, wanted: pa.DataType) -> bool:
    """Whether an array has the type, no null lists or objects, and no field without a default."""
    if array.type != wanted:
        return False
    if isinstance(wanted, pa.ListType):
        return not array.null_count and _is_fit(array.values, wanted.value_type)
    if isinstance(wanted, pa.StructType):
        places = [at for at in map(wanted.get_field_index, _FILLED) if at >= 0]
        return not array.null_count and not any(array.field(at).null_count for at in places)
    return True


def _fit_list(array: pa.Array, wanted: pa.DataType, name: str) -> pa.Array:
    if pa.types.is_null(array.type):
        lengths, values = np.zeros(len(array), np.int64), pa.nulls(0, wanted.value_type)
    elif not _is_listed(array.type):
        raise FormatError(f"column {name!r} should hold a list, not {array.type}")
    else:
        lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False)
        values = array.flatten()
    if len(values) > _MOST:
        raise FormatError(f"column {name!r} has {len(values)} values in {len(array)} rows")
    offsets = np.zeros(len(array) + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    return pa.ListArray.from_arrays(pa.array(offsets), fit(values, wanted.value_type, name))


def _is_listed(kind: pa.DataType) -> bool:
    lists = pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list
    views = pa.types.is_list_view, pa.types.is_large_list_view
    return any(is_one(kind) for is_one in (*lists, *views))


def _fit_struct(array: pa.Array, wanted: pa.DataType, name: str) -> pa.Array:
    if pa.types.is_null(array.type) and len(array) == 0:
        return pa.nulls(0, wanted)
    if not pa.types.is_struct(array.type):
        raise FormatError(f"column {name!r} should hold objects like {wanted}, not {array.type}")
    names = [field.name for field in array.type]
    if unknown := sorted(set(names) - {field.name for field in wanted}):
        raise FormatError(
            f"column {name!r} has the unknown field {unknown[0]!r}; "
            f"known are {', '.join(field.name for field in wanted)}"
        )
    children = dict(zip(names, array.flatten(), strict=True))
    fitted = []
    for field in wanted:
        default = _OPTIONAL.get(field.name)
        if field.name in children:
            child = fit(children[field.name], field.type, f"{name}.{field.name}")
            fitted.append(child if default is None else child.fill_null(default))
        elif field.name in _OPTIONAL:
            fitted.append(pa.repeat(pa.scalar(default, field.type), len(array)))
        else:
            raise FormatError(f"column {name!r} lacks the field {field.name!r}")
    return pa.StructArray.from_arrays(fitted, fields=list(wanted))


def conform(batch: pa.RecordBatch, dictionaries: Collection[str] = ()) -> pa.RecordBatch:
    """Convert every column that xner knows to its Arrow type; leave others as they are.

    Args:
        batch: any batch.
        dictionaries: columns of tokens that become `WORD_TYPES`.

    Raises:
        FormatError: two columns share a name, or one cannot be read as its type, or holds text
            that is not UTF-8.
    """
    names = batch.schema.names
    for name, column in zip(names, batch.columns, strict=True):
        try:
            column.validate(full=True)
        except pa.ArrowException as error:
            raise FormatError(f"column {name!r} is damaged: {error}") from None
    if len(set(names)) < len(names):
        twice = min(name for name in names if names.count(name) > 1)
        raise FormatError(f"there are two columns {twice!r}; remove or rename one")
    types = COLUMNS | dict.fromkeys(dictionaries, WORD_TYPES)
    columns = [
        fit(column, types[name], name) if name in types else column
        for name, column in zip(names, batch.columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, names=names, metadata=batch.schema.metadata)


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


def with_same_columns(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Return a batch with its columns in the order of a schema; those that it lacks are null.

    Columns that the schema lacks stay at the end.
    """
    names = batch.schema.names
    if names == schema.names:
        return batch
    nulls = {f.name: pa.nulls(batch.num_rows, f.type) for f in schema if f.name not in names}
    filled = replace_columns(batch, nulls)
    order = [*schema.names, *(name for name in names if name not in schema.names)]
    return conform(filled.select(order))


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
