"""`xner label`: from text to labels in another language in one command."""

import sys
from pathlib import Path

import pytest

import xner
from tests.commands import run_json
from xner.cli.label import chain_flags
from xner.tagging.fake import FakeTagger
from xner.translation.fake import FakeTranslator

MODULE = """
from pathlib import Path

NAMES = {"Ada": "PER", "Rome": "LOC", "Amina": "PER", "Kisumu": "LOC"}
GERMAN = {"Rome": "Rom", "is": "ist", "in": "in", "works": "arbeitet"}
BACK = {new: old for old, new in GERMAN.items()}


def calls(name):
    with Path("calls.txt").open("a") as file:
        file.write(f"{name} ")


def tag(sentences):
    calls("tag")
    return [[(i, i + 1, NAMES[w]) for i, w in enumerate(s) if w in NAMES] for s in sentences]


def translate(texts, source, target):
    calls("translate")
    if Path("broken").exists():
        raise RuntimeError("killed")
    words = GERMAN if target.bcp47 == "de" else BACK
    return [" ".join(words.get(word, word) for word in text.split()) for text in texts]
"""
LANGUAGES = ("--source-language", "en", "--target-language", "de")
MODELS = ("--tagger", "own_models:tag", "--translator", "own_models:translate")
TEXT = "Ada is in Rome\n\nAmina works in Kisumu\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "own_models.py").write_text(MODULE)
    (tmp_path / "en.txt").write_text(TEXT)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*sys.path])
    yield tmp_path
    sys.modules.pop("own_models", None)


def run(capsys, *arguments):
    return run_json(capsys, "label", *arguments)


def labels(file):
    table = xner.read(file, side="target").table if file.suffix == ".parquet" else None
    assert table is not None
    return [
        [(" ".join(words[e["start"] : e["end"]]), e["label"]) for e in entities]
        for words, entities in zip(
            table["target_tokens"].to_pylist(), table["target_entities"].to_pylist(), strict=True
        )
    ]


GERMAN_LABELS = [[("Ada", "PER"), ("Rom", "LOC")], [], [("Amina", "PER"), ("Kisumu", "LOC")]]


def test_text_is_tagged_translated_and_labelled(folder, capsys):
    arguments = ("en.txt", "-o", "de.parquet", *LANGUAGES, *MODELS)
    code, report, err = run(capsys, *arguments, "--keep", "parts", "--report", "de.html")
    assert code == 0, err
    assert labels(folder / "de.parquet") == GERMAN_LABELS
    assert report["outcomes"]["projected"] == report["entities"] == 4
    assert list(report["steps"]) == ["tag", "translate", "project"]
    assert report["steps"]["tag"]["entities"] == {"LOC": 2, "PER": 2}
    assert report["steps"]["translate"]["outcomes"]["translated"] == 2
    assert "own_models:tag" in report["signature"]
    assert "own_models:translate" in report["signature"]
    assert "<html" in (folder / "de.html").read_text()
    kept = xner.scan(folder / "parts" / "tag", side="source")
    assert {"source_tokens", "source_entities"} <= set(kept.columns)
    assert not list(folder.glob(".de.parquet*"))
    # Nothing is repeated if the stages are kept.
    before = Path("calls.txt").read_text()
    assert run(capsys, *arguments, "--keep", "parts")[0] == 0
    assert Path("calls.txt").read_text() == before
    code, _, err = run(capsys, *arguments, "--keep", "parts", "--label", "PER=PERSON")
    assert code == 2
    assert "the setting labels was not given" in err
    assert "--restart" in err
    # The function returns the same labels.
    options = {"source_language": "en", "target_language": "de"}
    out = xner.label(
        xner.read("en.txt", side="source"),
        tag={"tagger": "own_models:tag"},
        translate={"translator": "own_models:translate", **options},
    )
    assert out.table["target_entities"].to_pylist() == (
        xner.read("de.parquet").table["target_entities"].to_pylist()
    )


def test_an_interrupted_chain_continues(folder, capsys):
    arguments = ("en.txt", "-o", "de.conll", *LANGUAGES, *MODELS)
    (folder / "broken").touch()
    with pytest.raises(RuntimeError, match="killed"):
        run(capsys, *arguments)
    assert not (folder / "de.conll").exists()
    (folder / "broken").unlink()
    code, report, _ = run(capsys, *arguments)
    assert code == 0
    assert report["steps"]["tag"]["sentences"] == 3
    assert Path("calls.txt").read_text().split() == ["tag", "translate", "translate"]
    assert not (folder / ".de.conll.label").exists()


def test_text_of_the_target_language_is_labelled_through_a_translation(folder, capsys):
    (folder / "de.txt").write_text("Ada ist in Rom\nAmina arbeitet in Kisumu\n")
    code, report, err = run(
        capsys, "de.txt", "-o", "de.parquet", *LANGUAGES, *MODELS, "--translate-fill", "source"
    )
    assert code == 0, err
    assert list(report["steps"]) == ["translate", "tag", "project"]
    assert labels(folder / "de.parquet") == [GERMAN_LABELS[0], GERMAN_LABELS[2]]


def test_given_labels_and_translations_are_used(folder, capsys, monkeypatch):
    heaps = []
    monkeypatch.setattr("xner.cli.label.one_heap", lambda: heaps.append(1))
    (folder / "de.txt").write_text("Ada ist in Rom\n\nAmina arbeitet in Kisumu\n")
    code, report, err = run(
        capsys, "en.txt", "de.txt", "-o", "de.parquet", "--tagger", "own_models:tag"
    )
    assert code == 0, err
    assert list(report["steps"]) == ["tag", "project"]
    assert labels(folder / "de.parquet") == GERMAN_LABELS
    xner.tag(xner.read("en.txt", side="source"), tagger="own_models:tag").write(
        "en.conll", side="source"
    )
    code, report, err = run(
        capsys, "en.conll", "-o", "x.conll", *LANGUAGES, "--translator", "own_models:translate"
    )
    assert code == 0, err
    assert list(report["steps"]) == ["translate", "project"]
    assert not heaps  # a stage runs a model
    assert run(capsys, "en.conll", "de.txt", "-o", "y.conll")[0] == 0
    assert heaps == [1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["en.txt", "--tagger", "own_models:tag"], ["--source-language is missing"]),
        (["en.txt", *LANGUAGES], ["model is missing"]),
        (
            ["en.txt", "en.txt", "--tagger", "own_models:tag", "--beams", "2"],
            ["--beams has no effect, because both sides are given"],
        ),
        (["en.conll", "two.txt", "--trim"], ["--trim has no effect, because the source has"]),
        (["en.txt", *LANGUAGES, *MODELS, "--method", "heuristic", "--max-span", "3"], ["--max-"]),
        (["en.txt", *LANGUAGES, *MODELS, "--report", "x.html"], ["--report needs all columns"]),
    ],
)  # fmt: skip
def test_bad_usage(folder, capsys, arguments, words):
    (folder / "en.conll").write_text("Ada\tB-PER\nis\tO\nin\tO\nRome\tB-LOC\n\nx\tO\n\n")
    (folder / "two.txt").write_text("Ada ist in Rom\nx\n")
    code, _, err = run(capsys, *arguments, "-o", "x.conll")
    assert code == 2, err
    assert len(err.strip().splitlines()) == 1
    for word in words:
        assert word in err
    assert not list(folder.glob(".x.conll*"))


def test_flags_that_stages_share_have_the_name_of_the_stage():
    flags = [flag for own in chain_flags().values() for flag in own.values()]
    assert len(flags) == len(set(flags))
    own = {name: set(flags.values()) for name, flags in chain_flags().items()}
    assert {"--tag-model", "--label", "--trim", "--tagger"} <= own["tag"]
    assert {"--translate-model", "--beams", "--source-language"} <= own["translate"]
    assert {"--project-model", "--aligner", "--method", "--max-span"} <= own["project"]


def test_settings_of_the_function_are_checked():
    pair = (["Ada"], [(0, 1, "PER")], ["Ada"])
    with pytest.raises(xner.UsageError, match="tag: labels has no effect, because the source has"):
        xner.label([pair], tag={"labels": {"PER": "P"}})
    with pytest.raises(xner.UsageError, match="tag: side cannot be set in a chain"):
        xner.label([pair], tag={"side": "target"})
    with pytest.raises(xner.UsageError, match="project: unknown"):
        xner.label([pair], project={"methd": "exact"})
    with pytest.raises(xner.UsageError, match="there is no target text"):
        xner.label(xner.read(TEXT_PATH, side="source"), translate={"fill": "source"})
    back = {"translator": FakeTranslator({"Rom": "Rome"}), "fill": "source"}
    out = xner.label(
        [["Rom"]],
        tag={"tagger": FakeTagger({"Rome": "LOC"})},
        translate={**back, "source_language": "en", "target_language": "de"},
    )
    assert [(e.text, e.label) for e in out[0].entities] == [("Rom", "LOC")]


TEXT_PATH = Path(xner.__file__).parent / "demo" / "en.conll"
