"""Texts that are too long for a model, in pieces that are not."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable

# Where a text may be cut, best places first: after a sentence, after a clause, between words,
# between letters.
_CUTS = (
    re.compile(r"[.!?…؟۔।॥።](?=\s)|[。！？]"),
    re.compile(r"[,;:،؛፣፤](?=\s)|[，、；：]"),
    re.compile(r"\s(?=\S)"),
    re.compile(r"[\s\S]"),
)
_LETTERS_PER_TOKEN = 16


def split_text(text: str, longest: int, length: Callable[[str], int]) -> list[str]:
    """Cut a text into pieces of at most `longest` tokens, at the best places there are.

    Args:
        text: to cut; no character but white space is lost.
        longest: tokens of a piece, at least 1.
        length: tokens of a text.
    """
    pieces, rest = [], text.strip()
    while len(rest) > longest * _LETTERS_PER_TOKEN or length(rest) > longest:
        cut = _last_cut(rest[: longest * _LETTERS_PER_TOKEN], longest, length)
        pieces.append(rest[:cut].strip())
        rest = rest[cut:].strip()
    return [*pieces, rest] if rest else pieces


def _last_cut(text: str, longest: int, length: Callable[[str], int]) -> int:
    """The end of the longest piece that fits, with the best kind of end."""
    for kind in _CUTS:
        cuts = [match.end() for match in kind.finditer(text)]
        fit = bisect_right(cuts, longest, key=lambda cut: length(text[:cut].strip()))
        if fit:
            return cuts[fit - 1]
    return 1
