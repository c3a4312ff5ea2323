"""Training and distillation of tiny students from scratch, on artificial data."""

import json
import os
import signal
import subprocess
import sys
from itertools import chain

import numpy as np
import pytest

import xner

torch = pytest.importorskip("torch")
pytest.importorskip("accelerate")

from tests.models import students as made  # noqa: E402 - needs torch
from xner.inference.checkpoints import model_signature  # noqa: E402
from xner.training.card import MANIFEST  # noqa: E402

GOLD = made.labelled(60, seed=99, unseen=True)


@pytest.fixture(scope="module")
def student(tmp_path_factory):
    """A student trained from scratch on 300 labelled sentences."""
    folder = tmp_path_factory.mktemp("students") / "en"
    data = made.labelled(300, seed=1)
    return xner.train(data, folder, dev=GOLD, epochs=8, seed=3, **made.FAST)


def test_a_student_is_trained_from_scratch(student):
    assert student.f1 > 0.9
    assert student.f1 == max(epoch["f1"] for epoch in student.history)
    assert made.f1(GOLD, student.folder) == pytest.approx(student.f1)
    assert student.tagset == ("O", "B-LOC", "I-LOC", "B-ORG", "I-ORG", "B-PER", "I-PER")
    assert student.counts["sentences"] == student.counts["kept"] == 300
    assert student.history[-1]["loss"] < student.history[0]["loss"] / 2


def test_transformers_loads_a_student(student):
    from transformers import AutoModelForTokenClassification, AutoTokenizer

    model = AutoModelForTokenClassification.from_pretrained(student.folder)
    assert tuple(model.config.id2label[i] for i in range(7)) == student.tagset
    words = ["Amina", "Keller", "visits", "Bremen", "."]
    encoded = AutoTokenizer.from_pretrained(student.folder)(
        words, is_split_into_words=True, return_tensors="pt"
    )
    found = model.eval()(**encoded).logits[0].argmax(-1)
    first = [encoded.word_ids().index(i) for i in range(len(words))]
    tags = [model.config.id2label[found[i].item()] for i in first]
    assert tags == ["B-PER", "I-PER", "O", "B-LOC", "O"]


def test_card_and_manifest_have_the_signature(student):
    card = (student.folder / "README.md").read_text("utf-8")
    manifest = json.loads((student.folder / MANIFEST).read_text("utf-8"))
    assert student.signature in card
    assert manifest["settings"]["seed"] == 3
    assert manifest["data"]["train"] in student.signature
    assert manifest["versions"]["torch"] == torch.__version__
    assert f"{student.f1:.4f}" in card
    assert not (student.folder / "checkpoints").exists()


def train(data, folder, **options):
    return xner.train(data, folder, **{**made.FAST, "epochs": 1, **options})


def weights(folder):
    from safetensors.torch import load_file

    return load_file(folder / "model.safetensors")


def same(one, other):
    return all(torch.equal(weights(one)[name], w) for name, w in weights(other).items())


def test_seeds_determine_the_weights(tmp_path):
    data = made.labelled(40, seed=1)
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        train(data, tmp_path / name, seed=seed)
    assert same(tmp_path / "a", tmp_path / "b")
    assert not same(tmp_path / "a", tmp_path / "c")


KILLED = """
import os, signal, sys
import torch, xner
from tests.models import students as made
torch.set_num_threads(1)
def kill(stage, share):
    if stage == "train" and share > 0.7:
        os.kill(os.getpid(), signal.SIGKILL)
xner.train(made.labelled(64, seed=1), sys.argv[1], dev=made.labelled(20, seed=2), epochs=3, seed=4,
           progress=kill, **made.FAST)
"""


def test_a_killed_run_resumes_with_the_same_result(tmp_path):
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path / "killed")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    options = {"dev": made.labelled(20, seed=2), "epochs": 3, "seed": 4}
    data = made.labelled(64, seed=1)
    with pytest.raises(xner.OutputError, match="contains an interrupted run; resume it"):
        train(data, tmp_path / "killed", **options)
    text = made.words(made.labelled(5, seed=6))
    for other in ({"seed": 5}, {"dev": made.labelled(20, seed=3)}, {"tokenizer_text": text}):
        with pytest.raises(xner.UsageError, match="contains another run"):
            train(data, tmp_path / "killed", resume=True, **{**options, **other})
    with pytest.raises(xner.UsageError, match="contains another run"):
        train(made.labelled(64, seed=2), tmp_path / "killed", resume=True, **options)
    note = tmp_path / "killed" / "checkpoints" / MANIFEST
    manifest = note.read_text("utf-8")
    note.write_text(manifest[:20], "utf-8")
    with pytest.raises(xner.InputError, match=r"xner\.json: cannot be read .*; remove the folder"):
        train(data, tmp_path / "killed", resume=True, **options)
    note.write_text(manifest, "utf-8")
    stages = []
    resumed = train(
        data, tmp_path / "killed", resume=True, progress=lambda *a: stages.append(a[1]), **options
    )
    assert min(stages) > 1 / 3, "epochs that were complete were not trained again"
    whole = train(data, tmp_path / "whole", **options)
    assert same(tmp_path / "killed", tmp_path / "whole")
    assert resumed.history == whole.history
    assert resumed.signature == whole.signature
    again = train(data, tmp_path / "whole", resume=True, **options)
    assert {**again.as_dict(), "seconds": 0} == {**whole.as_dict(), "seconds": 0}
    assert (
        model_signature(str(tmp_path / "whole")).split("#")[1]
        == (model_signature(str(tmp_path / "killed")).split("#")[1])
    )


def test_early_stopping_keeps_the_best_epoch(tmp_path):
    data = made.labelled(100, seed=1)
    done = train(data, tmp_path / "m", dev=made.labelled(20, 5), epochs=30, patience=1)
    scores = [epoch["f1"] for epoch in done.history]
    assert len(scores) < 30
    assert done.f1 == max(scores)
    assert made.f1(made.labelled(20, 5), tmp_path / "m") == pytest.approx(done.f1)


def test_training_starts_from_a_tagger(tmp_path, bert_tagger):
    """A head for the same tags is kept; one for other tags of the same number is not."""
    data = made.labelled(8, seed=1)
    base = {"base": bert_tagger, "device": "cpu", "learning_rate": 1e-9, "epochs": 1}
    blank, name = ["\u200b"], [{"start": 0, "end": 1, "label": "LOC"}]  # no subword
    odd = made.table(tokens=[blank, ["Ada", *blank, "waits"]], entities=[name, []])
    done = xner.train([data, odd], tmp_path / "a", labels={"LOC": "PLACE"}, **base)
    assert (done.counts["kept"], done.counts["unseen"]) == (10, 2)
    assert made.f1(GOLD, tmp_path / "a") < 0.5
    with pytest.raises(xner.InputError, match="no word to learn has a subword in the tokenizer"):
        xner.train(made.table(tokens=[blank], entities=[name]), tmp_path / "none", **base)
    first = train(data, tmp_path / "b", epochs=1)
    options = {**base, "base": tmp_path / "b"}
    xner.train(data, tmp_path / "c", **options)
    for name, weight in weights(tmp_path / "b").items():
        assert torch.allclose(weight, weights(tmp_path / "c")[name], atol=1e-6)
    assert first.tagset == xner.train(data, tmp_path / "d", **options).tagset
    xner.train(data, tmp_path / "e", labels={"LOC": "PLACE"}, **options)
    assert not torch.allclose(
        weights(tmp_path / "b")["classifier.weight"], weights(tmp_path / "e")["classifier.weight"]
    )


def test_a_student_needs_a_label(tmp_path):
    gone = dict.fromkeys(("PER", "LOC", "ORG"))
    with pytest.raises(xner.InputError, match=r"no label is left .*dropped: LOC, ORG, PER"):
        train(made.labelled(20, seed=1), tmp_path / "m", labels=gone)
    assert not (tmp_path / "m").exists()


def test_long_sentences_are_learned_completely(tmp_path):
    gold = made.labelled(30, seed=1).table
    sentence = list(chain(*gold["tokens"].to_pylist()))
    data = made.table(
        tokens=[sentence], entities=[[{"start": len(sentence) - 3, "end": len(sentence) - 2,
                                       "label": "LOC"}]])  # fmt: skip
    done = train(data, tmp_path / "m", window=32)
    assert (done.counts["split"], done.counts["unseen"]) == (1, 0)
    assert done.counts["words"] == len(sentence)


@pytest.mark.parametrize("options", [{}, {"loss": "kl", "temperature": 2.0}, {"agreed": "only"}])
def test_distilled(tmp_path, student, options):
    text = made.words(made.labelled(200, seed=7))
    done = xner.distill(
        text, tmp_path / "m", teachers=student.folder, epochs=6, dev=GOLD, **made.FAST, **options
    )
    assert done.f1 > 0.85
    assert done.counts["kept"] == 200
    assert done.counts["entities"]["PER"] > 100
    assert done.tagset == student.tagset


def test_distilled_from_columns(tmp_path, student):
    text = made.table("target_", tokens=made.labelled(120, seed=7).table["tokens"].to_pylist())
    tagged = xner.tag(text, side="target", model=str(student.folder), probabilities=True)
    options = {**made.FAST, "epochs": 1}
    xner.distill(tagged, tmp_path / "a", **options)
    xner.distill(text, tmp_path / "b", teachers=student.folder, **options)
    assert same(tmp_path / "a", tmp_path / "b")
    with pytest.raises(xner.InputError, match="has no column 'target_probabilities'"):
        xner.distill(text, tmp_path / "c", **options)
    with pytest.raises(xner.UsageError, match="spacy:some gives no probabilities to learn"):
        xner.distill(text, tmp_path / "c", teachers="spacy:some", **options)


def test_several_teachers(tmp_path, student, bert_tagger):
    text = made.words(made.labelled(40, seed=7))
    english = made.labelled(40, seed=8).table["tokens"].to_pylist()
    foreign = [["kitu", "hizo", "zile"]] * 40
    both = made.table(source_tokens=foreign, target_tokens=english)  # the target side is read
    other = made.table(tokens=foreign)
    teachers = [student.folder, bert_tagger]
    options = {**made.FAST, "epochs": 1, "teachers": teachers}
    plain = xner.distill(text, tmp_path / "a", **options)
    assert plain.details["agreed_words"] > 0.9 * plain.counts["words"]
    for weights in ("domain", "sentence"):
        done = xner.distill(
            text, tmp_path / weights, weights=weights, sources=[both, other], **options
        )
        one, two = done.details["teacher_weights"]
        assert one > two
        assert one + two == pytest.approx(1, abs=1e-3)
        assert done.details["language_accuracy"] == 1
        assert done.details["similarity"]["seed"] == 1
    own = xner.distill(text, tmp_path / "n", weights=[3, 1], **options)
    assert own.details["teacher_weights"] == [0.75, 0.25]
    for bad, match in (
        ({"weights": "best"}, "weights is 'best'"),
        ({"weights": [1.0]}, "for each of the 2 teachers"),
        ({"weights": "domain"}, "needs several teachers and text"),
        ({"sources": [both]}, "sources has no effect"),
        ({"similarity_gamma": 0.1}, "similarity_gamma has no effect"),
        ({"similarity_rank": 0}, "similarity_rank is 0"),
        ({"agreed": "soft"}, "agreed is 'soft'"),
    ):
        with pytest.raises(xner.UsageError, match=match):
            xner.distill(text, tmp_path / "bad", **{**options, **bad})


def test_features_of_an_encoder(bert_tagger):
    from xner.training.similarity import sentence_features

    found = sentence_features([["Bremen"], ["boats", "left", "for", "Bremen"]], bert_tagger)
    assert found.shape == (2, 32)
    assert not np.allclose(found[0], found[1])


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({}, "name the model to start from"),
        ({"base": "x", "from_scratch": "small"}, "give base or from_scratch, not both"),
        ({"from_scratch": "huge"}, "from_scratch is 'huge'"),
        ({"from_scratch": "small", "epochs": 0}, "epochs is 0; it must be at least 1"),
        ({"from_scratch": "small", "epochs": "3"}, "epochs is '3'; it must be an integer"),
        ({"from_scratch": "small", "masked": 1.0}, "masked is 1;"),
        ({"from_scratch": "small", "learning_rate": -1}, "learning_rate is -1"),
        ({"from_scratch": "small", "eras": 2}, "unknown option 'eras'"),
        ({"from_scratch": "small", "side": "left"}, "side is 'left'"),
        ({"from_scratch": "small", "weight_by": "age"}, "weight_by is 'age'"),
        ({"from_scratch": "small", "max_unprojected": 2}, "max_unprojected is 2"),
    ],
)
def test_bad_options(tmp_path, options, match):
    with pytest.raises(xner.UsageError, match=match):
        xner.train(made.labelled(2, seed=1), tmp_path / "m", **options)
    assert not (tmp_path / "m").exists()


def test_bad_input(tmp_path):
    with pytest.raises(xner.InputError, match="has no labels on that side"):
        train(made.words(made.labelled(2, seed=1)), tmp_path / "m")
    spans = [{"start": 0, "end": 2, "label": "PER"}, {"start": 1, "end": 2, "label": "LOC"}]
    data = made.table(id=["x7"], tokens=[["a", "b"]], entities=[spans])
    with pytest.raises(xner.InputError, match="sentence x7 has entities that overlap"):
        train(data, tmp_path / "m")
    with pytest.raises(xner.UsageError, match="no corpus was given"):
        train([], tmp_path / "m")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    with pytest.raises(xner.OutputError, match="is not empty"):
        train(made.labelled(2, seed=1), tmp_path / "full")


def test_missing_packages_print_the_pip_line(monkeypatch, tmp_path):
    import xner.training

    monkeypatch.setattr(xner.training, "find_spec", lambda name: None)
    with pytest.raises(xner.MissingExtraError, match=r"pip install 'xner\[train\]'"):
        train(made.labelled(2, seed=1), tmp_path / "m")
