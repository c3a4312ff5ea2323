"""Languages and their codes: FLORES-200, ISO 639-3, BCP-47, MasakhaNER 2.0 and XTREME."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files

from xner.errors import UsageError

_WITHOUT_SPACES = {"bod", "dzo", "jpn", "khm", "lao", "mya", "shn", "tha", "yue", "zho"}
_NOT_IN_NLLB = {"pcm": "Naija (Nigerian Pidgin)", "bbj": "Ghomálá'"}

LANGUAGE_CODES = "Code: BCP-47, ISO 639-3 or FLORES-200, such as en, eng or eng_Latn."
"""Describes the codes that `find_language` takes, for help texts."""


@dataclass(frozen=True, slots=True)
class Language:
    """One language in one script, as in NLLB-200.

    Attributes:
        name: name in English.
        flores: FLORES-200 code, such as `swh_Latn`.
        iso639_3: ISO 639-3 code, such as `swh`.
        bcp47: the shortest BCP-47 tag, such as `sw` or `zh-Hant`.
        masakhaner: code in MasakhaNER 2.0, or "".
        xtreme: code in PAN-X of XTREME, or "".
        spaced: whether words are separated by spaces.
    """

    name: str
    flores: str
    iso639_3: str
    bcp47: str
    masakhaner: str
    xtreme: str
    spaced: bool


def languages() -> tuple[Language, ...]:
    """Return the 202 languages of NLLB-200, ordered by FLORES-200 code."""
    return tuple(dict.fromkeys(_table().values()))


def find_language(code: str) -> Language:
    """Return the language for a code or an English name.

    Codes of macrolanguages mean the language that data sets use them for: `swa` is `swh_Latn`,
    `ara` is `arb_Arab`, `msa` is `zsm_Latn`, `zh` is `zho_Hans`. Case is ignored, and `-` and `_`
    are equivalent.

    Raises:
        UsageError: NLLB-200 has no such language.
    """
    key = _key(code)
    if found := _table().get(key):
        return found
    if key in _NOT_IN_NLLB:
        raise UsageError(
            f"NLLB-200 does not support {_NOT_IN_NLLB[key]} ({code}); provide your own translations"
        )
    near = get_close_matches(key, _table(), n=4, cutoff=0.5)
    known = dict.fromkeys(f"{_table()[n].flores} ({_table()[n].name})" for n in near)
    hint = f"did you mean {' or '.join(known)}?" if known else "see docs/translating.md"
    raise UsageError(
        f"unknown language {code!r}; give a BCP-47, ISO 639-3 or FLORES-200 code such as sw, swh "
        f"or swh_Latn; {hint}"
    )


def _key(code: str) -> str:
    return code.strip().lower().replace("_", "-")


@cache
def _table() -> dict[str, Language]:
    """Every code and name of a language, FLORES-200 codes first."""
    found: dict[str, Language] = {}
    names: dict[str, Language] = {}
    text = files("xner").joinpath("languages.tsv").read_text("utf-8")
    for line in text.splitlines()[1:]:
        flores, name, bcp47, masakhaner, xtreme, also = line.split("\t")
        iso = flores[:3]
        language = Language(
            name, flores, iso, bcp47, masakhaner, xtreme, iso not in _WITHOUT_SPACES
        )
        found[_key(flores)] = language
        for other in (bcp47, masakhaner, xtreme, *also.split(), name):
            if other:
                names[_key(other)] = language
    # A bare ISO 639-3 code means the usual script of the language; the table names it where a
    # language has two.
    for language in found.values():
        names.setdefault(language.iso639_3, language)
    return found | names
