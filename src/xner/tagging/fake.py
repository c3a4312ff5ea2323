"""A tagger without a model, for tests: it looks names up in a gazetteer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from xner.errors import UsageError
from xner.tagging import Tagged


class FakeTagger:
    """Labels names of a gazetteer from left to right, longest match first, case-sensitive.

    >>> tagger = FakeTagger({"Ada Lovelace": "PER", "Nairobi": "LOC"})
    >>> tagger.tags
    ('O', 'B-LOC', 'I-LOC', 'B-PER', 'I-PER')
    """

    def __init__(self, names: Mapping[str, str], confidence: float = 0.9) -> None:
        """Create a tagger from names and their labels.

        Args:
            names: label of each name, such as `{"Ada Lovelace": "PER"}`; words are separated by
                spaces.
            confidence: probability of the tag of every word, in (0.5, 1]; the other tags share
                the rest equally.

        Raises:
            UsageError: a name is empty, or the confidence is out of range.
        """
        if not 0.5 < confidence <= 1:
            raise UsageError(f"confidence is {confidence}; it must be in (0.5, 1]")
        self._labels = {tuple(name.split()): label for name, label in names.items()}
        if () in self._labels:
            raise UsageError("a name is empty; write words separated by spaces")
        self._longest = max(map(len, self._labels), default=0)
        self._confidence = confidence
        labels = sorted(set(names.values()))
        self.tags = ("O", *(f"{letter}-{label}" for label in labels for letter in "BI"))

    @property
    def signature(self) -> str:
        """Number of names, and confidence."""
        return f"fake(names:{len(self._labels)},confidence:{self._confidence:g})"

    def tag(self, sentences: Iterable[Sequence[str]]) -> Iterator[Tagged]:
        """Tag sentences of words one by one."""
        for words in sentences:
            rest = (1.0 - self._confidence) / max(1, len(self.tags) - 1)
            probabilities = np.full((len(words), len(self.tags)), rest, np.float32)
            ids = [self.tags.index(tag) for tag in self._tags(words)]
            probabilities[np.arange(len(words)), ids] = self._confidence
            yield Tagged(probabilities, windows=1 if len(words) else 0)

    def _tags(self, words: Sequence[str]) -> list[str]:
        tags: list[str] = []
        while len(tags) < len(words):
            length = self._match(words[len(tags) :])
            if not length:
                tags.append("O")
                continue
            label = self._labels[tuple(words[len(tags) : len(tags) + length])]
            tags += [f"B-{label}", *[f"I-{label}"] * (length - 1)]
        return tags

    def _match(self, words: Sequence[str]) -> int:
        """Return the number of words of the longest name that starts here, or 0."""
        lengths = range(min(self._longest, len(words)), 0, -1)
        return next((n for n in lengths if tuple(words[:n]) in self._labels), 0)
