"""What all text formats share: blocks of whole lines, and files that appear only when complete."""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from xner.errors import FormatError, InputError, OutputError

BLOCK_BYTES = 8 << 20


def open_input(path: Path) -> BinaryIO:
    """Open `path` for reading.

    Raises:
        InputError: it is missing, a folder, or may not be read.
    """
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; check the path") from None
    except IsADirectoryError:
        raise InputError(f"{path}: is a folder; name a file in it") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None


def line_blocks(path: Path, end_of_block: bytes = b"\n") -> Iterator[tuple[int, bytes]]:
    """Yield `(number of the first line, bytes)` blocks that end with `end_of_block`.

    A byte-order mark is dropped, CRLF becomes LF, a missing last newline is added.

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
    """Give a temporary path beside `path`; on success it becomes `path`, else it is removed.

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
        raise OutputError(f"{path}: the folder {path.parent} does not exist; make it") from None
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
