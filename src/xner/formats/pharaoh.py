"""Pharaoh links: one sentence pair per line, `i-j` or `i-j:weight`, words counted from 0."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xner.columns import LINKS, offsets_of, struct_lists, values_of
from xner.errors import FormatError
from xner.formats.files import (
    TOP,
    Attempt,
    Contents,
    Start,
    count_lines,
    join_lists,
    line_blocks,
    lines_of,
    strictly,
)
from xner.formats.registry import LINKS as LINKED
from xner.formats.registry import Format
from xner.formats.streams import UTF8

FORMAT = Format(
    "align",
    "Pharaoh",
    (".align", ".links", ".pharaoh"),
    frozenset({LINKED}),
    "the links of a sentence pair per line, as `i-j` or `i-j:weight`",
    labels=False,
)
BLANK = b"\n"
"""A row without content."""
_AFTER = re.compile(rb"[ \t\n]")


def inspect(path: Path, *, encoding: str = UTF8) -> Contents:
    """Count the sentence pairs."""
    lines, starts = count_lines(path, encoding)
    return Contents(lines, pa.schema({"links": LINKS}), starts=starts)


def read(
    path: Path, *, start: Start = TOP, attempt: Attempt = strictly, encoding: str = UTF8
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yield `(first line, batch with the column links)`; an empty line has no links.

    Raises:
        FormatError: a word of the file is not a link; the message names the line.
    """

    def batch(line: int, block: bytes) -> pa.RecordBatch:
        return pa.RecordBatch.from_arrays([parse(path, line, block)], names=["links"])

    checked = attempt is strictly
    for line, block in line_blocks(path, start=start, checked=checked, encoding=encoding):
        yield line, attempt(batch, line, block)


def parse(path: Path, line: int, block: bytes) -> pa.ListArray:
    """Links of every line of a block that ends with a newline."""
    from xner.kernels.pharaoh import parse_links

    room = block.count(b"-")
    offsets = np.zeros(block.count(b"\n") + 1, np.int32)
    source, target = np.empty(room, np.int32), np.empty(room, np.int32)
    weight = np.empty(room, np.float32)
    n, wrong = parse_links(np.frombuffer(block, np.uint8), offsets, source, target, weight)
    if wrong >= 0:
        at = line + block[:wrong].count(b"\n")
        token = _AFTER.split(block[wrong:], maxsplit=1)[0].decode("utf-8", "backslashreplace")
        raise FormatError(
            f"{path}:{at}: {token!r} is not a link; write links like 0-1 or 0-1:0.75, separated "
            f"by spaces"
        )
    return struct_lists(LINKS, offsets, source[:n], target[:n], weight[:n])


def render(links: pa.ListArray) -> bytes:
    """Return the lines of a batch; a weight of 1 is left out."""
    values = values_of(links)
    weight = values.field("weight")
    suffix = pc.binary_join_element_wise(":", weight.cast(pa.string()), "")
    tail = pc.if_else(pc.equal(weight, 1.0), "", suffix)
    i, j = (values.field(name).cast(pa.string()) for name in ("source", "target"))
    text = pc.binary_join_element_wise(i, "-", j, tail, "")
    return lines_of(join_lists(text, offsets_of(links), " "))
