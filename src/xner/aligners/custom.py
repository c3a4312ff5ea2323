"""Functions as word aligners."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from xner.aligners import Aligner
from xner.aligners.bitext import Bitext, Links, Side, offsets_from
from xner.callables import Function, ResultError, as_component, listed

Link = tuple[int, int] | tuple[int, int, float]
AlignFunction = Callable[[list[list[str]], list[list[str]]], Iterable[Sequence[Link]]]
"""A function that aligns: takes source and target sentences of words, returns for each pair the
links `(source word, target word)` or `(source word, target word, weight)`, counted from 0 and in
any order. Pairs with an empty side are not passed to it."""
BATCH = 512
"""Maximum number of sentence pairs per call of a function."""


class FunctionAligner(Function):
    """A function as a word aligner.

    A function sees a part of the corpus at a time. An aligner that learns from all of it must be
    an object with `align` (`xner.aligners.Aligner`).
    """

    kind = "aligner"
    function: AlignFunction
    fitted: ClassVar[bool] = False
    random: ClassVar[bool] = False
    pivots: ClassVar[bool] = False

    def align(self, bitext: Bitext, progress: Callable[[float], None] | None = None) -> Links:
        """Return the links of every pair.

        Raises:
            ResultError: links are missing, malformed, out of bounds or given twice.
        """
        rows: list[list[tuple[int, int, float]]] = [[] for _ in range(bitext.aligned)]
        cells = bitext.cells[: bitext.aligned]
        asked = np.flatnonzero(cells > 0)
        for first in range(0, len(asked), BATCH):
            group = asked[first : first + BATCH]
            sides = [_sentences(side, group) for side in (bitext.source, bitext.target)]
            results = self.results(sides[0], int(group[0]), sides[1])
            for row, given, source, target in zip(group, results, *sides, strict=True):
                rows[row] = self._links(given, int(row), len(source), len(target))
            if progress is not None:
                progress(min(1.0, (first + BATCH) / len(asked)))
        flat = [link for row in rows for link in row]
        return Links(
            offsets_from(np.array([len(row) for row in rows], np.int64)),
            np.array([link[0] for link in flat], np.int32),
            np.array([link[1] for link in flat], np.int32),
            np.array([link[2] for link in flat], np.float32),
        )

    def _links(
        self, given: Any, row: int, source: int, target: int
    ) -> list[tuple[int, int, float]]:
        """The links of a pair of sentences of so many words, sorted."""
        found: dict[tuple[int, int], float] = {}
        items = listed(given)
        if items is None:
            raise ResultError(self._name, row, f"the result is {given!r:.80}; it must be a list")
        for link in items:
            if fault := _fault(link, source, target):
                raise ResultError(self._name, row, f"the link {link!r:.80} {fault}")
            place = int(link[0]), int(link[1])
            if place in found:
                raise ResultError(self._name, row, f"the link {place[0]}-{place[1]} is given twice")
            found[place] = float(link[2]) if len(link) > 2 else 1.0
        return [(*place, weight) for place, weight in sorted(found.items())]

    @property
    def _name(self) -> str:
        return f"the aligner {self.signature}"


def as_aligner(given: Any) -> Aligner:
    """Return an aligner as it is, and a function as an aligner.

    Raises:
        UsageError: `given` is neither.
    """
    aligner: Aligner = as_component(given, FunctionAligner, Aligner)
    return aligner


def _sentences(side: Side, rows: NDArray[np.int64]) -> list[list[str]]:
    return [
        [side.words[i] for i in side.ids[side.offsets[row] : side.offsets[row + 1]]] for row in rows
    ]


def _fault(link: Any, source: int, target: int) -> str:
    """What is wrong with a link; empty if nothing is."""
    if not isinstance(link, tuple | list) or len(link) not in (2, 3):
        return "is not a pair of words: write (source, target), or add a weight"
    if not all(isinstance(n, Integral) and not isinstance(n, bool) for n in link[:2]):
        return "has words that are not integers"
    if not (0 <= link[0] < source and 0 <= link[1] < target):
        return f"is out of bounds: there are {source} and {target} words"
    weight = link[2] if len(link) > 2 else 1.0
    if not isinstance(weight, Real) or not math.isfinite(weight) or weight < 0:
        return "has a weight that is not a number, or is below 0"
    return ""
