"""Interface of translators, and their results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from xner.languages import Language

OUTCOMES = ("translated", "split", "short", "cut", "repeats", "empty", "malformed", "empty_input")
"""Outcomes of a translation, from best to worst (see docs/data.md). A text that was translated in
several pieces has the worst of their outcomes."""


@dataclass(frozen=True, slots=True)
class Translated:
    """The translation of one text.

    Attributes:
        text: the translation.
        outcome: one of `OUTCOMES`.
        pieces: number of pieces that the text was split into; 0 if it was empty.
    """

    text: str
    outcome: str
    pieces: int = 1


class Translator(Protocol):
    """Interface of translators; pass an object of this kind to `xner.translate` to use it."""

    @property
    def signature(self) -> str:
        """Identifies the system and its settings."""
        ...

    def translate(
        self, texts: Iterable[str], source: Language, target: Language
    ) -> Iterator[Translated]:
        """Yield the translation of every text, in order; `texts` may be read ahead."""
        ...


def join_pieces(pieces: Sequence[Translated], target: Language) -> Translated:
    """Return the translation of a text from those of its pieces."""
    if not pieces:
        return Translated("", "empty_input", 0)
    separator = " " if target.spaced else ""
    worst = max((piece.outcome for piece in pieces), key=OUTCOMES.index)
    if len(pieces) > 1 and worst == "translated":
        worst = "split"
    return Translated(separator.join(p.text for p in pieces if p.text), worst, len(pieces))
