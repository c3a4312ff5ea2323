"""Encoders on a CPU: one worker per thread, and 8-bit weights in CTranslate2."""

from dataclasses import replace

import numpy as np
import pytest

import xner
from xner.aligners import make_aligner
from xner.inference.hardware import find_hardware
from xner.kernels.blocks import threads
from xner.stages.translate import Translate

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.models.encoder import TEXT, save_bert, save_xlmr  # noqa: E402 - needs torch
from tests.unit.test_neural_aligners import PAIRS, align_by  # noqa: E402


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    return save_bert(tmp_path_factory.mktemp("bert"), spread=20.0)


@pytest.fixture
def torch_threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def simalign(model, **options):
    return make_aligner("simalign", {"model": model, "device": "cpu", **options})


def test_every_thread_has_a_worker_and_they_change_no_weight(bert, torch_threads):
    found = []
    for count in (1, 3):
        with threads(count):
            aligner = simalign(bert, batch_tokens=64)
            found.append(align_by(aligner, PAIRS * 5))
        assert aligner.hardware.devices == ("cpu",) * count
        assert torch.get_num_threads() == count
        assert len({id(model) for model in aligner.encoder.models}) == 1
    assert found[0] == found[1]


def test_torch_uses_one_thread_while_workers_run_side_by_side(torch_threads):
    torch.set_num_threads(3)
    hardware = find_hardware("cpu").one_worker_per_thread()
    assert hardware.devices == ("cpu", "cpu", "cpu")
    with hardware.running():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 3
    with replace(hardware, devices=("cpu",)).running():
        assert torch.get_num_threads() == 3
    # Devices that were named stay as they are.
    assert find_hardware("cpu,cpu").one_worker_per_thread().devices == ("cpu", "cpu")


@pytest.mark.parametrize("kind", ["bert", "xlmr"])
def test_states_of_8_bits_are_close(kind, bert, tmp_path):
    pytest.importorskip("ctranslate2")
    model = bert if kind == "bert" else save_xlmr(tmp_path, spread=20.0, positions=128)
    exact, small = simalign(model).encoder, simalign(model, precision="int8").encoder
    ids = torch.randint(5, 100, (6, 30), generator=torch.Generator().manual_seed(1))
    mask = torch.ones_like(ids)
    mask[1, 20:] = mask[2, 3:] = 0
    with torch.inference_mode():
        states = [encoder.states(0, ids, mask)[mask > 0] for encoder in (exact, small)]
        alone = small.states(0, ids[2:3, :3], mask[2:3, :3])[0]
    assert states[1].dtype == torch.float32
    assert torch.cosine_similarity(*states, dim=-1).min() > 0.99
    # Other rows and padding have no influence.
    assert torch.equal(small.states(0, ids, mask)[2, :3], alone)


def test_links_of_8_bits(bert, torch_threads):
    pytest.importorskip("ctranslate2")
    with threads(2):
        aligner = simalign(bert, precision="int8", token_type="word", batch_tokens=64)
        found = align_by(aligner, PAIRS * 5)
    assert len(aligner.encoder.models) == 2
    assert "cpu/int8,xner:" in aligner.signature
    assert ",ctranslate2:" in aligner.signature
    exact = align_by(simalign(bert, token_type="word"), PAIRS * 5)
    same = sum(len(a.keys() & b.keys()) for a, b in zip(found, exact, strict=True))
    assert same > 0.9 * sum(map(len, exact))
    with threads(1):
        alone = simalign(bert, precision="int8", token_type="word")
        assert [align_by(alone, [pair])[0].keys() for pair in PAIRS] == [
            row.keys() for row in found[: len(PAIRS)]
        ]


def test_windows_of_8_bits(tmp_path):
    pytest.importorskip("ctranslate2")
    long = [word for line in TEXT for word in line.split()]
    aligner = simalign(save_bert(tmp_path, spread=20.0, positions=16), precision="int8")
    (links,) = align_by(aligner, [(long, long)])
    linked = np.unique([i for i, _ in links])
    assert len(linked) > 0.9 * len(long)


def test_what_8_bits_need(bert, tmp_path, monkeypatch):
    from transformers import BertTokenizer, ElectraConfig, ElectraModel

    pytest.importorskip("ctranslate2")
    with pytest.raises(xner.UsageError, match=r"int8', which needs device cpu; on meta choose"):
        simalign(bert, precision="int8", device="meta")
    config = ElectraConfig(
        vocab_size=60, embedding_size=16, hidden_size=16, num_hidden_layers=2,
        num_attention_heads=2, intermediate_size=16, max_position_embeddings=32,
    )  # fmt: skip
    ElectraModel(config).save_pretrained(tmp_path)
    BertTokenizer.from_pretrained(bert).save_pretrained(tmp_path)
    with pytest.raises(xner.UsageError, match=r"of type bert, .*; '.*' is of type electra"):
        _ = simalign(str(tmp_path), precision="int8", layer=1).encoder
    odd = save_bert(tmp_path / "odd", hidden_act="mish")
    with pytest.raises(
        xner.InputError, match=r"CTranslate2 cannot convert the model '.*odd' \('mi"
    ):
        _ = simalign(odd, precision="int8").encoder
    monkeypatch.setattr("xner.aligners.int8.find_spec", lambda package: None)
    with pytest.raises(xner.MissingExtraError, match=r"pip install 'xner\[ctranslate2\]'"):
        simalign(bert, precision="int8")


def test_one_of_precision_and_compute_type():
    given = {"source_language": "en", "target_language": "de", "translator": "ctranslate2"}
    with pytest.raises(
        xner.errors.NoEffectError,
        match="precision has no effect with compute_type; leave it out, or leave out compute_type",
    ):
        Translate.of({**given, "compute_type": "int8", "precision": "float32"})
    assert Translate.of({**given, "precision": "float32"}).precision == "float32"
