"""Shared code of the formats: blocks of lines, and output files that appear when complete."""

from __future__ import annotations

import codecs
import glob
import os
import platform
import re
import shutil
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xner.errors import FormatError, OutputError
from xner.formats.streams import UTF8, open_text

_MACHINE = re.sub(r"[^\w]", "_", platform.node())[:64]
BLOCK_BYTES = 2 << 20
ARCHIVE_DAMAGE = (
    OSError, ValueError, LookupError, TypeError, RuntimeError, EOFError, MemoryError, BadZipFile,
    zlib.error,
)  # fmt: skip
"""What NumPy and zipfile raise for damaged .npz files, depending on where the damage is."""
MOST_BYTES = 1 << 28
"""Bytes of a line, or of a sentence of CoNLL."""
Ends = tuple[bytes, ...]
LINE_ENDS: Ends = (b"\n",)
PARAGRAPH_ENDS: Ends = (b"\n\n", b"\n\r\n")


class Start(NamedTuple):
    """A place in a file where reading can begin, and what the lines before it hold.

    Attributes:
        at: byte offset of a block of lines, or number of a row group of Parquet.
        line: its first line, from 1; of Parquet its first row.
        row: its first row, from 0; `-DOCSTART-` rows of CoNLL count.
        docstarts: number of `-DOCSTART-` rows before it.
        width: number of columns of the CoNLL lines before it, or 0.
    """

    at: int = 0
    line: int = 1
    row: int = 0
    docstarts: int = 0
    width: int = 0


TOP = Start()
Parse = Callable[[int, bytes], pa.RecordBatch]
"""Parses a block of whole rows, given the number of its first line."""
Attempt = Callable[[Parse, int, bytes], pa.RecordBatch]
"""Parses a block; decides what becomes of rows that cannot be read."""


def strictly(parse: Parse, line: int, block: bytes) -> pa.RecordBatch:
    """Parse a block; a row that cannot be read is an error."""
    return parse(line, block)


class Contents(NamedTuple):
    """The contents of a file, found without reading its rows in full.

    Attributes:
        rows: number of rows; `-DOCSTART-` rows of CoNLL count.
        schema: the columns that `read` yields (with tags, where it may leave them out).
        docstarts: number of `-DOCSTART-` rows.
        starts: places where `read` can begin, in order; the first is the top of the file.
        lost: number of things of each kind that are in the file, and that `read` leaves out.
        dictionaries: columns of words that Parquet stores as dictionaries throughout.
    """

    rows: int
    schema: pa.Schema
    docstarts: int = 0
    starts: tuple[Start, ...] = (TOP,)
    lost: tuple[tuple[str, int], ...] = ()
    dictionaries: frozenset[str] = frozenset()


def line_blocks(
    path: Path,
    ends: Ends = LINE_ENDS,
    start: Start = TOP,
    *,
    checked: bool = True,
    encoding: str = UTF8,
) -> Iterator[tuple[int, bytes]]:
    """Yield blocks of bytes, each with the number of its first line.

    A byte-order mark is dropped, CRLF becomes LF, and a missing last newline is added.

    Args:
        path: the file.
        ends: what a block ends with, `LINE_ENDS` or `PARAGRAPH_ENDS`; the last may end otherwise.
        start: the first block.
        checked: whether blocks must be UTF-8.
        encoding: encoding of the file; blocks are UTF-8.

    Raises:
        FormatError: the file is empty or not UTF-8; the message names the line.
    """
    placed = placed_blocks(path, ends, start, checked=checked, encoding=encoding)
    for _, line, block in placed:
        yield line, block


def placed_blocks(
    path: Path,
    ends: Ends = LINE_ENDS,
    start: Start = TOP,
    *,
    checked: bool = True,
    encoding: str = UTF8,
) -> Iterator[tuple[int, int, bytes]]:
    """Yield the byte offset and the first line of each block, and what `line_blocks` yields."""
    line = start.line
    for at, raw in _raw_blocks(path, ends, start.at, encoding):
        block = raw.replace(b"\r\n", b"\n") if b"\r" in raw else raw
        if not block.endswith(b"\n"):
            block += b"\n"
        if checked:
            check_utf8(path, line, block)
        yield at, line, block
        line += block.count(b"\n")
    if line == 1:
        raise FormatError(f"{path}: the file is empty")


def count_lines(path: Path, encoding: str = UTF8) -> tuple[int, tuple[Start, ...]]:
    """Number of lines, and the starts of blocks; a last line without a newline counts."""
    lines, starts = 0, []
    for at, raw in _raw_blocks(path, LINE_ENDS, encoding=encoding):
        starts.append(Start(at, lines + 1, lines))
        lines += raw.count(b"\n") + (not raw.endswith(b"\n"))
    return lines, tuple(starts)


def _raw_blocks(
    path: Path, ends: Ends, at: int = 0, encoding: str = UTF8
) -> Iterator[tuple[int, bytes]]:
    """Yield the offset and the bytes of each block, both in the text as UTF-8.

    A block is decided by its offset alone: who begins at a later block finds the same blocks.
    """
    with open_text(path, encoding) as file:
        if at:
            _skip(file, at)
        else:
            at = _skip_mark(file)
        rest, wanted = b"", BLOCK_BYTES
        while True:
            read = file.read(wanted)
            rest += read
            cut = len(rest) if len(read) < wanted else _last_end(rest, ends)
            if max(cut, len(rest) - cut) > MOST_BYTES:
                end = "line end" if ends == LINE_ENDS else "blank line"
                raise FormatError(
                    f"{path}: no {end} in {MOST_BYTES:,} bytes from byte {at:,} on; check the "
                    f"format of the file"
                )
            if cut:
                yield at, rest[:cut]
                at, rest = at + cut, rest[cut:]
            if len(read) < wanted:
                return
            # Without an end, the block grows by a whole step.
            wanted = BLOCK_BYTES - len(rest) if cut else BLOCK_BYTES


def _last_end(block: bytes, ends: Ends) -> int:
    """The offset after the last end in a block, or 0."""
    found = ((block.rfind(end), len(end)) for end in ends)
    return max((at + length for at, length in found if at >= 0), default=0)


def _skip(file: BufferedReader, to: int) -> None:
    """Go to an offset; what is before it is read if the file is converted while it is read."""
    if file.seekable():
        file.seek(to)
        return
    while to > 0 and (passed := len(file.read(min(to, BLOCK_BYTES)))):
        to -= passed


def _skip_mark(file: BufferedReader) -> int:
    """Skip a byte-order mark; return its length, or 0."""
    length = len(codecs.BOM_UTF8)
    return len(file.read(length)) if file.peek(length).startswith(codecs.BOM_UTF8) else 0


def check_utf8(path: Path, line: int, block: bytes) -> None:
    """Raise FormatError for the first line of a block that is not UTF-8."""
    try:
        block.decode("utf-8")
    except UnicodeDecodeError as error:
        at = line + block[: error.start].count(b"\n")
        raise FormatError(
            f"{path}:{at}: not UTF-8 (byte 0x{block[error.start]:02x}); name the encoding of "
            f"the file, for example --encoding latin-1 (in Python encoding='latin-1')"
        ) from None


@contextmanager
def atomic(path: Path, *, folder: bool = False) -> Iterator[Path]:
    """Yield a temporary path next to `path`; on success rename it to `path`, else remove it.

    What processes of this machine left that were killed while they wrote `path` is removed.

    Args:
        path: file, or folder, to write.
        folder: `path` is a folder, which is new or empty.

    Raises:
        OutputError: the folder is missing or cannot be written to.
    """
    if path.is_dir() and not folder:
        raise OutputError(f"{path}: is a folder; name a file")
    if folder and path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise OutputError(f"{path}: exists; name a new or an empty folder")
    partial = path.with_name(f".{path.name}.{_MACHINE}-{os.getpid()}.partial")
    _remove_left(path)
    try:
        if folder:
            partial.mkdir()
        else:
            partial.touch()
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
        _remove(partial)


def _remove_left(path: Path) -> None:
    """Remove the temporary files of `path` whose processes ran on this machine and are gone."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.{_MACHINE}-*.partial"):
        process = left.name.removesuffix(".partial").rpartition("-")[2]
        if process.isdecimal() and not _is_running(int(process)):
            _remove(left)


def _is_running(process: int) -> bool:
    if os.name != "posix":  # elsewhere, signal 0 ends the process
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _remove(partial: Path) -> None:
    if partial.is_dir():
        shutil.rmtree(partial, ignore_errors=True)
    else:
        partial.unlink(missing_ok=True)


def lines_of(lines: pa.StringArray) -> bytes:
    """Each string as a line."""
    return bytes_of(pc.binary_join_element_wise(lines, "", "\n"))


def bytes_of(strings: pa.StringArray) -> bytes:
    """Concatenate the strings of an array."""
    if not len(strings):
        return b""
    offsets = np.frombuffer(strings.buffers()[1], np.int32)
    first, last = offsets[strings.offset], offsets[strings.offset + len(strings)]
    return bytes(memoryview(strings.buffers()[2] or b"")[first:last])


def join_lists(values: pa.StringArray, offsets: np.ndarray, separator: str) -> pa.StringArray:
    """Join the strings of each row.

    Args:
        values: strings of all rows, one after another.
        offsets: int32 (rows + 1), the rows in `values`; the first may be above 0.
        separator: put between the strings of a row.
    """
    rebased = pa.array((offsets - offsets[0]).astype(np.int32))
    return pc.binary_join(pa.ListArray.from_arrays(rebased, values), separator)
