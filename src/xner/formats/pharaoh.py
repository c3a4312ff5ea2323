"""Pharaoh links: one sentence pair a line, `i-j` or `i-j:weight`, words counted from 0."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xner.columns import LINKS, field_of, offsets_of, rows_of
from xner.errors import FormatError
from xner.formats.files import count_lines, line_blocks

SUFFIXES = (".align", ".links", ".pharaoh")


def count(path: Path) -> int:
    """Number of sentence pairs."""
    return count_lines(path)


def read(path: Path) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yield `(first line, batch with the column links)`; an empty line has no links.

    Raises:
        FormatError: something is no link; the message names the line.
    """
    for line, block in line_blocks(path):
        yield line, pa.RecordBatch.from_arrays([parse(path, line, block)], names=["links"])


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
        token = block[wrong:].split(maxsplit=1)[0].decode("utf-8")
        raise FormatError(
            f"{path}:{at}: {token!r} is no link; links look like 0-1 or 0-1:0.75 and are parted "
            f"by spaces"
        )
    values = pa.StructArray.from_arrays(
        [pa.array(source[:n]), pa.array(target[:n]), pa.array(weight[:n])],
        fields=list(LINKS.value_type),
    )
    return pa.ListArray.from_arrays(pa.array(offsets), values)


def render(links: pa.ListArray) -> bytes:
    """The lines of a batch; a weight of 1 is left out."""
    offsets = offsets_of(links)
    values = links.values.slice(offsets[0], offsets[-1] - offsets[0])
    weight = values.field("weight")
    suffix = pc.binary_join_element_wise(":", weight.cast(pa.string()), "")
    tail = pc.if_else(pc.equal(weight, 1.0), "", suffix)
    i, j = (values.field(name).cast(pa.string()) for name in ("source", "target"))
    text = pc.binary_join_element_wise(i, "-", j, tail, "")
    rebased = pa.array((offsets - offsets[0]).astype(np.int32))
    lines = pc.binary_join(pa.ListArray.from_arrays(rebased, text), " ")
    return "".join(f"{line}\n" for line in lines.to_pylist()).encode()


def back_off(first: pa.ListArray, second: pa.ListArray) -> pa.ListArray:
    """Add the links of `second` between words that have none in `first`, row by row."""
    offsets, more = offsets_of(first), offsets_of(second)
    part, other = (slice(int(o[0]), int(o[-1])) for o in (offsets, more))
    counted = field_of(first, "weight")[part] > 0
    free = np.ones(other.stop - other.start, bool)
    for name in ("source", "target"):
        taken = (rows_of(offsets) << 32) + field_of(first, name)[part]
        asked = (rows_of(more) << 32) + field_of(second, name)[other]
        free &= ~np.isin(asked, taken[counted])
    rows = np.concatenate([rows_of(offsets), rows_of(more)[free]])
    order = np.argsort(rows, kind="stable")
    values = [
        np.concatenate([field_of(first, f.name)[part], field_of(second, f.name)[other][free]])
        for f in LINKS.value_type
    ]
    made = pa.StructArray.from_arrays(
        [pa.array(v[order]) for v in values], fields=list(LINKS.value_type)
    )
    edges = np.searchsorted(rows[order], np.arange(len(first) + 1)).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(edges), made)
