"""Corrections made in files of annotation tools come back into the corpus."""

import json

import pyarrow as pa
import pytest

import xner
from tests.annotations import corpus_of, region
from xner.corpus import Corpus
from xner.formats.losses import Lost
from xner.write import Writing, write


@pytest.mark.parametrize("name", ["label-studio", "doccano", "brat", "webanno", "conll", "jsonl"])
def test_corrections_come_back(tmp_path, name):
    """A label, a boundary and a new entity, corrected in the file itself."""
    entity = {"score": 0.5, "label": "PER", "start": 0, "end": 1, "source": 0}
    inner = {**entity, "start": 2, "end": 4, "label": "LOC", "source": 1}
    kept = {**entity, "start": 3, "end": 4, "label": "X", "source": None}
    rows = [
        {"id": "a", "source_tokens": ["Ada", "in", "Nairobi", "West"],
         "source_entities": [entity, {**inner, "source": None}],
         "target_tokens": ["Ada", "ni", "al-Nairobi", "West", "Bo"],
         "target_entities": [entity, inner, kept], "outcomes": ["projected", "projected"],
         "links": [{"source": 0, "target": 0, "weight": 1.0}]},
        {"id": "b", "source_tokens": [], "source_entities": [], "target_tokens": [],
         "target_entities": [], "outcomes": [], "links": []},
        {"id": "c", "source_tokens": ["Bo"], "source_entities": [], "target_tokens": ["Bo"],
         "target_entities": [], "outcomes": [], "links": []},
    ]  # fmt: skip
    pairs = Corpus.from_table(pa.Table.from_pylist(rows), "pairs")
    suffix = {"label-studio": ".json", "doccano": ".jsonl", "brat": "", "webanno": ".tsv"}
    path = tmp_path / f"edited{suffix.get(name, f'.{name}')}"
    lost = Lost()
    write(path, pairs.batches(), Writing(format=name), lost)
    # as it is, nothing changes; a format without nested entities does not remove them
    unchanged = xner.apply_changes(pairs, path)
    assert unchanged.table.drop_columns("checked") == pairs.table
    assert unchanged.report.changed == 0

    edit(path, name)
    made = xner.apply_changes(pairs, path)
    first, _, last = made.table.to_pylist()
    spans = {(e["start"], e["end"], e["label"], e["source"]) for e in first["target_entities"]}
    assert spans == {(0, 1, "ORG", 0), (2, 3, "LOC", 1), (3, 4, "X", None)}
    assert [(e["start"], e["label"]) for e in last["target_entities"]] == [(0, "PER")]
    assert first["outcomes"] == ["corrected", "corrected"]
    assert made.report.changed == 2
    for column in ("id", "source_entities", "links", "target_tokens"):
        assert made.table[column] == pairs.table[column]


def edit(path, name):
    """Correct a file that was written: Ada is an ORG, al-Nairobi alone a LOC, the last Bo a PER."""
    if name == "label-studio":
        tasks = json.loads(path.read_text())
        for task in tasks:
            result = task.pop("predictions")[0]["result"]
            task["annotations"] = [{"result": result}]
            for one in result:
                if one.get("id") == "target-0":
                    one["value"]["labels"] = ["ORG"]
                if one.get("id") == "target-1":
                    one["value"]["end"] = 17
        result.append(region("zX", 0, 2, "PER", to="target_text"))
        path.write_text(json.dumps(tasks))
        return
    file = path / "00001.ann" if name == "brat" else path
    text = file.read_text()
    changes = {
        "doccano": [
            ('[0, 3, "PER"]', '[0, 3, "ORG"]'),
            ("[7, 22,", "[7, 17,"),
            ('"Bo", "label": []', '"Bo", "label": [[0, 2, "PER"]]'),
        ],
        "brat": [("PER 0 3", "ORG 0 3"), ("LOC 7 22", "LOC 7 17"), ("T3", "T9\tPER 27 29\tBo\nT3")],
        "webanno": [
            ("PER\t", "ORG\t"),
            ("LOC[1]\t\n1-4", "LOC\t\n1-4"),
            ("LOC[1]|", ""),
            ("2-1\t26-28\tBo\t_", "2-1\t26-28\tBo\tPER"),
        ],
        "conll": [
            ("Ada\tB-PER", "Ada\tB-ORG"),
            ("West\tI-LOC", "West\tO"),
            ("\nBo\tO\n\n", "\nBo\tB-PER\n\n"),
        ],
        "jsonl": [],
    }
    for old, new in changes[name]:
        assert old in text
        text = text[::-1].replace(old[::-1], new[::-1], 1)[::-1]
    if name == "jsonl":
        first, second, third = map(json.loads, text.splitlines())
        first["target_entities"][0]["label"] = "ORG"
        first["target_entities"][1]["end"] = 3
        third["target_entities"] = [{"start": 0, "end": 1, "label": "PER"}]
        text = "".join(json.dumps(row) + "\n" for row in (first, second, third))
    file.write_text(text)


def test_corrections_that_do_not_fit(tmp_path):
    pairs = corpus_of(("a", ["Ada", "ni"], [(0, 1, "PER")]), ("b", ["Bo"], []), ("b", ["Cy"], []))
    path = tmp_path / "edited.jsonl"
    for rows, message in [
        ([("a", ["Ada", "na"], [])], "the sentence 'a' with the words 'Ada na' is not in made; 1 "),
        ([("b", ["Bo"], []), ("z", ["x"], [])], "the sentence 'z' with the words 'x'"),
        ([("b", ["Bo"], [(0, 1, "X")]), ("b", ["Bo"], [])], "'b' with the words 'Bo' is not"),
        ([("y", ["Bo"], [])], "has no ids of made, and 1 sentences instead of 3"),
    ]:
        corpus_of(*rows).write(path)
        with pytest.raises(xner.errors.ChangeError, match=message):
            xner.apply_changes(pairs, path)
    corpus_of(("b", ["Cy"], [(0, 1, "PER")])).write(path)
    made = xner.apply_changes(pairs, path).table["target_entities"].to_pylist()
    assert [[e["label"] for e in row] for row in made] == [["PER"], [], ["PER"]]
    # rows of -DOCSTART- count if they count in the corpus
    marked = corpus_of(("a", ["-DOCSTART-"], []), ("b", ["Bo"], []))
    marked.write(tmp_path / "edited.conll")
    (tmp_path / "edited.conll").write_text("-DOCSTART-\tO\n\nBo\tB-PER\n\n")
    assert xner.apply_changes(marked, tmp_path / "edited.conll").report.changed == 1
    path.write_text('{"id": "a", "text": "Ada nj", "label": []}\n')
    with pytest.raises(xner.errors.ChangeError, match="'a' with the words 'Ada nj' is not in made"):
        xner.apply_changes(pairs, path)
