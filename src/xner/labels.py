"""Labelled text of one side, for evaluation: files, or corpora in memory."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from xner.columns import ENTITIES, TOKENS, lengths_of
from xner.corpus import Corpus, rechunk, zip_batches
from xner.corpus.files import InputFile, line_up, one_side
from xner.errors import InputError, ParallelError
from xner.schemes import check_scheme


def label_files(paths: list[Path], scheme: str = "auto", docstart: str = "auto") -> list[Corpus]:
    """Read labelled files of the same sentences; columns tokens and entities.

    The target side of a file with two sides is read. Every file is opened once.

    Raises:
        InputError: a file is missing, empty or malformed, has no labels, or they differ in rows.
    """
    check_scheme(scheme, auto=True)
    target = partial(one_side, side="target")
    files = [InputFile(path, target, scheme=scheme, hold=True) for path in paths]
    if files:
        line_up(files, docstart)
    read = [(list(rechunk(file.batches())), str(file.path), file.schema) for file in files]
    return [label_side(Corpus.from_batches(*one)) for one in read]


def label_side(corpus: Corpus) -> Corpus:
    """Return the tokens and entities of a corpus; of its target side, where it has two.

    Reads the corpus once, into memory.

    Raises:
        InputError: it has no labels there.
    """
    prefix = "" if "tokens" in corpus.columns else "target_"
    names = [f"{prefix}tokens", f"{prefix}entities"]
    if not set(names) <= set(corpus.columns):
        raise InputError(f"{corpus.origin}: has no labels; give a file with tags or entities")
    batches = [b.select(names).rename_columns(["tokens", "entities"]) for b in corpus.batches()]
    schema = pa.schema({"tokens": TOKENS, "entities": ENTITIES})
    return Corpus.from_batches(batches, corpus.origin, schema)


def paired_batches(
    gold: Corpus, predicted: Corpus
) -> Iterator[tuple[int, pa.RecordBatch, pa.RecordBatch]]:
    """Yield the number of the first row, from 0, and batches of the same rows of both corpora.

    Raises:
        ParallelError: the corpora differ in sentences, or in the words of one of them.
    """
    if len(gold) != len(predicted):
        raise ParallelError(
            f"{predicted.origin}: {len(predicted)} sentences, but {gold.origin} has {len(gold)}; "
            f"both must hold the same sentences"
        )
    row = 0
    streams = (gold.origin, gold.batches()), (predicted.origin, predicted.batches())
    for theirs, ours in zip_batches(*streams):
        wanted, words = lengths_of(theirs["tokens"]), lengths_of(ours["tokens"])
        differ = np.flatnonzero(wanted != words)
        if len(differ):
            i = int(differ[0])
            raise ParallelError(
                f"{predicted.origin}: sentence {row + i + 1} has {words[i]} words, but "
                f"{wanted[i]} in {gold.origin}; both must have the same tokens"
            )
        yield row, theirs, ours
        row += ours.num_rows
