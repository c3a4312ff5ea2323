"""Tags as entities: text such as B-PER, or numbers of classes of Hugging Face datasets."""

from __future__ import annotations

from itertools import product

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xner.columns import TOKENS, Where, lengths_of, offsets_of, rows_of
from xner.conforming import fit
from xner.errors import FormatError, InputError
from xner.formats.tags import class_names, entities_from_tags

TAGS, CLASSES = "tags", "ner_tags"
"""Columns of tags: one that entities replace, and one that is kept with the names of its classes"""
_TAG_COLUMNS = tuple(
    (f"{prefix}{kind}", prefix, kind)
    for prefix, kind in product(("", "source_", "target_"), (TAGS, CLASSES))
)


def with_entities(batch: pa.RecordBatch, scheme: str, where: Where) -> pa.RecordBatch:
    """Add the entities that tags stand for, on every side that has tags but no entities.

    Tags are in `tags`, which is left out of the result, or `ner_tags`, which stays; with
    `source_` or `target_` before it, if the words have it. Numbers in `ner_tags` are those of
    classes whose names the schema has; without names they are not read.

    Raises:
        InputError: a row has not as many tags as words, or a tag is not one of its scheme.
    """
    held = set(batch.schema.names)
    for name, prefix, kind in _TAG_COLUMNS:
        if name not in held or f"{prefix}entities" in batch.schema.names:
            continue
        tags = batch[name]
        if kind == CLASSES:
            known = class_names(batch.schema).get(name)
            if f"{prefix}tokens" not in held or (known is None and _coded(tags)):
                continue
            tags = tags if known is None else _named(tags, known, name, where)
        else:
            batch = batch.drop_columns([name])
        batch = _added(batch, fit(tags, TOKENS, name), prefix, name, scheme, where)
    return batch


def _coded(tags: pa.Array) -> bool:
    """Whether tags are numbers."""
    kind = getattr(tags.type, "value_type", tags.type)
    return bool(pa.types.is_integer(kind))


def _named(tags: pa.Array, names: list[str], column: str, where: Where) -> pa.Array:
    """The names of numbered classes."""
    numbers = fit(tags, pa.list_(pa.int64()), column)
    values = numbers.flatten()
    codes = values.to_numpy(zero_copy_only=False)
    bad = ~((codes >= 0) & (codes < len(names)))
    if bad.any():
        i = int(bad.argmax())
        raise InputError(
            f"{where(int(rows_of(offsets_of(numbers))[i]))}: {column} has {values[i].as_py()}, "
            f"but there are {len(names)} classes, from 0"
        )
    found, offsets = pa.array(names, pa.string()).take(values), offsets_of(numbers)
    return pa.ListArray.from_arrays(pa.array(offsets - offsets[0]), found)


def _added(
    batch: pa.RecordBatch, tags: pa.ListArray, prefix: str, name: str, scheme: str, where: Where
) -> pa.RecordBatch:
    """The batch with the entities of tags, which fit its tokens."""
    if f"{prefix}tokens" not in batch.schema.names:
        raise FormatError(f"{where(0)}: there is a column {name!r} but no '{prefix}tokens'")
    words = batch[f"{prefix}tokens"]
    differ = np.flatnonzero(lengths_of(tags) != lengths_of(words))
    if len(differ):
        raise FormatError(f"{where(int(differ[0]))}: not as many {name} as tokens")
    offsets = offsets_of(words)
    place = _word_place(where, rows_of(offsets))
    column = entities_from_tags(tags.flatten(), offsets - offsets[0], scheme, place)
    return batch.append_column(f"{prefix}entities", column)


def _word_place(where: Where, rows: NDArray[np.int64]) -> Where:
    return lambda word: where(int(rows[word]))
