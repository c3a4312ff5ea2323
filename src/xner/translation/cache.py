"""A cache of phrase-pair scores, in memory or in a file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path

from xner.errors import UsageError

Pair = tuple[str, str]


class PairCache:
    """A SQLite table of the scores of phrase pairs.

    Raises:
        UsageError: the file cannot be used, or was written with another signature.
    """

    def __init__(self, path: Path | None, signature: str) -> None:
        """Open or create the table.

        Args:
            path: the file, or None to keep the table in memory.
            signature: identifies the model; scores of different models are never mixed.
        """
        self._path = path
        try:
            self._db = sqlite3.connect(path or ":memory:", check_same_thread=False)
            self._db.execute("create table if not exists made_by (name text)")
            self._db.execute(
                "create table if not exists scores (source text, target text, score real, "
                "primary key (source, target)) without rowid"
            )
            found = self._db.execute("select name from made_by").fetchone()
        except sqlite3.Error as error:
            raise UsageError(
                f"{path}: cannot be used as a cache of phrase scores ({error}); choose another file"
            ) from None
        if found is None:
            self._db.execute("insert into made_by values (?)", (signature,))
            self._db.commit()
        elif found[0] != signature:
            raise UsageError(
                f"{path}: contains scores of {found[0]!r}, not of {signature!r}; choose another "
                f"file"
            )

    def __len__(self) -> int:
        """Number of pairs in the table."""
        return int(self._db.execute("select count(*) from scores").fetchone()[0])

    def get(self, pairs: Sequence[Pair]) -> list[float | None]:
        """Return the score of each pair, or None if it is not in the table."""
        ask = "select score from scores where source = ? and target = ?"
        rows = (self._db.execute(ask, pair).fetchone() for pair in pairs)
        return [None if row is None else float(row[0]) for row in rows]

    def put(self, pairs: Sequence[Pair], scores: Iterable[float]) -> None:
        """Store the scores of pairs."""
        rows = ((*pair, float(score)) for pair, score in zip(pairs, scores, strict=True))
        with self._db:
            self._db.executemany("insert or replace into scores values (?, ?, ?)", rows)

    def close(self) -> None:
        """Close the file."""
        self._db.close()
