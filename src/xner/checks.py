"""What is checked of a corpus before it is used: spans, links, offsets and probabilities fit."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xner.columns import Int32, Where, field_of, lengths_of, offsets_of, rows_of
from xner.errors import FormatError, InputError


def _first_null(values: pa.Array) -> int | None:
    if not values.null_count:
        return None
    return int(np.flatnonzero(values.is_null().to_numpy(zero_copy_only=False))[0])


def check_tokens(column: pa.ListArray, name: str, where: Where) -> None:
    """Raise InputError for the first missing (null) token."""
    offsets = offsets_of(column)
    missing = _first_null(column.values.slice(offsets[0], offsets[-1] - offsets[0]))
    if missing is not None:
        row = int(rows_of(offsets)[missing])
        raise InputError(f"{where(row)}: {name} has a null where a token should be")


def check_entities(entities: pa.ListArray, tokens: pa.ListArray, name: str, where: Where) -> None:
    """Raise InputError for the first span that is not inside its sentence, or lacks its label."""
    offsets, row = offsets_of(entities), rows_of(offsets_of(entities))
    part = slice(int(offsets[0]), int(offsets[-1]))
    values = entities.values.slice(part.start, part.stop - part.start)
    fields = ("start", "end", "label")
    labelled = entities.type.value_type.get_field_index("label") >= 0
    for field in fields if labelled else fields[:2]:
        if (missing := _first_null(values.field(field))) is not None:
            raise InputError(f"{where(int(row[missing]))}: an entity in {name} has no {field}")
    start, end = field_of(entities, "start")[part], field_of(entities, "end")[part]
    words = lengths_of(tokens)[row]
    bad = np.flatnonzero((start < 0) | (end <= start) | (end > words))
    if len(bad):
        i = int(bad[0])
        raise InputError(
            f"{where(int(row[i]))}: the span [{start[i]}, {end[i]}) in {name} does not fit a "
            f"sentence of {words[i]} words; spans are half-open word indices from 0"
        )
    if not labelled:
        return
    unnamed = np.flatnonzero(pc.equal(values.field("label"), "").to_numpy(zero_copy_only=False))
    if len(unnamed):
        raise InputError(f"{where(int(row[unnamed[0]]))}: an entity in {name} has an empty label")


def check_links(
    links: pa.ListArray, source_words: Int32, target_words: Int32, where: Where
) -> None:
    """Raise InputError for the first link out of bounds or with an impossible weight."""
    offsets, row = offsets_of(links), rows_of(offsets_of(links))
    part = slice(int(offsets[0]), int(offsets[-1]))
    values = links.values.slice(part.start, part.stop - part.start)
    for field in ("source", "target"):
        if values.field(field).null_count:
            missing = values.field(field).is_null().to_numpy(zero_copy_only=False)
            raise InputError(
                f"{where(int(row[np.flatnonzero(missing)[0]]))}: a link has no {field}"
            )
    source, target = field_of(links, "source")[part], field_of(links, "target")[part]
    bad = np.flatnonzero(
        (source < 0) | (source >= source_words[row]) | (target < 0) | (target >= target_words[row])
    )
    if len(bad):
        i = int(bad[0])
        s, t = source_words[row[i]], target_words[row[i]]
        raise InputError(
            f"{where(int(row[i]))}: the link {source[i]}-{target[i]} is out of bounds: the source "
            f"has {s} words and the target {t}, counted from 0; check that the links were made "
            f"for these files and this tokenisation, source side first"
        )
    weight = field_of(links, "weight")[part]
    odd = np.flatnonzero(~(np.isfinite(weight) & (weight >= 0)))
    if len(odd):
        i = int(odd[0])
        raise InputError(
            f"{where(int(row[i]))}: the link {source[i]}-{target[i]} has the weight {weight[i]}; "
            f"weights are numbers from 0 up"
        )


def check_offsets(
    offsets: pa.ListArray, tokens: pa.ListArray, text: pa.StringArray, name: str, where: Where
) -> None:
    """Raise InputError for the first row whose offsets are not those of its tokens in its text."""
    counts = lengths_of(offsets)
    differs = np.flatnonzero(counts != lengths_of(tokens))
    if len(differs):
        at = int(differs[0])
        raise InputError(
            f"{where(at)}: {name} has {counts[at]} entries for {lengths_of(tokens)[at]} tokens"
        )
    row = rows_of(offsets_of(offsets))
    inside = [_within(column) for column in (offsets, tokens)]
    for field in ("start", "end"):
        if (missing := _first_null(inside[0].field(field))) is not None:
            raise InputError(f"{where(int(row[missing]))}: an entry of {name} has no {field}")
    start, end = (inside[0].field(f).to_numpy() for f in ("start", "end"))
    letters = pc.utf8_length(inside[1]).to_numpy(zero_copy_only=False)
    before = np.where(np.diff(row, prepend=-1) == 0, np.concatenate([[0], end])[:-1], 0)
    room = pc.utf8_length(text).fill_null(0).to_numpy(zero_copy_only=False)[row]
    bad = np.flatnonzero((start < before) | (end - start != letters) | (end > room))
    if len(bad):
        i = int(bad[0])
        raise InputError(
            f"{where(int(row[i]))}: the offsets [{start[i]}, {end[i]}) in {name} do not fit the "
            f"token {inside[1][i].as_py()!r}; they are half-open, in code points of the text, and "
            f"in order"
        )


def _within(column: pa.ListArray) -> pa.Array:
    """The values of a list column that its rows cover."""
    offsets = offsets_of(column)
    return column.values.slice(offsets[0], offsets[-1] - offsets[0])


def check_probabilities(
    column: pa.ListArray, tagset: pa.ListArray, tokens: pa.ListArray, name: str, where: Where
) -> None:
    """Raise InputError for the first row without one finite number a word and tag, from 0 to 1."""
    offsets, rows = offsets_of(column), rows_of(offsets_of(column))
    words, tags = np.diff(offsets), lengths_of(tagset)
    bad = np.flatnonzero(words != lengths_of(tokens))
    if len(bad):
        row = int(bad[0])
        raise InputError(
            f"{where(row)}: {name} has {words[row]} rows for {lengths_of(tokens)[row]} words"
        )
    inner = column.values.slice(int(offsets[0]), int(offsets[-1] - offsets[0]))
    widths = lengths_of(inner)
    bad = np.flatnonzero(widths != tags[rows])
    if len(bad):
        row = int(rows[bad[0]])
        raise InputError(
            f"{where(row)}: {name} has {widths[bad[0]]} numbers for a word, but the tagset has "
            f"{tags[row]} tags"
        )
    numbers = inner.flatten().to_numpy(zero_copy_only=False)
    bad = np.flatnonzero(~((numbers >= 0) & (numbers <= 1 + 1e-3)))
    if len(bad):
        row = int(np.repeat(rows, widths)[bad[0]])
        raise InputError(
            f"{where(row)}: {name} holds {numbers[bad[0]]}; probabilities lie in [0, 1]"
        )


def check(batch: pa.RecordBatch, where: Where) -> None:
    """Check every column that xner knows; `where` names a row in the message.

    Raises:
        InputError: the first row that does not fit.
    """
    have = set(batch.schema.names)
    for prefix in ("", "source_", "target_", "back_"):
        tokens, entities = f"{prefix}tokens", f"{prefix}entities"
        if tokens in have:
            check_tokens(batch[tokens], tokens, where)
        if entities in have:
            if tokens not in have:
                raise FormatError(f"there is a column {entities!r} but no {tokens!r}")
            check_entities(batch[entities], batch[tokens], entities, where)
    for side in ("source", "target", "back"):
        _check_offsets_of(side, batch, where)
        _check_probabilities_of(side, batch, where)
    if {"target_candidates", "target_tokens"} <= have:
        name = "target_candidates"
        check_entities(batch[name], batch["target_tokens"], name, where)
    if {"links", "source_tokens", "target_tokens"} <= have:
        check_links(
            batch["links"],
            lengths_of(batch["source_tokens"]),
            lengths_of(batch["target_tokens"]),
            where,
        )


def _check_offsets_of(side: str, batch: pa.RecordBatch, where: Where) -> None:
    names = [f"{side}_offsets", f"{side}_tokens", f"{side}_text"]
    if names[0] not in batch.schema.names:
        return
    if missing := set(names) - set(batch.schema.names):
        raise FormatError(
            f"there is a column {names[0]!r} but no {min(missing)!r}; drop it, or keep both"
        )
    check_offsets(batch[names[0]], batch[names[1]], batch[names[2]], names[0], where)


def _check_probabilities_of(side: str, batch: pa.RecordBatch, where: Where) -> None:
    names = [f"{side}_probabilities", f"{side}_tagset", f"{side}_tokens"]
    if names[0] not in batch.schema.names:
        return
    if missing := set(names) - set(batch.schema.names):
        raise FormatError(f"there is a column {names[0]!r} but no {min(missing)!r}")
    check_probabilities(batch[names[0]], batch[names[1]], batch[names[2]], names[0], where)
