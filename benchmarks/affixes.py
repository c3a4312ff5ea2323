"""Does `xner.strip_affixes` find the entity inside an inflected word?

    python -m benchmarks.affixes                   # writes results/affixes.md
    python -m benchmarks.affixes --languages ko tr

Gold is on whole words in most sets, so where an entity ends inside its word is inferred: if gold
entities of the same English words and label differ by at most four characters at the end of the
last word, or two at the start of the first, the shortest is the entity of all. Only sentences are
scored of whose entities several forms are known, which is where a boundary can be inferred. Scores
are strict F1 by characters.

Some annotators of MASSIVE split words: Korean particles, Turkish endings after an apostrophe and
Amharic prefixes are tokens of their own where they follow or precede an entity. The second table
joins them again and takes the boundaries as gold. This gold is real, but it is not complete: words
that the annotators did not split are labelled whole.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any

import xner
from benchmarks import common
from benchmarks.language_pieces import Language, languages_of
from benchmarks.languages import SETS, text

DEVELOPMENT = ("ko", "am", "tr", "fi", "sw")
"""Languages of MASSIVE that the constants of `xner.affixes` were chosen on."""
UNSPACED = ("ja", "zh", "zh-CN", "th", "km")
_SUFFIX, _PREFIX, _STEM = 4, 2, 2
_KOREAN = """
    에 의 에서 는 은 으로 로 이 가 을 를 와 과 랑 이랑 하고 도 만 부터 까지 한테 에게 보다 처럼 라는
    이라는 인 에는 에서는 로의 과의 와의 이나 나 이라고 라고 이야 야 입니다 이고 마다
"""
_PARTICLES = {
    "ko": frozenset(_KOREAN.split()),
    "am": frozenset("የበከለ"),
}
Span = tuple[int, int, str]


def read(path: Path, side: str) -> list[tuple[list[str], list[Span]]]:
    """Words and entities of every sentence."""
    table = xner.read(path, side=side).table.select([f"{side}_tokens", f"{side}_entities"])
    return [
        (words, [(e["start"], e["end"], e["label"]) for e in entities])
        for words, entities in zip(*(column.to_pylist() for column in table.columns), strict=True)
    ]


def is_split(language: str, words: Sequence[str], inside: Sequence[bool], at: int) -> bool:
    """Whether the annotators split a word before the word `at`, at the edge of an entity."""
    if inside[at - 1] == inside[at]:
        return False
    if language == "tr":
        return words[at][0] in "'’"
    if language == "ko":
        return inside[at - 1] and words[at] in _PARTICLES["ko"]
    return language == "am" and inside[at] and words[at - 1] in _PARTICLES["am"]


def target_of(
    language: str, words: list[str], spans: list[Span]
) -> tuple[str, list[Span], list[Span]]:
    """Text with split words joined, and the characters of words and of entities."""
    inside = [any(a <= i < b for a, b, _ in spans) for i in range(len(words))]
    places, made = [], ""
    for i, word in enumerate(words):
        if i and not is_split(language, words, inside, i):
            made += " "
        places.append((len(made), len(made) + len(word)))
        made += word
    gold = [(places[a][0], places[b - 1][1], label) for a, b, label in spans]
    begins = [0, *(a for (_, b), (a, _) in pairwise(places) if a > b)]
    ends = [*(b for (_, b), (a, _) in pairwise(places) if a > b), len(made)]
    return made, [(a, b, "") for a, b in zip(begins, ends, strict=True)], gold


def inferred(
    rows: Sequence[tuple[list[tuple[str, str]], str, list[Span]]],
) -> tuple[list[list[Span]], list[int], int]:
    """Gold with inferred boundaries, the sentences to score, and the number of boundaries.

    Args:
        rows: English entities as words and label, target text, and gold in characters.
    """
    found, forms = [], defaultdict(set)
    for row, (source, made, gold) in enumerate(rows):
        counts = [Counter(label for _, label in source), Counter(g[2] for g in gold)]
        for words, label in source:
            if counts[0][label] == counts[1][label] == 1:
                at = next(i for i, span in enumerate(gold) if span[2] == label)
                found.append((row, at, (words, label)))
                forms[words, label].add(made[slice(*gold[at][:2])].casefold())
    new, known, narrowed = [list(gold) for *_, gold in rows], set(), 0
    for row, at, key in found:
        if len(forms[key]) < 2:
            continue
        known.add((row, at))
        start, end, label = new[row][at]
        span = _bare(rows[row][1][start:end].casefold(), forms[key])
        if span != (0, end - start):
            new[row][at] = start + span[0], start + span[1], label
            narrowed += 1
    kept = [i for i, gold in enumerate(new) if gold and all((i, j) in known
                                                          for j in range(len(gold)))]  # fmt: skip
    return new, kept, narrowed


def _bare(form: str, others: set[str]) -> tuple[int, int]:
    """The part of a form that is the shortest of the others, if only its edges differ."""
    bare = [o for o in others if _STEM <= len(o) < len(form)]
    ends = [o for o in bare if form.startswith(o) and len(form) - len(o) <= _SUFFIX
            and " " not in form[len(o):]]  # fmt: skip
    if ends:
        return 0, len(min(ends, key=len))
    begins = [o for o in bare if form.endswith(o) and len(form) - len(o) <= _PREFIX
              and " " not in form[: -len(o)]]  # fmt: skip
    return (len(form) - len(min(begins, key=len)) if begins else 0), len(form)


def f1(made: Sequence[Sequence[Span]], gold: Sequence[Sequence[Span]]) -> float:
    """Strict F1 by characters."""
    correct = sum(len({*ours} & {*theirs}) for ours, theirs in zip(made, gold, strict=True))
    return 2 * correct / max(1, sum(map(len, made)) + sum(map(len, gold)))


def spans_of(corpus: xner.Corpus) -> list[list[Span]]:
    """Characters of the target entities of every sentence."""
    names = ["target_entities", "target_entity_offsets"]
    rows = corpus.table.select(names).to_pylist()
    return [
        [(o["start"], o["end"], e["label"]) for e, o in zip(*row.values(), strict=True)]
        for row in rows
    ]


def measure(language: Language) -> tuple[list[str], list[str] | None]:
    """The rows of both tables; the second is None if no word was split."""
    name = language.name if language.data == "massive" else ""
    rows, given, splits = [], [], 0
    sides = zip(read(language.source, "source"), read(language.gold, "source"), strict=True)
    for (words, spans), (target, target_spans) in sides:
        made, places, gold = target_of(name, target, target_spans)
        splits += len(target) - len(places)
        source = [(" ".join(words[a:b]).casefold(), label) for a, b, label in spans]
        rows.append((source, made, gold))
        given.append({
            "source_tokens": words,
            "source_entities": [{"start": a, "end": b, "label": n} for a, b, n in spans],
            "target_tokens": [made[a:b] for a, b, _ in places],
            "target_text": made,
            "target_offsets": [{"start": a, "end": b} for a, b, _ in places],
        })  # fmt: skip
    projected = xner.project(given)
    out = xner.strip_affixes(projected)
    ours = [spans_of(projected), spans_of(out)]
    wanted = [row[2] for row in rows]
    bare, kept, narrowed = inferred(rows)
    shown = [text(f1([each[i] for i in kept], [bare[i] for i in kept])) for each in ours]
    common_ones = " ".join(affix for affix, _ in out.report.affixes.most_common(6))
    first = [f"{language.data} {language.name}", f"{len(kept):,}", f"{narrowed:,}", *shown,
             f"{out.report.stripped:,}", common_ones]  # fmt: skip
    if not splits:
        return first, None
    second = [language.name, f"{splits:,}", *(text(f1(each, wanted)) for each in ours)]
    return first, [*second, *_recall(ours, wanted, given)]


def _recall(
    ours: Sequence[Sequence[Sequence[Span]]],
    gold: Sequence[Sequence[Span]],
    given: list[dict[str, Any]],
) -> list[str]:
    """Gold entities inside words whose words are found; how many are exact; the same for others."""
    cells = []
    for inside in (True, False):
        total = exact = 0
        for whole, made, wanted, row in zip(*ours, gold, given, strict=True):
            edges = {o[key] for o in row["target_offsets"] for key in ("start", "end")}
            for start, end, label in wanted:
                places = [(o["start"], o["end"]) for o in row["target_offsets"]
                          if o["start"] < end and o["end"] > start]  # fmt: skip
                covered = places[0][0], places[-1][1], label
                if (not {start, end} <= edges) == inside and covered in whole:
                    total += 1
                    exact += (start, end, label) in made
        cells.append(f"{exact:,} of {total:,}")
    return cells


def main() -> None:
    """Measure the languages and write the page."""
    options = common.parser(__doc__.splitlines()[0])
    options.add_argument("--languages", nargs="+", metavar="NAME", help="default: all")
    given = options.parse_args()
    first, second = [], []
    for data in ("massive", "xsid"):
        loader, folder, split = SETS[data]
        for language in languages_of(loader, given.data / folder, split):
            if language.name in UNSPACED or language.name not in (
                given.languages or [language.name]
            ):
                continue
            row, more = measure(language)
            chosen = data == "massive" and language.name in DEVELOPMENT
            first.append([f"{row[0]}{' *' if chosen else ''}", *row[1:]])
            second += [more] if more else []
            print(row, more, flush=True)
    heads = (
        ["language", "sentences scored", "boundaries inferred", "whole words", "stripped",
         "entities stripped", "most frequent affixes"],
        ["language", "split words", "whole words", "stripped", "exact, entities in split words",
         "exact, other entities"],
    )  # fmt: skip
    massive = [row for row in first if row[0].startswith("massive")]
    means = [
        " → ".join(text(fmean(float(row[at]) for row in rows)) for at in (3, 4))
        for chosen in (True, False)
        if (rows := [row for row in massive if row[0].endswith("*") == chosen])
    ]
    notes = [
        __doc__.split("\n\n", 2)[2].strip(),
        "## Inferred boundaries",
        common.markdown(heads[0], first),
        "\\* The constants of `xner.affixes` were chosen on these; the others are held out. "
        f"Means of MASSIVE, these and others: {' and '.join(means)}.",
        "## Boundaries of the annotators",
        common.markdown(heads[1], second),
        "The last columns count gold entities whose words are projected right: those that begin or "
        "end inside a word, all of which are wrong as whole words, and the others, all of which "
        "are right. Most of the others that are stripped are inflected words that were not split.",
        common.made_by("pyarrow"),
    ]
    common.save(given.results, "affixes.md", "Entities inside words", "\n\n".join(notes))


if __name__ == "__main__":
    main()
