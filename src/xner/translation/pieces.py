"""Splitting of texts that are too long for a model."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable

# Where a text may be split, in order of preference: after a sentence, after a clause, between
# words, between characters.
_CUTS = (
    re.compile(r"[.!?…؟۔।॥።](?=\s)|[。！？]"),
    re.compile(r"[,;:،؛፣፤](?=\s)|[，、；：]"),
    re.compile(r"\s(?=\S)"),
    re.compile(r"[\s\S]"),
)
_LETTERS_PER_TOKEN = 16


def split_text(text: str, longest: int, length: Callable[[str], int]) -> list[str]:
    """Split a text into pieces of at most `longest` tokens, at sentence ends if possible.

    Args:
        text: the text; only white space between pieces is dropped.
        longest: maximum number of tokens per piece, at least 1.
        length: returns the number of tokens of a text.
    """
    pieces, rest = [], text.strip()
    while len(rest) > longest * _LETTERS_PER_TOKEN or length(rest) > longest:
        cut = _last_cut(rest[: longest * _LETTERS_PER_TOKEN], longest, length)
        pieces.append(rest[:cut].strip())
        rest = rest[cut:].strip()
    return [*pieces, rest] if rest else pieces


def _last_cut(text: str, longest: int, length: Callable[[str], int]) -> int:
    """Return the end of the longest piece that fits, at the most preferred kind of place."""
    for kind in _CUTS:
        cuts = [match.end() for match in kind.finditer(text)]
        fit = bisect_right(cuts, longest, key=lambda cut: length(text[:cut].strip()))
        if fit:
            return cuts[fit - 1]
    return 1
