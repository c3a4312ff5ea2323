"""Markers around entities, which a translator carries over, and the spans they leave (EasyProject).

The text `[Anna] visits [Rome]` is translated with its markers; what stands between two markers in
the translation is an entity (Chen et al. 2023). Which one, says its likeness to the translations
of the entities by themselves.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

import numpy as np
from numpy.typing import NDArray

from xner.languages import Language
from xner.solve.words import match_words
from xner.translation.text import join_words

STYLES = ("brackets", "xml", "none")
_BRACKETS = ("[]", "{}")
_TAG = re.compile(r"<\s*(?P<close>/?)\s*(?P<name>[A-Za-z]{1,2})\s*>")
_ORDER = 1e-6

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Marked:
    """A text with markers around its entities.

    Attributes:
        text: with the markers.
        brackets: the two characters that mark; "" where tags do, or nothing is marked.
        names: name of each entity's tag; empty where brackets mark.
        entities: text of each entity; "" for one that is not marked.
    """

    text: str
    brackets: str
    names: tuple[str, ...]
    entities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Recovered:
    """A translation without its markers.

    Attributes:
        text: with no marker left and no space doubled by taking them out.
        spans: for each entity, half-open character offsets in the text; None where its markers
            are lost.
        likeness: of each span to its entity's translation, in [0, 1]; 0 where there is none.
        found: pairs of markers in the translation.
    """

    text: str
    spans: tuple[Span | None, ...]
    likeness: tuple[float, ...]
    found: int


def mark_entities(
    words: Sequence[str], entities: Sequence[Span], language: Language, style: str = "brackets"
) -> Marked:
    """The text that words make (`join_words`) with markers; arguments as for `mark_text`."""
    return mark_text(*place_words(words, language), entities, style)


def mark_text(
    text: str, offsets: Sequence[Span], entities: Sequence[Span], style: str = "brackets"
) -> Marked:
    """The text of a sentence with markers around its entities.

    Brackets are `[` and `]`, or `{` and `}` where the text has one of the former. Tags are
    `<a>` and `</a>`, `<b>` and so on, in the order of the entities. A text that holds such signs
    already, so that no marker could be told, is left without.

    Args:
        text: of the sentence.
        offsets: half-open character offsets of its words.
        entities: half-open word spans that do not overlap.
        style: `brackets`, `xml`, or `none` to mark nothing.
    """
    spans = [_trimmed(text, offsets[start][0], offsets[end - 1][1]) for start, end in entities]
    names = tuple(_name(i) for i in range(len(spans))) if style == "xml" else ()
    brackets = _free_brackets(text) if style == "brackets" else ""
    if not spans or (names and _TAG.search(text)) or not (names or brackets):
        return Marked(text, "", (), ("",) * len(spans))
    marked, at = "", 0
    for i in sorted(range(len(spans)), key=spans.__getitem__):
        start, end = spans[i]
        if start >= end:
            continue
        opening, closing = (f"<{names[i]}>", f"</{names[i]}>") if names else tuple(brackets)
        marked += f"{text[at:start]}{opening}{text[start:end]}{closing}"
        at = end
    return Marked(marked + text[at:], brackets, names, tuple(text[s:e] for s, e in spans))


def place_words(words: Sequence[str], language: Language) -> tuple[str, list[Span]]:
    """The text that words make, and the half-open character offsets of each in it."""
    text, at = join_words(words, language), 0
    offsets = []
    for word in words:
        length = len(join_words([word], language))
        if length and text[at : at + 1] == " ":
            at += 1
        offsets.append((at, at + length))
        at += length
    return text, offsets


def _free_brackets(text: str) -> str:
    return next((pair for pair in _BRACKETS if not set(pair) & set(text)), "")


def _name(number: int) -> str:
    """`a` to `z`, then `aa` to `zz`."""
    first, last = divmod(number, 26)
    return ("" if not first else chr(ord("a") + first - 1)) + chr(ord("a") + last)


def recover_entities(
    translation: str, marked: Marked, translated: Sequence[str], threshold: float = 0.5
) -> Recovered:
    """The spans of a translation between markers, each given to at most one entity.

    The likeness of a span to an entity is the ratio of `difflib.SequenceMatcher` between the span
    and the entity's own translation, both in lower case. Only pairs above the threshold match,
    and of all ways to match spans and entities one to one that with the largest sum is taken. A
    tag names its entity, so that likeness only chooses between tags of one name.

    Args:
        translation: of `marked.text`.
        marked: what was translated.
        translated: translation of each of `marked.entities`.
        threshold: of likeness, in [0, 1).
    """
    text, found = _without_markers(translation, marked)
    likeness = np.zeros((len(found), len(marked.entities)))
    value = np.zeros(likeness.shape)
    for i, (start, end, name) in enumerate(found):
        for j, own in enumerate(translated):
            named = bool(marked.names) and name == marked.names[j]
            if marked.entities[j] and (named or not marked.names):
                likeness[i, j] = _likeness(text[start:end], own)
                value[i, j] = likeness[i, j] + named
    spans: list[Span | None] = [None] * len(translated)
    alike = [0.0] * len(translated)
    for i, j in _matches(value, 0.0 if marked.names else threshold):
        spans[j], alike[j] = found[i][:2], float(likeness[i, j])
    return Recovered(text, tuple(spans), tuple(alike), len(found))


def _likeness(span: str, entity: str) -> float:
    return SequenceMatcher(None, span.lower(), entity.lower()).ratio()


def _matches(value: NDArray[np.float64], threshold: float) -> list[tuple[int, int]]:
    """Spans and entities matched one to one; of equals those in the same order."""
    if not value.size:
        return []
    i, j = np.indices(value.shape)
    apart = np.abs(i / value.shape[0] - j / value.shape[1])
    kept = np.where(value > threshold, value + _ORDER * (1 - apart), 0.0)
    return [(int(a), int(b)) for a, b in match_words(kept)]


def _without_markers(text: str, marked: Marked) -> tuple[str, list[tuple[int, int, str]]]:
    """The text without markers, and start, end and name of what stood between two."""
    clean, found = "", []
    opened: tuple[int, str] | None = None
    for part, opens, name in _parts(text, marked):
        clean += part.lstrip() if not clean or clean[-1].isspace() else part
        if opens:
            opened = (len(clean), name)
        elif opens is not None and opened is not None and opened[1] == name:
            found.append((opened[0], len(clean), name))
            opened = None
    clean = clean.rstrip()
    trimmed = ((*_trimmed(clean, start, end), name) for start, end, name in found)
    return clean, [span for span in trimmed if span[0] < span[1]]


def _parts(text: str, marked: Marked) -> list[tuple[str, bool | None, str]]:
    """Stretches of text with the marker behind each: whether it opens (None: the end), its name."""
    if marked.names:
        marks = [(m.span(), not m["close"], m["name"].lower()) for m in _TAG.finditer(text)]
    else:
        sign = re.compile(f"[{re.escape(marked.brackets)}]") if marked.brackets else None
        marks = [
            (m.span(), m[0] == marked.brackets[0], "")
            for m in (sign.finditer(text) if sign else ())
        ]
    parts: list[tuple[str, bool | None, str]] = []
    at = 0
    for (start, end), opens, name in marks:
        parts.append((text[at:start], opens, name))
        at = end
    return [*parts, (text[at:], None, "")]


def _trimmed(text: str, start: int, end: int) -> Span:
    """The span without white space at its ends."""
    inside = text[start:end]
    return start + len(inside) - len(inside.lstrip()), start + len(inside.rstrip())


def words_of_span(span: Span, offsets: Sequence[Span]) -> Span:
    """The half-open span of words that a span of characters touches.

    offsets: half-open character offsets of the words, in order.
    """
    first = bisect_right([end for _, end in offsets], span[0])
    last = bisect_left([start for start, _ in offsets], span[1])
    return first, last
