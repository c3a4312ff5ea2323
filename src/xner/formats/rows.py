"""Formats that are read object by object: their rows as batches, and entities by characters."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from xner.columns import BATCH, COLUMNS
from xner.conforming import conform
from xner.errors import FormatError
from xner.formats.files import TOP, Contents, Start
from xner.formats.streams import UTF8

Row = dict[str, Any]
Place = tuple[int, int]
"""Begin and end, half-open."""
Fit = Callable[[pa.RecordBatch, int], pa.RecordBatch]
Spare = Callable[[Fit, pa.RecordBatch], pa.RecordBatch]
"""Converts a batch; decides what becomes of rows that do not fit."""


def strictly(fit: Fit, batch: pa.RecordBatch) -> pa.RecordBatch:
    """Convert a batch; a row that does not fit is an error."""
    return fit(batch, 0)


class Inspect(Protocol):
    """`inspect` of a format module."""

    def __call__(self, path: Path, *, encoding: str = UTF8) -> Contents:
        """Count the rows, and what is in the file that `read` leaves out."""
        ...


class Read(Protocol):
    """`read` of a format module."""

    def __call__(
        self, path: Path, *, start: Start = TOP, attempt: Spare = strictly, encoding: str = UTF8
    ) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Yield `(first row, batch)`; rows are counted from 1."""
        ...


Rows = Callable[[Path, str, Counter[str]], Iterable[Row]]
"""Yields the rows of a file in an encoding, and counts what it leaves out."""


def by_rows(rows: Rows) -> tuple[Inspect, Read]:
    """`inspect` and `read` of a format module, from a function that yields rows.

    Args:
        rows: raises FormatError for what cannot be read.
    """

    def inspect(path: Path, *, encoding: str = UTF8) -> Contents:
        lost: Counter[str] = Counter()
        count, names = 0, dict[str, None]()
        for row in rows(path, encoding, lost):
            count += 1
            names |= dict.fromkeys(row)
        schema = pa.schema({name: COLUMNS.get(name, pa.string()) for name in names})
        return Contents(count, schema, lost=tuple((name, n) for name, n in lost.items() if n))

    def read(
        path: Path, *, start: Start = TOP, attempt: Spare = strictly, encoding: str = UTF8
    ) -> Iterator[tuple[int, pa.RecordBatch]]:
        rest, first = iter(rows(path, encoding, Counter())), 1
        while part := list(islice(rest, BATCH)):
            yield first, attempt(lambda batch, _: conform(batch), _batch(part, path, first))
            first += len(part)

    return inspect, read


def _batch(rows: Sequence[Row], path: Path, first: int) -> pa.RecordBatch:
    names = list(dict.fromkeys(name for row in rows for name in row))
    arrays = []
    for name in names:
        values = [row.get(name) for row in rows]
        try:
            arrays.append(pa.array(values, COLUMNS.get(name)))
        except (pa.ArrowException, UnicodeEncodeError, OverflowError, TypeError, ValueError) as bad:
            last = first + len(rows) - 1
            raise FormatError(
                f"{path}: in rows {first} to {last}, {name!r} cannot be read ({bad})"
            ) from None
    return pa.RecordBatch.from_arrays(arrays, names=names)


def entity(start: int, end: int, label: str, **more: Any) -> Row:
    """An entity as a row of the column entities."""
    return {"start": start, "end": end, "label": label, "score": None, "source": None, **more}


def places(spans: Iterable[Place]) -> list[dict[str, int]]:
    """Spans as values of a column of offsets."""
    return [{"start": start, "end": end} for start, end in spans]


def touched(offsets: Sequence[Place], start: int, end: int) -> Place | None:
    """The words that some characters touch; None if there is none.

    Args:
        offsets: characters of each word, in order.
        start: the first character.
        end: the character after the last one.
    """
    first = bisect_right(offsets, start, key=lambda place: place[1])
    last = bisect_left(offsets, end, key=lambda place: place[0])
    return (first, last) if first < last else None


class Texts:
    """The text of every sentence of a batch, and its words and entities by characters.

    Words are joined by spaces where there is no text that consists of them.
    """

    def __init__(self, batch: pa.RecordBatch) -> None:
        """Take the columns of one side, without its name in theirs."""
        names = batch.schema.names
        self.ids: list[str] = batch["id"].to_pylist()
        self.tokens: list[list[str]] = batch["tokens"].to_pylist()
        self.entities: list[list[Row]] = batch["entities"].to_pylist()
        self.texts: list[str] = list(map(" ".join, self.tokens))
        self.offsets: list[list[Place]] = list(map(joined_places, self.tokens))
        self.spans: list[list[Place]] = list(map(_whole, self.offsets, self.entities))
        if "offsets" not in names:
            return
        texts, offsets = batch["text"].to_pylist(), _pairs(batch["offsets"])
        exact = _pairs(batch["entity_offsets"]) if "entity_offsets" in names else None
        for i, (text, own) in enumerate(zip(texts, offsets, strict=True)):
            if [text[start:end] for start, end in own] == self.tokens[i] and text is not None:
                self.texts[i], self.offsets[i] = text, own
                self.spans[i] = exact[i] if exact else _whole(own, self.entities[i])

    def __iter__(self) -> Iterator[tuple[str, str, list[tuple[int, int, str]]]]:
        """Yield the id, the text, and the entities as `(start, end, label)` of characters."""
        for i, text in enumerate(self.texts):
            labels = (e["label"] for e in self.entities[i])
            yield (
                self.ids[i],
                text,
                [(*place, label) for place, label in zip(self.spans[i], labels, strict=True)],
            )


def joined_places(tokens: Sequence[str]) -> list[Place]:
    """Characters of words that are joined by spaces."""
    found, at = [], 0
    for token in tokens:
        found.append((at, at + len(token)))
        at += len(token) + 1
    return found


def _whole(words: list[Place], entities: list[Row]) -> list[Place]:
    """Characters of the words of entities."""
    return [(words[e["start"]][0], words[e["end"] - 1][1]) for e in entities]


def _pairs(column: pa.ListArray) -> list[list[Place]]:
    return [[(place["start"], place["end"]) for place in row] for row in column.to_pylist()]
