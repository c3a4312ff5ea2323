"""Conversion of words to text; `xner.words` converts text to words."""

from __future__ import annotations

import re
from collections.abc import Sequence

from xner.languages import Language
from xner.words import ELIDING, dense

_PTB = {
    "-LRB-": "(", "-RRB-": ")", "-LSB-": "[", "-RSB-": "]", "-LCB-": "{", "-RCB-": "}",
    "``": '"', "''": '"',
}  # fmt: skip
# Punctuation without a space before it; without a space after it; and quotation marks.
_CLOSING = re.compile(r"[,.;:!?%)\]}»”’…،؛؟۔।॥፡።፣፤፥፦፧]+|\.{2,}")
_OPENING = re.compile(r"[(\[{«“‘¿¡]+")
_QUOTES = {'"', "'"}
_CURRENCY = {"$", "£", "€", "¥"}
_ENGLISH_CLITIC = re.compile(r"n['’]t|['’](?:s|re|ve|ll|d|m)?", re.IGNORECASE)
_ELIDED = re.compile(r"[^\W\d_]{1,6}['’]")


def join_words(words: Sequence[str], language: Language) -> str:
    """Join words to a text with spaces as usually written; undo brackets and quotes of the PTB.

    In languages without spaces, only words of a script with spaces are separated, so that
    `iPhone` `15` `を` becomes `iPhone 15を`.
    """
    words = [_PTB.get(word, word) for word in words if word.strip()]
    if not language.spaced:
        return _without_spaces(words)
    text, attached, opened = "", True, set[str]()
    for place, word in enumerate(words):
        after = words[place + 1] if place + 1 < len(words) else ""
        left, right = _attaches(word, text, after, opened, language.iso639_3)
        text += word if attached or left else f" {word}"
        attached = right
    return text


def _attaches(
    word: str, text: str, after: str, opened: set[str], language: str
) -> tuple[bool, bool]:
    """Return whether a word has no space before it, and whether it has none after it."""
    if language == "eng" and _is_clitic(word, text, opened):
        return True, False
    if word in _QUOTES:
        if word in opened:
            opened.discard(word)
            return True, False
        opened.add(word)
        return False, True
    elided = language in ELIDING and _ELIDED.fullmatch(word) is not None
    money = word in _CURRENCY and after[:1].isdigit()
    return (
        _CLOSING.fullmatch(word) is not None,
        elided or money or _OPENING.fullmatch(word) is not None,
    )


def _is_clitic(word: str, text: str, opened: set[str]) -> bool:
    """Whether a word is an English clitic; an apostrophe is one after s, outside quotations."""
    if _ENGLISH_CLITIC.fullmatch(word) is None or not text[-1:].isalpha():
        return False
    return len(word) > 1 or (text[-1] in "sS" and word not in opened)


def _without_spaces(words: Sequence[str]) -> str:
    text, last = "", ""
    for word in words:
        separate = _is_foreign(last[-1:]) and _is_foreign(word[:1]) and len(last) + len(word) > 2
        text += f" {word}" if separate else word
        last = word
    return text


def _is_foreign(character: str) -> bool:
    """Whether a character is a letter or digit of a script with spaces."""
    return character.isalnum() and dense().match(character) is None
