"""Words of a text, with character offsets.

Text is split at the word boundaries of Unicode (UAX 29), except that
* runs of dots, dashes, exclamation marks and question marks are one word;
* abbreviations keep their dots (`U.S.`);
* a hyphen between letters, or between a letter and a digit, joins (`Anglo-American`, `COVID-19`);
* English clitics are words (`Kenya` `'s`, `do` `n't`), as in the Penn Treebank;
* elided articles and pronouns of Romance languages are words (`l'` `Aquila`);
* in scripts written without spaces, each grapheme cluster is a word.
A combining mark belongs to the preceding character, if there is one. Clitics and elided words are
found only where the language is given.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Any

import regex

from xner.languages import Language

ELIDING = frozenset({"fra", "ita", "cat", "oci", "lij", "vec", "fur", "scn", "lmo", "srd", "ast"})
"""ISO 639-3 codes of languages with elided articles and pronouns."""
_SCRIPTS = ("Hani", "Hira", "Kana", "Thai", "Laoo", "Khmr", "Mymr", "Tibt")
_PART = re.compile(r"\S+")
_SHORT = 32
"""Characters of a part of a text whose words are remembered."""
_CLITIC = r"(?:n['’]t|['’](?:s|re|ve|ll|d|m))"


def find_words(text: str, language: Language | None = None) -> list[tuple[int, int]]:
    """Return the words of a text as half-open character offsets (code points), in order.

    Every character except white space belongs to exactly one word.

    >>> text = "Ada lives in Nairobi."
    >>> [text[start:end] for start, end in find_words(text)]
    ['Ada', 'lives', 'in', 'Nairobi', '.']
    """
    code = "" if language is None else language.iso639_3
    kind = "eliding" if code in ELIDING else "eng" if code == "eng" else ""
    words: list[tuple[int, int]] = []
    for part in _PART.finditer(text):
        first, last = part.span()
        found = _words_of if last - first <= _SHORT else _words_of.__wrapped__
        words += [(first + start, first + end) for start, end in found(kind, part[0])]
    return words


@lru_cache(maxsize=1 << 16)
def _words_of(kind: str, part: str) -> tuple[tuple[int, int], ...]:
    """The words of a text without white space; most parts of a text occur often."""
    return tuple(match.span() for match in _pattern(kind).finditer(part))


@cache
def dense() -> Any:
    """The pattern of a character of a script that is written without spaces."""
    scripts = "".join(rf"\p{{scx={name}}}" for name in _SCRIPTS)
    return regex.compile(rf"[{scripts}]", regex.V1)


@cache
def _pattern(kind: str) -> Any:
    """Return the regular expression of one word."""
    clusters = dense().pattern
    letter, start = rf"[\p{{L}}--{clusters}]", rf"[[\p{{L}}\p{{N}}_]--{clusters}]"
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
    runs = r"\.{2,}|-{2,}|[!?]{2,}"
    abbreviation = rf"(?:\p{{L}}\.){{2,}}(?!{start})"
    return regex.compile(
        rf"{marks}(?:{first}{abbreviation}|{part}(?:{hyphen})*|(?={clusters})\X{marks}"
        rf"|(?:{runs}){marks}|(?!{space})\X{marks})",
        regex.WORD | regex.V1 | regex.IGNORECASE,
    )
