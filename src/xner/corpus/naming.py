"""Target candidates from a file: the spans of its entities, or its candidates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from xner.columns import (
    CANDIDATES,
    TAGGED_BY,
    field_of,
    lengths_of,
    offsets_of,
    replace_columns,
    struct_lists,
    with_columns,
)
from xner.corpus.base import Corpus
from xner.corpus.inputs import Input, Inputs, find_files
from xner.corpus.joining import zip_batches
from xner.corpus.parts import Batches, Chosen, Source, only
from xner.corpus.quarantine import every_row, is_quarantined, without_bad_rows_of
from xner.corpus.reading import side_of
from xner.corpus.sides import one_side
from xner.errors import InputError, ParallelError
from xner.formats import WITH_WORDS

_NAME = "target_candidates"
_GIVEN = (_NAME, "target_entities")
"""Columns that spans are taken from, the first one that a file has."""


def with_candidates(pairs: Corpus, path: Inputs) -> Corpus:
    """Add the spans of a file of the target side as `target_candidates`.

    Args:
        pairs: has `target_tokens`; read along with the file at each pass.
        path: file (.conll, .jsonl or .parquet) with the same target words, row by row. Its
            candidates are taken, or else the spans of its target entities.

    Raises:
        InputError: the file is missing or malformed, has no entities, or has other rows or words.
        UsageError: the suffix is unknown.
    """
    file = _open_named(path, is_quarantined(pairs))
    named = side_of(file, pairs)
    if not any(name in named.columns for name in _GIVEN):
        raise InputError(
            f"{path}: has no entities to take as candidates; name a labelled file (.conll, .jsonl "
            f"or .parquet with {' or '.join(_GIVEN)})"
        )
    metadata = {TAGGED_BY["target"]: f"file({file.path.name})"}
    schema = with_columns(pairs.schema, {_NAME: CANDIDATES}, metadata=metadata)
    return Corpus(_Named(pairs, named, metadata), len(pairs), pairs.origin, schema)


def without_bad_candidates(pairs: Corpus, path: Inputs) -> Corpus:
    """Leave out of `pairs` also the rows that are bad in a file of candidates, or do not fit to it.

    The same if `pairs` was opened strictly; otherwise the words of both are read once.
    """
    if not is_quarantined(pairs):
        return pairs
    named = side_of(_open_named(path, True), every_row(pairs))
    return without_bad_rows_of(pairs, named, ["target_tokens"], _same_words)


def _open_named(path: Inputs, spare: bool) -> Input:
    return find_files(path, *WITH_WORDS).open(partial(one_side, side="target"), spare=spare)


def spans_of(entities: pa.ListArray) -> pa.ListArray:
    """Start and end of every entity, without its label."""
    offsets = offsets_of(entities)
    part = slice(int(offsets[0]), int(offsets[-1]))
    fields = (field_of(entities, name)[part] for name in ("start", "end"))
    return struct_lists(CANDIDATES, offsets - offsets[0], *fields)


@dataclass(frozen=True)
class _Named:
    """The batches of `with_candidates`.

    Attributes:
        pairs: the corpus.
        named: the file.
        metadata: entries of the schema metadata to set.
    """

    pairs: Corpus
    named: Corpus
    metadata: dict[bytes, str]

    def __call__(self) -> Batches:
        return self.between(0, len(self.pairs))

    def between(self, first: int, last: int) -> Batches:
        """Yield the rows `[first, last)`."""
        parts = [corpus.part(first, last) for corpus in (self.pairs, self.named)]
        streams = [(part.origin, part.batches()) for part in parts]
        row = first
        for batch, own in zip_batches(*streams, first=first):
            _check_words(batch, own, row, self.pairs.origin, self.named.origin)
            row += batch.num_rows
            name = next(name for name in _GIVEN if name in own.schema.names)
            spans = own[name] if name == _NAME else spans_of(own[name])
            yield replace_columns(batch, {_NAME: spans}, metadata=self.metadata)

    def only(self, names: Sequence[str]) -> Source:
        """Return some columns; the file is read only for the candidates."""
        if _NAME not in names:
            return only(self.pairs.source, names)
        wanted = {*names, "target_tokens"} - {_NAME}
        pairs = self.pairs.select(*(name for name in self.pairs.columns if name in wanted))
        return Chosen(_Named(pairs, self.named, self.metadata), tuple(names))


def _check_words(
    batch: pa.RecordBatch, own: pa.RecordBatch, first: int, pairs: str, file: str
) -> None:
    """Raise ParallelError unless two batches have the same target words."""
    same = _same_words(batch, own)
    if not same.all():
        row = first + int(np.argmin(same)) + 1
        raise ParallelError(
            f"{file}: row {row} has other target words than {pairs}; tokenise both files alike"
        )


def _same_words(batch: pa.RecordBatch, own: pa.RecordBatch) -> NDArray[np.bool_]:
    """Bool (N): whether the target words of a row are the same in two batches."""
    lengths = [lengths_of(each["target_tokens"]) for each in (batch, own)]
    equal = pc.equal(_joined(batch), _joined(own)).to_numpy(zero_copy_only=False)
    same: NDArray[np.bool_] = (lengths[0] == lengths[1]) & equal
    return same


def _joined(batch: pa.RecordBatch) -> pa.Array:
    return pc.binary_join(batch["target_tokens"], "\0")
