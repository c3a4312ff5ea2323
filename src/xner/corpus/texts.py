"""Texts whose words are not given: tokens, their offsets, and entities with character offsets."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from xner.columns import (
    COLUMNS,
    OFFSETS,
    TOKENS,
    Int32,
    Where,
    fields_of,
    offsets_of,
    replace_columns,
    rows_of,
    struct_lists,
    values_of,
)
from xner.errors import FormatError, InputError

_PREFIXES = ("", "source_", "target_", "back_")
_MOST = 1 << 31
"""More than the characters of any text."""


def with_words(batch: pa.RecordBatch, where: Where) -> pa.RecordBatch:
    """Add the tokens of every side that has a text but no tokens.

    Entities of such a side count characters (code points, half-open): they get the tokens that
    they touch, and their characters become the column `entity_offsets` of the side.

    Args:
        batch: has columns of the types of `xner.columns`.
        where: names a row in error messages.

    Raises:
        InputError: an entity is outside its text, or has no characters but white space.
        FormatError: there are offsets without tokens.
    """
    names = batch.schema.names
    for prefix in _PREFIXES:
        if f"{prefix}text" in names and f"{prefix}tokens" not in names:
            batch = _with_words(batch, prefix, where)
    return batch


def _with_words(batch: pa.RecordBatch, prefix: str, where: Where) -> pa.RecordBatch:
    name = f"{prefix}text"
    if unfit := {f"{prefix}offsets", f"{prefix}entity_offsets"} & set(batch.schema.names):
        raise FormatError(f"there is a column {min(unfit)!r} but no '{prefix}tokens'")
    text = batch[name].cast(pa.string()).fill_null("")
    tokens, offsets = split(text)
    columns = {name: text, f"{prefix}tokens": tokens, f"{prefix}offsets": offsets}
    entities = f"{prefix}entities"
    if entities in batch.schema.names:
        columns |= _placed(batch[entities], text, offsets, prefix, where)
    return replace_columns(batch, columns)


def split(text: pa.StringArray) -> tuple[pa.ListArray, pa.ListArray]:
    """The words of texts, and their character offsets."""
    from xner.words import find_words

    texts = text.to_pylist()
    spans = [find_words(one) for one in texts]
    ends = np.cumsum([0, *map(len, spans)]).astype(np.int32)
    words = [one[start:end] for one, own in zip(texts, spans, strict=True) for start, end in own]
    places = np.array([place for own in spans for place in own], np.int32).reshape(-1, 2)
    tokens = pa.ListArray.from_arrays(pa.array(ends), pa.array(words, pa.string()))
    return tokens.cast(TOKENS), struct_lists(OFFSETS, ends, places[:, 0], places[:, 1])


def _placed(
    entities: pa.ListArray, text: pa.StringArray, offsets: pa.ListArray, prefix: str, where: Where
) -> dict[str, pa.Array]:
    """The columns of entities that count characters: spans of tokens, and exact characters."""
    rows = offsets_of(entities)
    row, values = rows_of(rows), values_of(entities)
    start, end = _characters(values, row, f"{prefix}entities", where)
    room = pc.utf8_length(text).to_numpy(zero_copy_only=False)[row]
    _check(
        (start < 0) | (end <= start) | (end > room), (row, start, end, prefix, where),
        "do not fit the text; spans are half-open, in code points from 0",
    )  # fmt: skip
    first, last = _touched(offsets, row, start, end)
    _check(
        last <= first, (row, start, end, prefix, where),
        "have no word, only white space; correct the span",
    )  # fmt: skip
    fields = [values.field(field.name) for field in values.type if field.name not in _PLACE]
    kind = COLUMNS[f"{prefix}entities"]
    ends = rows - rows[0]
    return {
        f"{prefix}entities": struct_lists(kind, ends, first, last, *fields),
        f"{prefix}entity_offsets": struct_lists(OFFSETS, ends, start, end),
    }


_PLACE = ("start", "end")
_Spans = tuple[NDArray[np.int64], Int32, Int32, str, Where]


def _characters(
    values: pa.StructArray, row: NDArray[np.int64], name: str, where: Where
) -> tuple[Int32, Int32]:
    for field in _PLACE:
        if values.field(field).null_count:
            i = int(values.field(field).is_null().to_numpy(zero_copy_only=False).argmax())
            raise InputError(f"{where(int(row[i]))}: an entity in {name} has no {field}")
    start, end = (np.asarray(values.field(field).to_numpy()) for field in _PLACE)
    return start, end


def _check(bad: NDArray[np.bool_], spans: _Spans, what: str) -> None:
    """Raise InputError for the first bad span."""
    if bad.any():
        row, start, end, prefix, where = spans
        i = int(bad.argmax())
        characters = f"the characters [{start[i]}, {end[i]}) in {prefix}entities"
        raise InputError(f"{where(int(row[i]))}: {characters} {what}")


def _touched(
    offsets: pa.ListArray, row: NDArray[np.int64], start: Int32, end: Int32
) -> tuple[Int32, Int32]:
    """The first token that each span touches, and the one after the last, from 0 in its row."""
    bounds = offsets_of(offsets).astype(np.int64)
    token_row = rows_of(offsets_of(offsets)) * _MOST
    begins, ends = fields_of(offsets, "start", "end")
    first = np.searchsorted(token_row + ends, row * _MOST + start, side="right")
    last = np.searchsorted(token_row + begins, row * _MOST + end, side="left")
    before = bounds[:-1][row]
    return (first - before).astype(np.int32), (last - before).astype(np.int32)
