import json
import os

import pytest
from seqeval.metrics import f1_score, precision_score, recall_score
from seqeval.scheme import IOB2

import xner
from xner.labels import label_files

GOLD = [["B-PER", "I-PER", "O", "B-LOC"], ["B-ORG", "O"], ["O"]]
MADE = [["B-PER", "O", "O", "B-LOC"], ["B-LOC", "O"], ["B-PER"]]


def conll(path, tags):
    rows = ["".join(f"w{i}\t{tag}\n" for i, tag in enumerate(row)) for row in tags]
    path.write_text("\n".join(rows))
    return path


@pytest.fixture
def files(tmp_path):
    return conll(tmp_path / "gold.conll", GOLD), conll(tmp_path / "made.conll", MADE)


def test_scores_are_seqevals(files):
    result = xner.evaluate(*files)
    strict = {"mode": "strict", "scheme": IOB2}
    assert result.f1 == f1_score(GOLD, MADE, **strict) == pytest.approx(2 / 7)
    assert result.precision == precision_score(GOLD, MADE, **strict)
    assert result.recall == recall_score(GOLD, MADE, **strict)
    assert (result.overall.gold, result.overall.predicted, result.overall.correct) == (3, 4, 1)
    assert (result.labels["LOC"].gold, result.labels["LOC"].predicted) == (1, 2)
    assert result.labels["ORG"].f1 == 0
    assert result.sentences == 3


def test_the_signature_states_scheme_and_mode(files):
    signature = xner.evaluate(*files).signature
    assert "mode:strict|scheme:IOB2" in signature
    assert signature.endswith("average:micro")
    json.dumps(xner.evaluate(*files).as_dict())


def test_labels_can_be_ignored(files):
    result = xner.evaluate(*files, ignore=["PER", "ORG"])
    assert set(result.labels) == {"LOC"}
    assert (result.overall.gold, result.overall.predicted) == (1, 2)
    assert "ignore:ORG+PER" in result.signature


def test_nothing_to_find(tmp_path):
    none = conll(tmp_path / "a.conll", [["O"], ["O", "O"]])
    result = xner.evaluate(none, none)
    assert (result.f1, result.labels, result.sentences) == (0.0, {}, 2)


def test_corpora_and_files_mix(files):
    gold, made = files
    assert xner.evaluate(label_files([gold])[0], made).f1 == xner.evaluate(gold, made).f1


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        (GOLD[:2], "2 rows, but"),
        ([*GOLD[:2], ["O", "O"]], "sentence 3 has 2 words, but 1"),
    ],
)
def test_files_that_do_not_match(files, tmp_path, tags, message):
    other = conll(tmp_path / "other.conll", tags)
    with pytest.raises(xner.ParallelError, match=message):
        xner.evaluate(files[0], other)


def test_a_file_without_labels(files, tmp_path):
    (tmp_path / "a.txt").write_text("a\nb\nc\n")
    with pytest.raises(xner.InputError, match="has no labels"):
        xner.evaluate(files[0], tmp_path / "a.txt")


def test_a_pipe_is_refused(files, tmp_path):
    pipe = tmp_path / "pipe.conll"
    os.mkfifo(pipe)
    writer = os.open(pipe, os.O_RDWR)  # so that opening it does not wait
    with pytest.raises(xner.InputError, match="is a pipe, but files are read more than once"):
        xner.evaluate(files[0], pipe)
    os.close(writer)


def test_overlapping_entities_are_refused(tmp_path):
    entities = [{"start": 0, "end": 2, "label": "A"}, {"start": 1, "end": 2, "label": "B"}]
    row = {"tokens": ["a", "b"], "entities": entities}
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(row) + "\n")
    with pytest.raises(xner.InputError, match="sentence 1 has entities that overlap"):
        xner.evaluate(path, path)
