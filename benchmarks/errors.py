"""Count every wrong or missed entity by kind, and sample sentences for manual analysis.

    python -m benchmarks.errors                          # writes benchmarks/results/errors.md
    python -m benchmarks.errors --examples FILE          # also samples 100 sentences
    python -m benchmarks.errors --examples FILE --read "default, alone"
    python -m benchmarks.errors --examples FILE --of xsid sr --sentences 50    # a language; no page

The sentences are third-party text: FILE must be outside this repository.
"""

import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xner
from benchmarks import common
from benchmarks.languages import all_languages
from benchmarks.mistakes import KINDS, Mistake, Span, ceiling, mistakes
from benchmarks.quality import bulk_pairs, europarl_pairs
from benchmarks.systems import DEFAULT, HEURISTIC, MADE, Linker, System, with_links
from xner.labels import label_files

INTERSECTION = next(system for system in MADE if system.name == "exact, intersection")
# Systems on Europarl-NER; `bulk` is also fitted on conll-mt.
EUROPARL = [
    (HEURISTIC, "alone"),
    (DEFAULT, "alone"),
    (INTERSECTION, "alone"),
    (DEFAULT, "bulk"),
    (INTERSECTION, "bulk"),
]
SEED = 20260101


@dataclass(frozen=True)
class Reading:
    """A projection and its gold labels, sentence by sentence."""

    name: str
    signature: str
    f1: float
    rows: list[dict[str, Any]]
    gold: list[list[Span]]
    found: list[list[Mistake]]

    @property
    def counts(self) -> Counter[str]:
        return Counter(mistake.kind for row in self.found for mistake in row)


def spans(entities: list[dict[str, Any]]) -> list[Span]:
    return [(e["start"], e["end"], e["label"]) for e in entities]


def read(name: str, linked: xner.Corpus, gold_file: Path, system: System) -> Reading:
    """Project the entities and compare every sentence."""
    out = xner.project(linked, **system.project)
    gold = [spans(row) for row in label_files([gold_file])[0].table["entities"].to_pylist()]
    rows = out.table.select(
        ["source_tokens", "target_tokens", "source_entities", "target_entities", "outcomes",
         "links"]
    ).to_pylist()  # fmt: skip
    found = [
        mistakes(
            spans(row["source_entities"]),
            theirs,
            list(
                zip(
                    spans(row["target_entities"]),
                    (e["source"] for e in row["target_entities"]),
                    strict=True,
                )
            ),
            row["outcomes"],
        )
        for row, theirs in zip(rows, gold, strict=True)
    ]
    f1 = xner.evaluate(gold_file, out).f1
    return Reading(name, out.report.signature, f1, rows, gold, found)


def readings(data: Path) -> list[Reading]:
    """Read the systems on Europarl-NER, and the default on ABSA with given links."""
    linker = Linker()
    gold = data / "europarl-ner" / "de.conll"
    pairs, bulk = europarl_pairs(data), bulk_pairs(data)
    made = []
    for system, text in EUROPARL:
        more = bulk if text == "bulk" else None
        linked = linker.link(f"europarl {text}", pairs, system, bulk=more).corpus
        made.append(read(f"Europarl de, {system.name}, {text}", linked, gold, system))
    folder = data / "absa"
    for language in ("es", "fr"):
        links = with_links(folder, "en.train", f"{language}.train", f"en-{language}.train.awesome")
        gold = folder / f"{language}.train.conll"
        made.append(read(f"ABSA {language} train, {DEFAULT.name}", links, gold, DEFAULT))
    return made


def reading_of(data: Path, name: str, language: str) -> Reading:
    """Read the default on a language of benchmarks/languages.py, with links of the native aligner.

    Raises:
        SystemExit: the set has no such language.
    """
    found = [each for each in all_languages(data, [name]) if each.name == language]
    if not found:
        raise SystemExit(f"{name} has no language {language}")
    linked = xner.align(xner.read(found[0].source, found[0].gold)).collect()
    return read(f"{name} {language}, {DEFAULT.name}", linked, found[0].gold, DEFAULT)


def table(made: list[Reading]) -> str:
    """Format the counts by kind."""
    counts = [reading.counts for reading in made]
    missed = sorted({kind for count in counts for kind in count if kind not in KINDS})
    rows = [
        [kind, *(str(count[kind]) for count in counts)]
        for kind in (*KINDS, *missed)
        if any(count[kind] for count in counts)
    ]
    golden = [sum(map(len, reading.gold)) for reading in made]
    rows += [
        ["all mistakes", *(str(count.total()) for count in counts)],
        ["gold entities", *map(str, golden)],
        ["F1", *(f"{reading.f1:.4f}" for reading in made)],
        ["F1 of a perfect projection of the source entities", *map(_ceiling, made)],
    ]
    return common.markdown(["", *(reading.name for reading in made)], rows)


def _ceiling(reading: Reading) -> str:
    source = [spans(row["source_entities"]) for row in reading.rows]
    return f"{ceiling(source, reading.gold):.4f}"


def example(reading: Reading, row: int) -> str:
    """Format a sentence with its mistakes."""
    words, sentence = reading.rows[row]["target_tokens"], reading.rows[row]
    lines = [f"[{row + 1}] " + " ".join(sentence["source_tokens"]), "    " + " ".join(words)]
    for mistake in reading.found[row]:
        parts = [mistake.kind]
        if mistake.source is not None:
            entity = sentence["source_entities"][mistake.source]
            text = sentence["source_tokens"][entity["start"] : entity["end"]]
            parts.append(f"source {entity['label']} {' '.join(text)!r}")
            parts += [f"links {' '.join(_links(sentence, entity))}"]
        for side, span in (("gold", mistake.gold), ("ours", mistake.predicted)):
            if span is not None:
                parts.append(f"{side} {span[2]} {' '.join(words[span[0] : span[1]])!r}")
        lines.append("  - " + " | ".join(parts))
    return "\n".join(lines)


def _links(sentence: dict[str, Any], entity: dict[str, Any]) -> list[str]:
    return [
        f"{sentence['source_tokens'][link['source']]}={sentence['target_tokens'][link['target']]}"
        f":{link['weight']:.2f}"
        for link in sentence["links"]
        if entity["start"] <= link["source"] < entity["end"]
    ]


def examples(reading: Reading, count: int) -> str:
    """Format a random sample of sentences with mistakes."""
    wrong = [row for row, found in enumerate(reading.found) if found]
    drawn = sorted(random.Random(SEED).sample(wrong, min(count, len(wrong))))
    head = f"{reading.name}: {len(drawn)} of {len(wrong)} sentences\n{reading.signature}"
    return "\n\n".join([head, *(example(reading, row) for row in drawn)]) + "\n"


def main() -> None:
    """Count the mistakes, and write the page and, on request, the sentences."""
    options = common.parser(__doc__.splitlines()[0])
    options.add_argument("--examples", type=Path, help="write sampled sentences to this file")
    options.add_argument(
        "--read", default=DEFAULT.name, help="sample from the columns whose name contains this"
    )
    options.add_argument(
        "--of", nargs=2, metavar=("SET", "LANGUAGE"),
        help="sample from a language of benchmarks.languages, and write no page",
    )  # fmt: skip
    options.add_argument(
        "--sentences", type=int, default=100, help="number of sentences per column"
    )
    given = options.parse_args()
    if given.examples and common.ROOT in given.examples.resolve().parents:
        options.error("--examples is inside the repository; the data must not be copied there")
    if given.of:
        made = [reading_of(given.data, *given.of)]
        if given.examples is None:
            options.error("--of needs --examples")
        given.examples.write_text(examples(made[0], given.sentences), "utf-8")
        print(table(made))
        return
    made_by = common.made_by("pyarrow")
    made = readings(given.data)
    if given.examples:
        told = [reading for reading in made if given.read in reading.name]
        text = "\n".join(examples(reading, given.sentences) for reading in told)
        given.examples.write_text(text, "utf-8")
    kinds = "\n".join(f"* {kind}: {meaning}." for kind, meaning in KINDS.items())
    notes = [
        "Each mistake is counted once. A wrong boundary is one mistake, although F1 counts it as a "
        "missed and a spurious entity. `missed: …` gives the outcome of the source entity.",
        kinds,
        table(made),
        *(f"* {reading.name}: `{reading.signature}`" for reading in made),
        made_by,
    ]
    common.save(given.results, "errors.md", "Mistakes", "\n\n".join(notes))


if __name__ == "__main__":
    main()
