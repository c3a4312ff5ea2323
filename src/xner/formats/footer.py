"""The footer of a Parquet file, read before Arrow reads the file.

Arrow takes the number of values that a column claims on trust, and reserves memory for it; its
bindings end the process if a column has no metadata. The footer is a struct in Thrift's compact
protocol (parquet.thrift of the Parquet format): here it becomes nested dictionaries, by the
numbers of fields.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pyarrow as pa

from xner.errors import FormatError

MOST_VALUES = 1 << 27
"""Values of a column in a row group that a tiny part of a file may hold."""
_MOST_RATIO = 1000
"""Values per stored byte that are no sign of a file made to exhaust memory."""
_ROW_GROUPS, _COLUMNS, _METADATA, _PATH, _VALUES, _STORED, _PAGES = 4, 1, 3, 3, 5, 7, 13
_PAGE_KIND, _ENCODING = 1, 2
_DATA_PAGES = (0, 3)
_DICTIONARIES = {2, 8}
_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 11, 12


def check_footer(file: pa.NativeFile, path: Path) -> frozenset[str]:
    """Return the columns whose values are stored as dictionaries throughout.

    Raises:
        FormatError: a column lacks its metadata, or its few bytes claim very many values.
    """
    end = file.size() - 8
    size = int.from_bytes(file.read_at(4, end), "little")
    content = file.read_at(size, end - size)
    try:
        columns = [
            column[_METADATA]
            for group in _Compact(content).fields()[_ROW_GROUPS]
            for column in group[_COLUMNS]
        ]
        sizes = [(column[_VALUES], max(1, column[_STORED])) for column in columns]
        named = [(column[_PATH][0].decode(), _is_dictionary(column)) for column in columns]
    except (LookupError, TypeError, ValueError, AttributeError, struct.error, RecursionError):
        raise FormatError(f"{path}: its footer is damaged; write the file again") from None
    for values, stored in sizes:
        if values > max(MOST_VALUES, _MOST_RATIO * stored):
            raise FormatError(
                f"{path}: {stored:,} bytes of a column expand to {values:,} values; if the file is "
                f"sound, write it with smaller row groups"
            )
    return frozenset(name for name, _ in named) - {name for name, is_one in named if not is_one}


def _is_dictionary(column: dict[int, Any]) -> bool:
    """Whether there are pages of values, and all of them hold places in a dictionary."""
    pages = (page for page in column.get(_PAGES, ()) if page[_PAGE_KIND] in _DATA_PAGES)
    encodings = {page[_ENCODING] for page in pages}
    return bool(encodings) and encodings <= _DICTIONARIES


class _Compact:
    """Reads Thrift's compact protocol."""

    def __init__(self, content: bytes) -> None:
        self.content, self.at = content, 0

    def fields(self) -> dict[int, Any]:
        """The fields of a struct by number."""
        found: dict[int, Any] = {}
        number = 0
        while head := self.byte():
            number = number + (head >> 4) if head >> 4 else self.signed()
            kind = head & 15
            found[number] = kind == _TRUE if kind in (_TRUE, _FALSE) else self.value(kind)
        return found

    def value(self, kind: int) -> Any:
        """A value of a type."""
        if kind == _STRUCT:
            return self.fields()
        if kind in (_LIST, _SET):
            head = self.byte()
            count = head >> 4 if head >> 4 < 15 else self.unsigned()
            return [self.value(head & 15) for _ in range(count)]
        if kind == _MAP:
            count = self.unsigned()
            kinds = self.byte() if count else 0
            return [(self.value(kinds >> 4), self.value(kinds & 15)) for _ in range(count)]
        if kind == _BINARY:
            return self.take(self.unsigned())
        if kind == _DOUBLE:
            return struct.unpack("<d", self.take(8))[0]
        return self.byte() if kind in (_TRUE, _FALSE, _BYTE) else self.signed()

    def take(self, size: int) -> bytes:
        """The next bytes."""
        self.at += size
        return self.content[self.at - size : self.at]

    def byte(self) -> int:
        """The next byte."""
        self.at += 1
        return self.content[self.at - 1]

    def unsigned(self) -> int:
        """A number of seven bits a byte."""
        number = shift = 0
        while True:
            byte = self.byte()
            number |= (byte & 127) << shift
            if byte < 128:
                return number
            shift += 7

    def signed(self) -> int:
        """A number whose sign is its last bit."""
        number = self.unsigned()
        return (number >> 1) ^ -(number & 1)
