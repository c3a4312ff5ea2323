"""`xner run`, and the examples of docs/running.md."""

import json
import re
import shutil
from pathlib import Path

import pytest

import xner
from tests.commands import run
from xner.experiments.config import load
from xner.experiments.datasets import LOADERS
from xner.experiments.pipelines import PIPELINES
from xner.stages import find_stage, stage_names

DOCS = Path(xner.__file__).parents[2] / "docs" / "running.md"
pytestmark = pytest.mark.skipif(not DOCS.is_file(), reason="not a checkout")


def blocks(kind):
    return re.findall(rf"```{kind}\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for path in (Path(xner.__file__).parent / "demo").glob("*.conll"):
        shutil.copy(path, tmp_path)
    (tmp_path / "c.yaml").write_text(blocks("yaml")[0])
    monkeypatch.delenv("XNER_THREADS", raising=False)
    return tmp_path


def test_the_example_of_the_docs(folder, capsys):
    code, out, err = run(capsys, "run", str(folder / "c.yaml"), "--json")
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert told["languages"] == ["de", "sw"]
    rows = {(row["system"], row["aligner"]): row for row in told["rows"]}
    assert ("heuristic, merge_distance 1", "native") in rows
    assert ("heuristic, merge_distance 1", "strict") not in rows
    best = rows["project", "native"]
    assert 0.9 < best["cells"]["de"]["low"] < best["cells"]["de"]["f1"] < 1
    assert best["mean"]["f1"] == pytest.approx(
        (best["cells"]["de"]["f1"] + best["cells"]["sw"]["f1"]) / 2
    )
    assert best["cells"]["de"]["seeds"] == 2
    assert told["baseline"] == ["project", "native"]
    assert told["steps"]["kept"] == 0
    assert sorted(p.name for p in (folder / "results").iterdir()) == [
        "labels", "results.csv", "results.json", "results.md", "store",
    ]  # fmt: skip
    # Run again and print a table: nothing is recomputed.
    code, out, _ = run(capsys, "run", str(folder / "c.yaml"))
    assert code == 0
    for word in (
        "Demo",
        "published:",
        "0 steps run",
        "results.md",
        "level:",
    ):
        assert word in out
    code, out, _ = run(capsys, "run", str(folder / "c.yaml"), "-o", str(folder / "x"), "--json")
    assert json.loads(out)["output"] == str(folder / "x")
    assert (folder / "x" / "results.md").is_file()


def test_errors_end_with_their_code(folder, capsys):
    path = folder / "c.yaml"
    path.write_text(path.read_text().replace("pipelines:", "piplines:"))
    code, out, err = run(capsys, "run", str(path))
    assert (code, out) == (2, "")
    assert err.startswith(f"xner run: error: {path}: unknown key 'piplines'; did you mean 'pip")
    code, _, err = run(capsys, "run", str(folder / "none.yaml"))
    assert code == 1
    assert "none.yaml: no such file" in err


def test_a_page_of_docs_names_what_there_is(tmp_path):
    text = DOCS.read_text("utf-8")
    for name in PIPELINES:
        assert f"`{name}`" in text or f"`/{name.split('/')[-1]}`" in text, name
    for name in LOADERS:
        assert f"`{name}`" in text
    for name in stage_names():
        assert f"`{name}`" in text
    # the other examples are configurations too, but for their data
    _, data, scored, settings, tagged, named, students = blocks("yaml")
    (tmp_path / "s.yaml").write_text(students)
    assert len(load(tmp_path / "s.yaml").systems) == 9
    content = "languages: {de: {gold: de.conll}}\npipelines: [translate-test]\n"
    (tmp_path / "c.yaml").write_text(content + settings)
    assert load(tmp_path / "c.yaml").systems[0].steps[0].settings["beams"] == 4
    (tmp_path / "c.yaml").write_text(content + named)
    models = [step.settings.get("model") for step in load(tmp_path / "c.yaml").systems[0].steps]
    assert [model and model.partition("/")[0] for model in models[1:4]] == [
        "FacebookAI", "google-bert", "FacebookAI",
    ]  # fmt: skip
    (tmp_path / "c.yaml").write_text(content.splitlines()[0] + "\n" + scored)
    assert "nmt" in load(tmp_path / "c.yaml").systems[0].steps[-1].settings
    (tmp_path / "c.yaml").write_text(content.splitlines()[0] + "\n" + tagged)
    assert "candidates" in [step.name for step in load(tmp_path / "c.yaml").systems[0].steps]
    for loader in re.findall(r"loader: ([\w-]+)", data):
        assert loader in LOADERS


def test_the_stage_of_the_docs_runs(folder, monkeypatch):
    monkeypatch.setattr("xner.stages._REGISTERED", {})
    exec(blocks("python")[0], {})
    assert set(find_stage("tag").settings()) == {"side", "label"}
    results = xner.run(
        {
            "output": str(folder / "results"),
            "languages": {"de": {"gold": str(folder / "de.conll")}},
            "pipelines": ["model-transfer"],
        }
    )
    assert results.rows[0].cells["de"].labels["NAME"].predicted > 0
