"""Correct, predicted and gold entities, counted batch by batch, and the scores of such counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xner.columns import rows_of
from xner.corpus import Corpus
from xner.errors import InputError
from xner.formats.conll import spans_of
from xner.labels import paired_batches
from xner.schemes import overlap

Int64 = NDArray[np.int64]
Float64 = NDArray[np.float64]
CORRECT, PREDICTED, GOLD = range(3)


@dataclass(frozen=True, slots=True)
class LabelScores:
    """Scores of one label, or of all labels together."""

    precision: float
    recall: float
    f1: float
    gold: int
    predicted: int
    correct: int


def shares(counts: NDArray[np.number]) -> tuple[Float64, Float64, Float64]:
    """Precision, recall and F1 of counts (..., 3); 0 where there is nothing to score."""
    correct, predicted, gold = (counts[..., i].astype(np.float64) for i in range(3))

    def share(part: Float64, total: Float64) -> Float64:
        return np.divide(part, total, out=np.zeros_like(part), where=total > 0)

    precision, recall = share(correct, predicted), share(correct, gold)
    return precision, recall, share(2 * precision * recall, precision + recall)


def scores_of(sums: Int64) -> LabelScores:
    """The scores of correct, predicted and gold entities (3)."""
    precision, recall, f1 = (float(value) for value in shares(sums))
    return LabelScores(
        precision, recall, f1, int(sums[GOLD]), int(sums[PREDICTED]), int(sums[CORRECT])
    )


class Counted(NamedTuple):
    """The entities of a batch.

    Attributes:
        sentences: number of sentences.
        labels: labels that occur on either side.
        correct, predicted, gold: int64 (E, 2) each: sentence, from 0 in the batch, and index of
            the label of every entity.
    """

    sentences: int
    labels: list[str]
    correct: Int64
    predicted: Int64
    gold: Int64


def counted(gold: Corpus, predicted: Corpus, ignore: Iterable[str] = ()) -> Iterator[Counted]:
    """Count the entities of two labellings batch by batch, strictly; reads both once.

    A predicted entity is correct if a gold entity has the same span and label.

    Args:
        gold: a corpus with the columns tokens and entities.
        predicted: a corpus of the same sentences with these columns.
        ignore: labels to leave out on both sides.

    Raises:
        ParallelError: the two differ in sentences, or in the words of one of them.
        InputError: entities of a sentence overlap.
    """
    skip = frozenset(ignore)
    for row, theirs, ours in paired_batches(gold, predicted):
        labels: dict[str, int] = {}
        wanted = _entities(theirs, skip, labels, row, gold.origin)
        made = _entities(ours, skip, labels, row, predicted.origin)
        found = _correct(wanted, made), made, wanted
        sentences_and_labels = [each[:, [0, 3]] for each in found]
        yield Counted(ours.num_rows, list(labels), *sentences_and_labels)


def _correct(wanted: Int64, made: Int64) -> Int64:
    """The entities of both sides; on one side, no two begin with the same word."""
    first, second = (each[:, 0] << 32 | each[:, 1] for each in (wanted, made))
    _, i, j = np.intersect1d(first, second, assume_unique=True, return_indices=True)
    equal: Int64 = wanted[i][np.all(wanted[i] == made[j], axis=1)]
    return equal


def _entities(
    batch: pa.RecordBatch, skip: frozenset[str], labels: dict[str, int], row: int, origin: str
) -> Int64:
    """Sentence, start, end and label of every entity; new labels are added to `labels`."""
    spans, names = spans_of(batch["entities"])
    if (clash := overlap(spans)) is not None:
        raise InputError(
            f"{origin}: sentence {row + clash + 1} has entities that overlap; only flat entities "
            f"are scored"
        )
    columns = (rows_of(spans.offsets), spans.start, spans.end, spans.label)
    flat = np.stack(columns, axis=1).astype(np.int64)
    used = {names[i] for i in np.unique(spans.label)} - skip
    ids = [labels.setdefault(name, len(labels)) if name in used else -1 for name in names]
    flat[:, 3] = np.array(ids, np.int64)[spans.label]
    return flat[flat[:, 3] >= 0]
