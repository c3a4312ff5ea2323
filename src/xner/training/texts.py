"""What is given to a student: corpora in memory, or files of one side or two."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

from xner.corpus import Corpus, StrPath, scan
from xner.errors import UsageError
from xner.formats import conll, format_of, text

Given = Corpus | StrPath


def as_corpora(given: Given | Sequence[Given]) -> list[Corpus]:
    """Corpora; files are read, with both sides and all columns where they have them.

    Raises:
        InputError: a file is missing, empty or malformed.
        UsageError: nothing was given, or a suffix is unknown.
    """
    found = as_texts(given)
    if not found:
        raise UsageError("no corpus was given")
    return found


def as_texts(given: Given | Sequence[Given]) -> list[Corpus]:
    """Likewise, but may be none."""
    items = [given] if isinstance(given, Corpus | str | PathLike) else list(given)
    return [item if isinstance(item, Corpus) else _read(Path(item)) for item in items]


def _read(path: Path) -> Corpus:
    module = format_of(path)
    if module in (conll, text):
        return _bare(path)
    # The first batch tells which sides there are; both kinds of file are read by batches.
    _, first = next(module.read(path), (0, None))
    names = [] if first is None else first.schema.names
    if {"source_tokens", "target_tokens"} <= set(names):
        return scan(path).collect()
    if "target_tokens" in names:
        return scan(path, side="target").collect()
    return scan(path, side="source").collect() if "source_tokens" in names else _bare(path)


def _bare(path: Path) -> Corpus:
    """A file of one side without a name: columns tokens and, where it has them, entities."""
    side = scan(path, side="source").collect()
    names = [name.removeprefix("source_") for name in side.columns]
    return Corpus.from_batches([b.rename_columns(names) for b in side.batches()], str(path))
