"""The columns of a corpus: their Arrow types, how foreign ones are fitted, what is checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from xner.errors import FormatError, InputError

BATCH = 32_768
"""Rows that are read, projected and written at a time."""

Int32 = NDArray[np.int32]
LINKS_MADE_BY = b"xner.links"
"""Key of the schema metadata that tells what made the column links."""
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
TAGSET = pa.list_(pa.string())
PROBABILITIES = pa.list_(pa.list_(pa.float32()))
COLUMNS: dict[str, pa.DataType] = {
    "id": pa.string(),
    "source_tokens": TOKENS,
    "source_entities": ENTITIES,
    "target_tokens": TOKENS,
    "target_entities": ENTITIES,
    "links": LINKS,
    "outcomes": pa.list_(pa.string()),
    "source_tagset": TAGSET,
    "source_probabilities": PROBABILITIES,
    "target_tagset": TAGSET,
    "target_probabilities": PROBABILITIES,
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


def _first_null(values: pa.Array) -> int | None:
    if not values.null_count:
        return None
    return int(np.flatnonzero(values.is_null().to_numpy(zero_copy_only=False))[0])


def check_tokens(column: pa.ListArray, name: str, where: Where) -> None:
    """Raise InputError for the first missing (null) token."""
    offsets = offsets_of(column)
    missing = _first_null(column.values.slice(offsets[0], offsets[-1] - offsets[0]))
    if missing is not None:
        row = int(rows_of(offsets)[missing])
        raise InputError(f"{where(row)}: {name} has a null where a token should be")


def check_entities(entities: pa.ListArray, tokens: pa.ListArray, name: str, where: Where) -> None:
    """Raise InputError for the first span that is not inside its sentence, or has no label."""
    offsets, row = offsets_of(entities), rows_of(offsets_of(entities))
    part = slice(int(offsets[0]), int(offsets[-1]))
    values = entities.values.slice(part.start, part.stop - part.start)
    for field in ("start", "end", "label"):
        if (missing := _first_null(values.field(field))) is not None:
            raise InputError(f"{where(int(row[missing]))}: an entity in {name} has no {field}")
    start, end = field_of(entities, "start")[part], field_of(entities, "end")[part]
    words = lengths_of(tokens)[row]
    bad = np.flatnonzero((start < 0) | (end <= start) | (end > words))
    if len(bad):
        i = int(bad[0])
        raise InputError(
            f"{where(int(row[i]))}: the span [{start[i]}, {end[i]}) in {name} does not fit a "
            f"sentence of {words[i]} words; spans are half-open word indices from 0"
        )
    unnamed = np.flatnonzero(pc.equal(values.field("label"), "").to_numpy(zero_copy_only=False))
    if len(unnamed):
        raise InputError(f"{where(int(row[unnamed[0]]))}: an entity in {name} has an empty label")


def check_links(
    links: pa.ListArray, source_words: Int32, target_words: Int32, where: Where
) -> None:
    """Raise InputError for the first link out of bounds or with an impossible weight."""
    offsets, row = offsets_of(links), rows_of(offsets_of(links))
    part = slice(int(offsets[0]), int(offsets[-1]))
    values = links.values.slice(part.start, part.stop - part.start)
    for field in ("source", "target"):
        if values.field(field).null_count:
            missing = values.field(field).is_null().to_numpy(zero_copy_only=False)
            raise InputError(
                f"{where(int(row[np.flatnonzero(missing)[0]]))}: a link has no {field}"
            )
    source, target = field_of(links, "source")[part], field_of(links, "target")[part]
    bad = np.flatnonzero(
        (source < 0) | (source >= source_words[row]) | (target < 0) | (target >= target_words[row])
    )
    if len(bad):
        i = int(bad[0])
        s, t = source_words[row[i]], target_words[row[i]]
        raise InputError(
            f"{where(int(row[i]))}: the link {source[i]}-{target[i]} is out of bounds: the source "
            f"has {s} words and the target {t}, counted from 0; check that the links were made "
            f"for these files and this tokenisation, source side first"
        )
    weight = field_of(links, "weight")[part]
    odd = np.flatnonzero(~(np.isfinite(weight) & (weight >= 0)))
    if len(odd):
        i = int(odd[0])
        raise InputError(
            f"{where(int(row[i]))}: the link {source[i]}-{target[i]} has the weight {weight[i]}; "
            f"weights are numbers from 0 up"
        )


def check_probabilities(
    column: pa.ListArray, tagset: pa.ListArray, tokens: pa.ListArray, name: str, where: Where
) -> None:
    """Raise InputError for the first row without one finite number a word and tag, from 0 to 1."""
    offsets, rows = offsets_of(column), rows_of(offsets_of(column))
    words, tags = np.diff(offsets), lengths_of(tagset)
    bad = np.flatnonzero(words != lengths_of(tokens))
    if len(bad):
        row = int(bad[0])
        raise InputError(
            f"{where(row)}: {name} has {words[row]} rows for {lengths_of(tokens)[row]} words"
        )
    inner = column.values.slice(int(offsets[0]), int(offsets[-1] - offsets[0]))
    widths = lengths_of(inner)
    bad = np.flatnonzero(widths != tags[rows])
    if len(bad):
        row = int(rows[bad[0]])
        raise InputError(
            f"{where(row)}: {name} has {widths[bad[0]]} numbers for a word, but the tagset has "
            f"{tags[row]} tags"
        )
    numbers = inner.flatten().to_numpy(zero_copy_only=False)
    bad = np.flatnonzero(~((numbers >= 0) & (numbers <= 1 + 1e-3)))
    if len(bad):
        row = int(np.repeat(rows, widths)[bad[0]])
        raise InputError(
            f"{where(row)}: {name} holds {numbers[bad[0]]}; probabilities lie in [0, 1]"
        )


def check(batch: pa.RecordBatch, where: Where) -> None:
    """Check every column that xner knows; `where` names a row in the message.

    Raises:
        InputError: the first row that does not fit.
    """
    have = set(batch.schema.names)
    for prefix in ("", "source_", "target_"):
        tokens, entities = f"{prefix}tokens", f"{prefix}entities"
        if tokens in have:
            check_tokens(batch[tokens], tokens, where)
        if entities in have:
            if tokens not in have:
                raise FormatError(f"there is a column {entities!r} but no {tokens!r}")
            check_entities(batch[entities], batch[tokens], entities, where)
        probabilities, tagset = f"{prefix}probabilities", f"{prefix}tagset"
        if prefix and probabilities in have:
            if not {tagset, tokens} <= have:
                raise FormatError(f"there is a column {probabilities!r} but no {tagset!r}")
            check_probabilities(
                batch[probabilities], batch[tagset], batch[tokens], probabilities, where
            )
    if {"links", "source_tokens", "target_tokens"} <= have:
        check_links(
            batch["links"],
            lengths_of(batch["source_tokens"]),
            lengths_of(batch["target_tokens"]),
            where,
        )
