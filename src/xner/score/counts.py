"""The counts of a first pass over a corpus: a small table that can be merged and saved."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

import numpy as np

from xner.errors import FormatError, UsageError
from xner.formats.files import ARCHIVE_DAMAGE, atomic
from xner.kernels.blocks import frozen
from xner.kernels.keys import add_counts, look_up
from xner.kernels.records import Int64, Keys, Table
from xner.score.sample import Sample

LIMIT = 1 << 23
_VERSION = 3
_LEAST = 32
"""Slots of a new table: room for the sums over spans of a single sentence."""


class Counts:
    """How often each key was seen; sums of integers, so the order of adding is irrelevant.

    Keys are 64-bit hashes of words, word pairs and phrases (`xner.kernels.keys`); a key takes
    32 to 64 bytes. Above `limit` keys, the rarest are dropped until half of it is left. Only from
    there on does the result depend on the order and size of the batches.

    Attributes:
        signature: the settings of the first pass; counts of different settings cannot be merged.
        labels: names of the labels that were counted (only for `relabel`).
        sample: the rows of a large corpus that were counted, or None for all.
        table: the keys and their counts.
    """

    def __init__(self, signature: str = "", limit: int = LIMIT) -> None:
        self.signature = signature
        self.limit = limit
        self.labels: set[str] = set()
        self.sample: Sample | None = None
        self.table = _table(_LEAST)
        self._size = 0

    def __len__(self) -> int:
        """Number of keys."""
        return self._size

    def __eq__(self, other: object) -> bool:
        """Whether both have the same counts of the same settings."""
        if not isinstance(other, Counts):
            return NotImplemented
        pairs = zip(self.items(), other.items(), strict=True)
        alike = self.signature == other.signature and self.labels == other.labels
        return alike and all(np.array_equal(a, b) for a, b in pairs)

    __hash__ = None  # type: ignore[assignment]

    def add(self, keys: Keys, values: Int64 | int = 1) -> None:
        """Add to the counts of keys; a key may occur several times."""
        self._make_room(len(keys))
        each = values if isinstance(values, np.ndarray) else np.full(len(keys), values, np.int64)
        self._insert(keys, each)
        if self._size > self.limit:
            self._drop_rarest()

    def of(self, keys: Keys) -> Int64:
        """Return int64: the count of each key, 0 for keys that were not seen."""
        return look_up(frozen(keys, np.uint64), self.table)

    def items(self) -> tuple[Keys, Int64]:
        """Return all keys in ascending order, and their counts."""
        used = np.flatnonzero(self.table.keys)
        order = used[np.argsort(self.table.keys[used])]
        return self.table.keys[order], self.table.counts[order]

    def merge(self, other: Counts) -> Counts:
        """Return the sum of both.

        Raises:
            UsageError: their settings differ.
        """
        both = Counts(self.signature, self.limit)
        both.include(self)
        both.include(other)
        return both

    def include(self, other: Counts) -> None:
        """Add the counts of another part.

        Raises:
            UsageError: its settings differ.
        """
        if self.signature != other.signature:
            raise UsageError(
                f"counts of {self.signature!r} and {other.signature!r} cannot be merged; "
                f"count both parts with the same settings"
            )
        self.labels |= other.labels
        self.add(*other.items())

    def save(self, path: str | PathLike[str]) -> None:
        """Write a NumPy .npz file; the same counts give the same bytes.

        Raises:
            OutputError: it cannot be written.
        """
        keys, counts = self.items()
        with atomic(Path(path)) as partial, partial.open("wb") as file:
            np.savez(
                file,
                version=_VERSION,
                made_by=np.array(self.signature),
                labels=np.array(sorted(self.labels), np.str_),
                sample=np.array(self.sample or (), np.int64),
                keys=keys,
                counts=counts,
            )

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Counts:
        """Read a file that `save` wrote.

        Raises:
            FormatError: the file does not hold counts, or those of another version.
        """
        try:
            with Path(path).open("rb") as raw, np.load(raw, allow_pickle=False) as file:
                if file["version"] != _VERSION:
                    raise ValueError("another version of xner wrote it; count the corpus again")
                loaded = cls(str(file["made_by"]))
                loaded.labels = set(file["labels"].tolist())
                if len(sample := file["sample"].tolist()):
                    loaded.sample = Sample(*sample)
                keys, counts = file["keys"].astype(np.uint64), file["counts"].astype(np.int64)
                if keys.shape != (len(counts),) or not np.all(keys) or np.any(counts < 0):
                    raise ValueError("keys and counts do not fit")
                loaded.add(keys, counts)
        except ARCHIVE_DAMAGE as error:
            raise FormatError(f"{path}: not corpus statistics of xner ({error})") from None
        return loaded

    def _make_room(self, more: int) -> None:
        """Grow the table so that it is at most half full with `more` new keys.

        At the size that holds `limit` keys, it may be three quarters full before it grows.
        """
        most = self._size + more
        wanted = 2 * most if most > 3 * self.limit // 2 else 2 * min(most, self.limit)
        if wanted > len(self.table.keys):
            old = self.table
            self.table, self._size = _table(max(_LEAST, 1 << (wanted - 1).bit_length())), 0
            self._insert(*old)  # free slots have the key 0, which is not counted

    def _drop_rarest(self) -> None:
        """Leave half of `limit` keys, those with the highest counts; ties: the lowest keys."""
        keys, counts = self.table
        kept, used = self.limit // 2, keys != 0
        least = np.partition(counts[used], -kept)[-kept]
        often = used & (counts > least)
        most, values = keys[often], counts[often]
        ties = np.sort(keys[used & (counts == least)])[: kept - len(most)]
        keys[:] = 0
        counts[:] = 0
        self._size = 0
        self._insert(most, values)
        self._insert(ties, np.broadcast_to(least, ties.shape))

    def _insert(self, keys: Keys, values: Int64) -> None:
        self._size += add_counts(frozen(keys, np.uint64), frozen(values, np.int64), self.table)


def _table(size: int) -> Table:
    """An empty table. size: a power of two."""
    return Table(np.zeros(size, np.uint64), np.zeros(size, np.int64))
