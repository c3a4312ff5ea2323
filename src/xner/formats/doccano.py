"""doccano's JSON lines: a text, and its entities by characters.

`id` is written as metadata, which doccano gives back in place of its own number. doccano accepts no
empty text, so sentences without words are left out.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from xner.errors import FormatError
from xner.formats.files import line_blocks
from xner.formats.jsonl import check_line
from xner.formats.registry import CHARACTERS, ENTITIES, IDS, NESTED, SPACES, TEXT, Format
from xner.formats.rows import Row, Texts, by_rows, entity
from xner.formats.streams import open_text

FORMAT = Format(
    "doccano",
    "doccano JSON lines",
    (),
    frozenset({IDS, ENTITIES, NESTED, SPACES, TEXT, CHARACTERS}),
    "a text per line, with `label` (start, end and label of each entity) or `entities`",
)
_TEXTS, _SPANS = ("text", "data"), ("label", "labels", "entities")
_MORE = ("relations", "Comments", "comments", "cats")


def recognises(path: Path) -> bool:
    """Whether the first line of a file is an object with a text and spans, but no tokens."""
    with open_text(path) as file:
        line = file.readline(1 << 20)
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return False
    if not isinstance(row, dict) or "tokens" in row or not isinstance(_text(row), str):
        return False
    name = next((name for name in _SPANS if isinstance(row.get(name), list)), None)
    if name == "entities" and not row[name]:
        return any(name in row for name in _MORE)  # JSON lines of xner have entities as well
    return name is not None and all(
        isinstance(span, list) or (isinstance(span, dict) and "start_offset" in span)
        for span in row[name]
    )


def _rows(path: Path, encoding: str, lost: Counter[str]) -> Iterator[Row]:
    for first, block in line_blocks(path, encoding=encoding):
        for line, text in enumerate(block.decode().split("\n")[:-1], first):
            check_line(path, line, text)
            row = json.loads(text)
            for name in _MORE:
                lost.update({name.lower(): len(row.get(name) or ())})
            yield _row(row, f"{path}:{line}")


inspect, read = by_rows(_rows)


def _row(row: dict[str, Any], where: str) -> Row:
    text = _text(row)
    if not isinstance(text, str):
        raise FormatError(f"{where}: has no text in the field 'text' or 'data'")
    name = next((name for name in _SPANS if row.get(name) is not None), None)
    spans = [] if name is None else row[name]
    if not isinstance(spans, list):
        raise FormatError(f"{where}: {name!r} is not a list of spans")
    made: Row = {"text": text, "entities": [_span(span, where) for span in spans]}
    return made if row.get("id") is None else {"id": str(row["id"]), **made}


def _text(row: dict[str, Any]) -> Any:
    return next((row[name] for name in _TEXTS if name in row), None)


def _span(span: Any, where: str) -> Row:
    if isinstance(span, dict):
        span = [span.get(name) for name in ("start_offset", "end_offset", "label")]
    whole = isinstance(span, list) and len(span) == 3
    if not whole or not isinstance(span[2], str) or not all(type(n) is int for n in span[:2]):
        raise FormatError(f"{where}: {span!r} is not a span; write [start, end, label]")
    return entity(*span)


def render(batch: pa.RecordBatch) -> bytes:
    """Return the lines of a batch of one side."""
    lines = [
        json.dumps({"id": name, "text": text, "label": spans}, ensure_ascii=False)
        for name, text, spans in Texts(batch)
        if text
    ]
    return "".join(f"{line}\n" for line in lines).encode()
