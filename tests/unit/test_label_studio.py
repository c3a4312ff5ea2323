"""Label Studio: exports as it writes them, tasks written for it, and the way through both."""

import json

import pyarrow as pa
import pytest

import xner
from tests.annotations import characters, corpus_of, labelled, region, rows
from xner.cli import main
from xner.corpus import Corpus, scan_as_is
from xner.formats import label_studio


def test_exports_of_label_studio(tmp_path):
    path = tmp_path / "export.json"
    first = {
        "id": 91,
        "data": {"text": "Ada lives in Nairobi.", "id": 7},
        "predictions": [{"result": [region("p", 0, 3, "ORG")]}],
        "annotations": [
            {"result": [region("q", 0, 3, "LOC")]},
            {"result": [region("b", 13, 19, "LOC"), region("a", 0, 3, "PER", score=0.5)]},
            {"result": [], "was_cancelled": True},
        ],
    }
    more = {"type": "choices", "from_name": "c", "to_name": "text", "value": {"choices": ["x"]}}
    second = {"data": {"text": "Ada"}, "predictions": [{"result": [more, region("p", 0, 3, "X")]}]}
    path.write_text(json.dumps([first, second]))
    with pytest.warns(xner.errors.XnerWarning, match=r"annotations of a task \(1\).*choices \(1\)"):
        found = rows(path)
    assert [labelled(row) for row in found] == [
        [("Ada", "PER"), ("Nairobi", "LOC")],
        [("Ada", "X")],
    ]
    assert characters(found[0]) == ["Ada", "Nairob"]
    assert [row["id"] for row in found] == ["7", "export-1"]
    assert found[0]["entities"][0]["score"] == 0.5


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not JSON"),
        ("{}", "not a list of tasks; export the project as JSON"),
        ('[{"data": {"image": "a.png"}}]', "row 1: has no text"),
        ('[{"data": {"text": "x"}}, 3]', "row 2: not a task"),
        ('[{"data": {"text": "x"}, "annotations": [{}]}]', "row 1: not a task"),
        ([region("a", 0, 3, "X")], r"the span \[0, 3\) contains no word"),
        ([region("a", 1, 2, "X")], r"the span \[1, 2\) contains no word"),
    ],
)
def test_other_json_is_refused(tmp_path, content, message):
    path = tmp_path / "tasks.json"
    if isinstance(content, list):
        content = json.dumps([{"data": {"text": "a "}, "predictions": [{"result": content}]}])
    path.write_text(content)
    with pytest.raises(xner.FormatError, match=message):
        scan_as_is(path)


def test_tasks_for_label_studio(tmp_path):
    pairs = Corpus.from_table(
        corpus_of(("s", ["Ada", "ni"], [(0, 1, "PER")]))
        .table.append_column("source_tokens", [[["Ada", "is"]]])
        .append_column("source_entities", [[[{"start": 0, "end": 1, "label": "PER"}]]])
    )
    pairs.write(tmp_path / "tasks.json")
    (task,) = json.loads((tmp_path / "tasks.json").read_text())
    assert {n: task["data"][n] for n in ("id", "source_text")} == {
        "id": "s",
        "source_text": "Ada is",
    }
    spans = task["predictions"][0]["result"]
    assert [(s["to_name"], s["value"]["text"]) for s in spans] == [
        ("source_text", "Ada"), ("target_text", "Ada"),
    ]  # fmt: skip
    config = label_studio.labeling_config(["PER", 'A"&B'], ["source_", "target_"])
    assert "<Label value='A\"&amp;B'/>" in config
    assert '<Text name="target_text" value="$target_text"/>' in config


def test_the_way_through_label_studio(tmp_path, capsys):
    """Convert, correct, apply, as the documentation has it."""
    pairs = corpus_of(("a", ["Ada", "ni"], [(0, 1, "PER")]), ("b", ["Bo"], []))
    table = pairs.table.append_column("source_tokens", [[["Ada", "is"], ["Bo"]]])
    Corpus.from_table(table).write(tmp_path / "pairs.parquet")
    tasks, config = tmp_path / "tasks.json", tmp_path / "interface.xml"
    given = ["convert", str(tmp_path / "pairs.parquet"), str(tasks)]
    assert main([*given, "--labeling-config", str(config), "--strict"]) == 0
    assert '<Label value="PER"/>' in config.read_text()
    assert "\n    <Label" in config.read_text()
    assert all(f'toName="{side}_text"' in config.read_text() for side in ("source", "target"))
    assert main([*given[:2], str(tmp_path / "x.conll"), "--labeling-config", str(config)]) == 2
    assert "needs --to label-studio" in capsys.readouterr().err

    corrected = json.loads(tasks.read_text())
    corrected[1]["annotations"] = [{"result": [region("n", 0, 2, "PER", to="target_text")]}]
    tasks.write_text(json.dumps(corrected))
    out = tmp_path / "out.parquet"
    assert main(["apply", str(tasks), str(tmp_path / "pairs.parquet"), "-o", str(out)]) == 0
    first, second = xner.read(out).table.to_pylist()
    assert labelled(first, "target_") + labelled(second, "target_") == [
        ("Ada", "PER"),
        ("Bo", "PER"),
    ]


def test_the_short_export_of_label_studio(tmp_path):
    """JSON-MIN has a record for each annotation, with the number of its task as id."""
    entity = {"score": 0.5, "label": "PER", "start": 0, "end": 1, "source": 0}
    rows = [
        {"id": name, "source_tokens": [name], "source_entities": [{**entity, "source": None}],
         "target_tokens": [name, "ni"], "target_entities": [entity], "outcomes": ["projected"],
         "links": [{"source": 0, "target": 0, "weight": 1.0}]}
        for name in ("Ada", "Bo", "Cy")
    ]  # fmt: skip
    pairs = Corpus.from_table(pa.Table.from_pylist(rows), "pairs")
    path = tmp_path / "tasks.json"
    pairs.write(path, format="label-studio")

    def record(number, task, label, end):
        regions = {name: [{"start": 0, "end": stop, "labels": [kind]}]
                   for name, stop, kind in (("source_label", len(task["data"]["id"]), "PER"),
                                            ("target_label", end, label))}  # fmt: skip
        return {**task["data"], "id": number, **regions, "annotator": 1, "annotation_id": number}

    ada, bo, cy = json.loads(path.read_text())
    short = [record(7, ada, "X", 3), record(8, bo, "ORG", 2), record(7, ada, "PER", 6),
             {**record(9, cy, "PER", 2), "target_label": []}]  # fmt: skip
    path.write_text(json.dumps(short))
    with pytest.warns(xner.errors.XnerWarning, match=r"further annotations of a task \(1\)"):
        read = xner.read(path)
    assert read.table["id"].to_pylist() == ["Ada", "Bo", "Cy"]
    assert read.table["links"].to_pylist() == pairs.table["links"].to_pylist()
    with pytest.warns(xner.errors.XnerWarning, match="further annotations"):
        made = xner.apply_changes(pairs, path).table.to_pylist()
    spans = [[(e["start"], e["end"], e["label"], e["source"]) for e in row["target_entities"]]
             for row in made]  # fmt: skip
    assert spans == [[(0, 2, "PER", 0)], [(0, 1, "ORG", 0)], []]
    assert [row["outcomes"] for row in made] == [["corrected"], ["corrected"], ["removed"]]
    assert [e["label"] for row in made for e in row["source_entities"]] == ["PER"] * 3
    path.write_text(
        json.dumps(
            [
                {
                    "id": 1,
                    "text": "Ada ni",
                    "label": [{"start": 0, "end": 3, "labels": ["PER"]}],
                    "annotator": 2,
                    "agreement": [1],
                }
            ]
        )
    )
    (only,) = xner.read(path, side="source").table.to_pylist()
    assert (only["id"], only["source_tokens"]) == ("1", ["Ada", "ni"])
    assert only["source_entities"][0]["label"] == "PER"
