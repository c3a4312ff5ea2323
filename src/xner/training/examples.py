"""Sentences to train on: words with tags or probabilities, and what each word weighs."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Int16 = NDArray[np.int16]
Int64 = NDArray[np.int64]


@dataclass(frozen=True)
class Examples:
    """Sentences of words; arrays are flat over all words.

    Attributes:
        sentences: words of each.
        offsets: int64 (N+1), words of each in the arrays.
        tagset: the tags, `O` first.
        tags: int16 (W), index of each word's tag.
        weights: float32 (W), what a word counts in the loss; 0 leaves it out.
        soft: float32 (W x tags), a teacher's probabilities; None where tags are learnt.
    """

    sentences: Sequence[Sequence[str]]
    offsets: Int64
    tagset: tuple[str, ...]
    tags: Int16
    weights: Float32
    soft: Float32 | None = None

    @property
    def signature(self) -> str:
        """Sixteen hex digits over all that is learnt."""
        total = hashlib.sha256(" ".join(self.tagset).encode())
        for words in self.sentences:
            total.update("\0".join([*words, "\n"]).encode())
        for array in (self.tags, self.weights, self.soft):
            total.update(b"|" if array is None else np.ascontiguousarray(array).data)
        return total.hexdigest()[:16]

    def weighted(self, weights: Float32) -> Examples:
        """The same with other weights."""
        return replace(self, weights=weights)


@dataclass
class Counts:
    """What the examples were made of.

    Attributes:
        sentences: rows read.
        kept: sentences trained on.
        empty: rows without words.
        doubtful: rows dropped, by reason (`unprojected`, `score`).
        words: of the kept sentences.
        entities: of the kept sentences, by label; in soft examples, of the likeliest tags.
        dropped_labels: entities whose label was dropped, by label.
        unseen: words the tokenizer gives no subword to; they are not learnt.
        split: sentences read in several pieces.
    """

    sentences: int = 0
    kept: int = 0
    empty: int = 0
    doubtful: Counter[str] = field(default_factory=Counter)
    words: int = 0
    entities: Counter[str] = field(default_factory=Counter)
    dropped_labels: Counter[str] = field(default_factory=Counter)
    unseen: int = 0
    split: int = 0

    def as_dict(self) -> dict[str, Any]:
        """The counts as they stand in `--json`."""
        told = {
            name: dict(sorted(value.items())) if isinstance(value, Counter) else value
            for name, value in vars(self).items()
        }
        return {name: value for name, value in told.items() if value != {}}


def tagset_of(labels: Sequence[str]) -> tuple[str, ...]:
    """IOB2 tags of labels, `O` first, labels sorted."""
    return ("O", *(f"{letter}-{label}" for label in sorted(labels) for letter in "BI"))


def renamed(label: str, labels: Mapping[str, str | None]) -> str | None:
    """The name of a label after renaming; None if it is dropped."""
    return (labels.get(label, label) or None) if label in labels else label


def offsets_from(sentences: Sequence[Sequence[str]]) -> Int64:
    """int64 (N+1), where the words of each sentence begin."""
    return np.concatenate([[0], np.cumsum([len(words) for words in sentences])]).astype(np.int64)
