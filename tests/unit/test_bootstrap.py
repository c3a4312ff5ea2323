"""Counts by sentence against seqeval, and resampling against plain loops."""

import random
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics import classification_report
from seqeval.scheme import IOB2

import xner
from xner.columns import TOKENS
from xner.evaluation.bootstrap import draws, interval, resampled
from xner.evaluation.counts import LabelScores, shares
from xner.evaluation.sentences import count_sentences
from xner.schemes import tags_from_spans


def side(rows):
    """A labelled corpus of `(words, [(start, end, label)])` rows."""
    entities = [[{"start": s, "end": e, "label": n} for s, e, n in spans] for _, spans in rows]
    words = [[f"w{i}" for i in range(length)] for length, _ in rows]
    table = pa.table({"tokens": pa.array(words, TOKENS), "entities": entities})
    return xner.Corpus.from_table(table, "test")


@pytest.fixture(autouse=True)
def several_batches(monkeypatch):
    """Batches of two sentences, so that sentences are counted across them."""
    monkeypatch.setattr("xner.corpus.joining.BATCH", 2)


@st.composite
def labelled(draw):
    """Two labellings of the same sentences."""
    lengths = draw(st.lists(st.integers(0, 6), min_size=1, max_size=6))

    def spans(length):
        found, at = [], 0
        while at < length:
            size = draw(st.integers(0, 3))
            if size and at + size <= length:
                found.append((at, at + size, draw(st.sampled_from(["PER", "LOC", "DATE"]))))
            at += max(1, size)
        return found

    return [[(n, spans(n)) for n in lengths] for _ in range(2)]


@given(labelled(), st.sampled_from([(), ("DATE",), ("PER", "LOC")]))
def test_scores_are_those_of_seqeval(rows, ignore):
    gold, predicted = map(side, rows)
    result = xner.evaluate(gold, predicted, ignore=ignore)
    wanted = seqeval_scores(*rows, ignore)
    assert result.overall == wanted.pop("micro avg")
    assert result.labels == wanted
    counted = count_sentences(gold, predicted, ignore=ignore)
    assert counted.scores() == (result.overall, result.labels)
    scored = [[{span for span in row if span[2] not in ignore} for _, row in side] for side in rows]
    assert counted.counts.sum(axis=1).tolist() == [
        [len(wanted & made), len(made), len(wanted)] for wanted, made in zip(*scored, strict=True)
    ]


def seqeval_scores(gold, predicted, ignore):
    """Precision, recall, F1 and counts by label and of all, as seqeval computes them."""
    tags = [
        [
            tags_from_spans([span for span in spans if span[2] not in ignore], length)
            for length, spans in rows
        ]
        for rows in (gold, predicted)
    ]
    made = Counter(tag[2:] for row in tags[1] for tag in row if tag.startswith("B-"))
    if not any(tag != "O" for side in tags for row in side for tag in row):
        return {"micro avg": LabelScores(0.0, 0.0, 0.0, 0, 0, 0)}
    report = classification_report(
        *tags, mode="strict", scheme=IOB2, output_dict=True, zero_division=0
    )
    return {
        name: LabelScores(
            row["precision"],
            row["recall"],
            row["f1-score"],
            row["support"],
            made[name] if name in made or name != "micro avg" else made.total(),
            round(row["recall"] * row["support"]),
        )
        for name, row in report.items()
        if name not in ("macro avg", "weighted avg")
    }


def test_sides_must_line_up():
    with pytest.raises(xner.ParallelError, match=r"2 sentences, but .* has 1"):
        count_sentences(side([(1, [])]), side([(1, [])] * 2))
    with pytest.raises(xner.ParallelError, match="sentence 3 has 2 words, but 1"):
        count_sentences(side([(1, [])] * 3), side([(1, [])] * 2 + [(2, [])]))
    clash = side([(3, [(0, 2, "PER"), (1, 3, "LOC")])])
    with pytest.raises(xner.InputError, match="sentence 1 has entities that overlap"):
        count_sentences(clash, side([(3, [])]))


@given(st.integers(1, 9), st.integers(1, 5), st.integers(0, 3))
def test_resampling_is_that_of_plain_loops(sentences, samples, seed):
    rng = random.Random(sentences)
    counts = np.array([[rng.randrange(3), 3, 4] for _ in range(sentences)])
    sums = resampled(counts, samples, seed)
    f1 = shares(sums)[2]
    drawn = np.concatenate(list(draws(sentences, samples, seed)))
    assert drawn.shape == (samples, sentences)
    assert (drawn.sum(axis=1) == sentences).all()
    for b in range(samples):
        total = [0, 0, 0]
        for sentence in range(sentences):
            for _ in range(drawn[b, sentence]):
                total = [have + more for have, more in zip(total, counts[sentence], strict=True)]
        assert list(sums[b]) == total
        assert f1[b] == pytest.approx(2 * total[0] / (total[1] + total[2]))


def test_systems_are_paired_by_seed():
    better = np.array([[i % 2 + 1, 2, 2] for i in range(50)])
    worse = better - [1, 0, 0]
    first, second = (shares(resampled(c, 300, 5))[2] for c in (better, worse))
    assert first.std() > 0
    assert first - second == pytest.approx(0.5)  # one more of two right in every sentence
    assert not np.array_equal(first, shares(resampled(better, 300, 6))[2])


def test_blocks_do_not_matter(monkeypatch):
    counts = np.arange(30).reshape(10, 3)
    whole = resampled(counts, 7, 3)
    monkeypatch.setattr("xner.evaluation.bootstrap._CHUNK", 20)
    assert np.array_equal(resampled(counts, 7, 3), whole)


def test_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(1)
    hits = 0
    for trial in range(200):
        right = rng.random(120) < 0.7
        counts = np.stack([right, np.ones(120), np.ones(120)], axis=1).astype(int)
        low, high = interval(shares(resampled(counts, 200, trial))[2], 0.9)
        hits += low <= 0.7 <= high
    assert 0.83 < hits / 200 < 0.96
    assert interval(np.arange(101.0), 0.9) == pytest.approx((5, 95))
    with pytest.raises(xner.UsageError, match="between 0 and 1"):
        interval(np.zeros(3), 1.0)


def test_nothing_to_find_is_no_error():
    empty = count_sentences(side([(2, [])]), side([(2, [])]))
    assert empty.labels == ()
    assert empty.scores()[0].f1 == 0.0
    assert resampled(np.zeros((0, 3), int), 4, 1).tolist() == [[0.0] * 3] * 4
