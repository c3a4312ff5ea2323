"""Relabelling: what a string is called elsewhere, its own sentence left out."""

import pytest

import xner
from tests.property.test_scores import made
from xner.columns import ENTITIES
from xner.corpus import Corpus
from xner.score.counts import Counts
from xner.stages.first_pass import count_corpus
from xner.stages.project import Project


def row(label, word="Rom"):
    return (["Rome", "sleeps"], [word, "schläft"], [(0, 1, label)], [(0, 0, 1.0), (1, 1, 1.0)])


SLIP = [*[row("LOC")] * 5, row("PER", "«rom»")]


def labels(projection):
    return [[e["label"] for e in r] for r in projection.table["target_entities"].to_pylist()]


def test_a_slip_is_mended_and_told():
    out = xner.project(made(SLIP), relabel=0.95)
    assert labels(out) == [["LOC"]] * 6
    assert out.table["outcomes"].to_pylist() == [["projected"]] * 5 + [["relabelled"]]
    assert out.report.relabelled == {("«rom»", "PER", "LOC"): 1}
    assert out.report.as_dict()["relabelled"] == [
        {"words": "«rom»", "from": "PER", "to": "LOC", "spans": 1}
    ]
    assert out.report.outcomes["relabelled"] == 1
    assert sum(out.report.outcomes.values()) == out.report.entities == 6
    assert "|relabel:>=0.95|" in out.report.signature


def test_it_is_off_by_default():
    out = xner.project(made(SLIP))
    assert labels(out)[-1] == ["PER"]
    assert not out.report.relabelled
    assert "relabel" not in out.report.signature


def test_four_other_sentences_are_too_few():
    assert labels(xner.project(made(SLIP[1:]), relabel=0.95))[-1] == ["PER"]


def test_a_sentence_is_no_evidence_about_itself():
    source, target, _, links = row("PER")
    twice = (source * 2, target * 2, [(0, 1, "LOC"), (2, 3, "PER")], [*links, (2, 2, 1.0)])
    rows = [*[row("LOC")] * 4, twice]
    assert labels(xner.project(made(rows), relabel=0.6))[-1] == ["LOC", "PER"]
    out = xner.project(made([row("LOC"), *rows]), relabel=0.6)
    assert labels(out)[-1] == ["LOC", "LOC"]
    assert out.table["outcomes"].to_pylist() == [["projected"]] * 5 + [["projected", "relabelled"]]


def test_the_share_decides():
    rows = [*[row("LOC")] * 8, *[row("PER")] * 3]
    assert labels(xner.project(made(rows), relabel=0.9)) == [["LOC"]] * 8 + [["PER"]] * 3
    assert labels(xner.project(made(rows), relabel=0.8)) == [["LOC"]] * 11  # 8 of the 10 others


def test_batches_and_merged_counts_change_nothing(tmp_path):
    settings = Project(relabel=0.95)
    parts = count_corpus(made(SLIP[:3]), settings).merge(count_corpus(made(SLIP[3:]), settings))
    whole = count_corpus(made(SLIP), settings)
    assert parts == whole
    whole.save(tmp_path / "counts.npz")
    loaded = Counts.load(tmp_path / "counts.npz")
    assert loaded == whole
    assert loaded.labels == {"LOC", "PER"}
    batch = next(made(SLIP).batches())
    cut = Corpus.from_batches([batch.slice(0, 4), batch.slice(4)], "parts")
    one, two = (xner.project(pairs, relabel=0.95) for pairs in (made(SLIP), cut))
    assert one.table.to_pylist() == two.table.to_pylist()
    last = xner.project(made(SLIP[5:]), relabel=0.95, counts=loaded)
    assert labels(last) == [["LOC"]]


def test_counts_without_labels_do_not_serve():
    counts = count_corpus(made(SLIP), Project())
    with pytest.raises(xner.UsageError, match="these settings need"):
        xner.project(made(SLIP), relabel=0.95, counts=counts)


@pytest.mark.parametrize("method", ["heuristic", "greedy"])
def test_published_methods_can_be_relabelled(method):
    out = xner.project(made(SLIP), preset=f"paper-{method}", relabel=0.95)
    assert labels(out)[-1] == ["LOC"]


def test_sentences_without_spans():
    out = xner.project(made([([], [], [], [])]), relabel=0.95)
    assert out.table["target_entities"].to_pylist() == [[]]
    assert out.table["target_entities"].type == ENTITIES


@pytest.mark.parametrize("share", [0.5, 0.0, 1.1])
def test_a_share_that_two_labels_could_have_is_refused(share):
    with pytest.raises(xner.UsageError, match="relabel is"):
        xner.project(made(SLIP), relabel=share)
