"""Columns that taggers of any kind make: checked, replaced, and kept in files."""

import numpy as np
import pyarrow as pa
import pytest

import xner
from tests.corpora import corpus, side_of, spans_of
from xner.columns import TAGGED_BY
from xner.corpus import Corpus
from xner.tagging import Tagged
from xner.tagging.fake import FakeTagger

GAZETTEER = {"Amina Okoro": "PER", "Amina": "LOC", "Tide": "ORG"}


def test_the_fake_knows_names_by_heart():
    fake = FakeTagger(GAZETTEER, confidence=0.8)
    words = ["Amina", "Okoro", "saw", "Amina", "Tide", "tide"]
    out = xner.tag(side_of([words, []]), tagger=fake, probabilities=True)
    assert spans_of(out) == [[(0, 2, "PER"), (3, 4, "LOC"), (4, 5, "ORG")], []]
    assert out.report.signature.endswith("fake(names:3,confidence:0.8)")
    (first, second) = out.table["source_probabilities"].to_pylist()
    assert len(first) == 6
    assert second == []
    assert sum(first[0]) == pytest.approx(1)
    assert out.table["source_entities"].to_pylist()[0][0]["score"] == pytest.approx(0.8)
    with pytest.raises(xner.UsageError, match="confidence is 2"):
        FakeTagger({}, confidence=2)
    with pytest.raises(xner.UsageError, match="a name is empty"):
        FakeTagger({" ": "PER"})


def test_a_tagger_of_your_own_is_checked():
    class Odd:
        signature = "odd"
        tags = ("O", "B-X")

        def tag(self, sentences):
            yield from (Tagged(np.zeros((1, 2), np.float32)) for _ in sentences)

    with pytest.raises(xner.UsageError, match=r"shape \(1, 2\) for 2 words and 2 tags"):
        xner.tag(side_of([["a", "b"]]), tagger=Odd())
    Odd.tags = ("O", "PER")
    with pytest.raises(xner.UsageError, match="odd: 'PER' is not a tag"):
        xner.tag(side_of([["a", "b"]]), tagger=Odd())


def test_what_was_made_from_older_entities_goes(tmp_path):
    rows = [(2, 2, [(0, 1, "PER")], [(0, 0, 1.0), (1, 1, 1.0)])]
    projected = xner.project(corpus(rows), score={"alignment": 1.0})
    assert {"target_entities", "outcomes", "solution"} <= set(projected.columns)
    fake = FakeTagger({"s1": "LOC", "t0": "ORG"})
    source = xner.tag(projected, tagger=fake, probabilities=True)
    assert not {"target_entities", "outcomes", "solution"} & set(source.columns)
    assert {"links", "source_tagset", "source_probabilities"} <= set(source.columns)
    assert not {"source_tagset", "source_probabilities"} & set(
        xner.tag(source, tagger=fake).columns
    )
    target = xner.tag(projected, tagger=fake, side="target")
    assert spans_of(target, "target") == [[(0, 1, "ORG")]]
    assert spans_of(target) == [[(0, 1, "PER")]]
    assert not {"outcomes", "solution"} & set(target.columns)
    # Gold entities of the target stay when the source is tagged.
    given = xner.tag(corpus(rows), tagger=fake, side="target")
    assert spans_of(xner.tag(given, tagger=fake), "target") == [[(0, 1, "ORG")]]


def test_columns_travel_through_files(tmp_path):
    fake = FakeTagger(GAZETTEER)
    out = xner.tag(side_of([["Amina", "Okoro"], [], ["Tide"]], "target"), tagger=fake,
                   side="target", probabilities=True)  # fmt: skip
    for suffix in ("jsonl", "parquet"):
        out.write(tmp_path / f"o.{suffix}")
        again = xner.read(tmp_path / f"o.{suffix}", side="target")
        for name in ("target_tokens", "target_entities", "target_tagset", "target_probabilities"):
            assert again.table[name].to_pylist() == out.table[name].to_pylist(), (suffix, name)
        (tmp_path / "s.txt").write_text("a b\n\nc\n")
        both = xner.read(tmp_path / "s.txt", tmp_path / f"o.{suffix}")
        assert both.table["target_tagset"].to_pylist() == out.table["target_tagset"].to_pylist()
    for known in (again, both):
        assert out.report.signature.endswith(known.schema.metadata[TAGGED_BY["target"]].decode())
    assert TAGGED_BY["source"] not in both.schema.metadata


def test_the_signature_travels():
    rows = [(2, 2, [(0, 1, "PER")], [(0, 0, 1.0), (1, 1, 1.0)])]
    fake = FakeTagger({"s1": "LOC", "t1": "LOC"})
    tagged = xner.tag(corpus(rows), tagger=fake)
    tagged = xner.tag(tagged, tagger=fake, side="target", probabilities=True)
    for pairs in (tagged, xner.align(tagged)):
        out = xner.project(pairs, score={"ner": 1.0})
        assert out.report.signature.endswith(
            f"|source_tagger:{fake.signature}|target_tagger:{fake.signature}"
        )
        assert out.table["target_entities"].to_pylist()[0][0]["start"] == 1


@pytest.mark.parametrize(
    ("probabilities", "tagset", "words"),
    [
        ([[[0.5, 0.5]]], [["O", "B-X"]], "has 1 rows for 2 words"),
        ([[[0.5, 0.5], [1.0]]], [["O", "B-X"]], "has 1 numbers for a word, but .* 2 tags"),
        ([[[0.5, 0.5], [1.0, float("nan")]]], [["O", "B-X"]], "holds nan"),
        ([[[0.5, 0.5], [1.0, None]]], [["O", "B-X"]], "holds nan"),
        ([[[0.5, 0.5], [1.0, -1.0]]], [["O", "B-X"]], "holds -1.0"),
    ],
)
def test_probabilities_are_checked(probabilities, tagset, words):
    columns = {
        "source_tokens": [["a", "b"]],
        "source_tagset": tagset,
        "source_probabilities": probabilities,
    }
    with pytest.raises(xner.InputError, match=f"row 1: source_probabilities {words}"):
        Corpus.from_table(pa.table(columns))
    with pytest.raises(xner.InputError, match="no 'source_tagset'"):
        Corpus.from_table(pa.table(columns).drop_columns(["source_tagset"]))
