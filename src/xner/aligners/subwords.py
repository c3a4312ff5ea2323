"""A bitext as subwords: each word type is split once, and sentences are gathered from types."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xner.aligners.bitext import Side, offsets_from
from xner.errors import XnerWarning
from xner.inference.windows import ranges

Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
_CHUNK = 20_000


@dataclass(frozen=True, slots=True)
class SubwordSide:
    """One side of a bitext and the subwords of its word types.

    Attributes:
        side: the words.
        ids: int32 (P), subword ids of all word types, concatenated.
        offsets: int64 (V+1); the subwords of type v are `ids[offsets[v]:offsets[v+1]]`.
    """

    side: Side
    ids: Int32
    offsets: Int64

    @property
    def sizes(self) -> Int64:
        """Number of subwords of each word type, int64 (V)."""
        return np.diff(self.offsets)

    def lengths(self, first: int, last: int) -> Int64:
        """Return the number of subwords of the sentences `[first, last)`, int64."""
        bounds = self.side.offsets[first : last + 1]
        words = self.sizes[self.side.ids[bounds[0] : bounds[-1]]]
        lengths: Int64 = np.diff(offsets_from(words)[bounds - bounds[0]])
        return lengths

    def gather(self, sentences: Int64) -> Sentences:
        """Return the subwords of the given sentences."""
        begin = self.side.offsets[sentences]
        words = self.side.offsets[sentences + 1] - begin
        types = self.side.ids[ranges(begin, words)]
        sizes = self.sizes[types]
        ids = self.ids[ranges(self.offsets[types], sizes)]
        return Sentences(offsets_from(words), sizes, offsets_from(sizes), ids)


@dataclass(frozen=True, slots=True)
class Sentences:
    """Subwords of B sentences, concatenated.

    Attributes:
        words: int64 (B+1), offsets of sentences into words.
        sizes: int64 (W), number of subwords of each word.
        starts: int64 (W+1), offsets of words into subwords.
        ids: int32 (K), subword ids.
    """

    words: Int64
    sizes: Int64
    starts: Int64
    ids: Int32

    @property
    def subwords(self) -> Int64:
        """Offsets of sentences into subwords, int64 (B+1)."""
        return self.starts[self.words]

    @property
    def places(self) -> Int64:
        """Index of each word in its sentence, int64 (W)."""
        return ranges(np.zeros(len(self.words) - 1, np.int64), np.diff(self.words))


def split_side(side: Side, tokenizer: Any) -> SubwordSide:
    """Split the word types of a side into subwords, each without context."""
    found: list[list[int]] = []
    for i in range(0, len(side.words), _CHUNK):
        words = [[word] for word in side.words[i : i + _CHUNK]]
        found += tokenizer(
            words,
            is_split_into_words=True,
            add_special_tokens=False,
            return_attention_mask=False,
            return_token_type_ids=False,
            verbose=False,
        )["input_ids"]
    ids = np.fromiter((i for row in found for i in row), np.int32)
    return SubwordSide(side, ids, offsets_from(np.array([len(row) for row in found], np.int64)))


def warn_of_lost_words(sides: Sequence[SubwordSide], pairs: int, model: str) -> None:
    """Warn about words without subwords in the first `pairs` sentences."""
    for name, own in zip(("source", "target"), sides, strict=True):
        words = own.side.ids[: own.side.offsets[pairs]]
        lost = np.flatnonzero(own.sizes[words] == 0)
        if len(lost):
            row = int(np.searchsorted(own.side.offsets, lost[0], side="right"))
            text = own.side.words[words[lost[0]]]
            warnings.warn(
                f"{len(lost)} words of the {name} side have no subword in {model} and get no "
                f"links; the first is {text!r} in row {row}",
                XnerWarning,
                stacklevel=3,
            )
