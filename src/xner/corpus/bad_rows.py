"""Bad rows: found one by one where a block or batch does not fit, and kept apart from the others.

With `on_bad_row="quarantine"`, what a file yields has the column `FAULT`: null, or for a row that
cannot be read or does not fit, what is wrong with it. Such a row has no content, so that parallel
files stay parallel. Where files are joined, a row is bad if it is bad in one of them.
`xner.corpus.quarantine` then leaves the bad rows out.

Bad rows are found by halving: a block that does not fit is cut in two until a single row remains.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import accumulate
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from xner.columns import WORD_TYPES
from xner.conforming import conform
from xner.errors import FormatError, InputError, UsageError
from xner.formats.files import Parse, check_utf8

FAULT = "xner.fault"
ON_BAD_ROW = ("fail", "quarantine")
_MOST_TEXT = 1000
"""Characters of a bad row that are kept."""

Fit = Callable[[pa.RecordBatch, int], pa.RecordBatch]
"""Checks and converts rows of a batch, given the number of the first of them in the batch."""


def check_on_bad_row(choice: str) -> bool:
    """Whether bad rows are left out.

    Raises:
        UsageError: the choice is unknown.
    """
    if choice not in ON_BAD_ROW:
        raise UsageError(f"on_bad_row is {choice!r}; choose one of {', '.join(ON_BAD_ROW)}")
    return choice == "quarantine"


def fault(path: Path, error: InputError, text: bytes | None = None) -> str:
    """A value of the column `FAULT`."""
    shown = None if text is None else text.decode("utf-8", "backslashreplace")[:_MOST_TEXT].rstrip()
    return json.dumps({"file": str(path), "error": str(error), "text": shown}, ensure_ascii=False)


def find_bad(rows: int, check: Callable[[int, int], Any]) -> dict[int, InputError]:
    """The bad ones of so many rows, by number.

    Args:
        rows: number of rows.
        check: raises InputError if one of the rows `[first, last)` is bad.

    Raises:
        InputError: what is wrong concerns no row, but all of them.
    """
    bad: dict[int, InputError] = {}
    check(0, 0)
    parts = [(0, rows)]
    while parts:
        first, last = parts.pop()
        try:
            check(first, last)
        except InputError as error:
            middle = (first + last) // 2
            if last - first == 1:
                bad[first] = error
            else:
                parts += [(middle, last), (first, middle)]
    return bad


class Sparing:
    """Parses blocks of a file; rows that cannot be read become empty and get a fault."""

    def __init__(
        self,
        path: Path,
        module: ModuleType,
        known: dict[int, dict[int, InputError]],
        schema: pa.Schema | None = None,
    ) -> None:
        """Begin with a file.

        Args:
            path: the file.
            module: its format.
            known: bad rows of blocks that were read before, by first line; they are added.
            schema: columns of a block without any good row, by default those of a block before;
                such a block at the beginning is an error.
        """
        self.path, self._module, self._known, self._schema = path, module, known, schema

    def __call__(self, parse: Parse, line: int, block: bytes) -> pa.RecordBatch:
        """Parse a block; the batch has the column `FAULT`."""
        if line in self._known:
            return self._spared(parse, line, block)
        try:
            check_utf8(self.path, line, block)
            batch = parse(line, block)
            self._schema = self._schema or batch.schema
            return _with_faults(batch, pa.nulls(batch.num_rows, pa.string()))
        except InputError:
            return self._spared(parse, line, block)

    def _spared(self, parse: Parse, line: int, block: bytes) -> pa.RecordBatch:
        units, rows = self._units(block)
        blanks = [self._module.BLANK if has_row else b"" for has_row in rows]
        if line not in self._known:
            self._known[line] = self._bad(parse, line, units, blanks)
        bad = self._known[line]
        faults = [
            fault(self.path, bad[i], unit) if i in bad else None
            for i, unit in enumerate(units)
            if rows[i]
        ]
        if all(faults):
            return self._empty(faults, next(iter(bad.values())))
        good = (blanks[i] if i in bad else unit for i, unit in enumerate(units))
        batch = parse(line, b"".join(good))
        self._schema = self._schema or batch.schema
        return _with_faults(batch, pa.array(faults, pa.string()))

    def _bad(
        self, parse: Parse, line: int, units: Sequence[bytes], blanks: Sequence[bytes]
    ) -> dict[int, InputError]:
        """The units that cannot be read, by number."""
        lines = list(accumulate((unit.count(b"\n") for unit in units), initial=line))
        bad: dict[int, InputError] = {}
        for i, unit in enumerate(units):
            try:
                check_utf8(self.path, lines[i], unit)
                if hasattr(self._module, "check_line"):
                    self._module.check_line(self.path, lines[i], unit.decode())
            except InputError as error:
                bad[i] = error
        left = [blanks[i] if i in bad else unit for i, unit in enumerate(units)]

        def check(first: int, last: int) -> None:
            if part := b"".join(left[first:last]):
                parse(lines[first], part)

        return dict(sorted((bad | find_bad(len(left), check)).items()))

    def _units(self, block: bytes) -> tuple[list[bytes], list[int]]:
        """Parts of a block with at most one row, and the number of rows of each."""
        if hasattr(self._module, "paragraphs"):
            units, rows = zip(*self._module.paragraphs(block), strict=True)
            return list(units), list(rows)
        lines = [line + b"\n" for line in block.split(b"\n")[:-1]]
        return lines, [1] * len(lines)

    def _empty(self, faults: list[str | None], error: InputError) -> pa.RecordBatch:
        if self._schema is None:
            raise error
        names = [name for name in self._schema.names if name != FAULT]
        nulls = [pa.nulls(len(faults), self._schema.field(name).type) for name in names]
        batch = conform(pa.RecordBatch.from_arrays(nulls, names=names))
        return batch.append_column(FAULT, pa.array(faults, pa.string()))


def _with_faults(batch: pa.RecordBatch, faults: pa.StringArray) -> pa.RecordBatch:
    refuse_fault(batch)
    return batch.append_column(FAULT, faults)


def refuse_fault(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return a batch; raise FormatError if its file has a column `FAULT` of its own."""
    if FAULT in batch.schema.names:
        raise FormatError(f"the name of the column {FAULT!r} is taken; rename it")
    return batch


def spared(batch: pa.RecordBatch, fit: Fit, path_of: Callable[[int], Path]) -> pa.RecordBatch:
    """Check a batch with `fit`; rows that do not fit become empty and get a fault.

    Args:
        batch: may have the column `FAULT`.
        fit: may change columns; it sees no column `FAULT`.
        path_of: gives the file of a row of the batch.

    Raises:
        InputError: what is wrong concerns all rows.
    """
    rows = batch.num_rows
    faults = batch[FAULT] if FAULT in batch.schema.names else pa.nulls(rows, pa.string())
    batch = blanked(without_fault(batch), np.flatnonzero(faults.is_valid()))
    try:
        return fit(batch, 0).append_column(FAULT, faults)
    except InputError:
        pass

    def check(first: int, last: int) -> None:
        fit(batch.take(pa.array(np.arange(first, last))), first)

    bad = find_bad(rows, check)
    faults_here = [fault(path_of(i), bad[i]) if i in bad else None for i in range(rows)]
    own = pa.array(faults_here, pa.string())
    fitted = fit(blanked(batch, np.array(sorted(bad), np.int64)), 0)
    return fitted.append_column(FAULT, pc.coalesce(faults, own))


def without_fault(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return a batch without the column `FAULT`."""
    return batch.drop_columns([FAULT]) if FAULT in batch.schema.names else batch


def blanked(batch: pa.RecordBatch, bad: NDArray[np.int64]) -> pa.RecordBatch:
    """Return a batch in which the bad rows are empty."""
    if not len(bad):
        return batch
    kept = np.arange(batch.num_rows)
    mask = np.isin(kept, bad)
    dictionaries = [field.name for field in batch.schema if field.type == WORD_TYPES]
    return conform(batch.take(pa.array(kept, mask=mask)), dictionaries)
