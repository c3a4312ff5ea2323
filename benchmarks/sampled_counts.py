"""Corpus statistics of a sample (`count_pairs`) against those of the whole corpus.

    python -m benchmarks.sampled_counts     # writes benchmarks/results/sampled_counts.md; 2 minutes

Entity F1 of the default projection where there is gold, and how many of its spans stay the same.
"""

from collections.abc import Iterator
from pathlib import Path

import xner
from benchmarks import common

SHARES = (1, 2, 4, 10, 100)


def corpora(data: Path) -> Iterator[tuple[str, xner.Corpus, Path | None]]:
    """Yield name, corpus with links, and file of the gold labels if there is one."""
    for language in ("es", "fr"):
        files = data / "absa" / "en.train.conll", data / "absa" / f"{language}.train.conll"
        links = data / "absa" / f"en-{language}.train.awesome.align"
        yield f"ABSA train {language}", xner.read(*files, links=links), files[1]
    files = data / "europarl-ner" / "en.conll", data / "europarl-ner" / "de.conll"
    yield "Europarl de, native links", xner.align(xner.read(*files)), files[1]
    yield "conll-mt de and es", xner.Corpus.from_table(common.conll_mt(data)), None


def spans(out: xner.Corpus) -> set[tuple[int, int, int, str]]:
    """Row, words and label of every target entity."""
    rows = enumerate(out.table["target_entities"].to_pylist())
    return {(row, e["start"], e["end"], e["label"]) for row, found in rows for e in found}


def same(a: set[tuple[int, int, int, str]], b: set[tuple[int, int, int, str]]) -> float:
    """F1 of one set of spans against another."""
    return 2 * len(a & b) / (len(a) + len(b))


def measure(pairs: xner.Corpus, gold: Path | None) -> Iterator[list[str]]:
    """Yield share, pairs counted, F1 and agreement for every size of the sample."""
    whole: set[tuple[int, int, int, str]] = set()
    for share in SHARES:
        out = xner.project(pairs, count_pairs=len(pairs) // share)
        whole = whole or spans(out)
        f1 = f"{xner.evaluate(gold, out).f1:.4f}" if gold else ""
        yield [f"1/{share}", f"{len(pairs) // share:,}", f1, f"{same(whole, spans(out)):.4f}"]


def main() -> None:
    """Run everything and write the page."""
    given = common.parser(__doc__.splitlines()[0]).parse_args()
    lines = []
    for name, pairs, gold in corpora(given.data):
        lines += [[f"{name}, {share}", *more] for share, *more in measure(pairs, gold)]
    head = ["corpus, share of its pairs", "pairs counted", "F1", "spans as with all pairs (F1)"]
    body = (
        "Entity F1 of the default projection against gold labels, with corpus statistics "
        "(`count_pairs`) of all pairs and of runs of pairs that are spread over the corpus, and "
        f"the agreement of its spans with those of all pairs.\n\n{common.markdown(head, lines)}"
    )
    common.save(
        given.results, "sampled_counts.md", "Corpus statistics of a sample",
        f"{body}\n\n{common.made_by('pyarrow')}",
    )  # fmt: skip


if __name__ == "__main__":
    main()
