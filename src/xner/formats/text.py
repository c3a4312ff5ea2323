"""Plain text: one sentence a line, words between white space, as Python's `str.split` has it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xner.columns import offsets_of, rows_of
from xner.errors import OutputError
from xner.formats.files import count_lines, line_blocks

SUFFIXES = (".txt", ".tok", ".text")


def count(path: Path) -> int:
    """Number of sentences."""
    return count_lines(path)


def read(path: Path) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yield `(first line, batch with the column tokens)`; an empty line is an empty sentence."""
    for line, block in line_blocks(path):
        yield line, pa.RecordBatch.from_arrays([split(block)], names=["tokens"])


def split(block: bytes) -> pa.ListArray:
    """Tokens of every line of a block that ends with a newline."""
    lines = pa.array(block.decode("utf-8").split("\n")[:-1], pa.string())
    words = pc.utf8_split_whitespace(pc.utf8_trim_whitespace(lines))
    flat = words.flatten()
    offsets = offsets_of(words)
    real = pc.not_equal(flat, "").to_numpy(zero_copy_only=False)
    if not real.all():
        counts = np.bincount(rows_of(offsets)[real], minlength=len(lines))
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
        flat = flat.filter(pa.array(real))
    return pa.ListArray.from_arrays(pa.array(offsets), flat)


def render(tokens: pa.ListArray, ids: pa.Array, path: Path) -> bytes:
    """The lines of a batch.

    Raises:
        OutputError: a token is empty or holds white space.
    """
    offsets = offsets_of(tokens)
    flat = tokens.values.slice(offsets[0], offsets[-1] - offsets[0])
    refuse(pc.match_substring_regex(flat, r"^$|\s"), flat, tokens, ids, path)
    lines = pc.binary_join(tokens, " ")
    return "".join(f"{line}\n" for line in lines.to_pylist()).encode()


def refuse(
    bad: pa.BooleanArray, flat: pa.StringArray, tokens: pa.ListArray, ids: pa.Array, path: Path
) -> None:
    """Raise OutputError for the first token that the format of `path` cannot hold."""
    at = np.flatnonzero(bad.to_numpy(zero_copy_only=False))
    if len(at):
        row = int(rows_of(offsets_of(tokens))[at[0]])
        raise OutputError(
            f"{path}: the token {flat[int(at[0])].as_py()!r} of sentence {ids[row].as_py()!r} "
            f"cannot stand in a {path.suffix} file; write .jsonl or .parquet"
        )
