"""Plain text: one sentence per line, words separated by white space as in Python's `str.split`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xner.columns import TOKENS, offsets_of, rows_of, values_of
from xner.errors import OutputError
from xner.formats.files import (
    TOP,
    Attempt,
    Contents,
    Start,
    count_lines,
    line_blocks,
    lines_of,
    strictly,
)
from xner.formats.registry import EMPTY, WORDS, Format
from xner.formats.streams import UTF8

FORMAT = Format(
    "txt",
    "text",
    (".txt", ".tok", ".text"),
    frozenset({WORDS, EMPTY}),
    "the words of a sentence per line",
    labels=False,
)
# Empty, or with what `str.split` splits at; `\s` would be ASCII alone.
_UNFIT = (
    r"^$|[\x09-\x0d\x1c-\x20\x85\xa0\x{1680}\x{2000}-\x{200a}"
    r"\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]"
)
BLANK = b"\n"
"""A row without content."""


def inspect(path: Path, *, encoding: str = UTF8) -> Contents:
    """Count the sentences."""
    lines, starts = count_lines(path, encoding)
    return Contents(lines, pa.schema({"tokens": TOKENS}), starts=starts)


def read(
    path: Path, *, start: Start = TOP, attempt: Attempt = strictly, encoding: str = UTF8
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yield `(first line, batch with the column tokens)`; an empty line is an empty sentence."""
    checked = attempt is strictly
    for line, block in line_blocks(path, start=start, checked=checked, encoding=encoding):
        yield line, attempt(_batch, line, block)


def _batch(line: int, block: bytes) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([split(block)], names=["tokens"])


def split(block: bytes) -> pa.ListArray:
    """Tokens of every line of a block that ends with a newline."""
    lines = pa.array(block.decode("utf-8").split("\n")[:-1], pa.string())
    words = pc.utf8_split_whitespace(pc.utf8_trim_whitespace(lines))
    flat = words.flatten()
    offsets = offsets_of(words)
    full = pc.not_equal(flat, "").to_numpy(zero_copy_only=False)
    if not full.all():
        counts = np.bincount(rows_of(offsets)[full], minlength=len(lines))
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
        flat = flat.filter(pa.array(full))
    return pa.ListArray.from_arrays(pa.array(offsets), flat)


def render(tokens: pa.ListArray, ids: pa.Array, path: Path) -> bytes:
    """Return the lines of a batch.

    Raises:
        OutputError: a token is empty or contains white space.
    """
    flat = values_of(tokens)
    refuse(pc.match_substring_regex(flat, _UNFIT), flat, tokens, ids, path)
    return lines_of(pc.binary_join(tokens, " "))


def refuse(
    bad: pa.BooleanArray, flat: pa.StringArray, tokens: pa.ListArray, ids: pa.Array, path: Path
) -> None:
    """Raise OutputError for the first token that the format of `path` cannot hold."""
    at = np.flatnonzero(bad.to_numpy(zero_copy_only=False))
    if len(at):
        row = int(rows_of(offsets_of(tokens))[at[0]])
        raise OutputError(
            f"{path}: a {path.suffix} file cannot hold the token {flat[int(at[0])].as_py()!r} of "
            f"sentence {ids[row].as_py()!r}; write .jsonl or .parquet"
        )
