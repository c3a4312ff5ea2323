"""Word aligners on the same text in the same run: alignment error rate, entity F1, time.

    python -m benchmarks.aligners              # writes benchmarks/results/aligners.md

Aligners whose package is not installed are left out, and the page says so.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import xner
from benchmarks import common
from xner.aligners import ALIGNERS, Aligner, make_aligner

Pairs = list[set[tuple[int, int]]]
VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("native", {}),
    ("native", {"symmetrisation": "grow-diag-final-and"}),
    ("native", {"symmetrisation": "intersection"}),
    ("eflomal", {}),
    ("eflomal", {"symmetrisation": "intersection"}),
    ("fast_align", {}),
]


def gold_links(path: Path) -> tuple[Pairs, Pairs]:
    """Sure links and all links; the files count words from 1."""
    sure, possible = [], []
    for line in path.read_text("utf-8").splitlines():
        links = [(link.replace("p", "-").split("-"), "p" not in link) for link in line.split()]
        possible.append({(int(i) - 1, int(j) - 1) for (i, j), _ in links})
        sure.append({(int(i) - 1, int(j) - 1) for (i, j), is_sure in links if is_sure})
    return sure, possible


def error_rate(made: Pairs, sure: Pairs, possible: Pairs) -> float:
    """Alignment error rate of Och & Ney (2003): 1 - (|A & S| + |A & P|) / (|A| + |S|)."""
    hits = sum(len(a & s) + len(a & p) for a, s, p in zip(made, sure, possible, strict=True))
    return 1 - hits / (sum(map(len, made)) + sum(map(len, sure)))


def word_alignment(folder: Path, name: str, scratch: Path) -> xner.Corpus:
    """The pairs of a `.src-tgt` file."""
    lines = (folder / f"{name}.src-tgt").read_text("utf-8").splitlines()
    sides = [line.split("|||") for line in lines]
    for i, side in enumerate(("source", "target")):
        text = "\n".join(" ".join(parts[i].split()) for parts in sides) + "\n"
        (scratch / f"{name}.{side}.txt").write_text(text, "utf-8")
    return xner.read(scratch / f"{name}.source.txt", scratch / f"{name}.target.txt")


def links_of(corpus: xner.Corpus) -> Pairs:
    """The links of every row."""
    rows = corpus.table["links"].to_pylist()
    return [{(link["source"], link["target"]) for link in row} for row in rows]


def aligned(pairs: xner.Corpus, aligner: Aligner) -> tuple[xner.Corpus, float]:
    """The corpus with links, and the seconds it took."""
    begin = perf_counter()
    linked = xner.align(pairs, aligner=aligner).collect()
    return linked, perf_counter() - begin


def measure(data: Path, aligner: Aligner, scratch: Path) -> Iterator[str]:
    """The cells of one row."""
    for name in ("roen", "enfr"):
        pairs = word_alignment(data / "word-alignment", name, scratch)
        gold = gold_links(data / "word-alignment" / f"{name}.gold")
        yield f"{100 * error_rate(links_of(aligned(pairs, aligner)[0]), *gold):.1f}"
    entities = [("europarl-ner", "en", "de"), ("absa", "en.train", "es.train"),
                ("absa", "en.train", "fr.train")]  # fmt: skip
    for folder, source, target in entities:
        gold_file = data / folder / f"{target}.conll"
        linked, _ = aligned(xner.read(data / folder / f"{source}.conll", gold_file), aligner)
        for method in ("heuristic", "greedy"):
            f1 = xner.evaluate(gold_file, xner.project(linked, preset=f"paper-{method}")).f1
            yield f"{100 * f1:.1f}"
    folder = "conll-mt"
    pairs = xner.read(
        data / folder / "en.train.conll", data / folder / "de.train.txt", docstart="keep"
    )
    yield f"{aligned(pairs, aligner)[1]:.1f}"


def main() -> None:
    """Run all and write the page."""
    options = common.parser(__doc__.splitlines()[0])
    options.add_argument("--seeds", type=int, default=1, help="seeds of the native aligner")
    given = options.parse_args()
    rows, missing = [], set()
    with tempfile.TemporaryDirectory() as scratch:
        for name, settings in VARIANTS:
            seeds = range(1, given.seeds + 1) if name == "native" else [None]
            for seed in seeds:
                extra = {} if seed is None else {"seed": seed}
                try:
                    aligner = make_aligner(name, {**settings, **extra})
                except xner.MissingExtraError:
                    missing.add(name)
                    continue
                aligned(
                    word_alignment(given.data / "word-alignment", "roen", Path(scratch)), aligner
                )
                rows.append([aligner.signature, *measure(given.data, aligner, Path(scratch))])
    head = [
        "aligner", "AER ro-en", "AER en-fr", "F1 Europarl de, heuristic", "greedy",
        "F1 ABSA es, heuristic", "greedy", "F1 ABSA fr, heuristic", "greedy", "s, 14,987 pairs",
    ]  # fmt: skip
    notes = [
        "Every aligner is fitted on the pairs that it aligns, and on nothing else. The native "
        "aligner's priors were chosen on these corpora.",
        common.markdown(head, rows),
        *(f"Not installed: {name}." for name in ALIGNERS if name in missing),
        common.made_by("pyarrow"),
    ]
    common.save(given.results, "aligners.md", "Word aligners", "\n\n".join(notes))


if __name__ == "__main__":
    main()
