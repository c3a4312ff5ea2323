"""What a first pass over a corpus counted: a small table that merges and can be saved."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from xner.errors import FormatError, OutputError, UsageError
from xner.kernels.keys import add_counts, slot_of

Keys = NDArray[np.uint64]
Int64 = NDArray[np.int64]
LIMIT = 1 << 23
_VERSION = 2


class Counts:
    """How often each key was seen; sums of integers, so no order of adding matters.

    Keys are 64-bit hashes of words, word pairs and phrases (`xner.kernels.keys`); a key takes
    32 to 64 bytes. Above `limit` keys, those that were seen least are dropped down to half of
    it. Only from there on does the result depend on the order and size of the batches.

    Attributes:
        made_by: what counted: counts of different makers do not mix.
        labels: names of the labels that were counted (for `relabel` alone).
    """

    def __init__(self, made_by: str = "", limit: int = LIMIT) -> None:
        self.made_by = made_by
        self.limit = limit
        self.labels: set[str] = set()
        self.table: Keys = np.zeros(16, np.uint64)
        self.counts: Int64 = np.zeros(16, np.int64)
        self._size = 0

    def __len__(self) -> int:
        """Number of keys."""
        return self._size

    def __eq__(self, other: object) -> bool:
        """Whether both hold the same counts by the same maker."""
        if not isinstance(other, Counts):
            return NotImplemented
        pairs = zip(self.items(), other.items(), strict=True)
        alike = self.made_by == other.made_by and self.labels == other.labels
        return alike and all(np.array_equal(a, b) for a, b in pairs)

    __hash__ = None  # type: ignore[assignment]

    def add(self, keys: Keys, values: Int64 | int = 1) -> None:
        """Add to the counts of keys; a key may stand several times."""
        self._make_room(len(keys))
        given = np.broadcast_to(np.asarray(values, np.int64), keys.shape)
        self._size += add_counts(
            np.ascontiguousarray(keys), np.ascontiguousarray(given), self.table, self.counts
        )
        if self._size > self.limit:
            self._prune()

    def of(self, keys: Keys) -> Int64:
        """int64: the count of each key, 0 where it was not seen."""
        return np.array([self.counts[slot_of(self.table, key)] for key in keys], np.int64)

    def items(self) -> tuple[Keys, Int64]:
        """All keys in rising order, and their counts."""
        used = np.flatnonzero(self.table)
        order = used[np.argsort(self.table[used])]
        return self.table[order], self.counts[order]

    def merge(self, other: Counts) -> Counts:
        """The counts of both.

        Raises:
            UsageError: they were made with different settings.
        """
        if self.made_by != other.made_by:
            raise UsageError(
                f"counts by {self.made_by!r} and {other.made_by!r} do not mix; "
                f"count both parts with the same settings"
            )
        both = Counts(self.made_by, self.limit)
        both.labels = self.labels | other.labels
        for part in (self, other):
            both.add(*part.items())
        return both

    def save(self, path: str | PathLike[str]) -> None:
        """Write a file (NumPy .npz); the same counts give the same bytes.

        Raises:
            OutputError: it cannot be written.
        """
        keys, counts = self.items()
        try:
            with Path(path).open("wb") as file:
                np.savez(
                    file,
                    version=_VERSION,
                    made_by=np.array(self.made_by),
                    labels=np.array(sorted(self.labels), np.str_),
                    keys=keys,
                    counts=counts,
                )
        except OSError as error:
            raise OutputError(f"{path}: {error.strerror}") from None

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Counts:
        """Read what `save` wrote.

        Raises:
            FormatError: it is not such a file, or one of another version.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                if file["version"] != _VERSION:
                    raise ValueError("another version of xner wrote it; count again")
                loaded = cls(str(file["made_by"]))
                loaded.labels = set(file["labels"].tolist())
                loaded.add(file["keys"].astype(np.uint64), file["counts"].astype(np.int64))
        except (OSError, ValueError, KeyError, BadZipFile) as error:
            raise FormatError(f"{path}: does not hold counts of xner ({error})") from None
        return loaded

    def _make_room(self, more: int) -> None:
        """Let the table be at most half full with `more` new keys."""
        wanted = 2 * (self._size + more)
        if wanted <= len(self.table):
            return
        keys, counts = self.items()
        size = 1 << max(4, int(wanted - 1).bit_length())
        self._fill(keys, counts, size)

    def _fill(self, keys: Keys, counts: Int64, size: int) -> None:
        self.table, self.counts = np.zeros(size, np.uint64), np.zeros(size, np.int64)
        self._size = add_counts(keys, counts, self.table, self.counts)

    def _prune(self) -> None:
        """Keep the half of `limit` that was seen most; ties: the lowest keys."""
        keys, counts = self.items()
        kept = np.sort(np.argsort(-counts, kind="stable")[: self.limit // 2])
        self._fill(keys[kept], counts[kept], len(self.table))
