"""What a format cannot hold: counted, and left out of what is written."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from xner.characters import entity_offsets
from xner.columns import ENTITIES, fields_of, lengths_of, offsets_of, rows_of, values_of
from xner.formats import registry as holds
from xner.formats.registry import Format
from xner.formats.rows import Texts
from xner.words import find_words

SIDE = ("tokens", "entities", "text", "offsets", "entity_offsets")
_KNOWN = {
    "id", "links", "outcomes", *SIDE,
    *(f"{side}_{name}" for side in ("source", "target") for name in SIDE),
}  # fmt: skip


class Lost:
    """Counts what a format cannot hold.

    Attributes:
        counts: number of things that are left out, by the names of `FEATURES`.
    """

    def __init__(self, *, has_ids: bool = True) -> None:
        """Count nothing yet.

        Args:
            has_ids: ids are not made from the names of files.
        """
        self.counts: Counter[str] = Counter()
        self._has_ids = has_ids

    def __str__(self) -> str:
        return ", ".join(f"{name} ({n:,})" for name, n in self.counts.items())

    def fitted(self, batch: pa.RecordBatch, form: Format, side: str) -> pa.RecordBatch:
        """Return a batch without what a format cannot hold, which is counted.

        Args:
            batch: with the columns of one side or both.
            form: the format.
            side: the side that is written, if a file holds one.
        """
        both = holds.BOTH in form.keeps
        for own in _sides(batch, side) if both else [side]:
            batch = self._side(batch, form, own)
        self._count(form, holds.IDS, batch.num_rows if self._has_ids else 0)
        self._count(form, holds.LINKS, _values(batch, "links"))
        self._count(form, holds.OUTCOMES, _values(batch, "outcomes"))
        if not both:
            others = {"source": "target", "target": "source"}
            other = f"{others[side]}_tokens"
            self._count(form, holds.BOTH, batch.num_rows if other in batch.schema.names else 0)
        further = len(set(batch.schema.names) - _KNOWN)
        if holds.FURTHER not in form.keeps and further:
            self.counts[holds.FURTHER] = max(self.counts[holds.FURTHER], further)
        return batch

    def noted(self, batch: pa.RecordBatch, form: Format, side: str) -> pa.RecordBatch:
        """Return a batch as it is; counts the character spans that a format cannot hold."""
        prefix = prefix_of(batch, side)
        if form.labels:
            self._characters(batch, form, prefix)
        return batch

    def _count(self, form: Format, feature: str, number: int) -> None:
        if feature not in form.keeps and number:
            self.counts[feature] += int(number)

    def _side(self, batch: pa.RecordBatch, form: Format, side: str) -> pa.RecordBatch:
        names = batch.schema.names
        prefix = prefix_of(batch, side)
        if f"{prefix}tokens" not in names:
            return batch
        tokens = batch[f"{prefix}tokens"]
        if holds.WORDS not in form.keeps:
            self._count(form, holds.WORDS, _split_otherwise(batch, form, prefix))
        self._count(form, holds.EMPTY, int((lengths_of(tokens) == 0).sum()))
        if f"{prefix}text" in names:
            self._text(batch, form, prefix)
        if (name := f"{prefix}entities") not in names:
            return batch
        if not form.labels:
            self._count(form, holds.ENTITIES, _values(batch, name))
            return batch
        if holds.NESTED not in form.keeps:
            batch = self._flattened(batch, prefix)
        values = values_of(batch[name])
        for feature, field in ((holds.SCORES, "score"), (holds.ORIGINS, "source")):
            self._count(form, feature, len(values) - values.field(field).null_count)
        self._characters(batch, form, prefix)
        return batch

    def _characters(self, batch: pa.RecordBatch, form: Format, prefix: str) -> None:
        """Count entities that begin or end inside a word."""
        names = [f"{prefix}{name}" for name in ("entity_offsets", "entities", "offsets")]
        if holds.CHARACTERS not in form.keeps and set(names) <= set(batch.schema.names):
            held, entities, offsets = (batch[name] for name in names)
            whole = entity_offsets(entities, offsets)
            self._count(form, holds.CHARACTERS, _different(held, whole))

    def _text(self, batch: pa.RecordBatch, form: Format, prefix: str) -> None:
        """Count texts that are not their words joined by spaces."""
        text, tokens = batch[f"{prefix}text"], batch[f"{prefix}tokens"]
        differ = pc.not_equal(text, pc.binary_join(tokens, " ")).fill_null(False)
        differ = differ.to_numpy(zero_copy_only=False)
        if f"{prefix}offsets" not in batch.schema.names:
            if holds.FURTHER not in form.keeps:
                self.counts[holds.TEXT] += int(differ.sum())
            return
        simple = single_spaces(text, batch[f"{prefix}offsets"])
        self._count(form, holds.SPACES, int((differ & simple).sum()))
        self._count(form, holds.TEXT, int((differ & ~simple).sum()))

    def _flattened(self, batch: pa.RecordBatch, prefix: str) -> pa.RecordBatch:
        """Keep the longest of entities that overlap; the first of those of one length."""
        names = [f"{prefix}entities", f"{prefix}entity_offsets"]
        keep = flat(batch[names[0]])
        if keep.all():
            return batch
        self.counts[holds.NESTED] += int((~keep).sum())
        for name in names:
            if name in batch.schema.names:
                at = batch.schema.get_field_index(name)
                batch = batch.set_column(at, name, kept(batch[name], keep))
        return batch


def flat(entities: pa.ListArray) -> NDArray[np.bool_]:
    """Which entities (bool, one each) stay if the longest of those that overlap are kept."""
    rows = rows_of(offsets_of(entities))
    start, end = fields_of(entities, "start", "end")
    keep = np.ones(len(rows), bool)
    order = np.lexsort((start, rows))
    clash = (np.diff(rows[order]) == 0) & (start[order][1:] < end[order][:-1])
    for row in np.unique(rows[order][1:][clash]):
        own = np.flatnonzero(rows == row)
        taken: list[int] = []
        for i in own[np.argsort(start[own] - end[own], kind="stable")]:
            if any(start[i] < end[j] and start[j] < end[i] for j in taken):
                keep[i] = False
            else:
                taken.append(i)
    return keep


def single_spaces(text: pa.StringArray, offsets: pa.ListArray) -> NDArray[np.bool_]:
    """Whether between the words of each text is nothing or a space, and nothing around them."""
    bounds, (start, end) = offsets_of(offsets), fields_of(offsets, "start", "end")
    row = rows_of(bounds)
    gaps = start - np.concatenate([[0], end[:-1]])[: len(start)]
    firsts = np.diff(row, prepend=-1) != 0
    wide = np.where(firsts, start > 0, gaps > 1)
    simple = np.ones(len(text), bool)
    simple[row[wide]] = False
    lasts = np.diff(row, append=-1) != 0
    length = pc.utf8_length(text).fill_null(0).to_numpy(zero_copy_only=False)
    simple[row[lasts]] &= end[lasts] == length[row[lasts]]
    other = pc.match_substring_regex(text, r"[^\S ]").fill_null(False)
    return np.asarray(simple & ~other.to_numpy(zero_copy_only=False))


def prefix_of(batch: pa.RecordBatch, side: str) -> str:
    """What precedes the names of the columns of a side, or of the only side."""
    return "" if "tokens" in batch.schema.names else f"{side}_"


def side_of(batch: pa.RecordBatch, side: str) -> pa.RecordBatch:
    """The id, words, entities and text of one side, in columns that are not named for it."""
    prefix, names = prefix_of(batch, side), batch.schema.names
    held = {name: batch[f"{prefix}{name}"] for name in SIDE if f"{prefix}{name}" in names}
    ids = batch["id"] if "id" in names else pa.array(map(str, range(batch.num_rows)), pa.string())
    if "tokens" in held and "entities" not in held:
        held["entities"] = pa.array([[]] * batch.num_rows, ENTITIES)
    return pa.RecordBatch.from_pydict({"id": ids, **held})


def _split_otherwise(batch: pa.RecordBatch, form: Format, prefix: str) -> int:
    """Number of sentences whose words are lost, or are others when their text is split again."""
    if holds.TEXT not in form.keeps:
        return int(batch.num_rows)
    texts = Texts(side_of(batch, prefix.removesuffix("_")))
    found = zip(texts.texts, texts.offsets, strict=True)
    return sum(1 for text, words in found if find_words(text) != words)


def _sides(batch: pa.RecordBatch, side: str) -> list[str]:
    return [side] if "tokens" in batch.schema.names else ["source", "target"]


def _values(batch: pa.RecordBatch, name: str) -> int:
    return len(values_of(batch[name])) if name in batch.schema.names else 0


def _different(one: pa.ListArray, other: pa.ListArray) -> int:
    a, b = fields_of(one, "start", "end"), fields_of(other, "start", "end")
    return int(((a[0] != b[0]) | (a[1] != b[1])).sum())


def kept(column: pa.ListArray, keep: NDArray[np.bool_]) -> pa.ListArray:
    """The values of a list column that stay."""
    rows = rows_of(offsets_of(column))[keep]
    offsets = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(column)))])
    values = values_of(column).filter(pa.array(keep))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values)
