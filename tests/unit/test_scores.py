"""Presets, scores of one's own, and counts as a file."""

import numpy as np
import pytest

import xner
from tests.corpora import corpus
from xner.pipeline.settings import PRESETS, Settings
from xner.score import register
from xner.score.counts import Counts

ROWS = [
    (4, 4, [(0, 2, "PER"), (3, 4, "LOC")], [(0, 2, 1.0), (1, 3, 1.0), (3, 0, 1.0)]),
    (2, 3, [(0, 1, "PER")], [(0, 0, 1.0), (1, 1, 1.0)]),
]


def test_presets():
    assert Settings.preset() == Settings.preset("default")
    for name in PRESETS:
        settings = Settings.preset(name)
        assert settings.counted == (name == "default")
        assert ("fill:lexicon*1" in settings.signature) == (name == "default")
    assert Settings.preset(score={"overlap": 1.0}).fill == {}
    assert Settings.preset(method="heuristic").fill == {}
    assert Settings.preset("paper-greedy", method="exact").method == "exact"


def test_signature_names_the_scores():
    signature = xner.project(corpus(ROWS)).summary.signature
    assert "score:overlap*1+edge*0.5+dictionary*0.25|" in signature
    assert "fill:lexicon*1" in signature


def test_a_score_of_your_own():
    def short(scene):
        return 1.0 / (scene.problem.end - scene.problem.start)

    register("short", short)
    out = xner.project(corpus(ROWS), score={"alignment": 0.1, "short": 1.0})
    assert "short*1" in out.summary.signature
    spans = [
        (e["start"], e["end"]) for row in out.table["target_entities"].to_pylist() for e in row
    ]
    assert all(end - start == 1 for start, end in spans)
    with pytest.raises(xner.UsageError, match="cannot be called 'overlap'"):
        register("overlap", short)
    register("short", lambda scene: -short(scene))
    with pytest.raises(xner.UsageError, match="below 0"):
        xner.project(corpus(ROWS), score={"short": 1.0})
    register("short", lambda scene: np.ones(1))
    with pytest.raises(xner.UsageError, match="one value a candidate"):
        xner.project(corpus(ROWS), score={"short": 1.0})


def test_counts_as_a_file(tmp_path):
    counts = Counts("me")
    counts.add(np.array([7, 9, 7], np.uint64), np.array([1, 2, 3]))
    assert len(counts) == 2
    assert counts.of(np.array([7, 8, 9], np.uint64)).tolist() == [4, 0, 2]
    counts.save(tmp_path / "a.npz")
    loaded = Counts.load(tmp_path / "a.npz")
    assert loaded == counts
    loaded.save(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    with pytest.raises(xner.UsageError, match="do not mix"):
        counts.merge(Counts("you"))
    (tmp_path / "c.npz").write_text("no")
    with pytest.raises(xner.FormatError, match="does not hold counts"):
        Counts.load(tmp_path / "c.npz")
    with pytest.raises(xner.OutputError):
        counts.save(tmp_path / "no" / "d.npz")


def test_rare_keys_go_when_there_are_too_many():
    counts = Counts(limit=4)
    counts.add(np.arange(1, 6).astype(np.uint64), np.array([5, 1, 4, 1, 1]))
    assert counts.items()[0].tolist() == [1, 3]
