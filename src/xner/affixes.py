"""Affixes of inflected words, learned from words that translate the same source word.

If `Ankara` and `Ankara'da` are both linked to the same source word, `'da` may be a suffix. A string
that separates such pairs for many source words is an affix of the language. A word is cut where one
of these affixes meets a stem that is itself linked to the same source word, or an apostrophe.
"""

from __future__ import annotations

import json
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from xner.columns import fields_of, offsets_of, rows_of, values_of

MIN_WEIGHT = 0.5
"""Links of a lower weight are not used."""
_SHARE = 0.01
"""An affix occurs with at least this share of the source words that have several translations."""
_LEAST = 3
"""Source words that an affix occurs with at least."""
_LONGEST = 4
"""Letters of an affix at most."""
_STEM = 2
"""Characters of a stem at least."""
_APOSTROPHES = "'’ʼ"
_JOINERS = f"{_APOSTROPHES}-‐‑"
"""Characters between a name and its affix."""


@dataclass
class Forms:
    """Words of the target by the source word that they are linked to, in lower case."""

    words: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def add(self, batch: pa.RecordBatch) -> None:
        """Add the words that are linked to words of source entities."""
        links = batch["links"]
        source, target, weight = fields_of(links, "source", "target", "weight")
        row = rows_of(offsets_of(links))
        words = [_flat(batch[f"{side}_tokens"], row, at) for side, at in
                 (("source", source), ("target", target))]  # fmt: skip
        used = (weight >= MIN_WEIGHT) & _in_entities(batch)[words[0]]
        pairs = pa.table({
            side: values_of(batch[f"{side}_tokens"]).take(pa.array(at[used]))
            for side, at in zip(("source", "target"), words, strict=True)
        })  # fmt: skip
        for source_word, target_word in _rows(pairs.group_by(pairs.column_names).aggregate([])):
            if (word := lowered(target_word)) is not None:
                self.words[source_word.lower()].add(word)

    def learned(self, keep: Iterable[str] = ()) -> Affixes:
        """Learn the affixes, and where they end or begin in each word that has one.

        Args:
            keep: affixes that are not used, such as `al-` or `-s`.
        """
        kept = [{affix.strip(_JOINERS).lower() for affix in keep if affix.startswith("-") == at}
                for at in (False, True)]  # fmt: skip
        found: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
        several = [forms for forms in self.words.values() if len(forms) > 1]
        for forms in several:
            for at in range(2):
                found[at].update({affix for word in forms for affix, _ in _cuts(word, at, forms)})
        least = max(_LEAST, _SHARE * len(several))
        known = [
            {
                affix: n
                for affix, n in found[at].most_common()
                if n >= least and affix not in kept[at]
            }
            for at in range(2)
        ]
        cuts: dict[str, tuple[int, int]] = {}
        for forms in several:
            for word in forms:
                ends = [_longest(_cuts(word, at, forms), known[at]) for at in range(2)]
                before = cuts.get(word, (0, 0))
                if any(ends):
                    cuts[word] = max(ends[0], before[0]), max(ends[1], before[1])
        return Affixes(known[0], known[1], cuts)


@dataclass(frozen=True)
class Affixes:
    """Affixes of a language.

    Attributes:
        prefixes, suffixes: number of source words that each occurs with, most frequent first.
        cuts: characters of the prefix and of the suffix of words that have one, in lower case.
    """

    prefixes: dict[str, int]
    suffixes: dict[str, int]
    cuts: dict[str, tuple[int, int]]

    def of(self, words: Iterable[str]) -> NDArray[np.int64]:
        """int64 (N, 2): characters of the prefix and of the suffix of words."""
        found = [self._cuts_of(lowered(word) or "") for word in words]
        return np.array(found, np.int64).reshape(-1, 2)

    def _cuts_of(self, word: str) -> tuple[int, int]:
        """The cuts of a word; a known suffix after an apostrophe needs no known stem."""
        if word in self.cuts:
            return self.cuts[word]
        stem, mark, suffix = word.rpartition(next((m for m in _APOSTROPHES if m in word), "\0"))
        if mark and len(stem) >= _STEM and suffix in self.suffixes:
            return 0, len(mark + suffix)
        return 0, 0

    def save(self, path: Path) -> None:
        """Write them to a file."""
        path.write_text(json.dumps([self.prefixes, self.suffixes, self.cuts]), "utf-8")

    @classmethod
    def load(cls, path: Path) -> Affixes:
        """Read them from a file."""
        prefixes, suffixes, cuts = json.loads(path.read_text("utf-8"))
        return cls(prefixes, suffixes, {word: (a, b) for word, (a, b) in cuts.items()})


def lowered(word: str) -> str | None:
    """The word in lower case; None if its characters are not those of the word one by one."""
    lower = word.lower()
    return lower if len(lower) == len(word) else None


def _cuts(word: str, at: int, forms: set[str]) -> Iterator[tuple[str, int]]:
    """Prefixes (`at` 0) or suffixes (1) that leave another form, and their characters.

    An affix has letters only, apart from an apostrophe or hyphen, without which it is named. A cut
    between a letter and its mark is none.
    """
    for length in range(1, min(_LONGEST + 1, len(word) - _STEM) + 1):
        stem = word[:-length] if at else word[length:]
        rest = word[-length:] if at else word[:length]
        first_after = rest[0] if at else stem[0]
        if stem in forms and not unicodedata.category(first_after).startswith("M"):
            affix = rest.lstrip(_JOINERS) if at else rest.rstrip(_JOINERS)
            letters = all(unicodedata.category(character)[0] in "LM" for character in affix)
            if letters and 0 < len(affix) <= _LONGEST:
                yield affix, length


def _longest(cuts: Iterable[tuple[str, int]], known: dict[str, int]) -> int:
    """The longest of the affixes that are known; 0 if none is."""
    return max((length for affix, length in cuts if affix in known), default=0)


def _flat(
    column: pa.ListArray, row: NDArray[np.int64], word: NDArray[np.int32]
) -> NDArray[np.int64]:
    """Positions of words of rows among the words of all rows."""
    offsets = offsets_of(column).astype(np.int64)
    at: NDArray[np.int64] = offsets[row] - offsets[0] + word
    return at


def _in_entities(batch: pa.RecordBatch) -> NDArray[np.bool_]:
    """Bool (words): whether a source word is in an entity."""
    words, entities = batch["source_tokens"], batch["source_entities"]
    row = rows_of(offsets_of(entities))
    start, end = (_flat(words, row, at) for at in fields_of(entities, "start", "end"))
    edges = np.zeros(len(values_of(words)) + 1, np.int64)
    np.add.at(edges, start, 1)
    np.add.at(edges, end, -1)
    inside: NDArray[np.bool_] = np.cumsum(edges)[:-1] > 0
    return inside


def _rows(table: pa.Table) -> Iterator[tuple[str, str]]:
    """The rows of a table of two columns of text."""
    columns = (pc.cast(table[name], pa.string()).to_pylist() for name in table.column_names)
    yield from zip(*columns, strict=True)
