"""Validation of a batch before it is used: spans, links, offsets and probabilities must fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from xner.columns import (
    Int32,
    Lists,
    Where,
    fields_of,
    lengths_of,
    offsets_of,
    rows_of,
    string_offsets,
    values_of,
)
from xner.errors import FormatError, InputError
from xner.kernels.records import sizes_of

MOST_WORDS = 1 << 20
"""Words of a sentence; links, spans and scores of longer ones would need larger integers."""


class _Side(NamedTuple):
    """Names of the columns of a side."""

    tokens: str
    entities: str
    text: str
    offsets: str
    entity_offsets: str
    probabilities: str
    tagset: str


_SIDES = tuple(
    _Side(*(f"{prefix}{name}" for name in _Side._fields))
    for prefix in ("", "source_", "target_", "back_")
)


def validate(batch: pa.RecordBatch, where: Where) -> None:
    """Check every column that xner knows; `where` names a row in the message.

    Raises:
        InputError: for the first row that does not fit.
    """
    names = set(batch.schema.names)
    words: dict[str, Int32] = {}
    for side in _SIDES:
        if side.tokens in names:
            words[side.tokens] = _check_tokens(batch[side.tokens], side.tokens, where)
        if side.entities in names:
            _need(names, side.entities, side.tokens)
            _check_entities(batch[side.entities], words[side.tokens], side.entities, where)
    for side in _SIDES:
        if side.offsets in names:
            _need(names, side.offsets, side.tokens, side.text)
            _check_offsets(batch, side, where)
        if side.entity_offsets in names:
            _need(names, side.entity_offsets, side.entities, side.offsets)
            _check_entity_offsets(batch, side, where)
    for side in _SIDES[1:]:  # without a side, they are those of target entities
        if side.probabilities in names:
            _need(names, side.probabilities, side.tagset, side.tokens)
            _check_probabilities(batch, side, where)
    for name in ("target_candidates", "scored_candidates"):
        if {name, "target_tokens"} <= names:
            _check_entities(batch[name], words["target_tokens"], name, where)
    if {"links", "source_tokens", "target_tokens"} <= names:
        _check_links(batch["links"], words["source_tokens"], words["target_tokens"], where)


def _need(names: set[str], column: str, *others: str) -> None:
    if missing := set(others) - names:
        raise FormatError(
            f"there is a column {column!r} but no {min(missing)!r}; keep both or neither"
        )


def _first(bad: NDArray[np.bool_]) -> int | None:
    """The index of the first True."""
    first = int(bad.argmax()) if len(bad) else 0
    return first if len(bad) and bad[first] else None


def _first_null(values: pa.Array) -> int | None:
    return _first(values.is_null().to_numpy(zero_copy_only=False)) if values.null_count else None


def _fields(lists: Lists, names: Sequence[str], what: str, where: Where) -> list[pa.Array]:
    """Fields of the structs in a column; raises InputError for the first that lacks one."""
    fields = [lists.values.field(name) for name in names]
    for name, field in zip(names, fields, strict=True):
        if (missing := _first_null(field)) is not None:
            raise InputError(f"{where(lists.row_of(missing))}: {what} has no {name}")
    return fields


def _numbers(lists: Lists, names: Sequence[str], what: str, where: Where) -> list[NDArray[Any]]:
    """The same of fields of numbers, as flat arrays."""
    return [field.to_numpy() for field in _fields(lists, names, what, where)]


def _check_lengths(
    counts: Int32, wanted: Int32, name: str, what: str, of: str, where: Where
) -> None:
    """Raise InputError for the first row whose number of values is not that of its words."""
    if (row := _first(counts != wanted)) is not None:
        raise InputError(f"{where(row)}: {name} has {counts[row]} {what} for {wanted[row]} {of}")


def _check_tokens(column: pa.ListArray, name: str, where: Where) -> Int32:
    """The words of each row; raises InputError for the first row with too many, or with a null."""
    words = Lists.of(column)
    sizes = words.sizes
    if len(words.values) > MOST_WORDS and (long := _first(sizes > MOST_WORDS)) is not None:
        raise InputError(
            f"{where(long)}: {name} has {sizes[long]:,} words; a sentence has at most "
            f"{MOST_WORDS:,}: split it"
        )
    if (missing := _first_null(words.values)) is not None:
        row = words.row_of(missing)
        raise InputError(f"{where(row)}: {name} has a null where a token should be")
    return sizes


def _check_entities(column: pa.ListArray, sizes: Int32, name: str, where: Where) -> None:
    """Raise InputError for the first span that is not inside its sentence, or lacks its label.

    sizes: int32 (rows), the words of each sentence.
    """
    entities = Lists.of(column)
    labelled = entities.values.type.get_field_index("label") >= 0
    names = ["start", "end"] + ["label"] * labelled
    first, last, *label = _fields(entities, names, f"an entity in {name}", where)
    start, end, words = first.to_numpy(), last.to_numpy(), sizes.repeat(entities.sizes)
    if (i := _first((start < 0) | (end <= start) | (end > words))) is not None:
        raise InputError(
            f"{where(entities.row_of(i))}: the span [{start[i]}, {end[i]}) in {name} does not "
            f"fit a sentence of {words[i]} words; spans are half-open word indices from 0"
        )
    if label and (i := _first(sizes_of(string_offsets(label[0])) == 0)) is not None:
        raise InputError(f"{where(entities.row_of(i))}: an entity in {name} has an empty label")


def _check_links(
    column: pa.ListArray, source_words: Int32, target_words: Int32, where: Where
) -> None:
    """Raise InputError for the first link out of bounds or with an impossible weight."""
    links = Lists.of(column)
    source, target = _numbers(links, ["source", "target"], "a link", where)
    [weight] = links.numbers("weight")
    s, t = source_words.repeat(links.sizes), target_words.repeat(links.sizes)
    if (i := _first((source < 0) | (source >= s) | (target < 0) | (target >= t))) is not None:
        raise InputError(
            f"{where(links.row_of(i))}: the link {source[i]}-{target[i]} is out of bounds: the "
            f"source has {s[i]} words and the target {t[i]}, counted from 0; check that the links "
            f"belong to these files and this tokenisation, source side first"
        )
    if (i := _first(~(np.isfinite(weight) & (weight >= 0)))) is not None:
        raise InputError(
            f"{where(links.row_of(i))}: the link {source[i]}-{target[i]} has the weight "
            f"{weight[i]}; weights must be finite and at least 0"
        )


def _check_offsets(batch: pa.RecordBatch, side: _Side, where: Where) -> None:
    """Raise InputError for the first row whose offsets are not those of its tokens in its text."""
    name, offsets, tokens = side.offsets, batch[side.offsets], batch[side.tokens]
    _check_lengths(lengths_of(offsets), lengths_of(tokens), name, "entries", "tokens", where)
    start, end = _numbers(Lists.of(offsets), ["start", "end"], f"an entry of {name}", where)
    row, words = rows_of(offsets_of(offsets)), values_of(tokens)
    letters = _lengths_in_letters(words)
    before = np.where(np.diff(row, prepend=-1) == 0, np.concatenate([[0], end])[:-1], 0)
    room = _lengths_in_letters(batch[side.text])[row]
    if (i := _first((start < before) | (end - start != letters) | (end > room))) is not None:
        raise InputError(
            f"{where(int(row[i]))}: the offsets [{start[i]}, {end[i]}) in {name} do not fit the "
            f"token {words[i].as_py()!r}; offsets are half-open, in code points of the text, and "
            f"in order"
        )


def _check_entity_offsets(batch: pa.RecordBatch, side: _Side, where: Where) -> None:
    """Raise InputError for the first character span that does not touch the tokens of its entity.

    A span may begin and end inside a token, and in white space before and after its tokens.
    """
    name, spans, entities = side.entity_offsets, batch[side.entity_offsets], batch[side.entities]
    _check_lengths(lengths_of(spans), lengths_of(entities), name, "spans", "entities", where)
    start, end = _numbers(Lists.of(spans), ["start", "end"], f"a span in {name}", where)
    first, last = fields_of(entities, "start", "end")
    row = rows_of(offsets_of(entities))
    tokens = _token_places(batch[side.offsets], batch[side.text])
    words = offsets_of(batch[side.offsets])
    before = (words[:-1] - words[0])[row].astype(np.int64)
    head, tail = tokens[before + first], tokens[before + last - 1]
    inside = (head[:, 0] <= start) & (start < head[:, 2]) & (start < end)
    inside &= (tail[:, 1] < end) & (end <= tail[:, 3])
    if (i := _first(~inside)) is not None:
        raise InputError(
            f"{where(int(row[i]))}: the characters [{start[i]}, {end[i]}) in {name} are not those "
            f"of the tokens [{first[i]}, {last[i]}); a span begins in the first token of its "
            f"entity and ends in the last, in code points of the text"
        )


def _token_places(offsets: pa.ListArray, text: pa.StringArray) -> NDArray[np.int64]:
    """Int (tokens, 4): end of the token before, its own start and end, start of the next.

    The text has a token of no characters before its first and after its last character.
    """
    row = rows_of(offsets_of(offsets))
    start, end = (field.astype(np.int64) for field in fields_of(offsets, "start", "end"))
    opens, closes = np.diff(row, prepend=-1) != 0, np.diff(row, append=-1) != 0
    before = np.where(opens, 0, np.roll(end, 1))
    after = np.where(closes, _lengths_in_letters(text)[row], np.roll(start, -1))
    return np.stack([before, start, end, after], axis=1)


def _lengths_in_letters(text: pa.StringArray | pa.DictionaryArray) -> NDArray[Any]:
    """Code points of each string; 0 for null."""
    if isinstance(text, pa.DictionaryArray):
        return np.asarray(_lengths_in_letters(text.dictionary)[text.indices.to_numpy()])
    lengths = pc.utf8_length(text).fill_null(0)
    return np.asarray(lengths.to_numpy(zero_copy_only=False))


def _check_probabilities(batch: pa.RecordBatch, side: _Side, where: Where) -> None:
    """Raise InputError for the first row without one probability per word and tag."""
    name, column, tagset = side.probabilities, batch[side.probabilities], batch[side.tagset]
    words = lengths_of(batch[side.tokens])
    _check_lengths(lengths_of(column), words, name, "rows", "words", where)
    rows, inner = rows_of(offsets_of(column)), values_of(column)
    widths, tags = lengths_of(inner), lengths_of(tagset)[rows]
    if (i := _first(widths != tags)) is not None:
        raise InputError(
            f"{where(int(rows[i]))}: {name} has {widths[i]} numbers for a word, but the tagset "
            f"has {tags[i]} tags"
        )
    numbers = inner.flatten().to_numpy(zero_copy_only=False)
    if (i := _first(~((numbers >= 0) & (numbers <= 1 + 1e-3)))) is not None:
        row = int(np.repeat(rows, widths)[i])
        raise InputError(
            f"{where(row)}: {name} holds {numbers[i]}; probabilities must be between 0 and 1"
        )
