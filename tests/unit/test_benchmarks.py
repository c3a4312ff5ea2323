"""The quality benchmark's own parts, on a handful of made-up sentences."""

import numpy as np
import pyarrow as pa
import pytest
from benchmarks import crf, errors, quality
from benchmarks.mistakes import ceiling, mistakes
from benchmarks.systems import EXACT, Linker, System

import xner

EN = [["Peter", "Blackburn", "visits", "Paris"], ["Paris", "sleeps"], ["Anna", "visits", "Rome"]]
XX = [["uPeter", "Blackburn", "undwendwela", "iParis"], ["iParis", "ilele"], ["uAnna", "iRome"]]


def corpus(tmp_path, links=None):
    names = {"PER": {"Peter", "Blackburn", "Anna"}, "LOC": {"Paris", "Rome"}}
    rows = []
    for words in EN:
        before = None
        for word in words:
            label = next((label for label, known in names.items() if word in known), None)
            tag = "O" if label is None else f"{'I' if label == before else 'B'}-{label}"
            rows.append(f"{word}\t{tag}")
            before = label
        rows.append("")
    (tmp_path / "en.conll").write_text("\n".join(rows) + "\n", "utf-8")
    (tmp_path / "xx.txt").write_text("".join(" ".join(row) + "\n" for row in XX), "utf-8")
    if links is not None:
        (tmp_path / "some.align").write_text("\n".join(links) + "\n", "utf-8")
        return xner.read(tmp_path / "en.conll", tmp_path / "xx.txt", links=tmp_path / "some.align")
    return xner.read(tmp_path / "en.conll", tmp_path / "xx.txt")


@pytest.mark.parametrize(
    ("word", "expected"),
    [("uNikolaus", "aAa"), ("1996-08", "0-0"), ("EU", "A"), ("kò", "a"), (".", "."), ("", "")],
)
def test_shape(word, expected):
    assert crf.shape(word) == expected


def test_features_stay_inside_the_sentence():
    first, last = crf.features(["Bo", "x"])
    assert {"w=Bo", "l=bo", "s=Aa", "p=B", "p=Bo", "e=o", "-1out", "1l=x", "2out"} <= set(first)
    assert {"p=x", "e=x", "-1s=Aa", "-2out", "1out"} <= set(last)
    assert crf.features([]) == []


def test_crf_learns_and_is_kept(tmp_path):
    pytest.importorskip("pycrfsuite")
    tags = [["B-PER", "I-PER", "O", "B-LOC"], ["B-LOC", "O"], ["B-PER", "B-LOC"]]
    training = crf.Training(iterations=20)
    found, seconds = crf.cached(XX, tags, [*XX, []], training, tmp_path)
    assert found == [*tags, []]
    assert crf.cached(XX, tags, [*XX, []], training, tmp_path) == (found, seconds)
    assert len(list(tmp_path.iterdir())) == 1
    assert crf.digest(XX, tags, XX, training) != crf.digest(XX, tags[::-1], XX, training)


def test_links_are_made_once_and_only_for_the_pairs(tmp_path):
    pairs = corpus(tmp_path)
    linker = Linker(progress=False)
    made = linker.link("a", pairs, EXACT, bulk=pairs)
    assert made.corpus.table["target_tokens"].to_pylist() == XX
    assert linker.link("a", pairs, System("again"), bulk=pairs) is made
    assert linker.link("a", pairs, EXACT, seed=2, bulk=pairs) is not made
    assert xner.project(made.corpus, **EXACT.project).report.sentences == 3


def test_tags_lose_misc_and_keep_their_score():
    tokens = [["a", "b", "c"]]
    entities = [[{"start": 0, "end": 1, "label": "MISC"}, {"start": 1, "end": 3, "label": "ORG"}]]
    tags = quality.tags_of(pa.array(tokens), pa.array(entities))
    assert tags == [["O", "B-ORG", "I-ORG"]]
    assert quality.tag_counts(tags, tags).tolist() == [[1, 1, 1]]
    assert quality.tag_counts(tags, [["O", "B-ORG", "O"]]).tolist() == [[0, 1, 1]]


def test_gain_is_paired_by_sentence():
    full, half = np.array([[[1, 1, 1]] * 40, [[1, 1, 1], [0, 1, 1]] * 20])
    assert quality.gain(np.stack([half, half]), full[None]).startswith("-.5000 [-.6")
    assert quality.gain(half[None], half[None]) == "+.0000 [+.0000, +.0000]"


@pytest.mark.parametrize(
    ("values", "expected"),
    [([0.9], ".9000"), ([1.0], "1"), ([0.9, 0.92], ".9100 ± .0141"), ([0.5, 0.5], ".5000 ± .0000")],
)
def test_spread(values, expected):
    assert quality.spread(values) == expected


def kinds(source, gold, predicted, outcomes=None):
    outcomes = outcomes or ["projected"] * len(source)
    found = mistakes(source, gold, predicted, outcomes)
    return [(m.kind, m.gold, m.predicted, m.source) for m in found]


PER, OTHER = (0, 2, "PER"), (5, 7, "PER")


@pytest.mark.parametrize(
    ("predicted", "kind"),
    [
        ((4, 7, "PER"), "left too long"),
        ((6, 7, "PER"), "left too short"),
        ((5, 8, "PER"), "right too long"),
        ((5, 6, "PER"), "right too short"),
        ((4, 6, "PER"), "both ends"),
        ((5, 7, "ORG"), "label"),
        ((6, 7, "ORG"), "label and boundary"),
        ((8, 9, "PER"), "elsewhere"),
    ],
)
def test_one_mistake_beside_a_correct_span(predicted, kind):
    found = kinds([PER, (3, 4, predicted[2])], [PER, OTHER], [(PER, 0), (predicted, 1)])
    assert found == [(kind, OTHER, predicted, 1)]


def test_mistakes_of_one_side():
    assert kinds([PER], [PER], [(PER, 0)]) == []
    assert kinds([PER], [PER, OTHER], [(PER, 0)]) == [("gold alone", OTHER, None, None)]
    assert kinds([PER], [OTHER], [], ["unaligned"]) == [("missed: unaligned", OTHER, None, 0)]
    assert kinds([PER, OTHER], [PER], [(PER, 0), (OTHER, 1)]) == [("source alone", None, OTHER, 1)]
    assert kinds([PER], [PER], [(PER, 0), (OTHER, 0)]) == [("spurious", None, OTHER, 0)]
    assert kinds([PER], [], [], ["unaligned"]) == []


def test_the_larger_overlap_is_the_pair():
    gold, near, far = (2, 6, "LOC"), (3, 6, "LOC"), (1, 3, "LOC")
    found = kinds([PER, OTHER], [gold], [(far, 0), (near, 1)])
    assert ("left too short", gold, near, 1) in found
    assert len(found) == 2


def test_ceiling():
    assert ceiling([[PER], [PER, OTHER]], [[OTHER], [PER]]) == pytest.approx(0.8)
    assert ceiling([[]], [[]]) == 0


def test_sentences_to_read(tmp_path):
    linked = corpus(tmp_path, ["0-0 1-1 3-3", "0-0", "0-0"])
    (tmp_path / "xx.conll").write_text(
        "uPeter\tB-PER\nBlackburn\tI-PER\nundwendwela\tO\niParis\tB-LOC\n\n"
        "iParis\tB-LOC\nilele\tO\n\nuAnna\tB-PER\niRome\tB-LOC\n\n",
        "utf-8",
    )
    reading = errors.read("here", linked, tmp_path / "xx.conll", EXACT)
    assert reading.counts == {"missed: unaligned": 1}
    assert "'iRome'" in errors.examples(reading, 100)
    assert "1 of 1 sentences" in errors.examples(reading, 100)
    assert "| missed: unaligned | 1 |" in errors.table([reading])
