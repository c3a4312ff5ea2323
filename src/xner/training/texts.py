"""Input of the training functions: corpora in memory, or files of one side or two."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike

from xner.corpus import Corpus, StrPath, read_as_is
from xner.errors import UsageError

Given = Corpus | StrPath


def as_corpora(given: Given | Sequence[Given]) -> list[Corpus]:
    """Return corpora; files are read into memory with all their sides and columns.

    Raises:
        InputError: a file is missing, empty or malformed.
        UsageError: nothing is given, or a suffix is unknown.
    """
    corpora = as_texts(given)
    if not corpora:
        raise UsageError("no corpus was given")
    return corpora


def as_texts(given: Given | Sequence[Given]) -> list[Corpus]:
    """Return corpora like `as_corpora`; there may be none."""
    items = [given] if isinstance(given, Corpus | str | PathLike) else list(given)
    return [item if isinstance(item, Corpus) else read_as_is(item) for item in items]
