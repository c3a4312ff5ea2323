"""The grid on Europarl-NER: its configuration, and how its tables are laid out."""

import shutil
from pathlib import Path

import pytest
from benchmarks import experiments

import xner
from xner.experiments.config import load

DEMO = Path(xner.__file__).parent / "demo"


@pytest.fixture
def given(tmp_path):
    """The configuration on the demo corpus, with links from a file alone."""
    pytest.importorskip("ortools")
    folder = tmp_path / "europarl-ner"
    folder.mkdir()
    for name in ("en", "de"):
        shutil.copy(DEMO / f"{name}.conll", folder)
    content = experiments.configured(tmp_path, tmp_path / "out", [1])
    content["aligners"] = {"file": content["aligners"]["file"]}
    (tmp_path / "out").mkdir()
    pairs = xner.read(folder / "en.conll", folder / "de.conll")
    xner.align(pairs, chains=1).write(tmp_path / "out" / "links.align")
    return content


def test_every_row_can_be_run(given):
    experiment = load(given)
    assert [language.name for language in experiment.languages] == ["de"]
    assert len(experiment.systems) == 1 + 4 * 2 * 4 + 2 + 4
    assert len(experiment.file.published) == 11


def test_the_page_has_every_cell(given, tmp_path):
    given["pipelines"][1]["project"]["merge_distance"] = [0, 1]
    given["pipelines"][1]["project"]["length_ratio"] = [0.4, 0.8]
    results = xner.run(given)
    page = experiments.page(results, "native(…)")
    f1 = {row.system: row.cells["de"].f1 for row in results.rows}

    def figure(name):
        return f"{f1[name]:.3f}".removeprefix("0")

    ends = [
        figure(f"heuristic, merge_distance 1, top_k none, length_ratio {r}") for r in (0.4, 0.8)
    ]
    assert f"| 1, all | {ends[0]} | {ends[1]} |" in page
    assert "| file: merge distance, top k | ratio > 0.4 | ratio > 0.8 |" in page
    assert f"| exact, ==1 | {figure('exact, constraint ==1')} |" in page
    assert f"| xner's default | {figure('default')} |" in page
    assert f"| heuristic, file | {ends[1]} [" in page
    assert "| published: thesis, exact ILP, AWESOME links | .921 |" in page
    assert f1["default"] > f1["exact, constraint unlimited"]
