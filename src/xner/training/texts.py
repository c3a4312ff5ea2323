"""Input of the training functions: corpora, or files of one side or two."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import Any

from xner.corpus import Corpus, as_corpus, read_as_is
from xner.errors import UsageError

Given = Any
"""Corpora, paths, or what `xner.Corpus.of` takes; or a list of these."""


def as_corpora(given: Given) -> list[Corpus]:
    """Return corpora; files are read into memory with all their sides and columns.

    Raises:
        InputError: a file is missing, empty or malformed.
        UsageError: nothing is given, or a suffix is unknown.
    """
    corpora = as_texts(given)
    if not corpora:
        raise UsageError("no corpus was given")
    return corpora


def as_texts(given: Given) -> list[Corpus]:
    """Return corpora like `as_corpora`; there may be none."""
    items = list(given) if isinstance(given, list | tuple) else [given]
    if any(isinstance(item, list | tuple | Mapping) for item in items):
        items = [given]  # rows
    return [_corpus(item) for item in items]


def _corpus(given: Any) -> Corpus:
    if isinstance(given, str | PathLike):
        return read_as_is(given)
    return as_corpus(given, None, single=True)
