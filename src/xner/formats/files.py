"""Shared code of the formats: blocks of lines, and output files that appear when complete."""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xner.errors import FormatError, InputError, OutputError

BLOCK_BYTES = 8 << 20


class Contents(NamedTuple):
    """The contents of a file, found without reading its rows in full.

    Attributes:
        rows: number of rows; `-DOCSTART-` rows of CoNLL count.
        schema: the columns that `read` yields (with tags, where it may leave them out).
        docstarts: number of `-DOCSTART-` rows.
    """

    rows: int
    schema: pa.Schema
    docstarts: int = 0


def open_input(path: Path) -> BinaryIO:
    """Open `path` for reading.

    Raises:
        InputError: it is missing, is a folder, or may not be read.
    """
    try:
        return path.open("rb")
    except OSError as error:
        raise unreadable(path, error) from None


def unreadable(path: Path, error: OSError) -> InputError:
    """The error for an input file that cannot be opened."""
    if isinstance(error, FileNotFoundError):
        return InputError(f"{path}: no such file; check the path")
    if path.is_dir():
        return InputError(f"{path}: is a folder; name a file in it")
    return InputError(f"{path}: cannot be read ({error.strerror or error})")


def line_blocks(path: Path, end_of_block: bytes = b"\n") -> Iterator[tuple[int, bytes]]:
    """Yield blocks of bytes that end with `end_of_block`, each with the number of its first line.

    A byte-order mark is dropped, CRLF becomes LF, and a missing last newline is added.

    Raises:
        FormatError: the file is empty or not UTF-8; the message names the line.
    """
    line, rest = 1, b""
    with open_input(path) as file:
        _skip_mark(file)
        while True:
            read = file.read(BLOCK_BYTES)
            while read.endswith(b"\r") and (more := file.read(1)):
                read += more
            rest += read.replace(b"\r\n", b"\n") if b"\r" in read else read
            if read:
                cut = rest.rfind(end_of_block) + len(end_of_block)
                if cut < len(end_of_block):
                    continue
            else:
                cut = len(rest)
                if rest and not rest.endswith(b"\n"):
                    rest, cut = rest + b"\n", cut + 1
            block, rest = rest[:cut], rest[cut:]
            if block:
                _check_utf8(path, line, block)
                yield line, block
                line += block.count(b"\n")
            if not read:
                break
    if line == 1:
        raise FormatError(f"{path}: the file is empty")


def _skip_mark(file: BinaryIO) -> None:
    if file.read(len(codecs.BOM_UTF8)) != codecs.BOM_UTF8:
        file.seek(0)


def _check_utf8(path: Path, line: int, block: bytes) -> None:
    try:
        block.decode("utf-8")
    except UnicodeDecodeError as error:
        at = line + block[: error.start].count(b"\n")
        raise FormatError(
            f"{path}:{at}: not UTF-8 (byte 0x{block[error.start]:02x}); convert the file, "
            f"for example: iconv -f LATIN1 -t UTF-8"
        ) from None


def count_lines(path: Path) -> int:
    """Number of lines; a last line without a newline counts."""
    lines, last = 0, b"\n"
    with open_input(path) as file:
        _skip_mark(file)
        while block := file.read(BLOCK_BYTES):
            lines += block.count(b"\n")
            last = block[-1:]
    return lines + (last != b"\n")


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path next to `path`; on success rename it to `path`, else remove it.

    Raises:
        OutputError: the folder is missing or cannot be written to.
    """
    if path.is_dir():
        raise OutputError(f"{path}: is a folder; name a file")
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb"):
            pass
    except FileNotFoundError:
        raise OutputError(f"{path}: the folder {path.parent} does not exist; create it") from None
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from None
    try:
        yield partial
        partial.replace(path)
    except OSError as error:
        if isinstance(error, OutputError) or error.errno is None:
            raise
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from None
    finally:
        partial.unlink(missing_ok=True)


def lines_of(lines: pa.StringArray) -> bytes:
    """Each string as a line."""
    return "".join(f"{line}\n" for line in lines.to_pylist()).encode()


def join_lists(values: pa.StringArray, offsets: np.ndarray, separator: str) -> pa.StringArray:
    """Join the strings of each row.

    Args:
        values: strings of all rows, one after another.
        offsets: int32 (rows + 1), the rows in `values`; the first may be above 0.
        separator: put between the strings of a row.
    """
    rebased = pa.array((offsets - offsets[0]).astype(np.int32))
    return pc.binary_join(pa.ListArray.from_arrays(rebased, values), separator)
