"""Labelled text of one side, for evaluation: files, or corpora in memory."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from xner.corpus import Corpus, rechunk, row_counts, side_batches
from xner.errors import InputError
from xner.schemes import check_scheme


def label_files(paths: list[Path], scheme: str = "auto", docstart: str = "auto") -> list[Corpus]:
    """Read labelled files of the same sentences; columns tokens and entities.

    Of a file with two sides the target side is read.

    Raises:
        InputError: a file is missing, empty or malformed, has no labels, or they differ in rows.
    """
    check_scheme(scheme, auto=True)
    if not paths:
        return []
    _, keep = row_counts(paths, docstart)
    return [label_side(Corpus.from_batches(_one_side(p, scheme, keep), str(p))) for p in paths]


def label_side(corpus: Corpus) -> Corpus:
    """The tokens and entities of a corpus in memory: of its target side, where it has two.

    Raises:
        InputError: it has no labels there.
    """
    columns = corpus.columns
    prefix = "" if "tokens" in columns else "target_"
    names = [f"{prefix}tokens", f"{prefix}entities"]
    if not set(names) <= set(columns):
        raise InputError(f"{corpus.origin}: has no labels; give something with tags or entities")
    batches = [b.select(names).rename_columns(["tokens", "entities"]) for b in corpus.batches()]
    return Corpus.from_batches(batches, corpus.origin)


def _one_side(path: Path, scheme: str, keep_docstart: bool) -> list[pa.RecordBatch]:
    return list(rechunk(side_batches(path, "target", scheme, keep_docstart, strip=True)))
