"""Corrections made in an annotation tool: a corrected file compared with the corpus it is of."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from xner.corpus import Corpus, StrPath, scan_as_is
from xner.errors import ChangeError
from xner.formats import WITH_WORDS, format_of, jsonl
from xner.formats.losses import flat, side_of
from xner.formats.registry import NESTED
from xner.formats.rows import Place, Texts, touched
from xner.formats.streams import open_text

Span = tuple[int, int, str]
_SHOWN = 60


def is_edited(path: StrPath) -> bool:
    """Whether a file is a labelled corpus, and not a list of changes.

    Raises:
        UsageError: the suffix is unknown.
    """
    module = format_of(Path(path), *WITH_WORDS)
    if module is not jsonl:
        return True
    with open_text(Path(path)) as file:
        line = file.readline()
    try:
        first = json.loads(line)
    except ValueError:
        return False
    return isinstance(first, dict) and "after" not in first and "before" not in first


class _Edited(NamedTuple):
    """A sentence of a corrected file.

    Attributes:
        name: its id.
        tokens: its words.
        spans: its entities as words.
        text, places: its text, and its entities as characters; None if words are all there is.
        sources: source entity of each entity, or None.
    """

    name: str
    tokens: list[str]
    spans: list[Span]
    text: str | None
    places: list[Place]
    sources: list[int | None]


def changes_in(path: StrPath, corpus: Corpus) -> list[dict[str, Any]]:
    """The corrections that a file from an annotation tool holds, as `apply_changes` takes them.

    Sentences are found by their id or, in formats without ids, by their row. A corrected entity
    keeps the source entity of the one that it replaces: the one with the same span and label, or
    else the one that it overlaps most.

    Args:
        path: file of the target side, or of both sides, such as `tasks.json`.
        corpus: the projected corpus that the file was made of.

    Raises:
        ChangeError: a sentence is not in the corpus, or has other words or another text.
        InputError: the file is malformed.
    """
    module = format_of(Path(path), *WITH_WORDS)
    opened = scan_as_is(path, side="target")
    if not opened.has_ids and len(opened.corpus) != len(corpus):
        opened = scan_as_is(path, side="target", docstart="keep")
    edited = [one for batch in opened.corpus.batches() for one in _sentences(batch)]
    by_id = opened.has_ids and _any_in(corpus, {one.name for one in edited})
    if not by_id and len(edited) != len(corpus):
        raise ChangeError(
            f"{path}: has no ids of {corpus.origin}, and {len(edited):,} sentences instead of "
            f"{len(corpus):,}; give a file that was written from this corpus"
        )
    rows = {str(row): [one] for row, one in enumerate(edited)}
    waiting = _by_id(edited) if by_id else rows
    flattened = NESTED not in module.FORMAT.keeps
    made, row = [], 0
    for batch in corpus.batches():
        given = Texts(side_of(batch, "target"))
        keep = flat(batch["target_entities"]).tolist()
        for i, name in enumerate(given.ids):
            own, keep = keep[: len(given.entities[i])], keep[len(given.entities[i]) :]
            inner = [e for e, stays in zip(given.entities[i], own, strict=True) if not stays]
            key = name if by_id else str(row + i)
            one = next((one for one in waiting.get(key, ()) if _same(one, given, i)), None)
            if one is None:
                continue
            waiting[key].remove(one)
            after = _after(one, given, i, inner if flattened else [], path)
            if after is not None:
                made.append(_change(name, given, i, after))
        row += batch.num_rows
    _check_found([one for ones in waiting.values() for one in ones], path, corpus)
    return made


def _by_id(edited: Sequence[_Edited]) -> dict[str, list[_Edited]]:
    found: dict[str, list[_Edited]] = {}
    for one in edited:
        found.setdefault(one.name, []).append(one)
    return found


def _same(one: _Edited, given: Texts, i: int) -> bool:
    """Whether a corrected sentence has the words or the text of a sentence of the corpus."""
    return one.tokens == given.tokens[i] or one.text == given.texts[i]


def _check_found(left: Sequence[_Edited], path: StrPath, corpus: Corpus) -> None:
    """Raise ChangeError if a corrected sentence was not found."""
    if left:
        text = left[0].text or " ".join(left[0].tokens)
        shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
        raise ChangeError(
            f"{path}: the sentence {left[0].name!r} with the words {shown!r} is not in "
            f"{corpus.origin}; {len(left):,} sentences are not there: correct only labels"
        )


def _any_in(corpus: Corpus, names: set[str]) -> bool:
    ids = corpus.select("id").batches()
    return any(name in names for batch in ids for name in batch["id"].to_pylist())


def _sentences(batch: pa.RecordBatch) -> Iterator[_Edited]:
    own = side_of(batch, "target")
    names = own.schema.names
    exact = "entity_offsets" in names
    for row in own.to_pylist():
        entities = row["entities"]
        yield _Edited(
            row["id"],
            row["tokens"],
            [(e["start"], e["end"], e["label"]) for e in entities],
            row["text"] if exact else None,
            [(p["start"], p["end"]) for p in row["entity_offsets"]] if exact else [],
            [e["source"] for e in entities],
        )


def _after(
    one: _Edited, given: Texts, i: int, inner: Sequence[Mapping[str, Any]], path: StrPath
) -> list[dict[str, Any]] | None:
    """The entities of a sentence after its correction; None if they are what they were."""
    spans = _spans(one, given, i, path)
    before = given.entities[i]
    held = [(e["start"], e["end"], e["label"]) for e in before]
    spans += [(e["start"], e["end"], e["label"]) for e in inner]
    if sorted(spans) == sorted(held):
        return None
    sources = [*one.sources, *(e["source"] for e in inner)]
    free = dict(enumerate(before))
    made: dict[int, int | None] = {}
    for j, span in enumerate(spans):
        for k in [k for k in free if held[k] == span][:1]:
            made[j] = free.pop(k)["source"]
    for j, (start, end, _) in enumerate(spans):
        if j in made:
            continue
        shared = {k: min(end, held[k][1]) - max(start, held[k][0]) for k in free}
        best = max(shared, key=lambda k: shared[k], default=None)
        made[j] = sources[j]
        if best is not None and shared[best] > 0:
            made[j] = free.pop(best)["source"]
    return [
        {"start": start, "end": end, "label": label, "source": made[j]}
        for j, (start, end, label) in enumerate(spans)
    ]


def _spans(one: _Edited, given: Texts, i: int, path: StrPath) -> list[Span]:
    """The entities of a corrected sentence as words of the corpus."""
    if one.tokens == given.tokens[i]:
        return list(one.spans)
    found = []
    for place, (*_, label) in zip(one.places, one.spans, strict=True):
        own = touched(given.offsets[i], *place)
        if own is None:
            raise ChangeError(
                f"{path}: sentence {one.name!r}: the characters [{place[0]}, {place[1]}) contain "
                f"no word of the corpus"
            )
        found.append((*own, label))
    return found


def _change(name: str, given: Texts, i: int, after: list[dict[str, Any]]) -> dict[str, Any]:
    names = ("start", "end", "label", "source")
    before = [{name: e[name] for name in names} for e in given.entities[i]]
    return {"id": name, "target_tokens": given.tokens[i], "before": before, "after": after}
