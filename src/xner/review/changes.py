"""`xner.apply_changes`: corrections made in a report, put back into their corpus."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xner.characters import entity_offsets
from xner.columns import replace_columns, with_columns
from xner.corpus import Corpus, StrPath, as_corpus
from xner.corpus.joining import rechunk
from xner.errors import ChangeError, UsageError
from xner.formats.streams import open_text
from xner.outcomes import Outcome
from xner.report import Figure, Report
from xner.review.edited import changes_in, is_edited

CHECKED = "checked"
_READ = (
    "target_entities", "outcomes", "probabilities", "target_entity_offsets"
)  # fmt: skip
_SHOWN = 60
_FIGURES = (
    Figure("changes", "corrections read"),
    Figure("changed", "sentences changed"),
    Figure("same", "changed before"),
    Figure("checked", "sentences checked"),
)


class _Span(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    start: int
    end: int
    label: str
    source: int | msgspec.UnsetType | None = msgspec.UNSET

    @property
    def key(self) -> tuple[int, int, str]:
        return self.start, self.end, self.label


class Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of a list of changes: a sentence that was corrected or checked.

    Attributes:
        id: id of the sentence.
        target_tokens: its target words when it was corrected.
        before: its target entities before the correction.
        after: its target entities.
        checked: whether it was marked as checked.
    """

    id: str
    target_tokens: tuple[str, ...]
    before: tuple[_Span, ...]
    after: tuple[_Span, ...]
    checked: bool = False

    @property
    def key(self) -> _Key:
        """What finds the sentence."""
        return self.id, self.target_tokens


def apply_changes(corpus: Any, changes: StrPath | Sequence[Mapping[str, Any]]) -> Corpus:
    """Put corrections back into the corpus of a report.

    A sentence whose entities are those after the correction already is left as it is, so that a
    list can be applied twice. Nothing is applied in part: every correction is checked.

    Args:
        corpus: the projected corpus, or a later version of it, as `xner.project` takes it.
            Sentences are found by their id and target words.
        changes: file of JSON lines that was downloaded from a report, or its objects; or a
            corrected file from an annotation tool, such as `tasks.json` of Label Studio
            (docs/formats.md).

    Returns:
        The corpus in memory, with the corrected `target_entities` and the column `checked`.
        Entities that were changed have no score; their source entities have the outcome
        `corrected`, or `removed` if they label nothing any more. `.report` counts corrections.

    Raises:
        ChangeError: a correction does not fit: its sentence is missing or occurs twice, or its
            words or entities have changed since.
        InputError: the file is missing.

    Example:
        >>> out = xner.project(xner.read("en.conll", "de.txt"))
        >>> words = ["Amina", "Okoro", "besuchte", "gestern", "Nairobi", "."]
        >>> before = [(0, 2, "PER"), (4, 5, "LOC")]
        >>> before = [{"start": s, "end": e, "label": label} for s, e, label in before]
        >>> change = {"id": "en-0", "target_tokens": words, "before": before, "after": before[:1]}
        >>> xner.apply_changes(out, [change]).table["outcomes"][0].as_py()
        ['projected', 'removed']
    """
    return changing(as_corpus(corpus), changes).collect()


def changing(corpus: Corpus, changes: StrPath | Sequence[Mapping[str, Any]]) -> Corpus:
    """As `apply_changes`, but the result is made while it is read, for any number of rows."""
    for name in ("id", "target_tokens", "target_entities"):
        if name not in corpus.columns:
            raise UsageError(
                f"{corpus.origin}: has no column {name!r}; give the file of the report"
            )
    if isinstance(changes, str | PathLike) and is_edited(changes):
        changes = changes_in(changes, corpus)
    read = _read(changes)
    _check_sentences(corpus, read)
    report = Report(_FIGURES, f"changes:{len(read)}")
    report.add(changes=len(read))
    work = _Changing(corpus, {key: change for key, (change, _) in read.items()}, report)
    return Corpus(work.batches, len(corpus), corpus.origin, work.schema, report)


_Key = tuple[str, tuple[str, ...]]
"""Id and target words of a sentence."""
_Changes = dict[_Key, tuple[Change, str]]
"""Changes, and where each was read."""


def _read(changes: StrPath | Sequence[Mapping[str, Any]]) -> _Changes:
    found: _Changes = {}
    for place, change in _parsed(changes):
        if change.key in found:
            raise ChangeError(
                f"{place}: sentence {change.id!r} is already corrected in {found[change.key][1]}; "
                f"keep one of the two lines"
            )
        _check_spans(change, place)
        found[change.key] = change, place
    return found


def _parsed(changes: StrPath | Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Change]]:
    if not isinstance(changes, str | PathLike):
        for i, item in enumerate(changes):
            yield (place := f"change {i + 1}"), _fit(place, item, msgspec.convert)
        return
    with open_text(path := Path(changes)) as file:
        for i, line in enumerate(file, 1):
            if line.strip():
                yield (place := f"{path}:{i}"), _fit(place, line, msgspec.json.decode)


def _fit(place: str, item: Any, convert: Callable[..., Change]) -> Change:
    try:
        return convert(item, type=Change)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ChangeError(
            f"{place}: is not a correction ({error}); give the list of changes that a report "
            "downloads"
        ) from None


def _check_spans(change: Change, place: str) -> None:
    words = len(change.target_tokens)
    for span in change.after:
        if not (0 <= span.start < span.end <= words and span.label):
            raise ChangeError(
                f"{place}: sentence {change.id!r}: the entity [{span.start}, {span.end}) "
                f"{span.label!r} does not fit a sentence of {words} words"
            )


def _check_sentences(corpus: Corpus, read: _Changes) -> None:
    """Raise ChangeError unless every change has exactly one sentence."""
    ids = pa.array({change.id for change, _ in read.values()}, pa.string())
    found: set[_Key] = set()
    others: dict[str, list[str]] = {}
    first = 1
    for batch in corpus.select("id", "target_tokens").batches():
        named = pc.is_in(batch["id"], value_set=ids).to_numpy(zero_copy_only=False)
        for i in np.flatnonzero(named).tolist():
            name, words = batch["id"][i].as_py(), batch["target_tokens"][i].as_py()
            key = name, tuple(words)
            if key in found:
                raise ChangeError(
                    f"{corpus.origin}: row {first + i}: the sentence {name!r} occurs twice with "
                    f"the same target words; give every sentence its own id"
                )
            if key in read:
                found.add(key)
            else:
                others[name] = words
        first += batch.num_rows
    missing = [each for key, each in read.items() if key not in found]
    if missing:
        change, place = missing[0]
        total = f"{len(missing):,} of {len(read):,} corrections have no sentence there"
        if change.id in others:
            raise ChangeError(
                f"{place}: sentence {change.id!r}: the target words changed since the correction: "
                f"{_short(others[change.id])}, not {_short(change.target_tokens)}; {total}"
            )
        raise ChangeError(f"{place}: sentence {change.id!r} is not in {corpus.origin}; {total}")


@dataclass(frozen=True)
class _Changing:
    """Applies changes batch by batch.

    Attributes:
        corpus: to change.
        changes: by id and target words.
        report: counts what was done.
    """

    corpus: Corpus
    changes: dict[_Key, Change]
    report: Report

    @property
    def schema(self) -> pa.Schema:
        return with_columns(self.corpus.schema, {CHECKED: pa.bool_()})

    def batches(self) -> Iterator[pa.RecordBatch]:
        for batch in rechunk(self.corpus.batches()):
            yield self._batch(batch)

    def _batch(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        own = self._own(batch)
        made: dict[str, pa.Array] = {CHECKED: _checked(batch, own)}
        self.report.add(sentences=batch.num_rows, checked=sum(c.checked for c in own.values()))
        rows, entities = {}, {}
        for i, change in own.items():
            row = {name: batch[name][i].as_py() for name in _READ if name in batch.schema.names}
            if (after := self._changed(row, change)) is not None:
                rows[i], entities[i] = row, after
        made["target_entities"] = _patched(batch["target_entities"], entities)
        beside = self._beside(batch, made["target_entities"], rows, entities)
        made |= {name: _patched(batch[name], values) for name, values in beside.items()}
        return replace_columns(batch, made)

    def _own(self, batch: pa.RecordBatch) -> dict[int, Change]:
        """The changes of the rows of a batch."""
        ids = pa.array({name for name, _ in self.changes}, pa.string())
        named = pc.is_in(batch["id"], value_set=ids).to_numpy(zero_copy_only=False)
        keys = {
            i: (batch["id"][i].as_py(), tuple(batch["target_tokens"][i].as_py()))
            for i in np.flatnonzero(named).tolist()
        }
        return {i: self.changes[key] for i, key in keys.items() if key in self.changes}

    def _beside(
        self,
        batch: pa.RecordBatch,
        entities: pa.Array,
        rows: Mapping[int, dict[str, Any]],
        after: Mapping[int, list[dict[str, Any]]],
    ) -> dict[str, dict[int, Any]]:
        """The columns that go with the entities, in the changed rows."""
        made: dict[str, dict[int, Any]] = {}
        if "outcomes" in batch.schema.names:
            made["outcomes"] = {i: _outcomes_after(row, after[i]) for i, row in rows.items()}
        if (name := "probabilities") in batch.schema.names:
            made[name] = {
                i: _kept(row, after[i], name, [None] * len(after[i])) for i, row in rows.items()
            }
        if (name := "target_entity_offsets") in batch.schema.names:
            new = entity_offsets(entities, batch["target_offsets"])
            made[name] = {i: _kept(row, after[i], name, new[i].as_py()) for i, row in rows.items()}
        return made

    def _changed(self, row: dict[str, Any], change: Change) -> list[dict[str, Any]] | None:
        """The entities of a row after its change; None if they are that already."""
        before = row["target_entities"]
        wanted = _wanted(change, before)
        now = sorted(map(_span, before))
        if now == sorted(map(_span, wanted)) and all(e in before for e in wanted):
            self.report.add(same=int(now != sorted(span.key for span in change.before)))
            return None
        if now != sorted(span.key for span in change.before):
            raise ChangeError(
                f"{self.corpus.origin}: sentence {change.id!r}: its entities are neither those "
                f"before the correction nor those after it; correct a new report of this file"
            )
        self.report.add(changed=1)
        return wanted


def _span(entity: Mapping[str, Any]) -> tuple[int, int, str]:
    return entity["start"], entity["end"], entity["label"]


def _wanted(change: Change, before: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The entities after a change; those that are there already are the same objects."""
    made = []
    for span in sorted(change.after, key=lambda span: (span.start, -span.end)):
        same = (e for e in before if _span(e) == span.key)
        held = next((e for e in same if span.source in (msgspec.UNSET, e["source"])), None)
        source = None if span.source is msgspec.UNSET else span.source
        new = dict(zip(("start", "end", "label"), span.key, strict=True))
        made.append(held or {**new, "score": None, "source": source})
    return made


def _checked(batch: pa.RecordBatch, own: Mapping[int, Change]) -> pa.Array:
    """The column checked: what it was, and true for the sentences that were checked now."""
    if CHECKED in batch.schema.names and pa.types.is_boolean(batch[CHECKED].type):
        values = batch[CHECKED].fill_null(False).to_numpy(zero_copy_only=False).copy()
    else:
        values = np.zeros(batch.num_rows, bool)
    for i, change in own.items():
        values[i] |= change.checked
    return pa.array(values)


def _outcomes_after(row: dict[str, Any], after: list[dict[str, Any]]) -> list[str]:
    """The outcomes of the source entities: `corrected` or `removed` where their spans changed."""

    def spans(entities: list[dict[str, Any]], source: int) -> list[tuple[int, int, str]]:
        return sorted((e["start"], e["end"], e["label"]) for e in entities if e["source"] == source)

    outcomes = list(row.get("outcomes") or [])
    for source in range(len(outcomes)):
        now = spans(after, source)
        if now != spans(row["target_entities"], source):
            outcomes[source] = (Outcome.CORRECTED if now else Outcome.REMOVED).value
    return outcomes


def _kept(row: dict[str, Any], after: list[dict[str, Any]], name: str, new: list[Any]) -> list[Any]:
    """The values of a column for the entities that were kept, and new ones for the others."""
    held = list(zip(row["target_entities"], row[name] or [], strict=False))
    return [
        next((value for e, value in held if e is entity), other)
        for entity, other in zip(after, new, strict=True)
    ]


def _patched(column: pa.Array, rows: Mapping[int, Any]) -> pa.Array:
    """A column with other values in some rows."""
    if not rows:
        return column
    order = np.arange(len(column))
    order[list(rows)] = len(column) + np.arange(len(rows))
    new = pa.array(list(rows.values()), column.type)
    return pa.concat_arrays([column, new]).take(pa.array(order))


def _short(tokens: Sequence[str]) -> str:
    text = " ".join(tokens)
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")
