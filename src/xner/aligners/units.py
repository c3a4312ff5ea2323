"""Words of text that is written without spaces, as the units that are aligned.

Chinese, Japanese, Thai, Lao, Khmer and Burmese text is given as characters, or as tokens of
several words. ICU finds the words with its dictionaries. They are aligned, and their links are
those of the given tokens that they overlap.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from functools import lru_cache
from itertools import accumulate, groupby, pairwise
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from xner.aligners.bitext import Bitext, Links, Side, offsets_from
from xner.aligners.soft import LEAST, SoftLinks, per_cell

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from numpy.typing import NDArray

_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\ua9e0-\ua9ff\uaa60-\uaa7f"  # Thai to Khmer
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f"  # kana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"  # Chinese characters
)


RARE = 5e-4
"""Share of units up to which a character is rare: two rare ones in a row are a word."""
TOGETHER, LEAST_TOGETHER = 0.05, 3
"""Association from which two characters in a row are a word, and how often they must occur."""


class Units(NamedTuple):
    """Units of one side, and the tokens that each overlaps.

    Attributes:
        side: the units.
        starts: int64 (units + 1), offsets into `tokens`.
        tokens: int32, tokens that a unit overlaps, counted from 0 in their sentence.
    """

    side: Side
    starts: NDArray[np.int64]
    tokens: NDArray[np.int32]


def units_of(
    side: Side,
    whole: bool = False,
    known: Container[str] | None = None,
    split: bool = True,
) -> Units | None:
    """Return the units of a side; None if they are its tokens.

    Args:
        side: its tokens.
        whole: whether this is a whole corpus, so that it shows which characters belong together.
        known: casefolded words of a model; characters that make one of them belong together.
        split: whether tokens of several words are split; if not, only characters are joined.
    """
    if not _UNSPACED.search("\n".join(side.words)):
        return None
    unspaced = np.array([bool(_UNSPACED.search(word)) for word in side.words], np.bool_)
    if not unspaced[side.ids].any():
        return None
    numbers: dict[str, int] = {}
    ids: list[int] = []
    sizes: list[int] = []
    tokens: list[int] = []
    counts: list[int] = []
    free: list[bool] = []
    for lo, hi in pairwise(side.offsets.tolist()):
        words = [side.words[k] for k in side.ids[lo:hi].tolist()]
        has_unspaced = unspaced[side.ids[lo:hi]].any()
        by_character, found = _segmented(words, split) if has_unspaced else _kept(words)
        sizes.append(len(found))
        end = 0
        for unit, first, last in found:
            ids.append(numbers.setdefault(unit, len(numbers)))
            tokens.extend(range(first, last))
            counts.append(last - first)
            free.append(end > 0 and (by_character or first < end))
            end = last
    units = Side(np.array(ids, np.int32), offsets_from(np.array(sizes, np.int64)), list(numbers))
    made = Units(units, offsets_from(np.array(counts, np.int64)), np.array(tokens, np.int32))
    if whole:
        return _joined(made, _belongs_to_previous(units, np.array(free, np.bool_)))
    if known is not None:
        return _joined(made, _makes_known(units, np.array(free, np.bool_), known))
    return made


def _belongs_to_previous(side: Side, free: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Mark units of one character that make a word with the one before, bool (units).

    ICU's dictionaries lack names, which it splits into characters.

    Args:
        side: the units.
        free: bool (units), whether a unit may be joined with the one before.
    """
    ids, types = side.ids, len(side.words)
    counts = np.bincount(ids, minlength=types)
    rare = counts <= RARE * len(ids)
    at = _after_character(side, free)
    first, second = ids[at - 1], ids[at]
    _, pair, together = np.unique(
        first.astype(np.int64) * types + second, return_inverse=True, return_counts=True
    )
    times = together[pair].astype(np.float64)
    associated = times**2 >= TOGETHER * counts[first] * counts[second]
    joins = (rare[first] & rare[second]) | (associated & (times >= LEAST_TOGETHER))
    made = np.zeros(len(ids), np.bool_)
    made[at[joins]] = True
    return made


def _makes_known(side: Side, free: NDArray[np.bool_], known: Container[str]) -> NDArray[np.bool_]:
    """Mark units of one character that make a known word with those before, bool (units).

    In a row of such units, the longest known word is taken from the left.
    """
    words, ids = side.words, side.ids.tolist()
    made = np.zeros(len(ids), np.bool_)
    at = _after_character(side, free)
    for row in np.split(at, np.flatnonzero(np.diff(at) > 1) + 1) if len(at) else ():
        first, end = int(row[0]) - 1, int(row[-1]) + 1
        while first < end - 1:
            text = "".join([words[k] for k in ids[first:end]]).casefold()
            lengths = range(len(text), 1, -1)
            length = next((n for n in lengths if text[:n] in known), 1)
            made[first + 1 : first + length] = True
            first += length
    return made


def _after_character(side: Side, free: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Units of one character after another one that they may be joined with."""
    characters = np.array([len(w) == 1 and bool(_UNSPACED.match(w)) for w in side.words], np.bool_)
    at = np.flatnonzero(free & characters[side.ids])
    return np.asarray(at[characters[side.ids[at - 1]]], np.int64)


def _joined(units: Units, joins: NDArray[np.bool_]) -> Units:
    """Join marked units with the one before."""
    side = units.side
    begins = np.flatnonzero(~joins)
    ends = np.append(begins[1:], len(joins))
    numbers: dict[str, int] = {}
    words, ids = side.words, side.ids.tolist()
    texts = ("".join([words[k] for k in ids[a:b]]) for a, b in zip(begins, ends, strict=True))
    made = np.array([numbers.setdefault(text, len(numbers)) for text in texts], np.int32)
    offsets = np.searchsorted(begins, side.offsets).astype(np.int64)
    starts = np.append(units.starts[begins], units.starts[-1])
    return Units(Side(made, offsets, list(numbers)), starts, units.tokens)


_Found: TypeAlias = list[tuple[str, int, int]]
"""Units of a sentence in order: text, first token and end of its tokens."""


def _kept(words: list[str]) -> tuple[bool, _Found]:
    """Return every token as a unit."""
    return False, [(word, k, k + 1) for k, word in enumerate(words)]


def _segmented(words: list[str], split: bool) -> tuple[bool, _Found]:
    """Return whether a sentence is given as characters, and its units.

    It is not if it has a longer token: then its characters are words as they are, and so are its
    longer tokens unless they are split.
    """
    single = [_is_character(word) for word in words]
    longer = [
        bool(_UNSPACED.search(word)) and not one for word, one in zip(words, single, strict=True)
    ]
    found: _Found = []
    if any(longer):
        if not split:
            return _kept(words)
        for k, word in enumerate(words):
            parts = _boundaries(word) if longer[k] else [(0, len(word))]
            found += [(word[a:b], k, k + 1) for a, b in parts]
        return False, found
    for character, group in groupby(range(len(words)), single.__getitem__):
        places = list(group)
        first, last = places[0], places[-1] + 1
        if character:
            found += _words_of_run(words[first:last], first)
        else:
            found += [(words[k], k, k + 1) for k in places]
    return True, found


def _words_of_run(run: list[str], first: int) -> Iterator[tuple[str, int, int]]:
    """Yield the units of tokens of one character each, the first of which is token `first`."""
    text = "".join(run)
    starts = offsets_from(np.array([len(word) for word in run], np.int64))
    for a, b in _boundaries(text):
        begin, end = np.searchsorted(starts, [a, b - 1], side="right").tolist()
        yield text[a:b], first + begin - 1, first + end


def _is_character(word: str) -> bool:
    """Whether a token is one letter of a script without spaces, with its marks, or a digit."""
    if len(word) == 1:
        return bool(_UNSPACED.match(word)) or word.isdecimal()
    if not _UNSPACED.match(word):
        return False
    return all(unicodedata.category(c).startswith("M") for c in word[1:])


@lru_cache(maxsize=1 << 14)
def _boundaries(text: str) -> list[tuple[int, int]]:
    """Return the first character and the end of every word of a text."""
    from icu4py.breakers import WordBreaker

    sound = text.encode("utf-8", "replace").decode("utf-8")  # ICU takes no lone surrogates
    ends = list(accumulate(map(len, WordBreaker(sound, "en")), initial=0))
    found = [(a, b) for a, b in pairwise(ends) if not text[a:b].isspace()]
    return found or [(0, len(text))]


def bitext_of(bitext: Bitext, source: Units | None, target: Units | None) -> Bitext:
    """Return the bitext of units."""
    return replace(
        bitext,
        source=bitext.source if source is None else source.side,
        target=bitext.target if target is None else target.side,
    )


def links_of_tokens(
    links: SoftLinks,
    bitext: Bitext,
    source: Units | None,
    target: Units | None,
    least: float = LEAST,
) -> SoftLinks:
    """Return the links of tokens, given those of units.

    A token that overlaps several units has the highest probability of their links, so that its
    probabilities may add up to more than 1.

    Args:
        links: links of units, of the first pairs of the bitext.
        bitext: the tokens.
        source, target: units of the bitext; None where they are the tokens.
        least: minimum mean probability of a link; links below it are dropped.
    """
    if source is None and target is None:
        return links
    pairs = len(links.offsets) - 1
    source_lengths, target_lengths = (
        np.diff(side.offsets)[:pairs] for side in (bitext.source, bitext.target)
    )
    link = np.arange(len(links.source), dtype=np.int64)
    ends: list[NDArray[np.int32]] = []
    for units, words in ((source, links.source), (target, links.target)):
        if units is None:
            ends.append(words[link])
            continue
        unit = (links.per_link(units.side.offsets[:pairs]) + words)[link]
        counts = np.diff(units.starts)[unit]
        again = np.repeat(np.arange(len(link)), counts)
        within = np.arange(len(again)) - np.repeat(offsets_from(counts)[:-1], counts)
        ends = [end[again] for end in ends]
        ends.append(units.tokens[units.starts[unit][again] + within])
        link = link[again]
    base = links.per_link(offsets_from(source_lengths * target_lengths)[:-1])[link]
    row = links.per_link(target_lengths)[link] * ends[0].astype(np.int64)
    cells = base + row + ends[1].astype(np.int64)
    probabilities = links.forward[link], links.reverse[link]
    return per_cell(source_lengths, target_lengths, cells, *probabilities, np.maximum, least)


def hard_links_of_tokens(
    links: Links, bitext: Bitext, source: Units | None, target: Units | None
) -> Links:
    """Return the links of tokens with the highest weight of their units; see `links_of_tokens`."""
    if source is None and target is None:
        return links
    ends = len(links.offsets)
    sides = bitext_of(bitext, source, target)
    soft = SoftLinks(
        np.diff(sides.source.offsets[:ends]),
        np.diff(sides.target.offsets[:ends]),
        links.offsets,
        links.source,
        links.target,
        links.weight,
        links.weight,
    )
    made = links_of_tokens(soft, bitext, source, target, least=0.0)
    return Links(made.offsets, made.source, made.target, made.forward)
