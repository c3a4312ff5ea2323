"""Relabelling: a target string that nearly always gets another label elsewhere gets that label.

For the words w of a projected span and a label l, excluding the own sentence,

    p(w, l) = n(w, l) / n(w)

n counts the spans of the first pass with these words. If n(w) is at least 5 and p(w, l) at least
the requested share, the span's label becomes l. This corrects errors of the source tagger, and
removes real ambiguity of strings, so it is off by default.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from xner.columns import ENTITIES, field_of, offsets_of, rows_of
from xner.kernels.keys import mixed
from xner.kernels.records import Int64, Keys, Spans
from xner.score.counts import Counts
from xner.score.dictionary import phrases
from xner.score.scene import Text, key_of
from xner.score.word_types import hashed

SEEN = 5
STRING, STRING_LABEL = np.uint64(11), np.uint64(12)

Change = tuple[str, str, str]
"""Words of a span, its old label, its new label."""


@dataclass(frozen=True, slots=True)
class Relabelled:
    """Target entities, some with another label.

    Attributes:
        entities: the column target_entities.
        row: int64, the row of each relabelled span.
        source: int64, its source entity in the row.
        changes: how often each change occurred.
    """

    entities: pa.ListArray
    row: Int64
    source: Int64
    changes: Counter[Change]


def count_labels(text: Text, spans: Spans, counts: Counts) -> None:
    """Count the words of every span, and the words together with its label."""
    strings = _strings(rows_of(spans.offsets), spans.start, spans.end, text)
    labels = text.label_keys[spans.entity]
    counts.add(key_of(strings, STRING))
    counts.add(key_of(key_of(strings, STRING_LABEL), labels))
    names = text.batch["source_entities"].flatten().field("label")
    counts.labels.update(names.unique().to_pylist())


def _strings(row: Int64, start: np.ndarray, end: np.ndarray, text: Text) -> Keys:
    base = text.target.offsets[row].astype(np.int64)
    return phrases(base + start, base + end, text.target)


def relabel(
    entities: pa.ListArray, text: Text, spans: Spans, counts: Counts, share: float
) -> Relabelled:
    """Give target entities the labels that their words nearly always get elsewhere.

    Args:
        entities: the column target_entities of the batch of `text`.
        spans: choice of the first pass in the batch.
        counts: its counts of the whole corpus, including labels.
        share: least share of a label, above 0.5, so that at most one label has it.
    """
    row = rows_of(offsets_of(entities))
    strings = _strings(row, field_of(entities, "start"), field_of(entities, "end"), text)
    names = np.array(sorted(counts.labels), object)
    elsewhere = _Elsewhere(text, text.in_counts(spans), counts)
    total = elsewhere.times(row, key_of(strings, STRING))
    old = np.array(entities.values.field("label").to_pylist(), object)
    new = old.copy()
    for name, key in zip(names, hashed(pa.array(names, pa.string())), strict=True):
        times = elsewhere.times(row, key_of(key_of(strings, STRING_LABEL), key))
        new[(total >= SEEN) & (times >= share * total)] = name
    changed = np.flatnonzero(new != old)
    return Relabelled(
        _with_labels(entities, new),
        row[changed],
        field_of(entities, "source")[changed].astype(np.int64),
        Counter(_changes(entities, changed, row, old, new, text)),
    )


class _Elsewhere:
    """Counts that exclude those of the own sentence."""

    def __init__(self, text: Text, spans: Spans, counts: Counts) -> None:
        self._counts, self._own = counts, Counts()
        row = rows_of(spans.offsets)
        strings = _strings(row, spans.start, spans.end, text)
        labels = text.label_keys[spans.entity]
        self._own.add(_in_row(row, key_of(strings, STRING)))
        self._own.add(_in_row(row, key_of(key_of(strings, STRING_LABEL), labels)))

    def times(self, row: Int64, keys: Keys) -> Int64:
        """Return int64: how often each key was counted in other sentences than its row."""
        return self._counts.of(keys) - self._own.of(_in_row(row, keys))


def _in_row(row: Int64, keys: Keys) -> Keys:
    return mixed(keys ^ mixed(row.astype(np.uint64)))


def _with_labels(entities: pa.ListArray, labels: np.ndarray) -> pa.ListArray:
    fields = [
        pa.array(labels, pa.string()) if field.name == "label" else entities.values.field(i)
        for i, field in enumerate(ENTITIES.value_type)
    ]
    values = pa.StructArray.from_arrays(fields, fields=list(ENTITIES.value_type))
    return pa.ListArray.from_arrays(entities.offsets, values)


def _changes(
    entities: pa.ListArray, changed: Int64, row: Int64, old: np.ndarray, new: np.ndarray, text: Text
) -> list[Change]:
    """Describe every change."""
    start, end = field_of(entities, "start"), field_of(entities, "end")
    tokens = text.batch["target_tokens"]
    return [
        (" ".join(tokens[int(row[k])].as_py()[start[k] : end[k]]), old[k], new[k]) for k in changed
    ]
