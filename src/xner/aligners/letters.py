"""Letters of words, also in Latin spelling, so that words of two scripts can be compared."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from xner.aligners.bitext import offsets_from
from xner.kernels.blocks import frozen

if TYPE_CHECKING:
    from numpy.typing import NDArray

# A Chinese character stands for a meaning, and has other readings in other languages.
_MEANINGS = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")


class _Spelling(dict[int, str]):
    """The Latin spelling of every character, by code point, for `str.translate`."""

    def __missing__(self, code: int) -> str:
        from anyascii import anyascii

        letter = chr(code)
        spelt = letter if _MEANINGS.match(letter) else anyascii(letter).lower()
        self[code] = spelt
        return spelt


_SPELLING = _Spelling()


def latin(words: list[str]) -> list[str]:
    """Return words in Latin letters and ASCII digits; Chinese characters stay as they are."""
    return [w if w.isascii() else w.translate(_SPELLING) or w for w in words]


def letters_of(words: list[str]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Return the code points of all words, concatenated, and the offset of each word."""
    codes = np.frombuffer("".join(words).encode("utf-32-le", "surrogatepass"), "<u4")
    starts = offsets_from(np.array([len(w) for w in words], np.int64))
    return frozen(codes, np.uint32), frozen(starts, np.int64)
