"""Correct, predicted and gold entities of every sentence, from which scores are computed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xner.columns import rows_of
from xner.corpus import Corpus
from xner.errors import InputError
from xner.evaluation.entities import LabelScores
from xner.formats.conll import spans_of
from xner.labels import paired_batches
from xner.schemes import overlap

Int64 = NDArray[np.int64]
Float64 = NDArray[np.float64]
_Side = tuple[Int64, list[str]]
CORRECT, PREDICTED, GOLD = range(3)


@dataclass(frozen=True, slots=True)
class SentenceCounts:
    """Entities by sentence and label.

    Attributes:
        labels: the L labels that occur on either side, sorted.
        counts: int64 (N, L, 3), correct, predicted and gold entities; a prediction is correct
            if its span and its label both are.
    """

    labels: tuple[str, ...]
    counts: Int64

    def scores(self) -> tuple[LabelScores, dict[str, LabelScores]]:
        """Return the scores of all labels together (micro average), and of each."""
        sums = self.counts.sum(axis=0)
        by_label = {name: _label_scores(sums[i]) for i, name in enumerate(self.labels)}
        return _label_scores(sums.sum(axis=0)), by_label


def shares(counts: NDArray[np.number]) -> tuple[Float64, Float64, Float64]:
    """Precision, recall and F1 of counts (..., 3); 0 where there is nothing to score."""
    correct, predicted, gold = (counts[..., i].astype(np.float64) for i in range(3))

    def share(part: Float64, total: Float64) -> Float64:
        return np.divide(part, total, out=np.zeros_like(part), where=total > 0)

    return share(correct, predicted), share(correct, gold), share(2 * correct, predicted + gold)


def _label_scores(sums: Int64) -> LabelScores:
    precision, recall, f1 = (float(value) for value in shares(sums))
    return LabelScores(
        precision, recall, f1, int(sums[GOLD]), int(sums[PREDICTED]), int(sums[CORRECT])
    )


def count_sentences(
    gold: Corpus, predicted: Corpus, *, ignore: Iterable[str] = ()
) -> SentenceCounts:
    """Count the entities of each sentence that `xner.evaluate` compares; reads both once.

    Args:
        gold: a corpus with the columns tokens and entities.
        predicted: a corpus of the same sentences with these columns.
        ignore: labels to leave out on both sides.

    Raises:
        ParallelError: the two differ in sentences, or in the words of one of them.
        InputError: entities of a sentence overlap.
    """
    skip = frozenset(ignore)
    parts: list[tuple[int, _Side, _Side]] = []
    for row, theirs, ours in paired_batches(gold, predicted):
        right = _spans(theirs, skip, row, gold.origin)
        parts.append((ours.num_rows, right, _spans(ours, skip, row, predicted.origin)))
    labels = sorted({name for _, *sides in parts for side in sides for name in side[1]})
    empty = np.zeros((0, len(labels), 3), np.int64)
    counts = [_counts(rows, right, ours, labels) for rows, right, ours in parts]
    return SentenceCounts(tuple(labels), np.concatenate([empty, *counts]))


def _spans(batch: pa.RecordBatch, skip: frozenset[str], row: int, origin: str) -> _Side:
    """int64 (E, 4): row, start, end and label id of every entity; and the names of the labels."""
    spans, names = spans_of(batch["entities"])
    if (clash := overlap(spans)) is not None:
        raise InputError(f"{origin}: sentence {row + clash + 1} has entities that overlap")
    columns = (rows_of(spans.offsets), spans.start, spans.end, spans.label)
    flat = np.stack(columns, axis=1).astype(np.int64)
    kept = np.array([name not in skip for name in names], bool)
    flat = flat[kept[flat[:, 3]]] if len(names) else flat
    used = sorted({names[i] for i in np.unique(flat[:, 3])})
    index = np.array([used.index(name) if name in used else -1 for name in names], np.int64)
    flat[:, 3] = index[flat[:, 3]] if len(names) else flat[:, 3]
    return flat, used


def _counts(rows: int, gold: _Side, ours: _Side, labels: list[str]) -> Int64:
    made = np.zeros((rows, len(labels), 3), np.int64)
    flats = []
    for (flat, names), kind in ((gold, GOLD), (ours, PREDICTED)):
        index = np.array([labels.index(name) for name in names], np.int64)
        flat = flat.copy()
        flat[:, 3] = index[flat[:, 3]] if names else flat[:, 3]
        np.add.at(made[..., kind], (flat[:, 0], flat[:, 3]), 1)
        flats.append(flat)
    # Entities of one side do not overlap: one that occurs twice is on both sides.
    both, times = np.unique(np.concatenate(flats), axis=0, return_counts=True)
    hits = both[times == 2]
    np.add.at(made[..., CORRECT], (hits[:, 0], hits[:, 3]), 1)
    return made
