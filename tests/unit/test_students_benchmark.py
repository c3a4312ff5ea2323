"""The benchmark of students: its configuration, and the page it writes, on a small world."""

import shutil
from pathlib import Path

import pytest
from benchmarks import students

import xner
from xner.experiments.config import load

SHARED = Path("/nowhere")


def test_the_configuration_is_one():
    experiment = load(students.configured(SHARED, Path("out"), [1, 2]))
    assert [language.name for language in experiment.languages] == list(students.NAMES)
    assert set(students.LABELS) < {system.name for system in experiment.systems}
    assert experiment.file.groups[students.LOW] == ("swa", "yor", "xho")
    assert experiment.languages[0].gold.path == SHARED / "masakhaner2" / "swa.test.conll"
    assert experiment.models["en"].language.train.target.path.parent == SHARED / "conll-mt"


def test_rows_of_labels_alone():
    experiment = load(students.configured(SHARED, Path("out"), [1], labels=4))
    assert tuple(system.name for system in experiment.systems) == students.LABELS
    assert experiment.compare == (students.LABELS,)
    assert len(experiment.languages) == 3
    assert experiment.systems[0].steps[-2].settings["epochs"] == 4


def small_data(folder):
    """Files of the three languages with few resources, as they lie in ../shared."""
    from tests.models import tagging
    from tests.models.routes import conll, foreign

    rows, tests = tagging.sentences(80, seed=1), tagging.sentences(30, seed=9)
    for name in ("swa", "yor", "xho"):
        pairs = folder / "masakhaner2" / f"en-{name}"
        pairs.mkdir(parents=True)
        (pairs / "en.conll").write_text(conll(rows))
        ours = [[(foreign(words, name), tags) for words, tags in part] for part in (rows, tests)]
        (pairs / f"{name}.t-projection.conll").write_text(conll(ours[0]))
        (pairs.parent / f"{name}.test.conll").write_text(conll(ours[1]))


def test_a_page_is_written(tmp_path):
    pytest.importorskip("accelerate")
    small_data(tmp_path / "data")
    content = students.configured(tmp_path / "data", tmp_path / "work", [1, 2], labels=1)
    content["stages"]["train"] |= {"vocabulary": 200, "device": "cpu"}
    content["bootstrap"] = {"samples": 20}
    results = xner.run(content)
    page = students.page(results, {1: results}, tmp_path / "data")
    assert "| strict F1 | Swahili | Yorùbá | isiXhosa |" in page
    assert "| training sentences | 80 | 80 | 80 |" in page
    assert "## Comparison of labels, 2 seeds, 1 epochs" in page
    assert "translate-train − translate-train, T-Projection's labels" in page
    assert "Students: 12 by train (" in page
    shutil.rmtree(tmp_path / "work")


def test_time_is_counted_from_the_first_step_to_the_last():
    told = [
        {"made": "2026-01-01T10:01:00+00:00", "seconds": 60.0},
        {"made": "2026-01-01T10:05:00+00:00", "seconds": 30.0},
    ]
    assert students.wall(told) == 5.0
