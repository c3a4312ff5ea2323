"""Corpora without their bad rows, which are listed with file, row and reason."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xner.corpus.bad_rows import FAULT, without_fault
from xner.corpus.base import Corpus
from xner.corpus.joining import zip_batches
from xner.corpus.parts import Batches
from xner.errors import InputError
from xner.formats.files import atomic

Row = dict[str, Any]
"""File, error and text of a bad row."""
Fit = Callable[..., NDArray[np.bool_]]
"""Whether the rows of batches of parallel corpora fit to each other."""
_KEYS = ("file", "error", "text")


@dataclass(frozen=True)
class Kept:
    """The batches of a corpus without some of its rows.

    Attributes:
        corpus: the corpus with all rows.
        bad: numbers of the rows that are left out, ascending, from 0.
    """

    corpus: Corpus
    bad: NDArray[np.int64]

    def __call__(self) -> Batches:
        """Yield the batches."""
        return self._without(self.corpus.batches(), 0)

    def between(self, first: int, last: int) -> Batches:
        """Yield the rows `[first, last)` of those that are kept."""
        begin, end = self._row(first), self._row(last - 1) + 1
        return self._without(self.corpus.part(begin, end).batches(), begin)

    def only(self, names: Sequence[str]) -> Kept:
        """Return some columns of the kept rows."""
        faults = [name for name in [FAULT] if name in self.corpus.columns]
        return Kept(self.corpus.select(*names, *faults), self.bad)

    def _row(self, kept: int) -> int:
        """The number of a kept row among all rows."""
        before = self.bad - np.arange(len(self.bad))
        return kept + int(np.searchsorted(before, kept, side="right"))

    def _without(self, batches: Batches, row: int) -> Batches:
        for batch in batches:
            first, last = np.searchsorted(self.bad, [row, row + batch.num_rows])
            mask = np.ones(batch.num_rows, bool)
            mask[self.bad[first:last] - row] = False
            row += batch.num_rows
            kept = batch if mask.all() else batch.filter(pa.array(mask))
            for _, fault in _faults_in(kept):
                raise InputError(fault["error"])
            if kept.num_rows:
                yield without_fault(kept)


def is_quarantined(corpus: Corpus) -> bool:
    """Whether bad rows of a corpus were left out, if there were any."""
    return isinstance(corpus.source, Kept)


def every_row(corpus: Corpus) -> Corpus:
    """Return the corpus with its bad rows, if they were left out."""
    source = corpus.source
    return source.corpus if isinstance(source, Kept) else corpus


def without_same_rows(corpus: Corpus, other: Corpus) -> Corpus:
    """Return a corpus without the rows that `other` leaves out."""
    source = other.source
    return _kept(corpus, source.bad) if isinstance(source, Kept) else corpus


def quarantined(corpus: Corpus) -> Corpus:
    """Return a corpus without its bad rows, which are in `.bad`; reads all rows once.

    Raises:
        InputError: all rows are bad.
    """
    return leave_out(corpus, bad_rows_of(corpus))


def bad_rows_of(
    *corpora: Corpus, fit: Fit | None = None, known: Mapping[int, Row] | None = None
) -> dict[int, Row]:
    """Find the bad rows of parallel corpora, and those that do not fit; reads each corpus once.

    Args:
        *corpora: those that have the column `FAULT` say which of their rows are bad.
        fit: says which rows of the corpora fit to each other.
        known: rows that are known to be bad.

    Returns:
        File, error and text of each bad row by its number, from 0.
    """
    found, row = dict(known or {}), 0
    names = " and ".join(corpus.origin for corpus in corpora)
    for batches in zip_batches(*((corpus.origin, corpus.batches()) for corpus in corpora)):
        for batch in batches:
            for i, fault in _faults_in(batch):
                found.setdefault(row + i, fault)
        for i in np.flatnonzero(~fit(*batches)).tolist() if fit else ():
            error = f"{names}: row {row + i + 1} has other words; tokenise both files alike"
            found.setdefault(row + i, {"file": corpora[-1].origin, "error": error, "text": None})
        row += batches[0].num_rows
    return found


def without_bad_rows_of(
    pairs: Corpus, other: Corpus, names: Sequence[str] = (), fit: Fit | None = None
) -> Corpus:
    """Return a corpus also without the bad rows of another one.

    Args:
        pairs: its bad rows are left out.
        other: parallel to all rows that `pairs` had, with the column `FAULT`; read once.
        names: columns of `pairs` that `fit` takes; they are read once.
        fit: says which rows of `pairs` and `other` fit to each other; the others are bad.

    Raises:
        InputError: all rows are bad.
    """
    every = every_row(pairs)
    known = {row["row"] - 1: {key: row[key] for key in _KEYS} for row in pairs.bad}
    read = [every.select(*names), other] if names else [other]
    return leave_out(every, bad_rows_of(*read, fit=fit, known=known))


def leave_out(corpus: Corpus, bad: Mapping[int, Row]) -> Corpus:
    """Return a corpus without its bad rows, by number from 0; they are in `.bad`.

    Raises:
        InputError: all rows are bad.
    """
    numbers = sorted(bad)
    if numbers and len(numbers) == len(corpus):
        first = bad[numbers[0]]["error"]
        raise InputError(f"{corpus.origin}: no row can be used; the first: {first}")
    kept = _kept(corpus, np.array(numbers, np.int64))
    kept.bad = [{"row": number + 1, **bad[number]} for number in numbers]
    return kept


def _kept(corpus: Corpus, bad: NDArray[np.int64]) -> Corpus:
    fields = [each for each in corpus.schema if each.name != FAULT]
    schema = pa.schema(fields, corpus.schema.metadata)
    return Corpus(Kept(corpus, bad), len(corpus) - len(bad), corpus.origin, schema)


def _faults_in(batch: pa.RecordBatch) -> Iterator[tuple[int, Row]]:
    """Number, and file, error and text, of each bad row of a batch."""
    if FAULT in batch.schema.names:
        bad = np.flatnonzero(batch[FAULT].is_valid().to_numpy(zero_copy_only=False))
        texts = batch[FAULT].take(pa.array(bad)).to_pylist()
        yield from zip(bad.tolist(), map(json.loads, texts), strict=True)


def write_bad_rows(path: Path, bad: Sequence[Mapping[str, Any]]) -> None:
    """Write bad rows as JSON lines."""
    with atomic(path) as partial:
        text = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in bad)
        partial.write_text(text, "utf-8")
