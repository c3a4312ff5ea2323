"""Running experiments: what is scored, what is kept, and what is computed again."""

import csv
import json
import statistics
from pathlib import Path

import numpy as np
import pytest

import xner
from tests.two_sentences import DE, EN, LINKS, WRONG, cell, config, made
from xner.evaluation.counts import LabelScores
from xner.evaluation.sentences import SentenceCounts
from xner.experiments.results import Facts
from xner.experiments.schema import Bootstrap
from xner.experiments.tabulate import Outcome, Samples
from xner.stages.align import Align

DEMO = Path(xner.__file__).parent / "demo"


def test_a_row_is_scored_like_evaluate(two_sentences):
    aligners = {"given": {"links": "de.align"}, "wrong": {"links": "wrong.align"}}
    results = xner.run(config(aligners=aligners, write="conll", ignore=["LOC"]))
    assert [(row.system, row.aligner) for row in results.rows] == [
        ("project", "given"),
        ("project", "wrong"),
    ]
    assert cell(results).f1 == 1.0
    for row in results.rows:
        labels = two_sentences / "out" / "labels" / f"project-{row.aligner}-de-seed1.conll"
        wanted = xner.evaluate("de.conll", labels, ignore=["LOC"])
        own = row.cells["de"]
        assert (own.f1, own.precision, own.recall) == (
            wanted.f1,
            wanted.precision,
            wanted.recall,
        )
        assert {name: s.f1 for name, s in own.labels.items()} == {
            name: s.f1 for name, s in wanted.labels.items()
        }
    worse = cell(results, 1)
    assert worse.f1 == 0.5
    assert worse.difference == -0.5
    assert worse.difference_low <= -0.5 <= worse.difference_high <= 0.0
    assert worse.low <= 0.5 <= worse.high
    assert "aligner:file(wrong.align)" in worse.signature
    assert "ignore:LOC" in results.signature
    assert worse.outcomes["projected"] == 3


def test_labels_of_rows_that_differ_in_signs_alone_are_kept_apart(two_sentences):
    row = {"pipeline": "project", "project": {"preset": "paper-greedy"}}
    rows = [{**row, "name": name} for name in ("a b", "a/b", "a <=1")]
    xner.run(config(pipelines=rows, write="conll"))
    assert sorted(path.name for path in (two_sentences / "out" / "labels").iterdir()) == [
        "a-at-most-1-given-de-seed1.conll",
        "a-b-given-de-seed1-2.conll",
        "a-b-given-de-seed1.conll",
    ]


def test_files_of_results(two_sentences):
    languages = {name: {"source": "en.conll", "gold": "de.conll"} for name in ("de", "ds")}
    published = [{"name": "paper", "f1": {"de": 0.5}}, {"name": "both", "f1": {"de": 1, "ds": 0.5}}]
    results = xner.run(config(languages=languages, published=published, title="T | t"))
    page = (two_sentences / "out" / "results.md").read_text()
    assert page.startswith("# T | t\n")
    assert "| project | given | 1.000 [1.000, 1.000] | 1.000 [1.000, 1.000] |" in page
    assert "| published: paper | – | .500 | – | – |" in page
    assert "| published: both | – | 1.000 | .500 | .750 |" in page
    assert f"`{cell(results).signature}`" in page
    assert json.loads((two_sentences / "out" / "results.json").read_text()) == results.as_dict()
    with (two_sentences / "out" / "results.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [(x["language"], x["label"], x["f1"]) for x in lines[:4]] == [
        ("de", "all", "1.0"), ("de", "LOC", "1.0"), ("de", "ORG", "1.0"), ("de", "PER", "1.0"),
    ]  # fmt: skip
    assert lines[0]["gold"] == "3"
    assert lines[-1]["language"] == "mean"


def test_what_is_there_is_not_made_again(two_sentences):
    assert made(xner.run(config())) == ["read", "align", "project"]
    times = {p: p.stat().st_mtime_ns for p in (two_sentences / "out" / "store").iterdir()}
    again = xner.run(config(title="another", ignore=["LOC"]))
    assert made(again) == []
    assert [step.stage for step in again.steps] == ["read", "align", "project"]
    assert {p: p.stat().st_mtime_ns for p in (two_sentences / "out" / "store").iterdir()} == times
    assert set(cell(again).labels) == {"ORG", "PER"}


CHANGES = {
    "a setting of the last step": (
        {"pipelines": [{"pipeline": "project", "project": {"method": "exact"}}]},
        ["project"],
    ),
    "other links": ({"aligners": {"given": {"links": "wrong.align"}}}, ["align", "project"]),
    "the same text elsewhere": (
        {"languages": {"x": {"source": "a/en.conll", "gold": "a/de.conll"}}},
        [],
    ),
    "another text": (
        {"languages": {"x": {"source": "a/en.conll", "gold": "other.conll"}}},
        ["read", "align", "project"],
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_makes_what_depends_on_it(two_sentences, change):
    (two_sentences / "a").mkdir()
    (two_sentences / "a" / "en.conll").write_text(EN)
    (two_sentences / "a" / "de.conll").write_text(DE)
    (two_sentences / "other.conll").write_text(DE.replace("sagt", "sagte"))
    xner.run(config())
    changes, wanted = CHANGES[change]
    assert made(xner.run(config(**changes))) == wanted


def test_changed_content_of_a_file_counts(two_sentences):
    xner.run(config())
    (two_sentences / "de.align").write_text(WRONG)
    results = xner.run(config())
    assert made(results) == ["align", "project"]
    assert cell(results).f1 < 1.0
    (two_sentences / "de.align").write_text(LINKS)
    assert made(xner.run(config())) == []  # what it was made of is still there


def test_rows_share_what_they_have_in_common(two_sentences):
    rows = [{"pipeline": "project", "project": {"max_span": [1, 2, 3]}}]
    results = xner.run(config(pipelines=[*rows, "translate-test"]))
    assert made(results).count("align") == 1
    assert made(results).count("project") == 4


@pytest.mark.parametrize("damage", ["cut", "no manifest", "no columns", "half a manifest"])
def test_half_a_step_is_not_taken_for_whole(two_sentences, damage):
    xner.run(config())
    [columns] = (two_sentences / "out" / "store").glob("align-*.parquet")
    manifest = columns.with_suffix(".json")
    if damage == "cut":
        columns.write_bytes(columns.read_bytes()[:-20])
    elif damage == "no columns":
        columns.unlink()
    elif damage == "no manifest":
        manifest.unlink()
    else:
        manifest.write_text(manifest.read_text()[:100])
    results = xner.run(config())
    assert made(results) == ["align"]
    assert cell(results).f1 == 1.0


def test_manifests_tell_what_made_the_columns(two_sentences):
    xner.run(config())
    [path] = (two_sentences / "out" / "store").glob("project-*.json")
    told = json.loads(path.read_text())
    assert told["columns"] == ["target_entities", "outcomes", "solution"]
    assert told["counts"]["outcomes"] == {"projected": 3}
    assert told["counts"]["target_entities"] == 3
    assert told["settings"] == {"preset": "paper-greedy"}
    assert told["summary"]["entities"] == 3
    assert told["signature"] == told["summary"]["signature"]
    assert (told["rows"], told["language"], told["seed"]) == (2, "de", None)
    assert {"xner", "python", "pyarrow"} <= set(told["versions"])
    assert told["seconds"] > 0
    [read] = (two_sentences / "out" / "store").glob("read-*.json")
    files = json.loads(read.read_text())["settings"]
    assert files["source"]["file"].startswith("en.conll:sha256:")
    assert set(told["inputs"]) == {
        "id", "source_tokens", "source_entities", "target_tokens", "links",
    }  # fmt: skip


def test_seeds_are_averaged(two_sentences):
    demo = {"de": {"source": str(DEMO / "en.conll"), "gold": str(DEMO / "de.conll")}}
    aligners = {"native": {"chains": 1}}
    rows = [{"pipeline": "project", "project": {"preset": "paper-greedy"}}]
    given = config(languages=demo, aligners=aligners, pipelines=rows, bootstrap={"samples": 50})
    single = [cell(xner.run({**given, "seeds": [seed]})) for seed in (1, 2)]
    assert single[0].f1 != single[1].f1
    assert single[0].deviation is None
    both = xner.run({**given, "seeds": [1, 2]})
    assert made(both) == []
    assert cell(both).seeds == 2
    assert cell(both).f1 == pytest.approx((single[0].f1 + single[1].f1) / 2)
    spread = abs(single[0].f1 - single[1].f1) / 2**0.5
    assert cell(both).deviation == pytest.approx(spread)
    assert cell(both).low < cell(both).f1 < cell(both).high
    assert "±" in (two_sentences / "out" / "results.md").read_text()


def test_an_aligner_that_is_missing_may_be_optional(two_sentences, monkeypatch):
    monkeypatch.setattr("xner.aligners.outside.find_spec", lambda name: None)
    aligners = {"given": {"links": "de.align"}, "eflomal": {"optional": True}}
    mine = {"pipeline": "project", "name": "mine", "aligners": ["eflomal"]}
    results = xner.run(
        config(aligners=aligners, pipelines=["project", mine], compare=[["mine", "project"]])
    )
    assert [row.aligner for row in results.rows] == ["given"]
    assert results.compared == ()
    assert results.notes[0].startswith("Left out: eflomal (the package 'eflomal' is not installed")
    assert results.notes[0] in (two_sentences / "out" / "results.md").read_text()
    with pytest.raises(xner.MissingExtraError, match="pip install"):
        xner.run(config(aligners=["eflomal"]))


def test_a_comparison_tells_another_aligner(two_sentences):
    aligners = {"one": {"links": "de.align"}, "other": {"links": "de.align"}}
    rows = [{"pipeline": "project", "name": f"by {name}", "aligners": [name]} for name in aligners]
    given = config(aligners=aligners, pipelines=[*rows, "project"])
    pairs = [["by other", "by one"], ["project", "by other"], ["by other", "project"]]
    results = xner.run({**given, "compare": pairs})
    assert [(row.system, row.aligner) for row in results.compared] == [
        ("by other − by one (one)", "other"),
        ("project − by other (other)", "one"),
        ("project − by other", "other"),
        ("by other − project", "other"),
    ]


def outcome(*hits):
    """A seed's result on sentences of one entity each, of which some are found."""
    counts = np.array([[[hit, 1, 1]] for hit in hits], np.int32)
    return [Outcome(SentenceCounts(("PER",), counts), "", {}, {})]


def test_means_are_over_languages_with_scores_of_all_rows():
    runs = {
        ("a", ""): {"de": outcome(1, 1, 0, 0), "fr": outcome(1, 1, 1, 1), "sw": []},
        ("b", ""): {"de": outcome(1, 0, 0, 0), "fr": outcome(0, 0, 0, 0), "sw": outcome(1, 1)},
    }
    samples = Samples(runs, ("de", "fr", "sw"), Bootstrap(samples=20))
    (both,) = samples.compared([("a", "b")])
    assert [cell.difference for cell in both.cells.values()] == [0.25, 1.0, None]
    assert both.mean.difference == pytest.approx(0.625)
    assert both.mean.difference_low < 0.625 < both.mean.difference_high < 1
    facts = dict.fromkeys(("de", "fr", "sw"), Facts(4, None, None))
    first, second = samples.rows(("a", ""), {"two": ["de", "fr"]}, facts)
    assert (first.mean.f1, first.groups["two"].f1) == (None, pytest.approx(0.75))
    assert (second.mean.f1, second.mean.difference) == (pytest.approx(1.25 / 3), None)
    assert second.cells["de"].difference == -0.25
    seeds = {("a", ""): {"de": outcome(1, 1) + outcome(1, 0)},
             ("b", ""): {"de": outcome(1, 0) + outcome(1, 1)}}  # fmt: skip
    (paired,) = Samples(seeds, ["de"], Bootstrap(samples=20)).compared([("a", "b")])
    assert paired.cells["de"].deviation == pytest.approx(2**0.5 / 2)
    assert (paired.cells["de"].difference, paired.cells["de"].seeds) == (0.0, 2)


def test_scores_of_labels_are_means_over_seeds_without_some_of_them():
    counts = np.array([[[1, 1, 2], [1, 1, 1], [0, 1, 0]]], np.int32)
    other = [Outcome(SentenceCounts(("PER", "LOC", "X"), counts), "", {}, {})]
    runs = {("a", ""): {"de": outcome(0) + other}}
    facts = {"de": Facts(1, None, None)}
    (row,) = Samples(runs, ["de"], Bootstrap(samples=20)).rows(None, {}, facts)
    assert list(row.cells["de"].labels.items()) == [
        ("LOC", LabelScores(0.5, 0.5, 0.5, 1, 0, 0)),
        ("PER", LabelScores(0.5, 0.25, pytest.approx(1 / 3), 2, 1, 0)),
        ("X", LabelScores(0.0, 0.0, 0.0, 0, 0, 0)),
    ]


@pytest.mark.parametrize(
    ("fr", "wanted"),
    [
        (outcome(0, 0) + outcome(0, 0), (0.25, 2, 0.5 / 2**0.5)),
        (outcome(0, 0), (0.25, 1, None)),  # its seeds do not matter
    ],
)
def test_means_over_languages_are_by_seed_if_all_depend_on_it(fr, wanted):
    runs = {("a", ""): {"de": outcome(1, 1) + outcome(0, 0), "fr": fr}}
    facts = dict.fromkeys(("de", "fr"), Facts(2, None, None))
    (row,) = Samples(runs, ("de", "fr"), Bootstrap(samples=20)).rows(None, {}, facts)
    mean = row.mean
    assert (mean.f1, mean.seeds, mean.deviation) == pytest.approx(wanted)
    assert (mean.low, mean.high) == (0.25, 0.25)  # the sentences of a language are alike
    assert row.cells["de"].deviation == pytest.approx(1 / 2**0.5)


@pytest.mark.parametrize(
    ("apart", "found", "wanted"),
    [
        ((0.1, 0.2, 0.6, None, 0.9), (2, 3, 4, 1, None), statistics.correlation),
        ((0.6, 0.2, 0.1), (4, 3, 1), statistics.correlation),
        ((0.1, 0.2, None), (2, 3, 4), None),
        ((0.1, 0.2, 0.6), (3, 3, 3), None),
        ((0.2, 0.2, 0.2), (2, 3, 4), None),
    ],
)
def test_gains_are_correlated_with_divergence(apart, found, wanted):
    names = [f"l{i}" for i in range(len(apart))]
    own = {
        name: [] if n is None else outcome(*[1] * n, *[0] * (4 - n))
        for name, n in zip(names, found, strict=True)
    }
    runs = {("a", ""): dict.fromkeys(names, outcome(1, 1, 0, 0)), ("b", ""): own}
    facts = {name: Facts(4, None, value) for name, value in zip(names, apart, strict=True)}
    first, second = Samples(runs, names, Bootstrap(samples=20)).rows(("a", ""), {}, facts)
    assert first.correlation is None
    if wanted is None:
        assert second.correlation is None
    else:
        assert second.correlation == pytest.approx(wanted(apart[:3], [n / 4 for n in found[:3]]))


def test_an_aligner_that_varies_is_run_for_each_seed(two_sentences, monkeypatch):
    given = []

    def stream(stage, corpus):
        given.append(stage)
        return real(Align(chains=1, seed=len(given)), corpus)

    real = Align.stream
    monkeypatch.setattr(Align, "stream", stream)
    monkeypatch.setattr(Align, "require", lambda stage: None)
    results = xner.run(config(aligners=["eflomal", "fast_align"], seeds=[1, 2]))
    assert [cell(results, row).seeds for row in (0, 1)] == [2, 1]
    assert [stage.aligner for stage in given] == ["eflomal", "eflomal", "fast_align"]
    assert all(stage.seed is None for stage in given)
