"""What yields the batches of a corpus: picklable objects, and parts and columns of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import pyarrow as pa

from xner.overlap import ahead

Batches = Iterator[pa.RecordBatch]
Source = Callable[[], Batches]
"""Yields the batches of a corpus at each call; a corpus can be pickled if its source can."""


@runtime_checkable
class Seekable(Protocol):
    """A source that can begin at any row."""

    def __call__(self) -> Batches:
        """Yield the batches of all rows."""
        ...

    def between(self, first: int, last: int) -> Batches:
        """Yield the batches of the rows `[first, last)`."""
        ...


@runtime_checkable
class Choosable(Protocol):
    """A source that can leave out columns before it makes them."""

    def __call__(self) -> Batches:
        """Yield the batches of all columns."""
        ...

    def only(self, names: Sequence[str]) -> Source:
        """Return the source of some columns."""
        ...


@runtime_checkable
class WithDictionaries(Protocol):
    """A source that can give words as Arrow dictionaries."""

    def __call__(self) -> Batches:
        """Yield the batches."""
        ...

    def with_dictionaries(self, names: Collection[str]) -> Source:
        """Return the source with `xner.columns.WORD_TYPES` in some columns, if files store them."""
        ...


@dataclass(frozen=True)
class Held:
    """Batches in memory."""

    held: tuple[pa.RecordBatch, ...]

    def __call__(self) -> Batches:
        """Yield the batches."""
        return iter(self.held)

    def between(self, first: int, last: int) -> Batches:
        """Yield the rows `[first, last)` without copying them."""
        return cut(self.held, first, last)

    def only(self, names: Sequence[str]) -> Held:
        """Return some columns."""
        return Held(tuple(batch.select(names) for batch in self.held))

    def __reduce__(self) -> tuple[Any, ...]:
        # Pickled as they are, slices would carry the whole of what they are slices of.
        return _unpacked, tuple(_packed(batch) for batch in self.held)


def _packed(batch: pa.RecordBatch) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue())


def _unpacked(*packed: bytes) -> Held:
    return Held(tuple(batch for one in packed for batch in pa.ipc.open_stream(one)))


@dataclass(frozen=True)
class Part:
    """The rows `[first, last)` of a source."""

    source: Source
    first: int
    last: int

    def __call__(self) -> Batches:
        """Yield the rows of the part."""
        return self.between(0, self.last - self.first)

    def between(self, first: int, last: int) -> Batches:
        """Yield the rows `[first, last)` of the part."""
        if first == last:
            return iter(())
        first, last = self.first + first, self.first + last
        if isinstance(self.source, Seekable):
            return self.source.between(first, last)
        return cut(self.source(), first, last)

    def only(self, names: Sequence[str]) -> Part:
        """Return some columns of the part."""
        return Part(only(self.source, names), self.first, self.last)


@dataclass(frozen=True)
class Chosen:
    """Some columns of a source that makes more of them."""

    source: Source
    names: tuple[str, ...]

    def __call__(self) -> Batches:
        """Yield the batches."""
        return (batch.select(self.names) for batch in self.source())

    def between(self, first: int, last: int) -> Batches:
        """Yield the rows `[first, last)`."""
        return (batch.select(self.names) for batch in Part(self.source, first, last)())

    def only(self, names: Sequence[str]) -> Source:
        """Return some of the columns."""
        return only(self.source, names)

    def with_dictionaries(self, names: Collection[str]) -> Chosen:
        """Return the same columns, some with dictionaries."""
        return Chosen(with_dictionaries(self.source, names), self.names)


@dataclass(frozen=True)
class ReadAhead:
    """A source that a thread reads in advance.

    Attributes:
        source: what is read.
        at_end: called when its last batch was read.
    """

    source: Source
    at_end: Callable[[], object]

    def __call__(self) -> Batches:
        """Yield the batches."""
        return ahead(self._to_end(self.source()))

    def between(self, first: int, last: int) -> Batches:
        """Yield the rows `[first, last)`."""
        return ahead(self._to_end(Part(self.source, first, last)()))

    def only(self, names: Sequence[str]) -> ReadAhead:
        """Return some columns."""
        return ReadAhead(only(self.source, names), self.at_end)

    def _to_end(self, batches: Batches) -> Batches:
        yield from batches
        self.at_end()


def only(source: Source, names: Sequence[str]) -> Source:
    """Return the source of some columns; one that reads files reads no others, if it can."""
    return source.only(names) if isinstance(source, Choosable) else Chosen(source, tuple(names))


def with_dictionaries(source: Source, names: Collection[str]) -> Source:
    """Return the source with `WORD_TYPES` in some columns, where it can read them."""
    return source.with_dictionaries(names) if isinstance(source, WithDictionaries) else source


def cut(batches: Iterable[pa.RecordBatch], first: int, last: int) -> Batches:
    """Yield the rows `[first, last)` of batches."""
    row = 0
    for batch in batches:
        begin, row = row, row + batch.num_rows
        if row > first and begin < last:
            skip = max(first - begin, 0)
            yield batch.slice(skip, min(last, row) - begin - skip)
        if row >= last:
            return
