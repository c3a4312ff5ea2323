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
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from xner.aligners.bitext import Bitext, Side, offsets_from
from xner.aligners.soft import SoftLinks, per_cell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\ua9e0-\ua9ff\uaa60-\uaa7f"  # Thai to Khmer
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f"  # kana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"  # Chinese characters
)


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


def units_of(side: Side) -> Units | None:
    """Return the units of a side; None if they are its tokens."""
    unspaced = np.array([bool(_UNSPACED.search(word)) for word in side.words], np.bool_)
    if not unspaced[side.ids].any():
        return None
    numbers: dict[str, int] = {}
    ids: list[int] = []
    sizes: list[int] = []
    tokens: list[int] = []
    counts: list[int] = []
    for lo, hi in pairwise(side.offsets.tolist()):
        words = [side.words[k] for k in side.ids[lo:hi].tolist()]
        found = list(_segmented(words)) if unspaced[side.ids[lo:hi]].any() else _kept(words)
        sizes.append(len(found))
        for unit, first, last in found:
            ids.append(numbers.setdefault(unit, len(numbers)))
            tokens.extend(range(first, last))
            counts.append(last - first)
    units = Side(np.array(ids, np.int32), offsets_from(np.array(sizes, np.int64)), list(numbers))
    return Units(units, offsets_from(np.array(counts, np.int64)), np.array(tokens, np.int32))


def _kept(words: list[str]) -> list[tuple[str, int, int]]:
    """Return every token as a unit."""
    return [(word, k, k + 1) for k, word in enumerate(words)]


def _segmented(words: list[str]) -> Iterator[tuple[str, int, int]]:
    """Yield the units of a sentence in order: text, first token and end of its tokens."""
    run: list[str] = []
    for k, word in enumerate(words):
        if _is_character(word):
            run.append(word)
            continue
        yield from _words_of_run(run, k - len(run))
        run = []
        if _UNSPACED.search(word):
            yield from ((word[a:b], k, k + 1) for a, b in _boundaries(word))
        else:
            yield word, k, k + 1
    yield from _words_of_run(run, len(words) - len(run))


def _words_of_run(run: list[str], first: int) -> Iterator[tuple[str, int, int]]:
    """Yield the units of tokens of one character each, the first of which is token `first`."""
    text = "".join(run)
    starts = offsets_from(np.array([len(word) for word in run], np.int64))
    for a, b in _boundaries(text) if run else ():
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
    links: SoftLinks, bitext: Bitext, source: Units | None, target: Units | None
) -> SoftLinks:
    """Return the links of tokens, given those of units.

    A token that overlaps several units has the highest probability of their links, so that its
    probabilities may add up to more than 1.

    Args:
        links: links of units, of the first pairs of the bitext.
        bitext: the tokens.
        source, target: units of the bitext; None where they are the tokens.
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
    return per_cell(source_lengths, target_lengths, cells, *probabilities, np.maximum)
