"""Self-training of tiny students from scratch, on artificial data."""

from itertools import pairwise

import numpy as np
import pytest

import xner

torch = pytest.importorskip("torch")
pytest.importorskip("accelerate")

from tests.models import students as made  # noqa: E402 - needs torch
from xner.options import build  # noqa: E402
from xner.training.options import SelfTrainOptions  # noqa: E402

GOLD = made.labelled(60, seed=99, unseen=True)


def weak(folder):
    """A student trained on few sentences."""
    return xner.train(made.labelled(40, seed=1), folder, **{**made.FAST, "epochs": 1})


def test_self_trained(tmp_path):
    first = weak(tmp_path / "weak")
    text = made.words(made.labelled(200, seed=7))
    done = xner.self_train(
        text, tmp_path / "m", start=first.folder, confidence=0.5, dev=GOLD, rounds=2, epochs=3,
        learning_rate=2e-3, batch_size=16, device="cpu",
    )  # fmt: skip
    rounds = done.details["rounds"]
    assert done.details["start_f1"] == pytest.approx(made.f1(GOLD, first.folder), abs=1e-4)
    best = max(each["score"] for each in rounds)
    assert made.f1(GOLD, done.folder) == pytest.approx(best, abs=1e-4)
    assert best > done.details["start_f1"]
    each = rounds[0]
    assert sum(each["words"].values()) + each["left_out"] == done.counts["words"]
    assert not (done.folder / "rounds").exists()
    assert "self-train" in (done.folder / "README.md").read_text("utf-8")


def test_self_training_stops_when_agreement_falls(tmp_path):
    first = weak(tmp_path / "weak")
    text = made.words(made.labelled(80, seed=7))
    done = xner.self_train(
        text, tmp_path / "m", start=first.folder, top=0.5, rounds=6, epochs=2,
        labelled=made.labelled(20, seed=1), learning_rate=2e-3, device="cpu",
    )  # fmt: skip
    scores = [each["score"] for each in done.details["rounds"]]
    assert all(a < b for a, b in pairwise(scores[:-1]))
    assert len(scores) == 6 or scores[-1] <= scores[-2]
    assert done.counts["kept"] == 100


def test_confident_words_of_each_label_are_chosen():
    from xner.training.self_train import confident_words

    tagset = ("O", "B-PER", "I-PER")
    found = np.array(
        [[0.9, 0.1, 0], [0.8, 0.2, 0], [0.4, 0.6, 0], [0.2, 0.1, 0.7], [0.3, 0.5, 0.2]], np.float32
    )
    assert confident_words(found, tagset, 0.65).tolist() == [True, True, False, True, False]
    assert confident_words(found, tagset, top=0.4).tolist() == [True, False, True, True, False]
    assert confident_words(found, tagset, top=1.0).all()


def test_options_of_self_training():
    assert build(SelfTrainOptions, {"start": "x"}).confidence == 0.9
    assert build(SelfTrainOptions, {"start": "x", "top": 0.5}).confidence is None
    for bad, match in (
        ({}, "start is missing"),
        ({"confidence": 0.5, "top": 0.5}, "give confidence or top, not both"),
        ({"confidence": 1.5}, "confidence is 1.5; it must be above 0 and at most 1"),
        ({"base": "y", "from_scratch": "small"}, "give base or from_scratch, not both"),
    ):
        with pytest.raises(xner.UsageError, match=match):
            build(SelfTrainOptions, bad and {"start": "x", **bad})
