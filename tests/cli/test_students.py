"""The commands `xner train`, `xner distill` and `xner self-train`."""

import json

import pytest

from tests.commands import run

torch = pytest.importorskip("torch")
pytest.importorskip("accelerate")

from tests.models import students as made  # noqa: E402 - needs torch

SMALL = ("--from-scratch", "small", "--vocabulary", "200", "--batch-size", "16", "--epochs", "1",
         "--device", "cpu")  # fmt: skip


@pytest.fixture
def folder(tmp_path, monkeypatch):
    made.labelled(40, seed=1).write(tmp_path / "en.conll")
    made.labelled(10, seed=2).write(tmp_path / "dev.conll")
    made.words(made.labelled(30, seed=3)).write(tmp_path / "text.txt")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_train_tag_evaluate(folder, capsys):
    train = ("train", "en.conll", "dev.conll", "-o", "m", "--dev", "dev.conll", "--label", "ORG=")
    code, out, err = run(capsys, *train, *SMALL)
    assert (code, err) == (0, "")
    for word in ("sentences", "50", "dropped labels: ORG", "dev F1", "task:train"):
        assert word in out
    code, out, _ = run(capsys, *train, *SMALL, "--resume", "--json")
    printed = json.loads(out)
    assert printed["model"] == "m"
    assert printed["counts"]["kept"] == 50
    assert "B-ORG" not in printed["tagset"]
    assert run(capsys, "tag", "text.txt", "-o", "t.conll", "--model", "m")[0] == 0
    code, out, _ = run(capsys, "tag", "dev.conll", "-o", "d.conll", "--model", "m")
    code, out, _ = run(capsys, "evaluate", "dev.conll", "d.conll", "--json", "--ignore", "ORG")
    assert json.loads(out)["f1"] == pytest.approx(printed["f1"])


def test_distill(folder, capsys, bert_tagger, xlmr_tagger):
    teachers = ("--teacher", bert_tagger, "--teacher", xlmr_tagger)
    similarity = ("--weights", "domain", "--source", "en.conll", "--source", "text.txt")
    code, out, err = run(
        capsys, "distill", "text.txt", "-o", "d", *teachers, *similarity, *SMALL, "--agreed", "hard"
    )
    assert (code, err) == (0, "")
    for word in ("teacher weights", "agreed words", "tau", "teachers:2"):
        assert word in out
    weights = ("--weights", "1,3", "--loss", "kl", "--json")
    code, out, _ = run(capsys, "distill", "text.txt", "-o", "k", *teachers, *weights, *SMALL)
    printed = json.loads(out)
    assert printed["teacher_weights"] == [0.25, 0.75]
    assert "loss:kl" in printed["signature"]
    for text in ("1,x", "best"):
        bad = run(capsys, "distill", "text.txt", "-o", "b", *teachers, "--weights", text, *SMALL)
        assert bad[0] == 2


def test_self_train(folder, capsys, bert_tagger):
    command = ("self-train", "text.txt", "-o", "s", "--start", bert_tagger, "--rounds", "2",
               "--labelled", "en.conll", "--device", "cpu", "--epochs", "1")  # fmt: skip
    code, out, err = run(capsys, *command)
    assert (code, err) == (0, "")
    assert "round 1" in out
    assert "task:self-train" in out.replace("\n", "")
    code, out, _ = run(capsys, *command, "--resume", "--json")
    printed = json.loads(out)
    assert printed["rounds"][0]["words"]["PER"] > 0
    assert printed["sure"] == {"confidence": 0.9}
    for other in (["--confidence", "0.8"], ["--label", "PER=LOC"], ["--dev", "dev.conll"]):
        code, _, err = run(capsys, *command, "--resume", *other)
        assert code == 2
        assert "s: contains another run" in err


def test_mistakes_have_exit_codes(folder, capsys):
    code, out, err = run(capsys, "train", "en.conll", "-o", "m")
    assert (code, out) == (2, "")
    assert "name the model to start from" in err
    code, _, err = run(capsys, "train", "text.txt", "-o", "m", *SMALL)
    assert code == 1
    assert "has no labels on that side" in err
    code, _, err = run(capsys, "train", "nothing.conll", "-o", "m", *SMALL)
    assert code == 1
    assert "no such file" in err
    code, _, err = run(capsys, "train", "en.conll", "-o", "m", "--base", "./nothing")
    assert (code, "'./nothing' cannot be loaded" in err) == (1, True)
    assert not (folder / "m").exists()
