"""What a translator is, and what it gives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from xner.languages import Language

OUTCOMES = ("translated", "split", "short", "cut", "repeats", "empty", "empty_input")
"""What becomes of a text, from fine to worst (docs/data.md says when); of a text in pieces the
worst counts."""


@dataclass(frozen=True, slots=True)
class Translated:
    """The translation of one text.

    Attributes:
        text: in the other language.
        outcome: one of `OUTCOMES`.
        pieces: how many the text was translated in; 0 if it was empty.
    """

    text: str
    outcome: str
    pieces: int = 1


class Translator(Protocol):
    """Anything that translates; give one to `xner.translate` to use another system."""

    @property
    def signature(self) -> str:
        """What identifies the system and its settings."""
        ...

    def translate(
        self, texts: Iterable[str], source: Language, target: Language
    ) -> Iterator[Translated]:
        """The translation of every text, in their order; `texts` may be read ahead."""
        ...


def joined(pieces: Sequence[Translated], target: Language) -> Translated:
    """One text's translation from those of its pieces."""
    if not pieces:
        return Translated("", "empty_input", 0)
    glue = " " if target.spaced else ""
    worst = max((piece.outcome for piece in pieces), key=OUTCOMES.index)
    if len(pieces) > 1 and worst == "translated":
        worst = "split"
    return Translated(glue.join(p.text for p in pieces if p.text), worst, len(pieces))
