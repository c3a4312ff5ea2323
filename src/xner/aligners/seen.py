"""Word types that a fitted model has met while it aligns, so that each is looked up only once."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from xner.aligners.vocabulary import Vocabulary, types_of
from xner.kernels import lexicon as tables
from xner.kernels.blocks import frozen

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xner.aligners.bitext import Side

MOST = 1 << 17
"""Words of a side above which all are forgotten, which bounds the memory to about 80 MB."""


class Seen:
    """The word types of one side, numbered in the order in which they were met."""

    def __init__(
        self, vocabulary: Vocabulary, part_filter: NDArray[np.uint64], is_target: bool
    ) -> None:
        """Start with no types.

        Args:
            vocabulary: the types of the sample.
            part_filter: of the lexicon.
            is_target: whether they are those of the target side.
        """
        self._of = vocabulary, part_filter, is_target
        self._lock = Lock()
        self._forget()

    def __reduce__(self) -> tuple[Any, ...]:
        return Seen, self._of

    def _forget(self) -> None:
        self._numbers: dict[str, int] = {}
        self._folded: dict[str, int] = {}
        self._types = types_of([], *self._of)

    def side(self, side: Side) -> tables.Side:
        """Return the words of a side as types; several threads may call it."""
        with self._lock:
            if len(self._numbers) > MOST:
                self._forget()
            ids = [self._numbers.get(word, -1) for word in side.words]
            new = [k for k, number in enumerate(ids) if number < 0]
            known = len(self._folded)
            for k in new:
                folded = self._folded.setdefault(side.words[k].casefold(), len(self._folded))
                ids[k] = self._numbers[side.words[k]] = folded
            if len(self._folded) > known:
                self._add(list(self._folded)[known:], known)
            types = self._types
        numbers = np.array(ids, np.int32)[side.ids]
        return tables.Side(frozen(numbers, np.int32), frozen(side.offsets, np.int64), types)

    def _add(self, words: list[str], known: int) -> None:
        """Add casefolded types after the `known` ones; those that threads read stay in place."""
        held, new = self._types, types_of(words, *self._of)
        letters = int(held.starts[known])
        new = new._replace(starts=frozen(new.starts + letters, np.int64))
        self._types = tables.Types(
            *(
                _with(
                    getattr(held, name), getattr(new, name), letters if name == "letters" else known
                )
                for name in tables.Types._fields
            )
        )


def _with(held: NDArray[Any], more: NDArray[Any], size: int) -> NDArray[Any]:
    """Return the first `size` rows of an array and more, where possible without a copy."""
    need = size + len(more)
    room = held.base
    if not isinstance(room, np.ndarray) or need > len(room):
        room = np.empty((2 * need, *held.shape[1:]), held.dtype)
        room[:size] = held[:size]
    if len(more):
        room[size:need] = more
    return frozen(room, held.dtype.type)
