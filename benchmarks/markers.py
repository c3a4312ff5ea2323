"""Marked spans found again, beside the published code of EasyProject's recovery.

    pip install --target DIR nltk
    python -m benchmarks.markers --published CHECKOUT --packages DIR   # results/markers.md

CHECKOUT is Cross-Lingual-NER/Projection-Data-Transfer-Cross-Lingual-NER. The translations are
simulated: German sentences of Europarl-NER with markers around their gold entities, of which some
are then dropped, broken, moved or invented, and the entities' own translations are misspelled now
and then. Both get the same text, the same translations and the same way to split words.
"""

import random
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import xner
from benchmarks import common
from xner.labels import label_files
from xner.languages import Language, find_language
from xner.translation.markers import Marked, place_words, recover_entities, words_of_span
from xner.translation.text import find_words

THRESHOLD = 0.5
GERMAN = find_language("deu")
Found = set[tuple[str, int, int]]
"""Label, and start and end in letters and signs, white space and markers not counted."""


@dataclass
class Case:
    """A simulated translation.

    Attributes:
        text: with what is left of the markers.
        names: the entities as they were before, and how they are translated by themselves.
        labels: their labels.
        damage: what was done to it.
        gold: the entities, whatever became of their markers.
        kept: those whose markers are as they were.
    """

    text: str
    marked: Marked
    names: list[str]
    labels: list[str]
    damage: Counter[str]
    gold: Found
    kept: Found


def simulate(words: list[str], entities: list[dict[str, Any]], rng: random.Random) -> Case:
    """Damage the markers of about every third entity."""
    text, offsets = place_words(words, GERMAN)
    inserts: list[tuple[int, int, str]] = []
    damage: Counter[str] = Counter()
    names, labels = [], []
    gold: Found = set()
    kept: Found = set()
    for entity in entities:
        start, end = offsets[entity["start"]][0], offsets[entity["end"] - 1][1]
        span = (entity["label"], letters(text[:start]), letters(text[:end]))
        gold.add(span)
        names.append(misspelled(text[start:end], rng))
        labels.append(entity["label"])
        kind = rng.choices(["kept", "dropped", "broken", "moved"], [70, 12, 8, 10])[0]
        damage[kind] += 1
        if kind == "kept":
            kept.add(span)
        if kind == "moved":
            start = offsets[max(0, entity["start"] - rng.randrange(3))][0]
        if kind != "dropped":
            inserts.append((start, 1, "["))
            if kind != "broken":
                inserts.append((end, 0, "]"))
    if words and rng.random() < 0.15:
        at = rng.randrange(len(words))
        inserts += [(offsets[at][0], 1, "["), (offsets[at][1], 0, "]")]
        damage["invented"] += 1
    made, at = "", 0
    for place, _, sign in sorted(inserts):
        made += text[at:place] + sign
        at = place
    marked = Marked("", "[]", (), tuple(names))
    return Case(made + text[at:], marked, names, labels, damage, gold, kept)


def misspelled(name: str, rng: random.Random) -> str:
    """The name, or now and then without its last letters, or something else altogether."""
    kind = rng.choices(["same", "cut", "other"], [75, 20, 5])[0]
    if kind == "cut":
        return name[: max(1, len(name) - rng.randrange(1, 4))]
    return name if kind == "same" else name[::-1]


def letters(text: str) -> int:
    """Characters that are neither white space nor markers."""
    return sum(not c.isspace() and c not in "[]" for c in text)


def ours(case: Case) -> Found:
    """By xner, as whole words."""
    made = recover_entities(case.text, case.marked, case.names, THRESHOLD)
    offsets = find_words(made.text, GERMAN)
    found = set()
    for label, span in zip(case.labels, made.spans, strict=True):
        if span is not None:
            first, last = words_of_span(span, offsets)
            start, end = offsets[first][0], offsets[last - 1][1]
            found.add((label, letters(made.text[:start]), letters(made.text[:end])))
    return found


def theirs(case: Case, match: Callable[..., Any]) -> Found:
    """By the published code."""
    sources = [{"label": label} for label in case.labels]
    words, entities = match(case.text, list(case.names), sources, Splitter(GERMAN), THRESHOLD)
    before = [0]
    for word in words:
        before.append(before[-1] + letters(word))
    return {(e["label"], before[e["start_idx"]], before[e["end_idx"]]) for e in entities}


class Splitter:
    """Words of a text, as xner finds them."""

    def __init__(self, language: Language) -> None:
        self.language = language

    def split(self, text: str) -> list[str]:
        return [text[start:end] for start, end in find_words(text, self.language)]

    __call__ = split


def reason(case: Case) -> str:
    """Why the two may differ on a text, the first that holds."""
    opens = [c for c in case.text if c in "[]"]
    if opens != ["[", "]"] * (len(opens) // 2):
        return "markers that do not pair up"
    inside = [part.split("]")[0] for part in case.text.split("[")[1:]]
    alike = [[ratio(span, name) for name in case.names] for span in inside]
    barely = [[ratio(f"[{span}]", name) for name in case.names] for span in inside]
    if any(
        (a > THRESHOLD) != (b > THRESHOLD)
        for row, other in zip(alike, barely, strict=True)
        for a, b in zip(row, other, strict=True)
    ):
        return "brackets count as letters"
    if any(sum(value > THRESHOLD for value in row) > 1 for row in alike):
        return "several entities above the threshold"
    if any(sum(row[j] > THRESHOLD for row in alike) > 1 for j in range(len(case.names))):
        return "several spans for one entity"
    return "a marker inside a word" if inside else "none"


def ratio(a: str, b: str) -> float:
    return SequenceMatcher(None, a.lower(), b.lower()).ratio()


def published(checkout: Path, packages: Path) -> Callable[..., Any]:
    """The published function. Its module imports one of splitters, which is not used here."""
    import types

    stub = types.ModuleType("src.pipelines.word_splitting")
    stub.WordSplitterBase = object  # type: ignore[attr-defined]
    sys.path[:0] = [str(packages), str(checkout)]
    import importlib

    importlib.import_module("src.pipelines").word_splitting = stub  # type: ignore[attr-defined]
    sys.modules[stub.__name__] = stub
    module = importlib.import_module("src.pipelines.easy_project.matching")
    match: Callable[..., Any] = module.match_entities
    return match


def cases(corpus: xner.Corpus, seed: int) -> list[Case]:
    """One for every sentence with entities."""
    rng = random.Random(seed)
    rows = zip(*(corpus.table[n].to_pylist() for n in ("tokens", "entities")), strict=True)
    return [simulate(words, entities, rng) for words, entities in rows if entities]


def quality(made: list[Case], find: Callable[[Case], Found]) -> list[str]:
    """Kept entities that are found, entities that are found, and spans that are none."""
    pairs = [(case, find(case)) for case in made]
    kept = sum(len(found & case.kept) for case, found in pairs)
    right = sum(len(found & case.gold) for case, found in pairs)
    wrong = sum(len(found - case.gold) for case, found in pairs)
    return [f"{kept:,}", f"{right:,}", f"{wrong:,}"]


def compare(made: list[Case], match: Callable[..., Any]) -> tuple[Counter[str], int, list[str]]:
    """Sentences that differ by reason, those that are equal, and texts that nothing explains."""
    differ: Counter[str] = Counter()
    strange, equal = [], 0
    for case in made:
        if ours(case) == theirs(case, match):
            equal += 1
            continue
        differ[reason(case)] += 1
        if reason(case) == "none":
            strange.append(case.text)
    return differ, equal, strange


def main(arguments: list[str] | None = None) -> None:
    """Compare and write."""
    options = common.parser(__doc__)
    options.add_argument("--published", type=Path, required=True)
    options.add_argument("--packages", type=Path, required=True)
    options.add_argument("--seeds", type=int, default=5)
    given = options.parse_args(arguments)
    (corpus,) = label_files([given.data / "europarl-ner" / "de.conll"])
    match = published(given.published, given.packages)
    made = [case for seed in range(1, given.seeds + 1) for case in cases(corpus, seed)]
    differ, equal, strange = compare(made, match)
    damage = sum((case.damage for case in made), Counter())
    lines = [
        common.made_by(),
        f"{len(made):,} simulated translations ({given.seeds} seeds of "
        f"{len(made) // given.seeds:,} sentences), threshold {THRESHOLD}; entities: "
        + ", ".join(f"{n:,} {kind}" for kind, n in damage.most_common())
        + ".",
        f"{equal:,} sentences have the same labels on the same words, {len(made) - equal:,} "
        f"do not:",
        common.markdown(["why", "sentences"], [[k, f"{n:,}"] for k, n in differ.most_common()]),
        f"Of {sum(len(case.kept) for case in made):,} entities whose markers are whole, and "
        f"{sum(len(case.gold) for case in made):,} in all:",
        common.markdown(
            ["", "kept and found", "found", "spans that are no entity"],
            [
                ["xner", *quality(made, ours)],
                ["published", *quality(made, lambda case: theirs(case, match))],
            ],
        ),
    ]
    common.save(given.results, "markers.md", "Marked spans found again", "\n\n".join(lines))
    for text in strange:
        print("unexplained:", text)


if __name__ == "__main__":
    main()
