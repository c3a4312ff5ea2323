"""JSON lines: one object per sentence or pair, with a field for each column of the corpus."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from xner.columns import lengths_of, offsets_of, values_of
from xner.conforming import conform
from xner.errors import FormatError
from xner.formats.files import (
    TOP,
    Attempt,
    Contents,
    Start,
    join_lists,
    line_blocks,
    lines_of,
    placed_blocks,
    strictly,
)
from xner.formats.registry import FEATURES, Format
from xner.formats.streams import UTF8

FORMAT = Format(
    "jsonl",
    "JSON lines",
    (".jsonl", ".ndjson"),
    frozenset(FEATURES),
    "one object per sentence or sentence pair, with a field for each column",
)
BLANK = b"{}\n"
"""A row without content."""


def inspect(path: Path, *, attempt: Attempt = strictly, encoding: str = UTF8) -> Contents:
    """Count the rows, and take the columns from the first block of lines.

    Raises:
        FormatError: the first block is malformed; see `read`.
    """
    rows, schema, starts = 0, None, []
    checked = attempt is strictly
    for at, line, block in placed_blocks(path, checked=checked, encoding=encoding):
        starts.append(Start(at, line, rows))
        rows += block.count(b"\n")
        schema = schema or attempt(partial(_batch, path), line, block).schema
    return Contents(rows, schema, starts=tuple(starts))


def read(
    path: Path, *, start: Start = TOP, attempt: Attempt = strictly, encoding: str = UTF8
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yield `(first line, batch)` with the columns that the objects have.

    Raises:
        FormatError: a line is not a JSON object, repeats a field, or holds the wrong type.
    """
    checked = attempt is strictly
    for line, block in line_blocks(path, start=start, checked=checked, encoding=encoding):
        yield line, attempt(partial(_batch, path), line, block)


# A line that is not an object, or what may be a null after one: Arrow 26 crashes at null. One
# pattern for all would be 30 times as slow.
_FIRST = re.compile(rb"[ \t\r]*[^ \t\r{\n]")
_NO_OBJECT = re.compile(rb"\n[ \t\r]*[^ \t\r{\n]")
_MAYBE_NULL = re.compile(rb"\}[ \t\r]*null")


def _batch(path: Path, line: int, block: bytes) -> pa.RecordBatch:
    if _FIRST.match(block) or _NO_OBJECT.search(block) or _MAYBE_NULL.search(block):
        _explain(path, line, block)
    try:
        table = _parse(block, 1 << 20)
    except pa.ArrowInvalid:
        # A line may be longer than a part: parse the block in one piece.
        try:
            table = _parse(block, len(block) + 1)
        except pa.ArrowInvalid as error:
            _explain(path, line, block)
            raise FormatError(
                f"{path}:{line}: a field has several types in the lines from here on ({error})"
            ) from None
    lines = block.count(b"\n")
    if table.num_rows != lines:
        _explain(path, line, block)
    if not table.num_columns:
        raise FormatError(f"{path}:{line}: the objects from here on have no fields")
    batches = table.combine_chunks().to_batches()
    try:
        return conform(batches[0])
    except FormatError as error:
        raise FormatError(f"{path}:{line}: in this line or a later one, {error}") from None


def _parse(block: bytes, part: int) -> pa.Table:
    options = pj.ReadOptions(block_size=part)
    table = pj.read_json(pa.BufferReader(block), options)
    text = pa.schema([field.with_type(_as_text(field.type)) for field in table.schema])
    if text == table.schema:
        return table
    return pj.read_json(pa.BufferReader(block), options, pj.ParseOptions(explicit_schema=text))


def _as_text(kind: pa.DataType) -> pa.DataType:
    """The type with text instead of times, which Arrow makes of text like 2020-01-01."""
    if pa.types.is_timestamp(kind):
        return pa.string()
    if pa.types.is_list(kind):
        return pa.list_(_as_text(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_as_text(field.type)) for field in kind])
    return kind


def _explain(path: Path, first: int, block: bytes) -> None:
    """Parse the lines one by one and raise FormatError for the first that is malformed."""
    for line, text in enumerate(block.decode("utf-8").split("\n")[:-1], first):
        check_line(path, line, text)


def check_line(path: Path, line: int, text: str) -> None:
    """Raise FormatError if a line is not a JSON object, or repeats a field."""
    if not text.strip():
        raise FormatError(f"{path}:{line}: an empty line; every line must hold one JSON object")
    try:
        row = json.loads(text, object_pairs_hook=_no_repeats)
    except json.JSONDecodeError as error:
        raise FormatError(f"{path}:{line}: not JSON ({error.msg}, column {error.colno})") from None
    except RecursionError:
        raise FormatError(f"{path}:{line}: lists and objects are nested too deeply") from None
    except FormatError as error:
        raise FormatError(f"{path}:{line}: {error}") from None
    if not isinstance(row, dict):
        raise FormatError(f"{path}:{line}: not a JSON object but {type(row).__name__}")


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise FormatError(f"there are two fields {twice!r}; remove or rename one")
    return row


def render(batch: pa.RecordBatch) -> bytes:
    """Return the lines of a batch: every column, in order."""
    objects = _struct(batch.schema.names, batch.columns, batch.num_rows)
    return lines_of(objects)


def to_json(array: pa.Array) -> pa.StringArray:
    """Return every value of an array as JSON text; null becomes `null`.

    What JSON lacks becomes text: bytes as base64, decimals as written, dates and times as ISO 8601,
    and maps a list of objects with `key` and `value`.
    """
    kind = array.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        text = _strings(array)
    elif pa.types.is_integer(kind):
        text = array.cast(pa.string())
    elif pa.types.is_floating(kind):
        finite = pc.if_else(pc.is_finite(array), array, None)
        text = finite.cast(pa.string())
    elif pa.types.is_struct(kind):
        text = _struct([field.name for field in kind], array.flatten(), len(array))
    elif pa.types.is_list(kind):
        text = _lists(array)
    elif pa.types.is_map(kind):
        pairs = pa.StructArray.from_arrays([array.keys, array.items], ["key", "value"])
        text = _lists(pa.ListArray.from_arrays(array.offsets, pairs))
    elif pa.types.is_temporal(kind) and not pa.types.is_duration(kind):
        text = _strings(array.cast(pa.string()))
    else:
        encode = msgspec.json.Encoder(enc_hook=str).encode
        text = pa.array([encode(value).decode() for value in array.to_pylist()], pa.string())
    return pc.if_else(array.is_valid(), text.fill_null("null"), "null")


def _strings(array: pa.Array) -> pa.StringArray:
    text = array.cast(pa.string())
    quoted = pc.binary_join_element_wise('"', text, '"', "")
    special = pc.match_substring_regex(text, r'[\\"\x00-\x1f]').fill_null(False)
    if not pc.any(special).as_py():
        return quoted
    escaped = [json.dumps(value, ensure_ascii=False) for value in text.filter(special).to_pylist()]
    return pc.replace_with_mask(quoted, special, pa.array(escaped, pa.string()))


def _struct(names: list[str], columns: list[pa.Array], rows: int) -> pa.StringArray:
    parts: list[Any] = []
    for i, (name, column) in enumerate(zip(names, columns, strict=True)):
        key = json.dumps(name, ensure_ascii=False)
        parts += [f"{'{' if i == 0 else ', '}{key}: ", to_json(column)]
    if not parts:
        return pa.array(["{}"] * rows, pa.string())
    return pc.binary_join_element_wise(*parts, "}", "")


def _lists(array: pa.ListArray) -> pa.StringArray:
    inner = join_lists(to_json(values_of(array)), offsets_of(array), ", ")
    joined = pc.binary_join_element_wise("[", inner, "]", "")
    empty = pa.array(lengths_of(array) == 0)
    return pc.if_else(empty, "[]", joined)
