"""The benchmark of students with a pretrained encoder: samples, configuration, encoder and page."""

from pathlib import Path

import pytest

import xner
from xner.experiments.config import load

pytest.importorskip("accelerate")

from benchmarks import real_students
from benchmarks.real_students_data import DEPTHS, UTTERANCES, prepare, spread, write_samples

from tests.models import tagging
from tests.models.routes import conll, foreign

SLOTS = {"PER": "person", "LOC": "place_name", "ORG": "color_type"}
SIZES = {"train": 30, "test": 12}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Files of all languages, as they lie in ../shared/data."""
    folder = tmp_path_factory.mktemp("data")
    rows, tests = tagging.sentences(60, seed=1), tagging.sentences(20, seed=9)

    def write(name, sentences, language=""):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        told = [(foreign(words, language), tags) for words, tags in sentences]
        text = "".join(" ".join(words) + "\n" for words, _ in told)
        path.write_text(conll(told) if name.endswith("conll") else text)

    document = (["-DOCSTART-"], ["O"])
    for split, part in (("train", rows), ("test", tests)):
        write(f"conll-mt/en.{split}.conll", [document, *part])
    for language in ("de", "es"):
        write(f"conll-mt/{language}.train.txt", [document, *rows], language)
        write(f"gold-test/{language}.conll", tests, language)
    for language in ("swa", "xho", "yor"):
        write(f"masakhaner2/en-{language}/en.conll", rows)
        write(f"masakhaner2/en-{language}/{language}.t-projection.conll", rows, language)
        write(f"masakhaner2/{language}.test.conll", tests, language)
    for language in ("en", "de", "es", "sw"):
        slots = [(w, [t[:2] + SLOTS[t[2:]] if t != "O" else t for t in tags]) for w, tags in rows]
        write(f"parallel-gold/massive/{language}.conll", slots, language)
    return folder


def test_samples_are_parallel_and_have_the_labels_of_news(data, tmp_path):
    write_samples(data, tmp_path, 25, 12)
    english = xner.read(tmp_path / "en.conll", side="source")
    german = (tmp_path / "de.txt").read_text()
    words = english.table["source_tokens"].to_pylist()
    assert [" ".join(foreign(own, "de")) for own in words] == german.splitlines()
    assert len(words) == 25
    assert "DOCSTART" not in german
    utterances = xner.read(tmp_path / "swa.utterances.test.conll", side="source").table
    labels = {e["label"] for row in utterances["source_entities"].to_pylist() for e in row}
    assert labels == {"PER", "LOC"} <= set(UTTERANCES.values())
    assert utterances.num_rows == 30
    assert spread(range(10), 4) == [0, 2, 5, 7]
    assert spread(range(3), 4) == [0, 1, 2]


def test_a_page_is_written(data, tmp_path):
    from tests.models.encoder import save_xlmr

    text = [" ".join(words) for words, _ in tagging.sentences(60, seed=1)]
    encoder = Path(save_xlmr(tmp_path / "e5", text, num_hidden_layers=12, hidden_size=16))
    work = tmp_path / "work"
    prepare(data, work / "prepared", encoder, layers=8, **SIZES)
    prepare(tmp_path / "nowhere", work / "prepared", encoder, layers=8, **SIZES)  # kept
    content = real_students.configured(work, [1], "news")
    content["bootstrap"] = {"samples": 10}
    content["stages"]["train"] |= {"epochs": 1, "device": "cpu"}
    kept = [{**row, "languages": ["de"]} for row in content["pipelines"][:2]]
    models = {name: content["models"][name] for name in ("en", "de")}
    content |= {"pipelines": kept, "compare": content["compare"][:1], "models": models}
    content["groups"] = {"mean": ["de"]}
    content["stages"] = {name: content["stages"][name] for name in ("train", "tag")}
    page = real_students.page({"news": xner.run(content)}, {**SIZES, "layers": 8})
    assert "## News\n\nTest sentences: German 12." in page
    assert "| strict F1 | German | mean |" in page
    assert "Wu et al. 2020, one teacher | .732 |" in page
    assert "translate-train − direct transfer |" in page
    assert "2 by train (" in page


@pytest.mark.parametrize(
    "group", ["news", "utterances", "news, further languages", "English, by depth"]
)
def test_every_row_can_be_run(data, tmp_path, group):
    work = tmp_path / "work"
    (work / "prepared").mkdir(parents=True)
    write_samples(data, work / "prepared", 25, 12)
    for layers in DEPTHS:
        (work / "prepared" / f"encoder-{layers}").mkdir()
    experiment = load(real_students.configured(work, [1, 2, 3], group))
    names = {system.name for system in experiment.systems}
    assert ({"translate-train", "distill single"} <= names) == (group != "English, by depth")
    assert ("12 layers, 8 frozen" in names) == (group == "English, by depth")
    assert ("distill average, 3 teachers" in names) == (group == "news, further languages")
    assert all(set(pair) <= names for pair in experiment.compare)
    fewer = real_students.configured(work, [1], group, ["distill single", "8 layers, 7 frozen"])
    assert len(fewer["pipelines"]) == len(experiment.systems) - 1
