"""Experiment files with other values, models by name, published figures, encodings, the hub."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import xner
from xner.cli import main
from xner.experiments.changes import changed
from xner.experiments.config import load

EN = "EU\tB-ORG\nsays\tO\n\nPeter\tB-PER\nruns\tO\n\n"
DE = "EU\tB-ORG\nsagt\tO\n\nPäter\tB-PER\nrennt\tO\n\n"
YAML = """
languages:
  de: {source: en.conll, gold: de.conll}
models:
  source tagger: some/tagger
pipelines:
  - project
  - {pipeline: project, name: heuristic, project: {preset: paper-heuristic}}
  - {pipeline: model-transfer, tag: {model: source tagger}}
published: figures.csv
"""
FIGURES = """name,row,aligner,source,de,sw
Ours 2025,heuristic,native,Table 1,0.5,0.4
Theirs 2024,,,"Table 2, row 3",0.25,
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "en.conll").write_text(EN)
    (tmp_path / "de.conll").write_text(DE, "utf-8")
    (tmp_path / "x.yaml").write_text(YAML)
    (tmp_path / "figures.csv").write_text(FIGURES)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_values_by_their_path():
    content = {"a": {"b": [1, {"c": 2}]}, "n": None}
    assert changed(content, {"a.b[2].c": 3, "n.new.key": [1]}, "f") == {
        "a": {"b": [1, {"c": 3}]},
        "n": {"new": {"key": [1]}},
    }
    assert content["a"]["b"][1] == {"c": 2}
    for path, words in (
        ("a..b", "is not a path"),
        ("a.b[0]", r"there is no item \[0\]; the list has 2 items"),
        ("a.b[1].c", "'c' is not a key of 1"),
        ("a[1]", "the list has no items"),
    ):
        with pytest.raises(xner.UsageError, match=words):
            changed(content, {path: 1}, "f")


def test_models_have_names_which_the_command_line_replaces(folder, capsys):
    experiment = load("x.yaml")
    assert experiment.systems[-1].steps[0].settings["model"] == "some/tagger"
    module = "def tag(sentences):\n    return [[(0, 1, 'PER')] if s else [] for s in sentences]\n"
    (folder / "named_tagger.py").write_text(module)
    arguments = ["run", "x.yaml", "-o", "out", "--quiet", "--json"]
    named = ["--set", "models={}", "--set", "pipelines[3].tag.model=null"]
    named += ["--set", "pipelines[3].tag.tagger=named_tagger:tag"]
    assert main([*arguments, *named, "--set", "seeds=[1, 2]", "--set", "title=Set"]) == 0
    results = json.loads(capsys.readouterr().out)
    assert results["title"] == "Set"
    f1 = {row["system"]: row["mean"]["f1"] for row in results["rows"]}
    assert f1["model-transfer"] == 0.5
    assert results["rows"][0]["mean"]["seeds"] == 2
    for wrong, words in (
        ("models.tager=x", "models.tager: no setting names this model"),
        ("seeds", "write KEY=VALUE"),
        ("title={", "--set title:1: not valid YAML"),
        ("pipelines[9].name=x", "there is no item [9]"),
    ):
        try:
            code = main([*arguments, "--set", wrong])
        except SystemExit as stop:
            code = stop.code
        assert code in (1, 2)
        assert words in capsys.readouterr().err


def test_published_figures_stand_beside_their_rows(folder):
    heuristic = {"pipeline": "project", "name": "heuristic"}
    heuristic["project"] = {"preset": "paper-heuristic"}
    changes = {"models": {}, "pipelines": ["project", heuristic]}
    results = xner.run("x.yaml", output="out", changes=changes)
    page = (folder / "out" / "results.md").read_text("utf-8").splitlines()
    at = next(i for i, line in enumerate(page) if line.startswith("| heuristic |"))
    assert page[at + 1] == "| published: Ours 2025 | native | .500 |"
    assert page[at + 2] == "| published: Theirs 2024 | – | .250 |"
    gap = f"{results.rows[1].cells['de'].f1 - 0.5:.3f}".removeprefix("0")
    assert f"| heuristic − Ours 2025 (Table 1) | native | +{gap} |" in page
    assert results.as_dict()["published"][1]["source"] == "Table 2, row 3"


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        ("name,row,aligner,de\n", "figures.csv:1: has no column 'source'"),
        ("name,row,aligner,source,de\na,,,,52.1\n", "figures.csv:2: de is '52.1'; F1 must be from"),
        ("name,row,aligner,source,de\na,heuristc,native,,0.5\n", "unknown row 'heuristc'; did you"),
        ("name,row,aligner,source,de\na,heuristic,simalign,,0.5\n", "unknown aligner 'simalign'"),
        ("name,row,aligner,source,de\na,,native,,0.5\n", "has an aligner but no row"),
    ],
)
def test_published_figures_that_do_not_fit(folder, figures, words):
    (folder / "figures.csv").write_text(figures)
    with pytest.raises((xner.UsageError, xner.FormatError)) as error:
        load("x.yaml")
    assert words in str(error.value)


def test_files_that_are_not_utf8(folder):
    (folder / "de.conll").write_text(DE, "latin-1")
    row = {"pipelines": ["project"], "output": "out"}
    files = {"source": "en.conll", "gold": "de.conll"}
    with pytest.raises(xner.FormatError, match=r"de\.conll"):
        xner.run({**row, "languages": {"de": files}})
    own = {**files, "gold": {"file": "de.conll", "encoding": "latin-1"}}
    for given in (
        {"languages": {"de": own}},
        {"languages": {"de": files}, "encoding": "latin-1"},
        {"data": {"loader": "europarl-ner", "folder": ".", "encoding": "latin-1"}},
    ):
        results = xner.run({**row, **given})
        assert results.rows[0].cells["de"].f1 == 1.0
    for given, place in (
        ({"languages": {"de": files}, "encoding": "latin1x"}, "config: encoding: unknown encoding"),
        ({"languages": {"de": {**files, "gold": {"file": "de.conll", "encoding": "?"}}}},
         r"languages\.de: de\.conll: unknown encoding '\?'"),
    ):  # fmt: skip
        with pytest.raises(xner.UsageError, match=place):
            xner.run({**row, **given})


def hub_files(root, config, tokens, tags):
    """A data set as the hub has it: numbers of classes, and their names in the metadata."""
    names = ["O", "B-PER", "B-ORG"]
    features = {
        "tokens": {"feature": {"dtype": "string", "_type": "Value"}, "_type": "List"},
        "ner_tags": {"feature": {"names": names, "_type": "ClassLabel"}, "_type": "List"},
    }
    numbers = [[names.index(tag) for tag in row] for row in tags]
    table = pa.table({"tokens": tokens, "ner_tags": numbers})
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    (root / config / "test").mkdir(parents=True)
    pq.write_table(table.replace_schema_metadata(metadata), root / config / "test" / "0000.parquet")


def test_data_sets_of_the_hub(folder, monkeypatch):
    hub = pytest.importorskip("huggingface_hub")
    tags = [["B-ORG", "O"], ["B-PER", "O"]]
    for config, words in (
        ("en", [["EU", "says"], ["Peter", "runs"]]),
        ("de", [["EU", "sagt"], ["Peter", "rennt"]]),
        ("PAN-X.de", [["EU", "sagt"], ["Peter", "rennt"]]),
    ):
        hub_files(folder / "hub", config, words, tags)
    asked = []

    def snapshot_download(name, **given):
        asked.append((name, given["revision"], sorted(given["allow_patterns"])))
        if name == "no/such":
            raise OSError("not found\nanywhere")
        return str(folder / "hub")

    monkeypatch.setattr(hub, "snapshot_download", snapshot_download)
    data = {"loader": "europarl-ner", "hub": "some/europarl-ner", "languages": ["de"]}
    results = xner.run({"data": data, "pipelines": ["project"], "output": "out"})
    assert results.rows[0].cells["de"].f1 == 1.0
    assert asked == [
        ("some/europarl-ner", "refs/convert/parquet", ["de/test/*.parquet", "en/test/*.parquet"])
    ]
    xtreme = {"loader": "xtreme", "hub": "google/xtreme", "languages": ["de"]}
    language = load({"data": xtreme, "pipelines": ["model-transfer"], "stages": {
        "tag": {"model": "m"}}}).languages[0]  # fmt: skip
    assert (language.gold.path.parent.parent.name, language.source) == ("PAN-X.de", None)
    for given, words in (
        ({**data, "hub": "no/such"}, r"hub: no/such cannot be downloaded \(not found anywhere\)"),
        ({**data, "languages": ["fr"]}, "has no file of fr, split test"),
        ({**data, "folder": "."}, "needs a folder, or hub"),
        ({"loader": "europarl-ner", "hub": "x/y"}, "needs languages"),
        ({"loader": "europarl-ner", "folder": ".", "config": "x"}, "only a data set of the hub"),
    ):
        with pytest.raises(xner.XnerError, match=words):
            load({"data": given, "pipelines": ["project"]})
