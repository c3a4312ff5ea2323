"""Markers around entities that a translator preserves (EasyProject, Chen et al. 2023).

The text `[Anna] visits [Rome]` is translated with its markers; a span between two markers in the
translation is an entity. It is matched to a source entity by its similarity to the translation of
the entity alone.
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
        text: the text with markers.
        brackets: the opening and closing bracket; "" for tags, or if nothing is marked.
        names: tag name of each entity; empty for brackets.
        entities: text of each entity; "" for an entity without markers.
    """

    text: str
    brackets: str
    names: tuple[str, ...]
    entities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Recovered:
    """A translation without its markers.

    Attributes:
        text: the text without markers, and without double spaces where they were removed.
        spans: for each entity, half-open character offsets in the text; None if its markers are
            lost.
        similarity: of each span to the entity's translation, in [0, 1]; 0 without a span.
        found: number of marker pairs in the translation.
    """

    text: str
    spans: tuple[Span | None, ...]
    similarity: tuple[float, ...]
    found: int


def mark_text(
    text: str, offsets: Sequence[Span], entities: Sequence[Span], style: str = "brackets"
) -> Marked:
    """Return the text of a sentence with markers around its entities.

    Brackets are `[` and `]`, or `{` and `}` if the text contains one of the former. Tags are `<a>`
    and `</a>`, `<b>` and so on, in the order of the entities. A text that already contains such
    characters or tags is left without markers.

    Args:
        text: text of the sentence.
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
    """Join words to a text; return it with the half-open character offsets of each word."""
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
    """Return `a` to `z`, then `aa` to `zz`."""
    first, last = divmod(number, 26)
    return ("" if not first else chr(ord("a") + first - 1)) + chr(ord("a") + last)


def recover_entities(
    translation: str, marked: Marked, translated: Sequence[str], threshold: float = 0.5
) -> Recovered:
    """Match the spans between markers in a translation to the source entities, one to one.

    The similarity of a span and an entity is the ratio of `difflib.SequenceMatcher` between the
    span and the entity's own translation, both in lower case. Only pairs above the threshold
    match; the matching with the largest total similarity is used. A tag names its entity, so
    similarity only decides between tags of the same name.

    Args:
        translation: translation of `marked.text`.
        marked: the source text with markers.
        translated: translation of each of `marked.entities`.
        threshold: similarity that a match must exceed, in [0, 1).
    """
    text, found = _without_markers(translation, marked)
    similarity = np.zeros((len(found), len(marked.entities)))
    value = np.zeros(similarity.shape)
    for i, (start, end, name) in enumerate(found):
        for j, own in enumerate(translated):
            named = bool(marked.names) and name == marked.names[j]
            if marked.entities[j] and (named or not marked.names):
                similarity[i, j] = _similarity(text[start:end], own)
                value[i, j] = similarity[i, j] + named
    spans: list[Span | None] = [None] * len(translated)
    similar = [0.0] * len(translated)
    for i, j in _matches(value, 0.0 if marked.names else threshold):
        spans[j], similar[j] = found[i][:2], float(similarity[i, j])
    return Recovered(text, tuple(spans), tuple(similar), len(found))


def _similarity(span: str, entity: str) -> float:
    return SequenceMatcher(None, span.lower(), entity.lower()).ratio()


def _matches(value: NDArray[np.float64], threshold: float) -> list[tuple[int, int]]:
    """Match spans and entities one to one; ties are broken in favour of the same order."""
    if not value.size:
        return []
    i, j = np.indices(value.shape)
    apart = np.abs(i / value.shape[0] - j / value.shape[1])
    kept = np.where(value > threshold, value + _ORDER * (1 - apart), 0.0)
    return [(int(a), int(b)) for a, b in match_words(kept)]


def _without_markers(text: str, marked: Marked) -> tuple[str, list[tuple[int, int, str]]]:
    """Return the text without markers, and start, end and name of each marked span."""
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
    """Split at markers: text, whether the next marker opens (None: end of text), its name."""
    if marked.names:
        marks = [(m.span(), not m["close"], m["name"].lower()) for m in _TAG.finditer(text)]
    else:
        pattern = re.compile(f"[{re.escape(marked.brackets)}]") if marked.brackets else None
        marks = [
            (m.span(), m[0] == marked.brackets[0], "")
            for m in (pattern.finditer(text) if pattern else ())
        ]
    parts: list[tuple[str, bool | None, str]] = []
    at = 0
    for (start, end), opens, name in marks:
        parts.append((text[at:start], opens, name))
        at = end
    return [*parts, (text[at:], None, "")]


def _trimmed(text: str, start: int, end: int) -> Span:
    """Return the span without white space at its ends."""
    inside = text[start:end]
    return start + len(inside) - len(inside.lstrip()), start + len(inside.rstrip())


def words_of_span(span: Span, offsets: Sequence[Span]) -> Span:
    """Return the half-open span of words that overlap a span of characters.

    Args:
        span: half-open character offsets.
        offsets: half-open character offsets of the words, in order.
    """
    first = bisect_right([end for _, end in offsets], span[0])
    last = bisect_left([start for start, _ in offsets], span[1])
    return first, last
