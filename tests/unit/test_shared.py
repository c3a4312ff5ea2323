"""Labels and F1 on real corpora; skipped if ../shared is missing (see CONTRIBUTING.md)."""

import hashlib

import pytest

import xner
from xner import tags_from_spans
from xner.labels import label_files

pytestmark = pytest.mark.shared

# F1 and SHA-256 of all tags, as the published code computes them from the same links: the
# heuristic of the thesis without top k, and n-gram candidates of up to 10 words (Politov et al.).
ABSA = [
    ("train", "es", "heuristic", 0.9529, "5ec2bc3df955e970"),
    ("train", "fr", "heuristic", 0.9446, "8419390cc95a2598"),
    ("test", "es", "heuristic", 0.9432, "f14f4ce74c13f872"),
    ("test", "fr", "heuristic", 0.9302, "d341eb801e273fb2"),
    ("train", "es", "greedy", 0.9436, "c7e0654d60dc08e7"),
    ("train", "fr", "greedy", 0.9416, "5e5a6d3095541d68"),
    ("test", "es", "greedy", 0.9303, "99527a7017cf8406"),
    ("test", "fr", "greedy", 0.9127, "c5598ceb17f83fa3"),
]


def digest(projection):
    """SHA-256 of the tags, joined by spaces within a sentence and by newlines between sentences."""
    table = projection.table
    rows = zip(
        table["target_entities"].to_pylist(), table["target_tokens"].to_pylist(), strict=True
    )
    tags = [
        tags_from_spans([(e["start"], e["end"], e["label"]) for e in entities], len(tokens))
        for entities, tokens in rows
    ]
    return hashlib.sha256("\n".join(" ".join(row) for row in tags).encode()).hexdigest()


@pytest.mark.parametrize(("split", "language", "method", "f1", "labels"), ABSA)
def test_absa(shared, split, language, method, f1, labels):
    folder = shared / "absa"
    gold = folder / f"{language}.{split}.conll"
    pairs = xner.read(
        folder / f"en.{split}.conll", gold, links=folder / f"en-{language}.{split}.awesome.align"
    )
    out = xner.project(pairs, preset=f"paper-{method}")
    assert digest(out).startswith(labels)
    assert round(xner.evaluate(gold, out).f1, 4) == f1
    assert sum(out.report.outcomes.values()) == out.report.entities


@pytest.mark.parametrize(
    ("split", "language", "floor"),
    [("train", "es", 0.967), ("train", "fr", 0.96), ("test", "es", 0.954), ("test", "fr", 0.948)],
)
def test_absa_by_default(shared, split, language, floor):
    folder = shared / "absa"
    gold = folder / f"{language}.{split}.conll"
    links = [
        folder / f"en-{language}.{split}.{name}.align"
        for name in ("awesome", "mgiza.grow_diag_final-and")
    ]
    pairs = xner.read(folder / f"en.{split}.conll", gold, links=links[0])
    alone = xner.evaluate(gold, xner.project(pairs)).f1
    assert alone > floor
    pairs = xner.read(folder / f"en.{split}.conll", gold, links=links)
    assert xner.evaluate(gold, xner.project(pairs)).f1 > alone


def test_europarl_from_two_raw_files(shared):
    folder = shared / "europarl-ner"
    pairs = xner.read(folder / "en.conll", folder / "de.conll")
    linked = xner.align(pairs).collect()
    for method, floor in (("heuristic", 0.74), ("greedy", 0.84)):
        assert (
            xner.evaluate(folder / "de.conll", xner.project(linked, preset=f"paper-{method}")).f1
            > floor
        )


def test_docstart_rows_of_conll_mt_are_kept(shared):
    folder = shared / "conll-mt"
    pairs = xner.read(
        folder / "en.test.conll",
        folder / "de.test.txt",
        links=folder / "en-de.test.awesome.align",
    )
    assert len(pairs) == 3684


@pytest.mark.parametrize("name", ["europarl-ner/de", "gold-test/es", "masakhaner2/yor.test"])
def test_real_files_survive(shared, tmp_path, name):
    path = shared / f"{name}.conll"
    out = tmp_path / "again.conll"
    label_files([path], docstart="keep")[0].write(out)
    again = label_files([out], docstart="keep")[0]
    assert again.table.equals(label_files([path], docstart="keep")[0].table)
