"""Scores of phrase pairs that are kept: in memory, or in a file for the next run."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path

from xner.errors import UsageError

Pair = tuple[str, str]


class PairCache:
    """A table from phrase pairs to numbers (SQLite).

    Raises:
        UsageError: the file is not such a table, or holds what something else made.
    """

    def __init__(self, path: Path | None, made_by: str) -> None:
        """Open or make the table.

        Args:
            path: the file, or None to keep it in memory.
            made_by: what makes the numbers; those of different makers do not mix.
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
                f"{path}: cannot be used as a cache of phrase scores ({error}); name another file"
            ) from None
        if found is None:
            self._db.execute("insert into made_by values (?)", (made_by,))
            self._db.commit()
        elif found[0] != made_by:
            raise UsageError(
                f"{path}: holds scores made by {found[0]!r}, and now {made_by!r} is asked for; "
                f"name another file"
            )

    def __len__(self) -> int:
        """Pairs that are held."""
        return int(self._db.execute("select count(*) from scores").fetchone()[0])

    def get(self, pairs: Sequence[Pair]) -> list[float | None]:
        """The number of each pair, None where there is none."""
        ask = "select score from scores where source = ? and target = ?"
        rows = (self._db.execute(ask, pair).fetchone() for pair in pairs)
        return [None if row is None else float(row[0]) for row in rows]

    def put(self, pairs: Sequence[Pair], scores: Iterable[float]) -> None:
        """Keep numbers."""
        rows = ((*pair, float(score)) for pair, score in zip(pairs, scores, strict=True))
        with self._db:
            self._db.executemany("insert or replace into scores values (?, ?, ?)", rows)

    def close(self) -> None:
        """Close the file."""
        self._db.close()
