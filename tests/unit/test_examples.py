"""Examples of training: the sentences, labels and weights that are chosen, and their batches."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

import xner

torch = pytest.importorskip("torch")
pytest.importorskip("accelerate")

from tests.models import students as made  # noqa: E402 - needs torch
from xner.training.gather import gather, label_weights  # noqa: E402
from xner.training.loop import Collator, Cut, LengthSampler  # noqa: E402
from xner.training.options import Choice  # noqa: E402


def projected():
    """Four sentence pairs: one projected, one doubtful, one unaligned, one without entities."""
    rows = [
        ([("PER", 1.5)], ["projected"]),
        ([("PER", 0.5)], ["projected", "conflict"]),
        ([], ["unaligned"]),
        ([], []),
    ]
    entities = [
        [{"start": 0, "end": 1, "label": label, "score": score} for label, score in own]
        for own, _ in rows
    ]
    return made.table(
        "",
        id=[f"s{i}" for i in range(4)],
        source_tokens=[["a", "b"]] * 4,
        source_entities=[[{"start": 0, "end": 1, "label": "LOC"}]] * 4,
        target_tokens=[["Amina", str(i)] for i in range(4)],
        target_entities=entities,
        outcomes=[outcomes for _, outcomes in rows],
    )


def gathered(**choice):
    return gather([projected()], Choice(**choice))


def test_doubtful_sentences_are_dropped_and_counted():
    examples, counts = gathered(max_unprojected=0.4)
    assert [words[1] for words in examples.sentences] == ["0", "3"]
    assert counts.doubtful == {"unprojected": 2}
    examples, counts = gathered(min_score=1.0)
    assert [words[1] for words in examples.sentences] == ["0", "2", "3"]
    assert counts.as_dict()["doubtful"] == {"score": 1}
    examples, counts = gathered(side="both", max_unprojected=0.4)
    assert len(examples.sentences) == 6
    assert counts.entities == {"LOC": 4, "PER": 1}
    empty = made.table("target_", tokens=[[], []], entities=[[], []])
    with pytest.raises(xner.InputError, match="none of 2 sentences is left to train on"):
        gather([empty], Choice())


def test_entities_that_label_a_span_are_not_lost():
    outcomes = [["marked"], ["relabelled", "projected"], ["marked", "marker_lost"], ["foreign"]]
    table = projected().table
    at = table.column_names.index("outcomes")
    corpus = xner.Corpus.from_table(table.set_column(at, "outcomes", pa.array(outcomes)))
    examples, counts = gather([corpus], Choice(max_unprojected=0))
    assert [words[1] for words in examples.sentences] == ["0", "1"]
    assert counts.doubtful == {"unprojected": 2}


def test_weights_come_from_scores():
    examples, _ = gathered(weight_by="score")
    assert examples.weights.tolist() == [1, 1, 0.5, 0.5, 1, 1, 1, 1]
    scores = [[("LOC", 0.5), ("PER", 2.0), ("PER", None)], [("LOC", 0.5)], []]
    entities = [
        [{"start": i, "end": i + 1, "label": label, "score": score}
         for i, (label, score) in enumerate(row)]
        for row in scores
    ]  # fmt: skip
    corpus = made.table("target_", tokens=[["a", "b", "c"], ["d"], []], entities=entities)
    examples, counts = gather([corpus], Choice())
    assert (examples.weights.tolist(), counts.kept, counts.empty) == ([1, 1, 1, 1], 2, 1)
    examples, _ = gather([corpus], Choice(weight_by="score"))
    assert examples.weights == pytest.approx([1, 1, 1, 0.5 / 0.875])
    examples, _ = gather([corpus], Choice(class_weight_by="score"))
    assert examples.weights.tolist() == [0.25, 1, 1, 0.25]
    found = label_weights(("O", "B-LOC", "I-LOC", "B-PER"), {"LOC": 0.5, "PER": 2.0})
    assert found.tolist() == [1, 0.25, 0.25, 1]


def test_a_signature_depends_on_all_that_is_learned():
    examples, _ = gathered()
    words, tags = len(examples.tags), len(examples.tagset)
    changes = [
        {"sentences": [["other", *words[1:]] for words in examples.sentences]},
        {"tags": examples.tags[::-1]},
        {"weights": examples.weights / 2},
        {"soft": np.zeros((words, tags), np.float32)},
        {"soft": np.ones((words, tags), np.float32)},
        {"hidden": np.zeros((words, 1, 2), np.float16)},
    ]
    signatures = [replace(examples, **change).signature for change in [{}, *changes]]
    assert len(set(signatures)) == len(signatures)
    assert all(len(signature) == 16 for signature in signatures)


def test_every_piece_is_drawn_once_an_epoch_among_others_of_its_length():
    lengths = np.random.default_rng(1).integers(1, 100, 333)
    sampler = LengthSampler(lengths.tolist(), 8, seed=1)
    first = list(sampler)
    assert (sorted(first), len(sampler)) == (list(range(333)), 333)
    assert first == list(sampler)
    assert np.ptp(lengths[first[:328]].reshape(-1, 8), axis=1).max() < 30
    sampler.set_epoch(1)
    assert first != list(sampler)


def test_special_subwords_are_not_masked():
    examples, _ = gathered()
    ids = torch.arange(1000).reshape(10, 100) % 5
    hidden, plain = (
        Collator(examples, Cut([], []), 0, (0, 1), 9, share)._masked(ids) for share in (0.3, 0.0)
    )
    assert torch.equal(plain, ids)
    changed = hidden != ids
    assert set(hidden[changed].tolist()) == {9}
    assert set(ids[changed].tolist()) == {2, 3, 4}
    assert 120 < changed.sum() < 240  # of 600


def test_labels_are_renamed_and_dropped():
    examples, counts = gathered(side="source", labels={"LOC": None})
    assert examples.tagset == ("O",)
    assert counts.dropped_labels == counts.renamed == {"LOC": 4}
    assert gathered(labels={"PERSN": "PER"})[1].as_dict()["renamed"] == {"PERSN": 0}
    assert gathered(labels={"PER": "PERSON"})[0].tagset == ("O", "B-PERSON", "I-PERSON")
