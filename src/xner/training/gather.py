"""From corpora to examples: which side, which labels, which sentences, what each weighs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xner.corpus import Corpus
from xner.errors import InputError, UsageError
from xner.outcomes import is_labelled
from xner.schemes import tags_from_spans
from xner.training.examples import Counts, Examples, offsets_from, renamed, tagset_of

SIDES = ("source", "target", "both")
WEIGHTS = ("score",)
Labels = Mapping[str, str | None]
Float32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Choice:
    """Which sentences are trained on, and what they weigh.

    Attributes:
        side: `source`, `target` or `both` of a corpus that has two.
        labels: labels to rename, or to drop (None).
        max_unprojected: drop sentences in which a larger share of source entities labels no
            target span, by the column outcomes (`xner.outcomes`; unknown outcomes count as
            unlabelled); None keeps them.
        min_score: sentences are dropped if an entity of theirs scores less; None keeps them.
        weight_by: `score` weighs a sentence by the mean score of its entities, relative to the
            mean of all, at most 1; None weighs all alike.
        class_weight_by: `score` likewise weighs the words of a label by the mean score of its
            entities, relative to the best label's.
    """

    side: str = "target"
    labels: Labels | None = None
    max_unprojected: float | None = None
    min_score: float | None = None
    weight_by: str | None = None
    class_weight_by: str | None = None

    def check(self) -> None:
        """Raise UsageError for a value that makes no sense."""
        if self.side not in SIDES:
            raise UsageError(f"side is {self.side!r}; choose one of {', '.join(SIDES)}")
        for name in ("weight_by", "class_weight_by"):
            if getattr(self, name) not in (None, *WEIGHTS):
                raise UsageError(f"{name} is {getattr(self, name)!r}; choose {', '.join(WEIGHTS)}")
        share = self.max_unprojected
        if share is not None and not 0 <= share <= 1:
            raise UsageError(f"max_unprojected is {share}; it is a share, from 0 to 1")


@dataclass(frozen=True, slots=True)
class _Row:
    """A sentence that is kept: words, entities, and the mean score of these or None."""

    words: list[str]
    spans: list[tuple[int, int, str]]
    scores: list[float | None]

    @property
    def score(self) -> float | None:
        """The mean score of its entities; None if none of them has one."""
        known = [score for score in self.scores if score is not None]
        return sum(known) / len(known) if known else None


def sides_of(corpus: Corpus, side: str) -> list[str]:
    """Prefixes of the columns of a side; a corpus of one side has that one alone.

    Raises:
        InputError: it has no words there.
    """
    columns = corpus.columns
    if "tokens" in columns:
        return [""]
    wanted = ["source_", "target_"] if side == "both" else [f"{side}_"]
    for prefix in wanted:
        if f"{prefix}tokens" not in columns:
            raise InputError(f"{corpus.origin}: has no column '{prefix}tokens'; it has {columns}")
    return wanted


def words_of(corpora: Iterable[Corpus], side: str) -> list[list[str]]:
    """The words of every sentence of a side, empty sentences left out."""
    found = []
    for corpus in corpora:
        for prefix in sides_of(corpus, side):
            for batch in corpus.batches():
                found += [words for words in batch[f"{prefix}tokens"].to_pylist() if words]
    return found


def gather(
    corpora: Sequence[Corpus], choice: Choice, tagset: Sequence[str] | None = None
) -> tuple[Examples, Counts]:
    """Labelled sentences as examples, one corpus after another.

    Args:
        corpora: with entities on the side that is chosen.
        choice: which sentences, and what they weigh.
        tagset: tags to use; entities of other labels are dropped and counted. Default: those
            of all labels that occur.

    Raises:
        InputError: no entities column, entities that overlap, or no sentence is left.
    """
    counts = Counts()
    known = None if tagset is None else {tag[2:] for tag in tagset if tag != "O"}
    rows: list[_Row] = []
    for corpus in corpora:
        for prefix in sides_of(corpus, choice.side):
            for batch in corpus.batches():
                rows += _rows(batch, prefix, choice, known, counts, corpus.origin)
    if not rows:
        raise InputError(
            f"no sentence is left to train on, of {counts.sentences}; relax max_unprojected or "
            f"min_score, or give labelled sentences"
        )
    return _examples(rows, choice, tagset, counts), counts


def _rows(
    batch: pa.RecordBatch,
    prefix: str,
    choice: Choice,
    known: set[str] | None,
    counts: Counts,
    origin: str,
) -> Iterable[_Row]:
    if f"{prefix}entities" not in batch.schema.names:
        raise InputError(f"{origin}: has no labels on that side; there is no {prefix}entities")
    doubts = _doubts(batch, prefix, choice)
    labels = choice.labels or {}
    columns = [batch[f"{prefix}tokens"].to_pylist(), batch[f"{prefix}entities"].to_pylist()]
    for row, (words, entities) in enumerate(zip(*columns, strict=True)):
        counts.sentences += 1
        if not words:
            counts.empty += 1
            continue
        if doubts[row]:
            counts.doubtful[doubts[row]] += 1
            continue
        spans, scores = [], []
        for entity in entities:
            name = renamed(entity["label"], labels)
            if name is None or (known is not None and name not in known):
                counts.dropped_labels[entity["label"]] += 1
                continue
            spans.append((entity["start"], entity["end"], name))
            scores.append(entity["score"])
        _check_flat(spans, batch, row, origin)
        counts.kept += 1
        counts.words += len(words)
        counts.entities.update(label for _, _, label in spans)
        yield _Row(words, spans, scores)


def _doubts(batch: pa.RecordBatch, prefix: str, choice: Choice) -> list[str]:
    """Why each row is dropped; "" if it is not. Only a target side can be doubtful."""
    found = [""] * batch.num_rows
    if prefix != "target_":
        return found
    if choice.max_unprojected is not None and "outcomes" in batch.schema.names:
        for row, outcomes in enumerate(batch["outcomes"].to_pylist()):
            lost = sum(not is_labelled(outcome) for outcome in outcomes)
            if lost > choice.max_unprojected * len(outcomes):
                found[row] = "unprojected"
    if choice.min_score is not None:
        for row, entities in enumerate(batch["target_entities"].to_pylist()):
            if any(e["score"] is not None and e["score"] < choice.min_score for e in entities):
                found[row] = found[row] or "score"
    return found


def _check_flat(
    spans: list[tuple[int, int, str]], batch: pa.RecordBatch, row: int, origin: str
) -> None:
    ordered = sorted(spans)
    for (_, end, _), (start, _, _) in pairwise(ordered):
        if start < end:
            name = batch["id"][row].as_py() if "id" in batch.schema.names else f"row {row + 1}"
            raise InputError(
                f"{origin}: sentence {name} has entities that overlap; a student learns flat ones"
            )


def _examples(
    rows: list[_Row], choice: Choice, tagset: Sequence[str] | None, counts: Counts
) -> Examples:
    if tagset is None:
        tagset = tagset_of(list(counts.entities))
    index = {tag: i for i, tag in enumerate(tagset)}
    sentences = [row.words for row in rows]
    offsets = offsets_from(sentences)
    tags = np.zeros(offsets[-1], np.int16)
    for row, begin in zip(rows, offsets, strict=False):
        for at, tag in enumerate(tags_from_spans(row.spans, len(row.words))):
            tags[begin + at] = index[tag]
    weights = np.ones(len(tags), np.float32)
    if choice.weight_by == "score":
        weights *= np.repeat(sentence_weights([row.score for row in rows]), np.diff(offsets))
    if choice.class_weight_by == "score":
        weights *= label_weights(tagset, _mean_scores(rows))[tags]
    return Examples(sentences, offsets, tuple(tagset), tags, weights)


def sentence_weights(scores: Sequence[float | None]) -> Float32:
    """float32 (N): score by mean score, at most 1; sentences without a score count 1."""
    known = [score for score in scores if score is not None]
    mean = sum(known) / len(known) if known and sum(known) > 0 else 1.0
    return np.array([1.0 if s is None else min(1.0, s / mean) for s in scores], np.float32)


def label_weights(tagset: Sequence[str], score: Mapping[str, float]) -> Float32:
    """float32 (tags): mean score of the tag's label by the best label's; others count 1."""
    best = max(score.values(), default=1.0) or 1.0
    return np.array([score.get(tag[2:], best) / best for tag in tagset], np.float32)


def _mean_scores(rows: Sequence[_Row]) -> dict[str, float]:
    """The mean score of the entities of each label that have one."""
    found: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        for (_, _, label), score in zip(row.spans, row.scores, strict=True):
            if score is not None:
                found[label].append(score)
    return {label: sum(scores) / len(scores) for label, scores in found.items()}
