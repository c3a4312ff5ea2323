"""A bitext and its links as integer arrays, the input and output of aligners."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xner.callables import ResultError
from xner.errors import UsageError


@dataclass(frozen=True, slots=True)
class Side:
    """One side of N sentence pairs.

    Attributes:
        ids: int32 (W), word-type ids of all sentences, concatenated.
        offsets: int64 (N+1); sentence n is `ids[offsets[n]:offsets[n+1]]` and may be empty.
        words: the V word types in their original spelling; `words[i]` has id i.
    """

    ids: NDArray[np.int32]
    offsets: NDArray[np.int64]
    words: list[str]

    def head(self, sentences: int) -> Side:
        """Return the first `sentences` sentences."""
        offsets = self.offsets[: sentences + 1]
        return Side(self.ids[: offsets[-1]], offsets, self.words)

    def slice(self, first: int, last: int) -> Side:
        """Return the sentences `[first, last)`."""
        begin = self.offsets[first]
        ids = self.ids[begin : self.offsets[last]]
        return Side(ids, self.offsets[first : last + 1] - begin, self.words)

    def take(self, rows: NDArray[np.int64]) -> Side:
        """Return some sentences, in the order of `rows`."""
        offsets = offsets_from(np.diff(self.offsets)[rows])
        shift = np.repeat(self.offsets[rows] - offsets[:-1], np.diff(offsets))
        return Side(self.ids[shift + np.arange(len(shift))], offsets, self.words)


@dataclass(frozen=True, slots=True)
class Bitext:
    """Sentence pairs to align; both sides have the same number of sentences.

    Attributes:
        source: the source side.
        target: the target side.
        fit_only: number of pairs at the end that aligners are only fitted on, not aligned.
    """

    source: Side
    target: Side
    fit_only: int = 0

    @property
    def pairs(self) -> int:
        """Number of sentence pairs N, including those that are only fitted on."""
        return len(self.source.offsets) - 1

    @property
    def aligned(self) -> int:
        """Number of sentence pairs to align; they come first."""
        return self.pairs - self.fit_only

    @property
    def cells(self) -> NDArray[np.int64]:
        """int64 (N): number of pairs of word positions of each sentence pair."""
        return np.diff(self.source.offsets) * np.diff(self.target.offsets)

    def slice(self, first: int, last: int) -> Bitext:
        """Return the pairs `[first, last)`, to align."""
        return Bitext(self.source.slice(first, last), self.target.slice(first, last))

    def take(self, rows: NDArray[np.int64]) -> Bitext:
        """Return some pairs to align, in the order of `rows`."""
        return Bitext(self.source.take(rows), self.target.take(rows))


@dataclass(frozen=True, slots=True)
class Links:
    """Word alignment of N sentence pairs, sorted by sentence, source word, target word.

    Attributes:
        offsets: int64 (N+1); the links of pair n are `[offsets[n], offsets[n+1])`.
        source: int32 (L), source word of each link, counted from 0 in its sentence.
        target: int32 (L), target word.
        weight: float32 (L), confidence of the aligner, in (0, 1].
    """

    offsets: NDArray[np.int64]
    source: NDArray[np.int32]
    target: NDArray[np.int32]
    weight: NDArray[np.float32]

    def head(self, pairs: int) -> Links:
        """Return the links of the first `pairs` sentence pairs."""
        last = int(self.offsets[pairs])
        return Links(
            self.offsets[: pairs + 1], self.source[:last], self.target[:last], self.weight[:last]
        )


def joined_links(parts: Sequence[Links]) -> Links:
    """Concatenate the links of consecutive sentence pairs."""
    words = np.zeros(0, np.int32)
    none = Links(np.zeros(1, np.int64), words, words, np.zeros(0, np.float32))
    each = [none, *parts]
    return Links(
        offsets_from(np.concatenate([np.diff(part.offsets) for part in each])),
        np.concatenate([part.source for part in each]),
        np.concatenate([part.target for part in each]),
        np.concatenate([part.weight for part in each]),
    )


def checked(links: Links, bitext: Bitext, aligner: object) -> Links:
    """Return the links of a custom aligner as arrays, checked against the bitext.

    Raises:
        UsageError: arrays do not fit each other, or a link is out of bounds, out of order, or has
            a weight that is not finite or below 0.
    """
    parts = [np.asarray(getattr(links, name)) for name in ("offsets", "source", "target", "weight")]
    name = f"the aligner {getattr(aligner, 'signature', repr(aligner))}"
    if fault := _fault_in_shape(parts, bitext):
        raise UsageError(f"{name} returned links that do not fit: {fault}")
    if found := _fault_in_links(parts, bitext):
        raise ResultError(name, *found)
    offsets, source, target, weight = parts
    return Links(
        offsets.astype(np.int64, copy=False),
        source.astype(np.int32, copy=False),
        target.astype(np.int32, copy=False),
        weight.astype(np.float32, copy=False),
    )


def _fault_in_shape(parts: Sequence[NDArray[Any]], bitext: Bitext) -> str:
    """What is wrong with the shapes and types of links; empty if nothing is."""
    offsets, source, target, weight = parts
    if any(array.ndim != 1 for array in parts):
        return "every array must have one dimension"
    if any(array.dtype.kind not in "iu" for array in (offsets, source, target)):
        return "offsets, source and target must be integers"
    if weight.dtype.kind not in "fiu":
        return "weight must be numbers"
    if len(offsets) - 1 not in (bitext.aligned, bitext.pairs):
        return f"there are {len(offsets)} offsets; {bitext.aligned} rows need one more than that"
    if offsets[0] != 0 or (np.diff(offsets.astype(np.int64)) < 0).any():
        return "offsets must begin with 0 and not decrease"
    if any(len(part) != offsets[-1] for part in (source, target, weight)):
        return f"the last offset is {offsets[-1]}, which must be the length of the other arrays"
    return ""


def _fault_in_links(parts: Sequence[NDArray[Any]], bitext: Bitext) -> tuple[int, str] | None:
    """The row of the first bad link and what is wrong with it; None if there is none."""
    offsets, source, target, weight = parts
    row = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    words, others = (np.diff(side.offsets)[row] for side in (bitext.source, bitext.target))
    outside = (source < 0) | (source >= words) | (target < 0) | (target >= others)
    same, again = row[1:] == row[:-1], source[1:] == source[:-1]
    back = same & ((source[1:] < source[:-1]) | (again & (target[1:] <= target[:-1])))
    faults = {
        "is out of bounds": outside,
        "must come before the one before it: sort by source, then target word": np.append(
            np.zeros(min(1, len(row)), bool), back
        ),
        "has a weight that is not finite, or below 0": ~(np.isfinite(weight) & (weight >= 0)),
    }
    for text, bad in faults.items():
        if bad.any():
            i = int(bad.argmax())
            return int(row[i]), f"the link {source[i]}-{target[i]} {text}"
    return None


def offsets_from(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the offsets, int64 (N+1), of N rows of the given sizes."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes, dtype=np.int64)])
