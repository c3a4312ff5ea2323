"""Batches, streams and devices, with engines that need no model."""

import json
import pathlib
import shutil
import threading
import time

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import xner
from xner.errors import InputError
from xner.inference.batches import padded, plan_batches
from xner.inference.checkpoints import load, model_signature
from xner.inference.hardware import find_hardware
from xner.inference.record_batches import by_batch
from xner.inference.stream import stream
from xner.kernels.blocks import threads

torch = pytest.importorskip("torch")


class Lengths:
    """Splits a word into pieces of at most three letters; the result of a piece is its length."""

    workers = 2

    def __init__(self, room=10**9, breaks_on=None, raises=None):
        self.room, self.breaks_on = room, breaks_on
        self.raises = raises or torch.OutOfMemoryError("CUDA out of memory. Tried a lot")
        self.sizes, self.seen, self.threads = [], 0, set()

    def encode(self, items):
        self.seen += len(items)
        return [[word[i : i + 3] for i in range(0, len(word), 3)] for word in items]

    def cost(self, piece):
        return len(piece)

    def collate(self, pieces):
        return list(pieces)

    def forward(self, worker, batch):
        self.threads.add(worker)
        if self.breaks_on in batch:
            raise ValueError("broken")
        if len(batch) * max(map(len, batch)) > self.room:
            raise self.raises
        self.sizes.append(len(batch))
        return [len(piece) for piece in batch]

    def name(self, piece):
        return f"the piece {piece!r}"


WORDS = ["", "a", "abcd", "abcdefg", "xy"] * 50
WANTED = [[3] * (len(w) // 3) + [len(w) % 3] * (len(w) % 3 > 0) for w in WORDS]


@given(st.lists(st.integers(0, 40)), st.integers(1, 100))
def test_batches_hold_every_item_once_and_keep_the_budget(costs, budget):
    costs = np.array(costs, np.int64)
    batches = plan_batches(costs, budget)
    assert sorted(i for batch in batches for i in batch) == list(range(len(costs)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * costs[batch].max() <= budget
        assert (np.diff(costs[batch]) <= 0).all()


def test_padded():
    ids, mask = padded([np.array([5, 6], np.int32), np.array([7], np.int32)], 1)
    assert ids.tolist() == [[5, 6], [7, 1]]
    assert mask.tolist() == [[1, 1], [1, 0]]


@pytest.mark.parametrize("window", [1, 7, 1000])
def test_results_come_in_the_order_of_items(window):
    engine = Lengths()
    assert list(stream(iter(WORDS), engine, budget=12, window=window)) == WANTED
    assert engine.seen == len(WORDS)
    assert max(engine.sizes) <= 12


def test_a_batch_that_does_not_fit_is_halved():
    engine = Lengths(room=5)
    assert list(stream(WORDS, engine, budget=64)) == WANTED
    small = Lengths(room=5, raises=RuntimeError("DefaultCPUAllocator: can't allocate memory"))
    assert list(stream(WORDS, small, budget=64)) == WANTED


def test_a_piece_that_never_fits_is_named():
    with pytest.raises(xner.ResourceError, match=r"the piece 'abc' does not fit .* even by itself"):
        list(stream(WORDS, Lengths(room=2), budget=64))


@pytest.mark.parametrize("window", [1, 3, 1000])
def test_errors_of_the_engine_and_of_the_items_come_through(window):
    with pytest.raises(ValueError, match="broken"):
        list(stream(WORDS, Lengths(breaks_on="xy"), budget=4, window=window))

    def items():
        yield from WORDS[:20]
        raise xner.InputError("row 21 is odd")

    with pytest.raises(xner.InputError, match="row 21"):
        list(stream(items(), Lengths(), budget=4, window=window))


def test_a_consumer_that_leaves_stops_the_run():
    before = threading.active_count()

    def endless():
        while True:
            yield "abcd"

    engine = Lengths()
    results = stream(endless(), engine, budget=16, window=64)
    assert next(results) == [3, 1]
    results.close()
    assert threading.active_count() == before
    assert engine.seen < 2000


def test_a_slow_consumer_bounds_what_is_read_ahead():
    engine = Lengths()
    results = stream(("ab" for _ in range(100_000)), engine, budget=64, window=256)
    next(results)
    time.sleep(0.3)
    assert engine.seen <= 256 * 4
    results.close()


def test_columns_come_back_batch_by_batch():
    batches = [pa.record_batch({"n": pa.array(rows, pa.int64())}) for rows in ([1, 2], [], [3])]

    def run(items):
        for item in items:
            yield item * 10

    found = list(by_batch(batches, lambda b: b["n"].to_pylist(), run))
    assert [(b["n"].to_pylist(), r) for b, r in found] == [([1, 2], [10, 20]), ([3], [30])]


def test_hardware():
    assert find_hardware("cpu,cpu").devices == ("cpu", "cpu")
    assert find_hardware("cpu").signature == "cpu/float32"
    assert find_hardware("cpu", "bfloat16").dtype == torch.bfloat16
    with pytest.raises(xner.UsageError, match="precision is 'int4'"):
        find_hardware("cpu", "int4")
    with pytest.raises(xner.UsageError, match="'tpu9' cannot be used"):
        find_hardware("tpu9")
    with pytest.raises(xner.UsageError, match="2 kinds"):
        find_hardware("cpu,meta")


def test_torch_keeps_to_the_threads_that_were_asked_for():
    before = torch.get_num_threads()
    try:
        with threads(1):
            find_hardware("cpu")
        assert torch.get_num_threads() == 1
        torch.set_num_threads(2)
        find_hardware("cpu")
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_a_missing_checkpoint_says_what_to_do(tmp_path, monkeypatch):
    from transformers import AutoConfig, AutoTokenizer

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(
        xner.InputError,
        match=r"model '.*nothing' cannot be loaded: there is no such folder; give a hub id or",
    ):
        load(AutoConfig, str(tmp_path / "nothing"), "model")
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(xner.InputError, match=r"the folder '.*' has no tokenizer; copy"):
        load(AutoTokenizer, str(tmp_path), "tokenizer")
    first = model_signature(str(tmp_path))
    (tmp_path / "config.json").write_text("{ }")
    assert model_signature(str(tmp_path)) != first
    assert model_signature("a/b") == "a/b"


def test_missing_packages_print_the_pip_line(monkeypatch):
    from xner.inference import packages

    monkeypatch.setattr(packages, "find_spec", lambda name: None)
    with pytest.raises(xner.MissingExtraError, match=r"pip install 'xner\[models\]'"):
        find_hardware()


class Payload:
    """Creates a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return pathlib.Path.touch, (self.path,)


def _damaged(folder, tagger, change):
    copy = folder / "model"
    shutil.copytree(tagger, copy)
    weights = copy / "model.safetensors"
    if change == "cut":
        weights.write_bytes(weights.read_bytes()[:1000])
    elif change == "pickle":
        weights.unlink()
        torch.save({"weight": Payload(folder / "ran")}, copy / "pytorch_model.bin")
    else:
        config = json.loads((copy / "config.json").read_text())
        changed = {"hidden_size": 64} if change == "sizes" else {
            "model_type": "own", "auto_map": {"AutoConfig": "own.Config"},
        }  # fmt: skip
        (copy / "config.json").write_text(json.dumps({**config, **changed}))
        (copy / "own.py").write_text(f"open({str(folder / 'ran')!r}, 'w')\n")
    return str(copy)


@pytest.mark.parametrize("change", ["cut", "pickle", "sizes", "code"])
def test_a_damaged_or_hostile_model_is_refused_and_runs_no_code(bert_tagger, tmp_path, change):
    from transformers import AutoModelForTokenClassification

    model = _damaged(tmp_path, bert_tagger, change)
    with pytest.raises(InputError, match="cannot be loaded"):
        load(AutoModelForTokenClassification, model, "tagger")
    assert not (tmp_path / "ran").exists()


def test_safetensors_are_preferred_to_pickles(bert_tagger, tmp_path):
    from transformers import AutoModelForTokenClassification

    copy = tmp_path / "model"
    shutil.copytree(bert_tagger, copy)
    torch.save({"weight": Payload(tmp_path / "ran")}, copy / "pytorch_model.bin")
    assert load(AutoModelForTokenClassification, str(copy), "tagger").config.num_labels
    assert not (tmp_path / "ran").exists()
