"""Input and output streams: files in other encodings than UTF-8, and compressed files."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from xner.errors import FormatError, InputError, UsageError

UTF8 = "utf-8"
COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
"""Arrow's name of a compression by the last suffix of a file."""
_PIECE = 1 << 20


class Output(Protocol):
    """Something that bytes are written to."""

    def write(self, data: bytes, /) -> object:
        """Write bytes."""
        ...


def plain_name(path: Path) -> Path:
    """A path without the suffix of a compression."""
    return path.with_suffix("") if path.suffix.lower() in COMPRESSIONS else path


def suffix_of(path: Path) -> str:
    """The suffix that names the format, and that of a compression: `.conll` or `.conll.gz`."""
    inner = plain_name(path)
    return inner.suffix + path.suffix if inner != path else path.suffix


def stem_of(path: Path) -> str:
    """The name of a file without its suffixes."""
    return plain_name(path).stem


def open_input(path: Path) -> io.BufferedReader:
    """Open `path` for reading.

    Raises:
        InputError: it is missing, is a folder or a pipe, or may not be read.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise unreadable(path, error) from None
    if not file.seekable():
        file.close()
        raise InputError(
            f"{path}: is a pipe, but files are read more than once; write it to a file"
        )
    return file


def unreadable(path: Path, error: OSError) -> InputError:
    """The error for an input file that cannot be opened."""
    if isinstance(error, FileNotFoundError):
        return InputError(f"{path}: no such file; check the path")
    if path.is_dir():
        return InputError(f"{path}: is a folder; name a file in it")
    return InputError(f"{path}: cannot be read ({error.strerror or error})")


def check_encoding(encoding: str) -> None:
    """Raise UsageError if an encoding is unknown."""
    try:
        "".encode(encoding)
        codecs.getincrementaldecoder(encoding)
    except (LookupError, ValueError):
        raise UsageError(
            f"unknown encoding {encoding!r}; name one that Python knows, such as utf-8, latin-1 or "
            f"cp1252"
        ) from None


def open_text(path: Path, encoding: str = UTF8) -> io.BufferedReader:
    """Open a text file; what is read is UTF-8, unless the file is broken UTF-8.

    Args:
        path: decompressed if its last suffix is `.gz` or `.zst`.
        encoding: encoding of the file.

    Raises:
        InputError: as for `open_input`; while it is read also if it is damaged, or is not text
            in its encoding.
    """
    file = open_input(path)
    compression = COMPRESSIONS.get(path.suffix.lower())
    is_utf8 = codecs.lookup(encoding).name == UTF8
    if compression is None and is_utf8:
        return file
    return io.BufferedReader(_Converted(file, path, compression, None if is_utf8 else encoding))


class _Converted(io.RawIOBase):
    """The bytes of a file, decompressed and in UTF-8."""

    def __init__(
        self, file: io.BufferedReader, path: Path, compression: str | None, encoding: str | None
    ) -> None:
        self._path, self._file, self._encoding = path, file, encoding
        self._read = file.read
        if compression is not None:
            self._read = pa.CompressedInputStream(pa.PythonFile(file), compression).read
        self._decoder = None if encoding is None else codecs.getincrementaldecoder(encoding)()
        self._rest = memoryview(b"")
        self._line = 1

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self._file.close()
        super().close()

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._rest:
            raw = self._piece()
            self._rest = memoryview(self._recoded(raw))
            if not raw:
                break
        part = self._rest[: len(buffer)]
        buffer[: len(part)] = part
        self._rest = self._rest[len(part) :]
        return len(part)

    def _piece(self) -> bytes:
        try:
            return self._read(_PIECE)
        except OSError as error:
            raise FormatError(f"{self._path}: damaged, or not compressed ({error})") from None

    def _recoded(self, raw: bytes) -> bytes:
        if self._decoder is None:
            return raw
        try:
            text = self._decoder.decode(raw, final=not raw)
            self._line += text.count("\n")
            return text.encode(UTF8)
        except UnicodeError as error:
            line = self._line + _lines_before(error)
            raise FormatError(
                f"{self._path}:{line}: not {self._encoding} ({error.args[-1]}); name the "
                f"encoding of the file with --encoding (in Python encoding=)"
            ) from None


def _lines_before(error: UnicodeError) -> int:
    """Number of line ends in what was decoded before the error."""
    if not isinstance(error, UnicodeDecodeError):
        return 0
    return error.object[: error.start].count(b"\n")


@contextmanager
def open_output(partial: Path, path: Path) -> Iterator[Output]:
    """Open a file for writing; it is compressed as the last suffix of `path` says.

    Args:
        partial: the file.
        path: the name that it will get.
    """
    compression = COMPRESSIONS.get(path.suffix.lower())
    if compression is None:
        with partial.open("wb") as file:
            yield file
        return
    with pa.CompressedOutputStream(str(partial), compression) as stream:
        yield stream
