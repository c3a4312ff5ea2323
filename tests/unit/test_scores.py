"""Presets, custom scores, and counts as a file."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

import xner
from tests.corpora import corpus
from xner.columns import COLUMNS
from xner.kernels.records import Spans
from xner.score import register
from xner.score.alignment import linked_ngrams
from xner.score.counts import Counts
from xner.score.edge import edge
from xner.score.sample import Sample
from xner.score.scene import Scene, Text
from xner.stages.matching_options import PRESETS
from xner.stages.project import Project

ROWS = [
    (4, 4, [(0, 2, "PER"), (3, 4, "LOC")], [(0, 2, 1.0), (1, 3, 1.0), (3, 0, 1.0)]),
    (2, 3, [(0, 1, "PER")], [(0, 0, 1.0), (1, 1, 1.0)]),
]


def test_presets():
    assert Project() == Project(preset="default")
    for name in PRESETS:
        settings = Project(preset=name)
        assert settings.counted == (name == "default")
        assert ("fill:lexicon*1+adjacent*1" in settings.signature) == (name == "default")
        assert ("max_span:10|max_ratio:2|" in settings.signature) == (name == "default")
    assert Project(score={"overlap": 1.0}).fill == {}
    assert Project(method="heuristic").fill == {}
    assert Project(preset="paper-greedy", method="exact").method == "exact"


def test_long_entities_may_have_long_spans():
    row = (4, 12, [(0, 4, "ORG"), (0, 1, "PER")], [(0, 0, 1.0), (0, 3, 0.5), (3, 7, 1.0)])
    text = Text(next(corpus([row]).batches()))

    def spans(**limits):
        problem = linked_ngrams(text, **limits).problem
        pairs = list(zip(problem.start.tolist(), problem.end.tolist(), strict=True))
        first = problem.candidate_offsets[1]
        return max(e - s for s, e in pairs[:first]), max(e - s for s, e in pairs[first:])

    assert spans(max_span=2) == (1, 1)
    assert spans(max_span=2, max_ratio=1.25) == (5, 1)
    assert spans(max_span=2, max_ratio=2.0) == (8, 1)
    assert spans(max_span=5, max_ratio=2.0) == (8, 4)
    settings = Project(max_span=5)
    assert (settings.max_span, settings.max_ratio) == (5, 0.0)
    assert Project(max_span=5, max_ratio=3.0).max_ratio == 3.0
    with pytest.raises(xner.UsageError, match="max_ratio is -1"):
        Project(max_ratio=-1.0)


def test_an_adjacent_word_that_belongs_joins_the_span():
    def row(source, target, entity, links):
        links = [{"source": i, "target": j, "weight": 1.0} for i, j in links]
        entity = [{"start": entity, "end": entity + 1, "label": "T"}]
        return source.split(), target.split(), entity, links

    sea = row("good seafood", "gute Früchte des Meeres", 1, [(0, 0), (1, 3)])
    wine = row("good wine", "gute Weine des Hauses", 1, [(0, 0), (1, 1)])
    columns = zip(*[sea] * 3, *[wine] * 9, strict=True)
    names = ("source_tokens", "target_tokens", "source_entities", "links")
    table = pa.table({n: pa.array(v, COLUMNS[n]) for n, v in zip(names, columns, strict=True)})
    pairs = xner.Corpus.from_table(table)

    def spans(fill):
        out = xner.project(pairs, score={"overlap": 1.0}, fill=fill).table["target_entities"]
        return [(row[0]["start"], row[0]["end"]) for row in out.to_pylist()]

    assert spans({"lexicon": 1.0}) == [(3, 4)] * 3 + [(1, 2)] * 9
    assert spans({"adjacent": 1.0})[:3] == [(1, 4)] * 3


def test_a_word_of_the_entity_is_no_bad_edge():
    rows = [(["La", "Rosa"], ["La", "Rosa"])] + [(["Roma"], ["la", "Roma"])] * 8
    links = [[(0, 0), (1, 1)]] + [[(0, 1)]] * 8
    table = pa.table(
        {
            "source_tokens": pa.array([r[0] for r in rows], COLUMNS["source_tokens"]),
            "target_tokens": pa.array([r[1] for r in rows], COLUMNS["target_tokens"]),
            "source_entities": pa.array(
                [[{"start": 0, "end": len(r[0]), "label": "L"}] for r in rows],
                COLUMNS["source_entities"],
            ),
            "links": pa.array(
                [[{"source": i, "target": j, "weight": 1.0} for i, j in x] for x in links],
                COLUMNS["links"],
            ),
        }
    )
    out = xner.project(xner.Corpus.from_table(table), score={"overlap": 0.1, "edge": 1.0})
    assert [(e["start"], e["end"]) for e in out.table["target_entities"][0].as_py()] == [(0, 2)]


def test_signature_names_the_scores():
    signature = xner.project(corpus(ROWS)).report.signature
    assert "score:likelihood*1|" in signature
    assert "fill:lexicon*1+adjacent*1" in signature


def test_a_custom_score():
    def short(scene):
        return 1.0 / (scene.problem.end - scene.problem.start)

    register("short", short)
    out = xner.project(corpus(ROWS), score={"alignment": 0.1, "short": 1.0})
    assert "short*1" in out.report.signature
    spans = [
        (e["start"], e["end"]) for row in out.table["target_entities"].to_pylist() for e in row
    ]
    assert all(end - start == 1 for start, end in spans)
    with pytest.raises(xner.UsageError, match="cannot be called 'overlap'"):
        register("overlap", short)
    for factor in (-1, np.inf, np.nan):
        register("short", lambda scene, factor=factor: factor * short(scene))
        with pytest.raises(xner.UsageError, match="short give values below 0, infinite or NaN"):
            xner.project(corpus(ROWS), score={"short": 1.0})
    register("short", lambda scene: np.ones(1))
    with pytest.raises(xner.UsageError, match="one value per candidate"):
        xner.project(corpus(ROWS), score={"short": 1.0})


def test_counts_as_a_file(tmp_path):
    counts = Counts("me")
    counts.add(np.array([7, 9, 7], np.uint64), np.array([1, 2, 3]))
    assert len(counts) == 2
    assert counts.of(np.array([7, 8, 9], np.uint64)).tolist() == [4, 0, 2]
    counts.add(np.array([5], np.uint64), np.array([0]))
    counts.labels, counts.sample = {"PER", "LOC"}, Sample(8, 16, 3)
    counts.save(tmp_path / "a.npz")
    loaded = Counts.load(tmp_path / "a.npz")
    assert loaded == counts
    assert (loaded.signature, loaded.labels, loaded.sample) == (
        "me",
        {"PER", "LOC"},
        Sample(8, 16, 3),
    )
    loaded.save(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    other = Counts("me")
    other.add(np.array([9, 6], np.uint64))
    other.labels = {"ORG"}
    both = counts.merge(other)
    assert [column.tolist() for column in both.items()] == [[5, 6, 7, 9], [0, 1, 4, 3]]
    assert both.labels == {"PER", "LOC", "ORG"}
    same_keys = Counts("me").merge(both)
    assert same_keys == both
    same_keys.labels = {"PER"}
    assert same_keys != both
    same_keys.labels, same_keys.signature = both.labels, "you"
    assert same_keys != both
    with pytest.raises(xner.UsageError, match="cannot be merged"):
        counts.merge(Counts("you"))
    with np.load(tmp_path / "a.npz") as file:
        np.savez(tmp_path / "old.npz", **{**file, "version": 1})
    with pytest.raises(xner.FormatError, match="count the corpus again"):
        Counts.load(tmp_path / "old.npz")
    (tmp_path / "c.npz").write_text("no")
    with pytest.raises(xner.FormatError, match="not corpus statistics of xner"):
        Counts.load(tmp_path / "c.npz")
    with pytest.raises(xner.OutputError):
        counts.save(tmp_path / "no" / "d.npz")


def test_rare_keys_go_when_there_are_too_many():
    counts = Counts(limit=4)
    counts.add(np.arange(1, 6).astype(np.uint64), np.array([5, 1, 4, 1, 1]))
    assert counts.items()[0].tolist() == [1, 3]


def test_many_keys_against_a_dictionary():
    """Keys that fill the table, and more than its limit: the rarest go, ties by key."""
    rng, limit = np.random.default_rng(3), 64
    counts, expected = Counts(limit=limit), Counter()
    for size in (1, 30, 33, 20, 40, 200, 5, 90):
        keys, values = rng.integers(1, 150, size), rng.integers(0, 4, size)
        counts.add(keys.astype(np.uint64), values)
        for key, value in zip(keys.tolist(), values.tolist(), strict=True):
            expected[key] += value
        if len(expected) > limit:
            ranked = sorted(expected, key=lambda key: (-expected[key], key))
            expected = Counter({key: expected[key] for key in ranked[: limit // 2]})
        found = zip(*(column.tolist() for column in counts.items()), strict=True)
        assert dict(found) == expected
        assert len(counts) == len(expected)


def test_counts_that_were_dropped_are_not_subtracted():
    """A large corpus drops rare keys, with what a sentence added to them."""
    entities = [{"start": i, "end": i + 1, "label": "PER"} for i in range(2)]
    links = [(0, 0, 1.0), (0, 1, 0.1), (1, 2, 1.0), (1, 3, 0.1)]
    row = {
        "source_tokens": [["a", "b"]],
        "source_entities": [entities],
        "target_tokens": [["x", "y", "x", "y"]],
        "links": [[dict(zip(("source", "target", "weight"), link, strict=True)) for link in links]],
    }
    text = Text(next(xner.Corpus.from_table(pa.table(row)).batches()))
    problem = linked_ngrams(text, max_span=10, max_ratio=2).problem
    chosen = [np.array(values, np.int32) for values in ([0, 2], [0, 2], [1, 3], [0, 1])]
    scores = edge(Scene(text, problem, Spans(*chosen), Counts()))
    assert ((scores >= 0) & (scores <= 1)).all()
