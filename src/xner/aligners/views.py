"""Views of word types: classes of words that share statistics about their links.

A view puts the source types and the target types into classes. How often the words of a source
class are linked to the words of a target class is evidence about each pair of the two classes
(`xner.aligners.parts`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import numpy as np

from xner.aligners.bitext import offsets_from
from xner.aligners.letters import latin
from xner.kernels import parts as kernels
from xner.kernels.blocks import frozen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from xner.aligners.shards import Shard, Text

Part: TypeAlias = int | Literal["before", "after"]
"""First letters (positive), last letters (negative), the whole word (0), or the word before or
after it."""

RARE = 10
"""Types that occur more often have a class of their own in the views of neighbouring words."""


class Views(NamedTuple):
    """Which evidence is collected.

    Attributes:
        parts: part of the source word and of the target word in each view.
        weights: default weight of the evidence of each view.
        latin: whether letters are those of the Latin spelling.
    """

    parts: tuple[tuple[Part, Part], ...]
    weights: tuple[float, ...]
    latin: bool


FITTED = Views(
    ((5, 5), (-5, -5), (4, 0), (0, 4), (-4, 0), (0, -4)), (0.8, 0.4, 0.1, 0.1, 0.1, 0.1), False
)
"""Of fitted models, and of corpora that are too large for more."""

SMALL = Views(
    (*FITTED.parts, (3, 0), (0, 3), (2, 0), (0, 2)), (*FITTED.weights, 0.1, 0.1, 0.1, 0.1), True
)
"""Of small corpora."""

REPEATED = Views(
    (
        *SMALL.parts,
        *(("before", "before"), ("before", "after"), ("after", "before"), ("after", "after")),
    ),
    (*SMALL.weights, 0.1, 0.1, 0.1, 0.1),
    True,
)
"""Of small corpora of short sentences, whose patterns repeat: `play songs by NAME`. On longer
sentences, neighbours mislead."""


def classes_of(shard: Shard, views: Views) -> Iterator[kernels.Classes]:
    """Yield the classes of each view."""
    sides = _Classes(shard.source, views.latin), _Classes(shard.target, views.latin)
    entry_starts = offsets_from(np.bincount(shard.source_types, minlength=len(shard.source.words)))
    for source_part, target_part in views.parts:
        group = sides[0].of(source_part)
        yield kernels.Classes(
            frozen(np.argsort(group, kind="stable"), np.int32),
            frozen(offsets_from(np.bincount(group)), np.int64),
            frozen(entry_starts, np.int64),
            shard.target_types,
            frozen(sides[1].of(target_part), np.int32),
        )


class _Classes:
    """Classes of the word types of one side."""

    def __init__(self, text: Text, in_latin: bool) -> None:
        self.text = text
        self.letters = latin(text.words) if in_latin else text.words
        self._made: dict[Part, NDArray[np.int32]] = {}

    def of(self, part: Part) -> NDArray[np.int32]:
        """Return the class of every type, int32 (types), numbered from 0."""
        if part not in self._made:
            self._made[part] = self._of(part)
        return self._made[part]

    def _of(self, part: Part) -> NDArray[np.int32]:
        if part == 0:
            return np.arange(len(self.text.words), dtype=np.int32)
        if isinstance(part, int):
            return self._of_letters(part)
        return self._of_neighbours(part == "before")

    def _of_letters(self, part: int) -> NDArray[np.int32]:
        """Group words with the same first or last letters; words that are shorter are separate."""
        numbers: dict[str, int] = {}
        take = slice(part) if part > 0 else slice(part, None)
        parts = (
            letters[take] if len(letters) >= abs(part) else f"{word} "
            for word, letters in zip(self.text.words, self.letters, strict=True)
        )
        return np.array([numbers.setdefault(p, len(numbers)) for p in parts], np.int32)

    def _of_neighbours(self, before: bool) -> NDArray[np.int32]:
        """Group rare words by their most frequent neighbour; other words are separate."""
        ids, offsets, types = self.text.ids, self.text.offsets, len(self.text.words)
        filled = offsets[:-1] < offsets[1:]
        neighbour = np.full(len(ids), types, np.int64)  # `types` stands for the sentence boundary
        if before:
            neighbour[1:] = ids[:-1]
            neighbour[offsets[:-1][filled]] = types
        else:
            neighbour[:-1] = ids[1:]
            neighbour[offsets[1:][filled] - 1] = types
        pairs, counts = np.unique(ids * np.int64(types + 1) + neighbour, return_counts=True)
        order = np.lexsort((pairs, counts))  # the most frequent neighbour is written last
        word, other = np.divmod(pairs[order], types + 1)
        usual = np.full(types, types, np.int64)
        usual[word] = other
        frequent = np.bincount(ids, minlength=types) > RARE
        group = np.where(frequent, types + 1 + np.arange(types), usual)
        return np.unique(group, return_inverse=True)[1].astype(np.int32)
