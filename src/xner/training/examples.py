"""Training examples: words with tags or probabilities, and the weight of each word."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from xner.schemes import spans_from_tags
from xner.training.options import StudentOptions

Float32 = NDArray[np.float32]
Int16 = NDArray[np.int16]
Int64 = NDArray[np.int64]


@dataclass(frozen=True)
class Examples:
    """Sentences with what is learned of their words. Arrays are flat over all words.

    Attributes:
        sentences: the words of each sentence.
        offsets: int64 (N+1), where the words of each sentence begin in the arrays.
        tagset: the tags, `O` first.
        tags: int16 (W), index of each word's tag.
        weights: float32 (W), weight of each word in the loss; 0 ignores the word.
        soft: float32 (W x tags), probabilities to learn instead of tags; None for tags.
        hidden: float16 (W x layers x width), hidden states to learn in addition, if any.
    """

    sentences: Sequence[Sequence[str]]
    offsets: Int64
    tagset: tuple[str, ...]
    tags: Int16
    weights: Float32
    soft: Float32 | None = None
    hidden: NDArray[np.float16] | None = None

    @property
    def signature(self) -> str:
        """Digest of the words, tags, weights and probabilities, 16 hexadecimal digits."""
        total = hash_words(self.sentences, " ".join(self.tagset))
        for array in (self.tags, self.weights, self.soft):
            total.update(b"|" if array is None else np.ascontiguousarray(array).data)
        if self.hidden is not None:
            total.update(self.hidden.data)
        return total.hexdigest()[:16]

    def spans(self, tags: NDArray[Any] | None = None) -> list[list[tuple[int, int, str]]]:
        """The entities of each sentence, half-open, from `tags`, int (W), or its own tags."""
        names = [self.tagset[tag] for tag in (self.tags if tags is None else tags)]
        return [spans_from_tags(names[i:j]) for i, j in pairwise(self.offsets)]


@dataclass
class Counts:
    """Counts of the training examples.

    Attributes:
        sentences: rows read.
        kept: sentences to train on.
        empty: rows without words.
        doubtful: dropped rows by reason (`unprojected`, `score`).
        words: words of the kept sentences.
        entities: entities of the kept sentences by label; with probabilities, those of the most
            probable tags.
        dropped_labels: entities whose label was dropped, by label.
        renamed: entities by their former label, for the labels to rename or drop; 0 if a label
            never occurred.
        unseen: words for which the tokenizer has no subword; they are not learned.
        split: sentences that are longer than the window.
    """

    sentences: int = 0
    kept: int = 0
    empty: int = 0
    doubtful: Counter[str] = field(default_factory=Counter)
    words: int = 0
    entities: Counter[str] = field(default_factory=Counter)
    dropped_labels: Counter[str] = field(default_factory=Counter)
    renamed: Counter[str] = field(default_factory=Counter)
    unseen: int = 0
    split: int = 0

    def as_dict(self) -> dict[str, Any]:
        """The counts as printed by `--json`."""
        values = {
            name: dict(sorted(value.items())) if isinstance(value, Counter) else value
            for name, value in vars(self).items()
        }
        return {name: value for name, value in values.items() if value != {}}


class SoftLoss(NamedTuple):
    """The loss on probabilities and its temperature, as for `losses.soft_loss`."""

    loss: str = "mse"
    temperature: float = 1.0


class HiddenLoss(NamedTuple):
    """The layers of the student whose hidden states are learned, and the weight of their loss."""

    layers: tuple[int, ...] = ()
    layer_weight: float = 0.0


@dataclass(frozen=True)
class Lesson:
    """Everything that determines a student.

    Attributes:
        examples: the sentences to learn.
        counts: what the examples consist of; `fit` adds what depends on the tokenizer.
        options: how the student is built and trained.
        details: the task, and what else determines the student; part of manifest and signature.
        sources: names of the corpora and teachers, for the model card.
        dev: labelled sentences on which epochs are scored.
        text: additional sentences for a tokenizer trained from scratch.
        loss: the loss on the probabilities of the examples, if they have any.
        hidden: the loss on the hidden states of the examples, if they have any.
    """

    examples: Examples
    counts: Counts
    options: StudentOptions
    details: Mapping[str, Any]
    sources: Sequence[str] = ()
    dev: Examples | None = None
    text: Sequence[Sequence[str]] = ()
    loss: SoftLoss = field(default_factory=SoftLoss)
    hidden: HiddenLoss = field(default_factory=HiddenLoss)


def hash_words(sentences: Iterable[Sequence[str]], begin: str = "") -> hashlib._Hash:
    """SHA-256 of sentences of words, after a first text."""
    total = hashlib.sha256(begin.encode())
    for words in sentences:
        total.update("\0".join([*words, "\n"]).encode())
    return total


def tagset_of(labels: Iterable[str]) -> tuple[str, ...]:
    """The IOB2 tags of labels: `O` first, labels sorted."""
    return ("O", *(f"{letter}-{label}" for label in sorted(labels) for letter in "BI"))


def renamed(label: str, labels: Mapping[str, str | None]) -> str | None:
    """The new name of a label; None if it is dropped."""
    return labels[label] or None if label in labels else label


def offsets_from(sentences: Sequence[Sequence[str]]) -> Int64:
    """int64 (N+1), where the words of each sentence begin."""
    return np.concatenate([[0], np.cumsum([len(words) for words in sentences])]).astype(np.int64)
