"""Conversion of words to text, and of text to words with character offsets.

Text is split at the word boundaries of Unicode (UAX 29), except that
* runs of dots, dashes, exclamation marks and question marks are one word;
* abbreviations keep their dots (`U.S.`);
* a hyphen between letters, or between a letter and a digit, joins (`Anglo-American`, `COVID-19`);
* English clitics are words (`Kenya` `'s`, `do` `n't`), as in the Penn Treebank;
* elided articles and pronouns of Romance languages are words (`l'` `Aquila`);
* in scripts written without spaces, each grapheme cluster is a word.
A combining mark belongs to the preceding character, if there is one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from typing import Any

from xner.errors import MissingExtraError
from xner.inference.packages import EXTRA
from xner.languages import Language

_ELIDING = {"fra", "ita", "cat", "oci", "lij", "vec", "fur", "scn", "lmo", "srd", "ast"}
_PTB = {
    "-LRB-": "(", "-RRB-": ")", "-LSB-": "[", "-RSB-": "]", "-LCB-": "{", "-RCB-": "}",
    "``": '"', "''": '"',
}  # fmt: skip
_SCRIPTS = ("Hani", "Hira", "Kana", "Thai", "Laoo", "Khmr", "Mymr", "Tibt")
_CLITIC = r"(?:n['’]t|['’](?:s|re|ve|ll|d|m))"
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
    elided = language in _ELIDING and _ELIDED.fullmatch(word) is not None
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
    return character.isalnum() and _cluster().match(character) is None


def find_words(text: str, language: Language) -> list[tuple[int, int]]:
    """Return the words of a text as half-open character offsets (code points), in order.

    Every character except white space belongs to exactly one word.

    Raises:
        MissingExtraError: the package `regex` is not installed.
    """
    kind = "eng" if language.iso639_3 == "eng" else ""
    if language.iso639_3 in _ELIDING:
        kind = "eliding"
    return [match.span() for match in _pattern(kind).finditer(text)]


def _regex() -> Any:
    if find_spec("regex") is None:
        raise MissingExtraError("regex", EXTRA)
    import regex

    return regex


@cache
def _cluster() -> Any:
    regex = _regex()
    scripts = "".join(rf"\p{{scx={name}}}" for name in _SCRIPTS)
    return regex.compile(rf"[{scripts}]", regex.V1)


@cache
def _pattern(kind: str) -> Any:
    """Return the regular expression of one word."""
    regex = _regex()
    dense = _cluster().pattern
    letter, start = rf"[\p{{L}}--{dense}]", rf"[[\p{{L}}\p{{N}}_]--{dense}]"
    # By UAX 29, some vowel signs (such as those of Burmese) begin a new cluster.
    space, marks = r"[\s\x1c-\x1f]", r"[\p{M}\p{Cf}]*"
    part = rf"(?={start})\X+?\b"
    first = ""
    if kind == "eng":
        part = rf"(?={start})(?:(?!{_CLITIC}\b)\X)+?(?:\b|(?={_CLITIC}\b))"
        first = rf"(?<=\p{{L}}){_CLITIC}\b|"
    elif kind == "eliding":
        first = rf"{letter}{{1,6}}['’](?={letter})|"
    hyphen = rf"(?:(?<=[\p{{L}}\p{{M}}])[-‐‑](?={start})|[-‐‑](?={letter})){part}"
    return regex.compile(
        rf"{marks}(?:{first}(?:\p{{L}}\.){{2,}}(?!{start})|{part}(?:{hyphen})*|(?={dense})\X{marks}"
        rf"|\.{{2,}}|-{{2,}}|[!?]{{2,}}|(?!{space})\X{marks})",
        regex.WORD | regex.V1 | regex.IGNORECASE,
    )
