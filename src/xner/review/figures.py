"""The figures of a report, counted over all sentences: outcomes, scores, F1, calibration."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from xner.columns import fields_of, offsets_of, rows_of, values_of
from xner.evaluation.counts import CORRECT, GOLD, PREDICTED, shares
from xner.outcomes import Outcome
from xner.review.inputs import Review, Rows

Float32 = NDArray[np.float32]
_BINS = 20
_CALIBRATION_BINS = 10
_POINTS = 400
"""Sentences in the plot of objectives: those with the largest differences."""
_NEVER = np.float32(np.inf)
_DISPUTED = np.float32(-1)


class Figures:
    """Counts over the rows of a review, fed batch by batch.

    Attributes:
        doubt: float32 (rows), how sure the least certain entity of each sentence is: its
            probability, or its matching score; 0 if a source entity labels nothing, and -1 if
            another method or gold has other entities.
    """

    def __init__(self, review: Review) -> None:
        """Start with nothing counted."""
        self._review = review
        self._outcomes: Counter[tuple[str, str]] = Counter()
        self._counts = [Counter[tuple[int, int]]() for _ in review.methods]
        self._scores: list[Float32] = []
        self._probabilities: list[Float32] = []
        self._correct: list[NDArray[np.bool_]] = []
        self._objectives = [0.0] * len(review.methods)
        self._differ = [0] * len(review.methods)
        self._lower = [0] * len(review.methods)
        self._points: list[list[tuple[float, int, float, float]]] = [[] for _ in review.methods]
        self._doubt: list[Float32] = []
        self._compared = [False] * len(review.methods)

    def add(self, rows: Rows) -> None:
        """Count the rows of a batch."""
        first = rows.methods[0]
        self._count_outcomes(first)
        doubt = _doubt(first)
        self._doubt.append(doubt)
        spans = [Keys(batch["target_entities"]) for batch in rows.methods]
        gold = None if rows.gold is None else Keys(rows.gold["entities"])
        for i, batch in enumerate(rows.methods):
            if gold is not None:
                self._count_correct(i, rows, batch, spans[i], gold)
            if i:
                differ = spans[0].differing(spans[i])
                doubt[differ] = _DISPUTED
                self._compare(i, rows, differ)
        if gold is not None:
            doubt[spans[0].differing(gold)] = _DISPUTED
        for i, batch in enumerate(rows.methods):
            if "solution" in batch.schema.names:
                self._objectives[i] += float(np.nansum(_objective(batch)))
        self._scores.append(_numbers(first["target_entities"], "score"))
        if "probabilities" in first.schema.names:
            self._probabilities.append(_probabilities(first))

    def _count_outcomes(self, batch: pa.RecordBatch) -> None:
        labels = values_of(batch["source_entities"]).field("label")
        if "outcomes" not in batch.schema.names:
            return
        names = values_of(batch["outcomes"])
        self._outcomes.update(zip(labels.to_pylist(), names.to_pylist(), strict=True))

    def _count_correct(
        self, i: int, rows: Rows, batch: pa.RecordBatch, made: Keys, gold: Keys
    ) -> None:
        correct = made.within(gold)
        if i == 0:
            self._correct.append(correct)
        counts = self._counts[i]
        for kind, of in ((PREDICTED, made.row), (CORRECT, made.row[correct]), (GOLD, gold.row)):
            groups, numbers = np.unique(rows.group[of], return_counts=True)
            for group, n in zip(groups.tolist(), numbers.tolist(), strict=True):
                counts[group, kind] += n

    def _compare(self, i: int, rows: Rows, differ: NDArray[np.int64]) -> None:
        self._differ[i] += len(differ)
        first, other = rows.methods[0], rows.methods[i]
        if not self._comparable(first, other):
            return
        self._compared[i] = True
        mine, its = _objective(first), _objective(other)
        gap = np.abs(mine - its)
        self._lower[i] += int((its < mine - 1e-9).sum())
        worst = differ[np.argsort(-gap[differ], kind="stable")][:_POINTS]
        points = self._points[i]
        points += [(float(gap[r]), rows.first + int(r), float(mine[r]), float(its[r]))
                   for r in worst if np.isfinite(gap[r])]  # fmt: skip
        points.sort(key=lambda point: (-point[0], point[1]))
        del points[_POINTS:]

    def _comparable(self, first: pa.RecordBatch, other: pa.RecordBatch) -> bool:
        """Whether the sums of scores of two projections mean the same."""
        if "solution" not in first.schema.names or "solution" not in other.schema.names:
            return False
        scores = [_scores_of(batch) for batch in (first, other)]
        return scores[0] is not None and scores[0] == scores[1]

    @property
    def doubt(self) -> Float32:
        """See the class."""
        return _joined(self._doubt)

    def as_dict(self, groups: list[str]) -> dict[str, Any]:
        """The figures as JSON; `groups` are the names of the languages."""
        made: dict[str, Any] = {
            "sentences": len(self._review),
            "outcomes": [
                [label, name, n]
                for (label, name), n in sorted(
                    self._outcomes.items(), key=lambda item: (item[0][0], -item[1])
                )
            ],
            "scores": self._histogram(self._scores),
        }
        if self._probabilities:
            made["probabilities"] = self._histogram(self._probabilities)
        if self._review.gold is not None:
            made["f1"] = [self._f1(i, groups) for i in range(len(self._counts))]
            made["calibration"] = self._calibration()
        made["compared"] = [
            {
                "method": i,
                "differ": self._differ[i],
                "lower": self._lower[i],
                "objective": (
                    [self._objectives[0], self._objectives[i]] if self._compared[i] else None
                ),
                "points": [[row, a, b] for _, row, a, b in self._points[i]],
            }
            for i in range(1, len(self._differ))
        ]
        return made

    def _histogram(self, parts: list[Float32]) -> dict[str, Any]:
        """Counts by value: of all entities, and of the correct ones if there is gold."""
        values = _joined(parts)
        known = np.isfinite(values)
        least, most = (float(f(values[known], initial=0.0)) for f in (np.min, np.max))
        edges = np.linspace(least, max(1.0, np.ceil(most * 10) / 10), _BINS + 1)
        made = {
            "edges": [round(float(edge), 4) for edge in edges],
            "counts": np.histogram(values[known], edges)[0].tolist(),
            "unknown": int((~known).sum()),
        }
        if self._correct:
            right = _joined(self._correct).astype(bool) & known
            made["correct"] = np.histogram(values[right], edges)[0].tolist()
        return made

    def _f1(self, i: int, groups: list[str]) -> list[dict[str, Any]]:
        rows = []
        table = np.array(
            [[self._counts[i][group, kind] for kind in range(3)] for group in range(len(groups))]
        ).reshape(-1, 3)
        names = [*groups, None] if len(groups) > 1 else [None]
        totals = [*table, table.sum(0)] if len(groups) > 1 else [table.sum(0)]
        for name, counts in zip(names, totals, strict=True):
            precision, recall, f1 = (float(value) for value in shares(counts))
            correct, predicted, gold = (int(n) for n in counts)
            rows.append(
                {
                    "group": name, "precision": precision, "recall": recall, "f1": f1,
                    "correct": correct, "predicted": predicted, "gold": gold,
                }
            )  # fmt: skip
        return rows

    def _calibration(self) -> dict[str, Any]:
        """Mean value and share of correct entities in bins of the probability, or of the score."""
        of = "probability" if self._probabilities else "score"
        values = _joined(self._probabilities or self._scores)
        right = _joined(self._correct).astype(bool)
        known = np.isfinite(values)
        values, right = values[known], right[known]
        if of == "probability":
            inner = np.linspace(0, 1, _CALIBRATION_BINS + 1)[1:-1]
        else:  # scores have no common scale: bins of as many entities
            shares_of = np.linspace(0, 1, _CALIBRATION_BINS + 1)[1:-1]
            inner = np.unique(np.quantile(values, shares_of)) if len(values) else np.zeros(0)
        at = np.searchsorted(inner, values, side="right")
        bins, error = [], 0.0
        for k in np.unique(at):
            own = at == k
            n, mean, share = int(own.sum()), float(values[own].mean()), float(right[own].mean())
            error += n * abs(mean - share)
            bins.append([n, mean, share])
        made: dict[str, Any] = {"of": of, "bins": bins}
        if of == "probability" and len(values):
            made["error"] = error / len(values)
        return made


class Keys:
    """Row, span and label of the entities of a batch."""

    def __init__(self, entities: pa.ListArray) -> None:
        """Take them from a column."""
        self.row = rows_of(offsets_of(entities))
        start, end = (each.astype(np.int64) for each in fields_of(entities, "start", "end"))
        self.span = (self.row << 42) | (start << 21) | end
        self.label = values_of(entities).field("label")

    def within(self, other: Keys) -> NDArray[np.bool_]:
        """Whether the other batch has the same entity, bool (entities)."""
        _, span = np.unique(np.concatenate([self.span, other.span]), return_inverse=True)
        label = pa.concat_arrays([self.label, other.label]).dictionary_encode()
        code = label.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        key = span.astype(np.int64) * max(1, len(label.dictionary)) + code
        n = len(self.row)
        found: NDArray[np.bool_] = np.isin(key[:n], key[n:])
        return found

    def differing(self, other: Keys) -> NDArray[np.int64]:
        """Numbers of the rows whose entities are not the same, in order."""
        odd = [self.row[~self.within(other)], other.row[~other.within(self)]]
        return np.unique(np.concatenate(odd))


def _joined(parts: list[NDArray[Any]]) -> NDArray[Any]:
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def _numbers(column: pa.ListArray, name: str) -> Float32:
    """A field of all values as float32; unknown is NaN."""
    values = values_of(column).field(name)
    return np.asarray(values.to_numpy(zero_copy_only=False), np.float32)


def _probabilities(batch: pa.RecordBatch) -> Float32:
    """The probability of every target entity; unknown is NaN."""
    values = values_of(batch["probabilities"])
    return np.asarray(values.to_numpy(zero_copy_only=False), np.float32)


def _objective(batch: pa.RecordBatch) -> NDArray[np.float64]:
    values = batch["solution"].field("objective")
    return np.asarray(values.to_numpy(zero_copy_only=False), np.float64)


def _scores_of(batch: pa.RecordBatch) -> str | None:
    """The matching scores that a projection was made with, if its signature is known."""
    signature = (batch.schema.metadata or {}).get(b"xner.projection", b"").decode()
    parts = [part for part in signature.split("|") if part.startswith(("score:", "fill:"))]
    return "|".join(parts) if signature else None


def _doubt(batch: pa.RecordBatch) -> Float32:
    doubt = np.full(batch.num_rows, _NEVER, np.float32)
    entities = batch["target_entities"]
    sure = _numbers(entities, "score")
    if "probabilities" in batch.schema.names:
        known = _probabilities(batch)
        sure = np.where(np.isfinite(known), known, sure)
    row = rows_of(offsets_of(entities))
    np.minimum.at(doubt, row, np.where(np.isfinite(sure), sure, _NEVER))
    if "outcomes" in batch.schema.names:
        labelled = pa.array([one.value for one in Outcome if one.labelled])
        found = pc.is_in(values_of(batch["outcomes"]), value_set=labelled)
        lost = ~found.to_numpy(zero_copy_only=False)
        doubt[rows_of(offsets_of(batch["outcomes"]))[lost]] = 0
    return doubt
