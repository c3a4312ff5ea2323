"""Validation of a batch before it is used: spans, links, offsets and probabilities must fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from xner.columns import Int32, Where, fields_of, lengths_of, offsets_of, rows_of, values_of
from xner.errors import FormatError, InputError

MOST_WORDS = 1 << 20
"""Words of a sentence; links, spans and scores of longer ones would need larger integers."""


def validate(batch: pa.RecordBatch, where: Where) -> None:
    """Check every column that xner knows; `where` names a row in the message.

    Raises:
        InputError: for the first row that does not fit.
    """
    names = set(batch.schema.names)
    for prefix in ("", "source_", "target_", "back_"):
        tokens, entities = f"{prefix}tokens", f"{prefix}entities"
        if tokens in names:
            _check_tokens(batch[tokens], tokens, where)
        if entities in names:
            _need(names, entities, tokens)
            _check_entities(batch[entities], batch[tokens], entities, where)
    for prefix in ("", "source_", "target_", "back_"):
        tokens, offsets, text = f"{prefix}tokens", f"{prefix}offsets", f"{prefix}text"
        if offsets in names:
            _need(names, offsets, tokens, text)
            _check_offsets(batch[offsets], batch[tokens], batch[text], offsets, where)
        if (name := f"{prefix}entity_offsets") in names:
            _need(names, name, f"{prefix}entities", offsets)
            _check_entity_offsets(batch, prefix, where)
        name, tagset = f"{prefix}probabilities", f"{prefix}tagset"
        if prefix and name in names:
            _need(names, name, tagset, tokens)
            _check_probabilities(batch[name], batch[tagset], batch[tokens], name, where)
    for name in ("target_candidates", "scored_candidates"):
        if {name, "target_tokens"} <= names:
            _check_entities(batch[name], batch["target_tokens"], name, where)
    if {"links", "source_tokens", "target_tokens"} <= names:
        source, target = (lengths_of(batch[f"{side}_tokens"]) for side in ("source", "target"))
        _check_links(batch["links"], source, target, where)


def _need(names: set[str], column: str, *others: str) -> None:
    if missing := set(others) - names:
        raise FormatError(
            f"there is a column {column!r} but no {min(missing)!r}; keep both or neither"
        )


def _first(bad: NDArray[np.bool_]) -> int | None:
    """The index of the first True."""
    return int(bad.argmax()) if bad.any() else None


def _first_null(values: pa.Array) -> int | None:
    return _first(values.is_null().to_numpy(zero_copy_only=False)) if values.null_count else None


def _check_no_nulls(
    values: pa.Array, names: list[str], row: NDArray[np.int64], what: str, where: Where
) -> None:
    """Raise InputError for the first struct in `values` that lacks one of the fields."""
    for name in names:
        if (missing := _first_null(values.field(name))) is not None:
            raise InputError(f"{where(int(row[missing]))}: {what} has no {name}")


def _check_lengths(
    counts: Int32, wanted: Int32, name: str, what: str, of: str, where: Where
) -> None:
    """Raise InputError for the first row whose number of values is not that of its words."""
    if (row := _first(counts != wanted)) is not None:
        raise InputError(f"{where(row)}: {name} has {counts[row]} {what} for {wanted[row]} {of}")


def _check_tokens(column: pa.ListArray, name: str, where: Where) -> None:
    lengths = lengths_of(column)
    if (long := _first(lengths > MOST_WORDS)) is not None:
        raise InputError(
            f"{where(long)}: {name} has {lengths[long]:,} words; a sentence has at most "
            f"{MOST_WORDS:,}: split it"
        )
    if (missing := _first_null(values_of(column))) is not None:
        row = int(rows_of(offsets_of(column))[missing])
        raise InputError(f"{where(row)}: {name} has a null where a token should be")


def _check_entities(entities: pa.ListArray, tokens: pa.ListArray, name: str, where: Where) -> None:
    """Raise InputError for the first span that is not inside its sentence, or lacks its label."""
    row, values = rows_of(offsets_of(entities)), values_of(entities)
    labelled = entities.type.value_type.get_field_index("label") >= 0
    fields = ["start", "end"] + ["label"] * labelled
    _check_no_nulls(values, fields, row, f"an entity in {name}", where)
    start, end = fields_of(entities, "start", "end")
    words = lengths_of(tokens)[row]
    if (i := _first((start < 0) | (end <= start) | (end > words))) is not None:
        raise InputError(
            f"{where(int(row[i]))}: the span [{start[i]}, {end[i]}) in {name} does not fit a "
            f"sentence of {words[i]} words; spans are half-open word indices from 0"
        )
    if labelled:
        unnamed = pc.equal(values.field("label"), "").to_numpy(zero_copy_only=False)
        if (i := _first(unnamed)) is not None:
            raise InputError(f"{where(int(row[i]))}: an entity in {name} has an empty label")


def _check_links(
    links: pa.ListArray, source_words: Int32, target_words: Int32, where: Where
) -> None:
    """Raise InputError for the first link out of bounds or with an impossible weight."""
    row = rows_of(offsets_of(links))
    _check_no_nulls(values_of(links), ["source", "target"], row, "a link", where)
    source, target, weight = fields_of(links, "source", "target", "weight")
    s, t = source_words[row], target_words[row]
    if (i := _first((source < 0) | (source >= s) | (target < 0) | (target >= t))) is not None:
        raise InputError(
            f"{where(int(row[i]))}: the link {source[i]}-{target[i]} is out of bounds: the source "
            f"has {s[i]} words and the target {t[i]}, counted from 0; check that the links belong "
            f"to these files and this tokenisation, source side first"
        )
    if (i := _first(~(np.isfinite(weight) & (weight >= 0)))) is not None:
        raise InputError(
            f"{where(int(row[i]))}: the link {source[i]}-{target[i]} has the weight {weight[i]}; "
            f"weights must be finite and at least 0"
        )


def _check_offsets(
    offsets: pa.ListArray, tokens: pa.ListArray, text: pa.StringArray, name: str, where: Where
) -> None:
    """Raise InputError for the first row whose offsets are not those of its tokens in its text."""
    _check_lengths(lengths_of(offsets), lengths_of(tokens), name, "entries", "tokens", where)
    row, words = rows_of(offsets_of(offsets)), values_of(tokens)
    _check_no_nulls(values_of(offsets), ["start", "end"], row, f"an entry of {name}", where)
    start, end = fields_of(offsets, "start", "end")
    letters = _lengths_in_letters(words)
    before = np.where(np.diff(row, prepend=-1) == 0, np.concatenate([[0], end])[:-1], 0)
    room = _lengths_in_letters(text)[row]
    if (i := _first((start < before) | (end - start != letters) | (end > room))) is not None:
        raise InputError(
            f"{where(int(row[i]))}: the offsets [{start[i]}, {end[i]}) in {name} do not fit the "
            f"token {words[i].as_py()!r}; offsets are half-open, in code points of the text, and "
            f"in order"
        )


def _check_entity_offsets(batch: pa.RecordBatch, prefix: str, where: Where) -> None:
    """Raise InputError for the first character span that does not touch the tokens of its entity.

    A span may begin and end inside a token, and in white space before and after its tokens.
    """
    name, entities = f"{prefix}entity_offsets", batch[f"{prefix}entities"]
    _check_lengths(lengths_of(batch[name]), lengths_of(entities), name, "spans", "entities", where)
    row = rows_of(offsets_of(entities))
    _check_no_nulls(values_of(batch[name]), ["start", "end"], row, f"a span in {name}", where)
    first, last = fields_of(entities, "start", "end")
    start, end = fields_of(batch[name], "start", "end")
    tokens = _token_places(batch[f"{prefix}offsets"], batch[f"{prefix}text"])
    words = offsets_of(batch[f"{prefix}offsets"])
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


def _lengths_in_letters(text: pa.StringArray) -> NDArray[Any]:
    """Code points of each string; 0 for null."""
    lengths = pc.utf8_length(text).fill_null(0)
    return np.asarray(lengths.to_numpy(zero_copy_only=False))


def _check_probabilities(
    column: pa.ListArray, tagset: pa.ListArray, tokens: pa.ListArray, name: str, where: Where
) -> None:
    """Raise InputError for the first row without one probability per word and tag."""
    _check_lengths(lengths_of(column), lengths_of(tokens), name, "rows", "words", where)
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
