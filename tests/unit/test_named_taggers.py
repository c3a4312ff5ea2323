"""Taggers by name: pipelines of spaCy that are built here, and a stand-in for GLiNER."""

import json
import shutil
import sys
from types import ModuleType, SimpleNamespace

import pytest

import xner
from tests.corpora import side_of, spans_of
from xner.cli import main
from xner.tagging import kind_of, pipeline_of
from xner.tagging.labels import ONTONOTES, label_map

WORDS = [
    ["The", "European", "Commission", "'s", "plan", "for", "Rome"],
    [],
    ["Ada", "", "\u200b", "met", "the", "Kurds", "on", "Friday"],
    ["العربية", "Rome"],
]
PATTERNS = {
    "PERSON": ["Ada"],
    "GPE": ["Rome"],
    "NORP": ["the Kurds"],
    "ORG": ["The European Commission 's"],
    "DATE": ["Friday"],
}


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    """Folder of an English pipeline that finds the names of `PATTERNS`."""
    spacy = pytest.importorskip("spacy")
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    patterns = [
        {"label": label, "pattern": [{"ORTH": word} for word in name.split()]}
        for label, names in PATTERNS.items()
        for name in names
    ]
    nlp.add_pipe("entity_ruler").add_patterns(patterns)
    folder = tmp_path_factory.mktemp("pipeline") / "names"
    nlp.to_disk(folder)
    return str(folder)


def test_a_pipeline_tags_the_words_it_is_given(pipeline):
    out = xner.tag(side_of(WORDS), model=f"spacy:{pipeline}")
    found = spans_of(out)
    assert found[0] == [(0, 4, "ORG"), (6, 7, "LOC")]
    assert found[1:] == [[], [(0, 1, "PER"), (4, 6, "MISC")], [(1, 2, "LOC")]]
    assert out.table["source_entities"][0][0]["score"].as_py() is None
    assert (out.report.words, out.report.dropped) == (17, {"DATE": 1})
    assert "spacy(en_pipeline@0.0.0,ontonotes>conll2003,version:" in out.report.signature
    assert xner.tag(side_of(WORDS), tagger="spacy", model=pipeline).table.equals(out.table)
    told = []
    changed = xner.tag(
        side_of(WORDS * 40), model=f"spacy:{pipeline}", trim=True, processes=2,
        labels={"PERSON": "HUM", "DATE": "WHEN", "GPE": None}, progress=lambda *a: told.append(a),
    )  # fmt: skip
    found = spans_of(changed)
    assert found[:3] == [[(1, 3, "ORG")], [], [(0, 1, "HUM"), (5, 6, "MISC"), (7, 8, "WHEN")]]
    assert found == found[:4] * 40
    assert changed.report.dropped == {"GPE": 80}
    assert "labels:DATE=WHEN,GPE=,PERSON=HUM,trim" in changed.report.signature
    assert len({share for _, share in told}) > 3


def test_pipelines_on_the_command_line(pipeline, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "en.txt").write_text("Ada is in Rome\n\n")
    arguments = ["tag", "en.txt", "-o", "en.conll", "--model", f"spacy:{pipeline}", "--json"]
    assert main(arguments) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["entities"] == {"LOC": 1, "PER": 1}
    assert (tmp_path / "en.conll").read_text().startswith("Ada\tB-PER\nis\tO\nin\tO\nRome\tB-LOC")
    bad = [
        (("--model", "spacy:nothing_here"), "there is no spaCy pipeline 'nothing_here'"),
        (("--model", f"spacy:{pipeline}", "--label", "X=PER"), "renames 'X', which the model does"),
        (
            ("--model", f"spacy:{pipeline}", "--temperature", "2"),
            "--temperature has no effect with --tagger spacy",
        ),
        (("--model", "spicy:en"), "write spacy:NAME, gliner:ID, or the hub id or folder"),
    ]
    for more, words in bad:
        assert main(["tag", "en.txt", "-o", "o.conll", *more]) in (1, 2)
        assert words in capsys.readouterr().err
    assert not (tmp_path / "o.conll").exists()


def test_packages_that_hold_a_pipeline(pipeline, tmp_path, monkeypatch):
    """Other packages than spaCy's own have it in a folder, and no function that loads it."""
    package = tmp_path / "names_in_a_package"
    shutil.copytree(pipeline, package / "_model")
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    found = xner.tag(side_of(WORDS), model="spacy:names_in_a_package")
    assert found.table.equals(xner.tag(side_of(WORDS), model=f"spacy:{pipeline}").table)
    assert pipeline_of("names-in-a-package") == str(package / "_model")
    assert pipeline_of("json") is None


def test_a_pipeline_without_entities_is_refused(tmp_path):
    spacy = pytest.importorskip("spacy")
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.to_disk(tmp_path / "plain")
    with pytest.raises(xner.InputError, match="finds no entities: none of its components"):
        xner.tag(side_of(WORDS), model=f"spacy:{tmp_path / 'plain'}")


def test_experiments_name_pipelines(pipeline, tmp_path):
    (tmp_path / "en.conll").write_text("Ada\tB-PER\nleft\tO\nRome\tB-LOC\n\n")
    row = {"pipeline": "model-transfer", "tag": {"model": f"spacy:{pipeline}"}}
    config = {
        "output": tmp_path / "r",
        "languages": {"de": {"gold": tmp_path / "en.conll"}},
        "pipelines": [row],
        "bootstrap": {"samples": 10},
    }
    assert xner.run(config).rows[0].cells["de"].f1 == 1.0
    # A wrong name is told before the text is translated.
    bad = {"pipeline": "translate-test", "tag": {"model": "spacy:nope"}}
    words = "language de: the step 'tag': there is no spaCy pipeline 'nope'"
    with pytest.raises(xner.InputError, match=words):
        xner.run({**config, "output": tmp_path / "none", "pipelines": [bad]})
    assert not list((tmp_path / "none").rglob("[!r]*.parquet"))


def test_labels_of_ontonotes_become_those_of_conll():
    known = [*ONTONOTES, "DATE"]
    made = label_map(known, {"DATE": "TIME"})
    assert made == {**ONTONOTES, "DATE": "TIME"}
    assert label_map(["PER", "LOC"], None) == {"PER": "PER", "LOC": "LOC"}
    assert label_map(["PERSON", "X"], {"X": ""}) == {"PERSON": "PERSON", "X": None}
    assert kind_of("checkpoint", "gliner:me/it") == ("gliner", "me/it")
    assert kind_of("llm", "qwen:7b") == ("llm", "qwen:7b")


class Gliner:
    """Has the interface of `gliner.GLiNER`; finds every capitalised word."""

    config = SimpleNamespace(max_len=8)
    asked: list = []

    @classmethod
    def from_pretrained(cls, name, map_location=None):
        if "damaged" in str(name):
            raise ValueError("no weights")
        return cls()

    def inference(self, texts, labels, threshold, batch_size):
        Gliner.asked += texts
        answers = []
        for text in texts:
            found, start = [], 0
            for word in text.split(" "):
                if word[:1].isupper():
                    label = labels[len(found) % len(labels)]
                    span = {"start": start, "end": start + len(word), "text": word}
                    found.append({**span, "label": label, "score": 0.75})
                start += len(word) + 1
            answers.append(found)
        return answers


def test_gliner_by_name(tmp_path, monkeypatch):
    pytest.importorskip("huggingface_hub")
    module = ModuleType("gliner")
    module.GLiNER = Gliner
    monkeypatch.setitem(sys.modules, "gliner", module)
    words = [["Ada", "met", "Bo"], [], ["a", "b", "c", "d", "e", "Cy", "Dee"]]
    out = xner.tag(side_of(words), model=f"gliner:{tmp_path}")
    assert spans_of(out) == [[(0, 1, "PER"), (2, 3, "ORG")], [], [(5, 6, "PER"), (6, 7, "ORG")]]
    assert Gliner.asked == ["Ada met Bo", "a b c d", "e Cy Dee"]
    assert out.report.windowed == 1
    assert out.table["source_entities"][0][0]["score"].as_py() == 0.75
    asked = xner.tag(
        side_of(words), model=f"gliner:{tmp_path}", labels={"city": "LOC", "dog": None}
    )
    assert spans_of(asked) == [[(0, 1, "LOC")], [], [(5, 6, "LOC")]]
    assert asked.report.dropped == {"dog": 2}
    assert ",labels:city=LOC,dog=,min_probability:0.5)" in asked.report.signature
    (tmp_path / "damaged").mkdir()
    with pytest.raises(xner.InputError, match=r"cannot be loaded \(no weights\)"):
        xner.tag(side_of(words), model=f"gliner:{tmp_path / 'damaged'}")


@pytest.mark.parametrize(("kind", "package"), [("spacy", "spacy"), ("gliner", "gliner")])
def test_a_missing_package_prints_its_pip_line(monkeypatch, kind, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(xner.MissingExtraError, match=rf"pip install 'xner\[{kind}\]'"):
        xner.tag(side_of(WORDS), model=f"{kind}:something")


def test_a_hub_that_cannot_be_reached_is_an_error_at_once(tmp_path, monkeypatch):
    hub = pytest.importorskip("huggingface_hub")
    pytest.importorskip("transformers")
    tried = []

    def session():
        tried.append("head")
        raise OSError("no network")

    monkeypatch.setattr(hub, "get_session", session)
    monkeypatch.setattr(hub.constants, "HF_HUB_OFFLINE", False)
    with pytest.raises(xner.InputError, match=r"cannot be reached \(no network\); other taggers"):
        xner.tag(side_of(WORDS), model="me/nothing-of-this-name")
    assert tried == ["head"]
    with pytest.raises(
        xner.InputError, match=r"no such folder; give a hub id or .*; other taggers are spacy"
    ):
        xner.tag(side_of(WORDS), model="./nothing")
    package = tmp_path / "en_names_of_mine"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "meta.json").write_text("{}")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(xner.UsageError, match="a pipeline of spaCy; write spacy:en_names_of_mine"):
        xner.tag(side_of(WORDS), model="en_names_of_mine")
