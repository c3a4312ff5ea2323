"""From corpora to examples: choose the side, labels, sentences and their weights."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa

from xner.corpus import Corpus
from xner.errors import InputError
from xner.options import build
from xner.outcomes import is_labelled
from xner.schemes import tags_from_spans
from xner.training.examples import (
    Counts,
    Examples,
    Float32,
    Int64,
    offsets_from,
    renamed,
    tagset_of,
)
from xner.training.options import Choice, StudentOptions
from xner.training.texts import as_corpora


@dataclass(frozen=True)
class Unlabelled:
    """Sentences without labels.

    Attributes:
        sentences: the words of each sentence; empty sentences are left out.
        offsets: int64 (N+1), where the words of each sentence begin.
        rows: rows read, empty ones included.
        origins: names of the corpora.
    """

    sentences: list[list[str]]
    offsets: Int64
    rows: int
    origins: list[str]

    def count(self, examples: Examples) -> Counts:
        """Count sentences, words, and the entities of the tags of examples from this text."""
        entities = Counter(label for spans in examples.spans() for _, _, label in spans)
        kept, words = len(self.sentences), len(examples.tags)
        return Counts(self.rows, kept, self.rows - kept, words=words, entities=entities)


@dataclass(frozen=True, slots=True)
class _Row:
    """A sentence to train on: its words, entities and their scores."""

    words: list[str]
    spans: list[tuple[int, int, str]]
    scores: list[float | None]

    @property
    def score(self) -> float | None:
        """The mean score of its entities; None if no entity has a score."""
        known = [score for score in self.scores if score is not None]
        return sum(known) / len(known) if known else None


def sides_of(corpus: Corpus, side: str) -> list[str]:
    """Prefixes of the columns of a side; a corpus of one side has no prefix.

    Raises:
        InputError: the corpus has no words on that side.
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
    """The words of every sentence of a side, without empty sentences."""
    sentences = []
    for corpus in corpora:
        for prefix in sides_of(corpus, side):
            for batch in corpus.batches():
                sentences += [words for words in batch[f"{prefix}tokens"].to_pylist() if words]
    return sentences


def read_unlabelled(corpora: Sequence[Corpus], side: str) -> Unlabelled:
    """The sentences of one side without their labels.

    Raises:
        InputError: the corpora have no words on that side.
    """
    sentences = words_of(corpora, side)
    if not sentences:
        raise InputError(f"the corpora have no words on the {side} side")
    rows, origins = sum(map(len, corpora)), [corpus.origin for corpus in corpora]
    return Unlabelled(sentences, offsets_from(sentences), rows, origins)


def read_dev(options: StudentOptions, tagset: Sequence[str]) -> Examples | None:
    """The dev set that options name, with these tags; None if they name none."""
    if options.dev is None:
        return None
    return gather(as_corpora(options.dev), choice_of(options), tagset)[0]


def choice_of(options: StudentOptions) -> Choice:
    """Which labelled sentences options use: all of the side, if they do not say more."""
    if isinstance(options, Choice):
        return options
    return build(Choice, {"side": options.side, "labels": options.labels})


def gather(
    corpora: Sequence[Corpus], choice: Choice, tagset: Sequence[str] | None = None
) -> tuple[Examples, Counts]:
    """Build examples from labelled sentences, one corpus after the other.

    Args:
        corpora: corpora with entities on the chosen side.
        choice: which sentences are used, and how they are weighted.
        tagset: tags to use; entities of other labels are dropped and counted. By default the
            tags of all labels that occur.

    Raises:
        InputError: entities are missing or overlap, or no sentence is left.
    """
    counts = Counts(renamed=Counter(dict.fromkeys(choice.labels or (), 0)))
    known = None if tagset is None else {tag[2:] for tag in tagset if tag != "O"}
    rows: list[_Row] = []
    for corpus in corpora:
        for prefix in sides_of(corpus, choice.side):
            for batch in corpus.batches():
                rows += _rows(batch, prefix, choice, known, counts, corpus.origin)
    if not rows:
        raise InputError(
            f"none of {counts.sentences} sentences is left to train on; relax max_unprojected or "
            f"min_score, or add labelled sentences"
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
        raise InputError(
            f"{origin}: has no labels on that side; the column {prefix}entities is missing"
        )
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
            if entity["label"] in labels:
                counts.renamed[entity["label"]] += 1
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
                f"{origin}: sentence {name} has entities that overlap; students learn flat "
                f"entities only"
            )


def _examples(
    rows: list[_Row], choice: Choice, tagset: Sequence[str] | None, counts: Counts
) -> Examples:
    if tagset is None:
        tagset = tagset_of(counts.entities)
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
    """float32 (N): score divided by the mean score, at most 1; 1 for sentences without a score."""
    known = [score for score in scores if score is not None]
    mean = sum(known) / len(known) if known and sum(known) > 0 else 1.0
    return np.array([1.0 if s is None else min(1.0, s / mean) for s in scores], np.float32)


def label_weights(tagset: Sequence[str], score: Mapping[str, float]) -> Float32:
    """float32 (tags): mean score of the tag's label divided by the highest; 1 for other tags."""
    best = max(score.values(), default=1.0) or 1.0
    return np.array([score.get(tag[2:], best) / best for tag in tagset], np.float32)


def _mean_scores(rows: Sequence[_Row]) -> dict[str, float]:
    """The mean score of the entities of each label, of those that have a score."""
    by_label: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        for (_, _, label), score in zip(row.spans, row.scores, strict=True):
            if score is not None:
                by_label[label].append(score)
    return {label: sum(scores) / len(scores) for label, scores in by_label.items()}
