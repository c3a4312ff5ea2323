"""Students whose lowest layers are not trained: the layers stay, and are run once per sentence."""

from pathlib import Path

import numpy as np
import pytest

import xner

torch = pytest.importorskip("torch")
pytest.importorskip("accelerate")

from tests.models import encoder  # noqa: E402 - needs torch
from tests.models import students as made  # noqa: E402
from tests.unit.test_students import weights  # noqa: E402
from xner.training import frozen  # noqa: E402

TEXT = [" ".join(words) for words in made.labelled(80, seed=1).table["tokens"].to_pylist()]
OPTIONS = {"epochs": 2, "batch_size": 8, "learning_rate": 3e-3, "device": "cpu", "seed": 3}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A random BERT of three layers."""
    folder = tmp_path_factory.mktemp("bert")
    dropout = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    return Path(encoder.save_bert(folder, TEXT, num_hidden_layers=3, **dropout))


def train(folder, **options):
    data = made.labelled(60, seed=1)
    return xner.train(data, folder, **{**OPTIONS, **options})


@pytest.fixture(scope="module")
def teacher(base, tmp_path_factory):
    """A student of the random BERT, trained for one epoch."""
    return train(tmp_path_factory.mktemp("teacher") / "t", base=base, epochs=1).folder


def split(folder):
    """Weights below and above the second layer."""
    low, high = {}, {}
    for name, values in weights(folder).items():
        below = ".embeddings." in name or any(f"layer.{i}." in name for i in (0, 1))
        (low if below else high)[name] = values
    return low, high


def test_kept_states_train_the_student_that_all_layers_train(base, tmp_path, monkeypatch):
    dev = made.labelled(20, seed=2)
    kept = train(tmp_path / "kept", base=base, frozen=2, dev=dev)
    monkeypatch.setattr(frozen, "_BYTES", 0)
    whole = train(tmp_path / "whole", base=base, frozen=2, dev=dev)
    assert kept.signature == whole.signature
    assert "|frozen:2|" in kept.signature
    assert kept.f1 == pytest.approx(whole.f1, abs=0.02)
    (low, high), (same, trained) = split(kept.folder), split(whole.folder)
    assert low.keys() == same.keys()
    start = {f"bert.{name}": values for name, values in weights(base).items()}
    assert all(torch.equal(values, start[name]) for name, values in low.items())
    assert all(torch.equal(values, start[name]) for name, values in same.items())
    assert "bert.encoder.layer.2.output.dense.weight" in high
    for name, values in high.items():
        assert torch.allclose(values, trained[name], atol=2e-3), name
        assert name not in start or not torch.equal(values, start[name])


def test_states_are_those_of_the_layer(base):
    from transformers import AutoModelForTokenClassification

    from xner.inference.hardware import find_hardware
    from xner.tagging.subwords import Subwords

    model = AutoModelForTokenClassification.from_pretrained(base).eval()
    subwords = Subwords(str(base))
    pieces = [own for one in subwords.pieces([t.split() for t in TEXT], 64) for own in one]
    for count in (0, 2):
        found = frozen.frozen_states(model, count, pieces, subwords.filler, find_hardware("cpu"))
        for piece, states in zip(pieces, found, strict=True):
            ids = torch.from_numpy(piece.ids.astype(np.int64))[None]
            with torch.no_grad():
                hidden = model(input_ids=ids, output_hidden_states=True).hidden_states[count][0]
            assert torch.allclose(states, hidden, atol=1e-5)
    assert len(model.base_model.encoder.layer) == 3


def test_an_interrupted_student_continues_above_frozen_layers(base, tmp_path):
    class StopError(Exception):
        pass

    def stop(stage, share):
        if stage == "train" and share > 0.7:
            raise StopError

    with pytest.raises(StopError):
        train(tmp_path / "stopped", base=base, frozen=2, progress=stop)
    done = train(tmp_path / "stopped", base=base, frozen=2, resume=True)
    whole = train(tmp_path / "whole", base=base, frozen=2)
    for name, values in weights(whole.folder).items():
        assert torch.equal(weights(done.folder)[name], values)


def test_frozen_layers_go_on_through_distillation_and_self_training(base, tmp_path):
    teacher = train(tmp_path / "teacher", base=base, frozen=2)
    text = made.words(made.labelled(30, seed=5))
    options = {**OPTIONS, "epochs": 1, "frozen": 2}
    pupil = xner.distill(text, tmp_path / "pupil", teachers=teacher.folder, base=base, **options)
    own = xner.self_train(text, tmp_path / "own", start=pupil.folder, rounds=1, top=0.5, **options)
    lows = [split(student.folder)[0] for student in (teacher, pupil, own)]
    assert all(torch.equal(low[name], lows[0][name]) for low in lows for name in lows[0])


def test_layers_of_a_student_from_scratch_are_frozen_later(tmp_path):
    """ModernBERT: its layers stay, but their outputs are computed in every step."""
    data = made.labelled(40, seed=1)
    small = xner.train(data, tmp_path / "small", epochs=1, **made.FAST)
    student = train(tmp_path / "more", base=small.folder, frozen=1)
    before, after = weights(small.folder), weights(student.folder)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert not any(".embeddings." in name or ".layers.0." in name for name in changed)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"frozen": 4}, "frozen is 4, but the base model has 3 layers"),
        ({"frozen": -1}, "at least 0"),
        (
            {"frozen": 1, "base": None, "from_scratch": "small"},
            "frozen has no effect with from_scratch",
        ),
    ],
)
def test_layers_that_cannot_be_frozen(base, tmp_path, options, message):
    with pytest.raises(xner.UsageError, match=message):
        train(tmp_path / "x", **{"base": base, **options})


def words_at(model, layer):
    """Hidden states of a layer at the first subword of each word of TEXT, (W x width)."""
    from transformers import AutoModel

    from xner.tagging.subwords import Subwords

    encoder = AutoModel.from_pretrained(model).eval()
    found = []
    for (piece,) in Subwords(str(model)).pieces([t.split() for t in TEXT[:20]], 64):
        ids = torch.from_numpy(piece.ids.astype(np.int64))[None]
        with torch.no_grad():
            states = encoder(input_ids=ids, output_hidden_states=True).hidden_states[layer][0]
        found.append(states[piece.places.tolist()])
    return torch.nn.functional.normalize(torch.cat(found), dim=-1)


def test_a_student_learns_hidden_states(base, tmp_path):
    """With frozen layers and without, a learned layer comes closer to that of the teacher."""
    teacher = train(tmp_path / "teacher", base=base, epochs=2, frozen=1).folder
    text = made.words(made.labelled(80, seed=1))
    for frozen_layers in (None, 1):
        apart = []
        for layers in ((), (2, 3)):
            folder = tmp_path / f"{frozen_layers}-{len(layers)}"
            options = {
                **OPTIONS,
                "frozen": frozen_layers,
                "base": base,
                "learning_rate": 5e-3,
                "epochs": 4,
            }
            more = {"layers": layers, "layer_weight": 5.0} if layers else {}
            pupil = xner.distill(text, folder, teachers=teacher, **options, **more)
            distance = (words_at(folder, 3) - words_at(teacher, 3)).square().sum(-1)
            apart.append(distance.mean().item())
            assert ("|layers:(2, 3)|layer_weight:5.0|" in pupil.signature) == bool(layers)
        assert apart[1] < 0.5 * apart[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layers": [1], "frozen": 1}, "layers has 1, but the student trains the layers 2 to 3"),
        ({"layers": [4]}, "layers has 4, but the student trains the layers 1 to 3"),
        ({"layers": [2], "teachers": None}, "layers needs teachers"),
        (
            {"layers": [2], "base": None, "from_scratch": "small"},
            "whose hidden states have 128 numbers; those of .* have 32",
        ),
        ({"layer_weight": 0.5}, "layer_weight has no effect"),
    ],
)
def test_layers_that_cannot_be_learned(base, tmp_path, teacher, options, message):
    text = made.words(made.labelled(5, seed=5))
    given = {**OPTIONS, "base": base, "teachers": teacher, **options}
    with pytest.raises(xner.UsageError, match=message):
        xner.distill(text, tmp_path / "x", **given)
