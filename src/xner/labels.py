"""Labelled text of one side, for evaluation: files, or corpora."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xner.columns import ENTITIES, TOKENS, lengths_of
from xner.corpus import Batches, Corpus, zip_batches
from xner.corpus.bad_rows import check_on_bad_row
from xner.corpus.inputs import Encoding, Inputs, encodings_of, find_files, line_up
from xner.corpus.quarantine import bad_rows_of, leave_out
from xner.corpus.reading import alone
from xner.corpus.sides import one_side
from xner.errors import InputError, ParallelError
from xner.formats import WITH_WORDS
from xner.schemes import check_scheme


def label_files(
    paths: Sequence[Inputs],
    scheme: str = "auto",
    docstart: str = "auto",
    encoding: Encoding = None,
    on_bad_row: str = "fail",
) -> list[Corpus]:
    """Open labelled files of the same sentences; columns tokens and entities.

    The target side of a file with two sides is read. Every file is opened once here, to count its
    rows, and once at each pass.

    With `on_bad_row="quarantine"`, rows that are bad in one file, or differ in their number of
    words, are left out of all; they are in `.bad` of each corpus. This takes one more pass.

    Raises:
        InputError: a file is missing, empty or malformed, has no labels, or they differ in rows.
    """
    spare = check_on_bad_row(on_bad_row)
    check_scheme(scheme, auto=True)
    target = partial(one_side, side="target")
    found = [find_files(given, *WITH_WORDS) for given in paths]
    encodings = encodings_of(encoding, found)
    files = [
        each.open(target, scheme=scheme, encoding=own, spare=spare)
        for each, own in zip(found, encodings, strict=True)
    ]
    rows = line_up(files, docstart) if files else 0
    corpora = [alone(file, rows) for file in files]
    if spare and corpora:
        bad = bad_rows_of(*corpora, fit=_same_lengths)
        corpora = [leave_out(corpus, bad) for corpus in corpora]
    return [label_side(corpus) for corpus in corpora]


def _same_lengths(*batches: pa.RecordBatch) -> NDArray[np.bool_]:
    """Bool (N): whether a row has as many words in all batches."""
    lengths = np.stack([lengths_of(batch["target_tokens"]) for batch in batches])
    same: NDArray[np.bool_] = (lengths == lengths[0]).all(0)
    return same


def label_side(corpus: Corpus) -> Corpus:
    """Return the tokens and entities of the only side of a corpus, or of its target side.

    Raises:
        InputError: it has no labels there.
    """
    sides = (side for side in ("", "target_", "source_") if f"{side}tokens" in corpus.columns)
    prefix = next(sides, "")
    names = [f"{prefix}tokens", f"{prefix}entities"]
    if not set(names) <= set(corpus.columns):
        raise InputError(f"{corpus.origin}: has no labels; give a file with tags or entities")
    schema = pa.schema({"tokens": TOKENS, "entities": ENTITIES})
    side = Corpus(_Labels(corpus.select(*names)), len(corpus), corpus.origin, schema)
    side.bad = corpus.bad
    return side


@dataclass(frozen=True)
class _Labels:
    """Two columns of a corpus as tokens and entities."""

    corpus: Corpus

    def __call__(self) -> Batches:
        return self._renamed(self.corpus.batches())

    def between(self, first: int, last: int) -> Batches:
        return self._renamed(self.corpus.part(first, last).batches())

    def _renamed(self, batches: Batches) -> Batches:
        return (batch.rename_columns(["tokens", "entities"]) for batch in batches)


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
