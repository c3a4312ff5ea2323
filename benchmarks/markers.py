"""Compare the recovery of marked spans with the published EasyProject code.

    pip install --target DIR nltk
    python -m benchmarks.markers --published CHECKOUT --packages DIR   # results/markers.md

CHECKOUT is Cross-Lingual-NER/Projection-Data-Transfer-Cross-Lingual-NER. The translations are
simulated: German sentences of Europarl-NER with markers around their gold entities. Some markers
are dropped, broken, moved or invented, and some of the entities' own translations are misspelled.
Both systems get the same text, translations and word splitting.
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
from xner.words import find_words

THRESHOLD = 0.5
GERMAN = find_language("deu")
Found = set[tuple[str, int, int]]
"""Label, start and end in characters, not counting white space and markers."""


@dataclass
class Case:
    """A simulated translation.

    Attributes:
        text: the text with the remaining markers.
        names: the translations of the entities on their own.
        labels: the labels of the entities.
        damage: counts of the changes to the markers.
        gold: all entities, regardless of their markers.
        kept: the entities whose markers are intact.
    """

    text: str
    marked: Marked
    names: list[str]
    labels: list[str]
    damage: Counter[str]
    gold: Found
    kept: Found


def simulate(words: list[str], entities: list[dict[str, Any]], rng: random.Random) -> Case:
    """Damage the markers of about a third of the entities."""
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
    """Return the name, sometimes without its last letters or replaced by another string."""
    kind = rng.choices(["same", "cut", "other"], [75, 20, 5])[0]
    if kind == "cut":
        return name[: max(1, len(name) - rng.randrange(1, 4))]
    return name if kind == "same" else name[::-1]


def letters(text: str) -> int:
    """Count the characters that are neither white space nor markers."""
    return sum(not c.isspace() and c not in "[]" for c in text)


def ours(case: Case) -> Found:
    """Return the entities found by xner, as whole words."""
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
    """Return the entities found by the published code."""
    sources = [{"label": label} for label in case.labels]
    words, entities = match(case.text, list(case.names), sources, Splitter(GERMAN), THRESHOLD)
    before = [0]
    for word in words:
        before.append(before[-1] + letters(word))
    return {(e["label"], before[e["start_idx"]], before[e["end_idx"]]) for e in entities}


class Splitter:
    """Splits a text into words as xner does."""

    def __init__(self, language: Language) -> None:
        self.language = language

    def split(self, text: str) -> list[str]:
        return [text[start:end] for start, end in find_words(text, self.language)]

    __call__ = split


def reason(case: Case) -> str:
    """Return the first reason that explains a difference on a text."""
    opens = [c for c in case.text if c in "[]"]
    if opens != ["[", "]"] * (len(opens) // 2):
        return "unpaired markers"
    inside = [part.split("]")[0] for part in case.text.split("[")[1:]]
    alike = [[ratio(span, name) for name in case.names] for span in inside]
    barely = [[ratio(f"[{span}]", name) for name in case.names] for span in inside]
    if any(
        (a > THRESHOLD) != (b > THRESHOLD)
        for row, other in zip(alike, barely, strict=True)
        for a, b in zip(row, other, strict=True)
    ):
        return "brackets are counted as letters"
    if any(sum(value > THRESHOLD for value in row) > 1 for row in alike):
        return "several entities above the threshold"
    if any(sum(row[j] > THRESHOLD for row in alike) > 1 for j in range(len(case.names))):
        return "several spans for one entity"
    return "marker inside a word" if inside else "none"


def ratio(a: str, b: str) -> float:
    return SequenceMatcher(None, a.lower(), b.lower()).ratio()


def published(checkout: Path, packages: Path) -> Callable[..., Any]:
    """Load the published function without the splitter that its module imports."""
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
    """Create one case for every sentence with entities."""
    rng = random.Random(seed)
    rows = zip(*(corpus.table[n].to_pylist() for n in ("tokens", "entities")), strict=True)
    return [simulate(words, entities, rng) for words, entities in rows if entities]


def quality(made: list[Case], find: Callable[[Case], Found]) -> list[str]:
    """Count kept entities found, all entities found, and spans that are not entities."""
    pairs = [(case, find(case)) for case in made]
    kept = sum(len(found & case.kept) for case, found in pairs)
    right = sum(len(found & case.gold) for case, found in pairs)
    wrong = sum(len(found - case.gold) for case, found in pairs)
    return [f"{kept:,}", f"{right:,}", f"{wrong:,}"]


def compare(made: list[Case], match: Callable[..., Any]) -> tuple[Counter[str], int, list[str]]:
    """Count differing sentences by reason and equal ones, and list unexplained texts."""
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
    """Compare and write the page."""
    options = common.parser(__doc__.splitlines()[0])
    options.add_argument("--published", type=Path, required=True, help="checkout of the code")
    options.add_argument("--packages", type=Path, required=True, help="folder with nltk")
    options.add_argument(
        "--seeds", type=int, default=5, help="number of seeds (default: %(default)s)"
    )
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
        f"{equal:,} sentences have the same labels on the same words. The other "
        f"{len(made) - equal:,} differ for these reasons:",
        common.markdown(["reason", "sentences"], [[k, f"{n:,}"] for k, n in differ.most_common()]),
        f"Of {sum(len(case.kept) for case in made):,} entities with intact markers and "
        f"{sum(len(case.gold) for case in made):,} entities in total:",
        common.markdown(
            ["", "kept and found", "found", "spans that are not entities"],
            [
                ["xner", *quality(made, ours)],
                ["published", *quality(made, lambda case: theirs(case, match))],
            ],
        ),
    ]
    common.save(given.results, "markers.md", "Recovery of marked spans", "\n\n".join(lines))
    for text in strange:
        print("unexplained:", text)


if __name__ == "__main__":
    main()
