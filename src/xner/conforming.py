"""Conversion of Arrow columns that a file or a program gives to the types of a corpus."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xner.columns import COLUMNS, WORD_TYPES, replace_columns
from xner.errors import FormatError

_MOST = 2**31 - 1
"""Values of a list column in one batch: its offsets are 32-bit integers."""
# Struct fields that a file may leave out; null means "unknown".
_OPTIONAL = {"score": None, "source": None, "rival": None, "weight": 1.0}
_FILLED = tuple(name for name, default in _OPTIONAL.items() if default is not None)


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
