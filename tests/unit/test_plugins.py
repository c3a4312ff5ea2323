"""Functions and objects of users as translators, taggers and aligners, by name and by argument."""

import pickle

import pyarrow as pa
import pytest

import xner
from tests.commands import run_json
from xner.aligners.custom import FunctionAligner
from xner.aligners.fake import FakeAligner
from xner.callables import ResultError, load
from xner.cli import main
from xner.cli.stage import LICENCE, licence_of
from xner.corpus import Corpus
from xner.stages import find_stage
from xner.tagging import Found
from xner.tagging.custom import FunctionTagger
from xner.translation.base import Translated
from xner.translation.custom import FunctionTranslator

pytest.importorskip("regex")

MODULE = """
from xner.tagging.fake import FakeTagger
from xner.translation.fake import FakeTranslator

NAMES = FakeTagger({"Ada": "PER", "Rome": "LOC"})


class Words(FakeTranslator):
    def __init__(self):
        super().__init__({"in": "a"})


def translate(texts, source, target):
    return [f"{target.bcp47}: {text}" for text in texts]


def tag(sentences):
    return [[(i, i + 1, "NAME") for i, w in enumerate(s) if w[0].isupper()] for s in sentences]


def bio(sentences):
    return [["B-NAME" if word[0].isupper() else "O" for word in words] for words in sentences]


def diagonal(source, target):
    return [
        [(i, i, 0.5) for i in range(min(len(s), len(t)))] for s, t in zip(source, target)
    ]


def short(items, *languages):
    return items[1:]


def divides(sentences):
    return [1 / 0 for _ in sentences]


class Table:
    def __init__(self, words):
        self.words = words


NUMBER = 3
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working folder, with the module `mine` of a user."""
    (tmp_path / "mine.py").write_text(MODULE)
    (tmp_path / "bad_mine.py").write_text("import no_such_package_of_mine")
    (tmp_path / "en.txt").write_text("Ada is in Rome\n\nshe works\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*__import__("sys").path])
    yield tmp_path
    for name in ("mine", "bad_mine"):
        __import__("sys").modules.pop(name, None)


def test_functions_by_name_from_text_to_projection(folder, capsys):
    languages = ("--source-language", "en", "--target-language", "it")
    code, report, err = run_json(capsys, "tag", "en.txt", "-o", "en.jsonl", "--tagger", "mine:tag",
                            "--label", "NAME=PER")  # fmt: skip
    assert (code, err, report["entities"]) == (0, "", {"PER": 2})
    assert "function(mine:tag#" in report["signature"]
    assert "labels:NAME=PER" in report["signature"]
    code, report, err = run_json(capsys, "translate", "en.jsonl", "-o", "both.jsonl", *languages,
                            "--translator", "mine:Words")  # fmt: skip
    assert (code, err) == (0, "")
    assert (report["outcomes"]["translated"], report["outcomes"]["empty_input"]) == (2, 1)
    code, report, err = run_json(capsys, "align", "both.jsonl", "-o", "both.align",
                            "--aligner", "mine:diagonal")  # fmt: skip
    assert (code, err, report["links"]) == (0, "", 6)
    assert (folder / "both.align").read_text().splitlines()[0].startswith("0-0")
    code, report, err = run_json(capsys, "project", "both.jsonl", "-o", "it.conll",
                            "--aligner", "mine:diagonal")  # fmt: skip
    assert (code, err, report["outcomes"]["projected"]) == (0, "", 2)
    assert "Ada\tB-PER\nis\tO\na\tO\nRome\tB-PER" in (folder / "it.conll").read_text()


def test_the_licence_of_nllb_is_not_that_of_other_translators(folder, capsys):
    languages = ("--source-language", "en", "--target-language", "it")
    named = ("--translator", "mine:translate", *languages)
    assert main(["translate", "en.txt", "-o", "both.jsonl", *named]) == 0
    assert main(["label", "en.txt", "-o", "it.conll", "--tagger", "mine:tag", *named]) == 0
    assert "CC-BY-NC" not in capsys.readouterr().out
    for given, licence in (
        ({}, LICENCE),
        ({"translator": "ctranslate2"}, LICENCE),
        ({"model": "facebook/m2m100_418M"}, ""),
    ):
        stage = find_stage("translate")(source_language="en", target_language="it", **given)
        assert licence_of(stage) == licence


def test_tags_objects_and_functions_give_the_same(folder):
    corpus = xner.read("en.txt", side="source")
    by_name = xner.tag(corpus, tagger="mine:bio").table["source_entities"]
    assert xner.tag(corpus, tagger=load("mine:tag", "tagger")).table["source_entities"] == by_name
    named = xner.tag(corpus, tagger="mine:NAMES", labels={"PER": None}, probabilities=True)
    assert named.report.entities == {"LOC": 1}
    assert named.table["source_tagset"][0].as_py() == ["O", "B-LOC", "I-LOC"]
    renamed = xner.tag(corpus, tagger="mine:tag", labels={"NAMES": "PER", "NAME": None}).report
    assert (renamed.renamed, renamed.entities) == ({"NAMES": 0, "NAME": 2}, {})
    assert ("labels to rename that never occurred", "NAMES") in renamed.rows()
    spans = xner.candidates(xner.read("en.txt", side="target"), tagger="mine:tag")
    assert spans.table["target_candidates"].to_pylist()[0][1] == {"start": 3, "end": 4}
    with pytest.raises(xner.UsageError, match=r"mine:tag.* gives no probabilities"):
        xner.tag(corpus, tagger="mine:tag", probabilities=True)


NAMES = [
    ("nothere:tag", "no module 'nothere' in the working folder"),
    ("mine:absent", "module mine has no 'absent'"),
    ("bad_mine:tag", "imports 'no_such_package_of_mine', which is not installed"),
    ("mine:NUMBER", "tagger is 3; it must be a function, or an object"),
    ("mine:Table", "mine:Table: the class is called without arguments (missing a required"),
    ("mine", "choose one of checkpoint, spacy, gliner, llm, or module:name"),
]


@pytest.mark.parametrize(("name", "words"), NAMES)
def test_names_that_are_none(folder, capsys, name, words):
    code, _, err = run_json(capsys, "tag", "en.txt", "-o", "o.jsonl", "--tagger", name)
    assert code == 2
    assert words in err
    assert err.count("\n") == 1


WORDS = [["Ada", "is", "in"], [], ["Rome"]]
SENTENCES = Corpus.from_table(
    pa.table({"id": ["a", "b", "c"], "source_tokens": WORDS, "target_tokens": WORDS})
)
TAGS = [
    (lambda s: [[], [(0, 2, "X")]], r"sentence 'c': .*\[0, 2\) is out of bounds: there are 1"),
    (lambda s: [[(1, 1, "X")], []], r"sentence 'a': .*\[1, 1\) is out of bounds"),
    (lambda s: [[("0", 1, "X")], []], "sentence 'a': .*bounds that are not integers"),
    (lambda s: [[], [(0, 1, "")]], "sentence 'c': .*label ''"),
    (lambda s: [[], [(0, 1, "X", float("nan"))]], "sentence 'c': .*score nan"),
    (lambda s: [[], [(0, 1)]], r"sentence 'c': \(0, 1\) is not an entity"),
    (lambda s: [["O"], []], "sentence 'a': there are 1 tags for 3 words"),
    (lambda s: [["O", "B", "O"], []], "sentence 'a': 'B' is not a tag"),
    (lambda s: [None, []], "sentence 'a': the result is None; it must be a list"),
    (lambda s: s[1:], "sentence 'a': returned 1 results for 2 inputs"),
    (lambda s: None, "sentence 'a': returned no list"),
]


@pytest.mark.parametrize(("function", "words"), TAGS)
def test_entities_of_a_function_are_checked(function, words):
    with pytest.raises(xner.UsageError, match=rf"the tagger function\(.*\): {words}"):
        xner.tag(SENTENCES, tagger=function)


LINKS = [
    (lambda s, t: [[(0, 3)], []], "sentence 'a': the link .0, 3. is out of bounds: .* 3 and 3"),
    (lambda s, t: [[], [(0, -1)]], "sentence 'c': the link .0, -1. is out of bounds"),
    (lambda s, t: [[(0, 0), (0, 0, 0.5)], []], "sentence 'a': the link 0-0 is given twice"),
    (
        lambda s, t: [[(0, 0, -1)], []],
        "sentence 'a': .* weight that is not a number, or is below 0",
    ),
    (lambda s, t: [[], ["0-0"]], "sentence 'c': the link '0-0' is not a pair of words"),
    (lambda s, t: [[]], "sentence 'a': returned 1 results for 2 inputs"),
]


@pytest.mark.parametrize(("function", "words"), LINKS)
def test_links_of_a_function_are_checked(function, words):
    with pytest.raises(xner.UsageError, match=rf"the aligner function\(.*\): {words}"):
        xner.align(SENTENCES, aligner=function)


class Translator:
    signature = "mine"

    def __init__(self, results):
        self.results = results

    def translate(self, texts, source, target):
        list(texts)
        yield from self.results


ONE = Translated("x", "translated")
TEXTS = [
    (lambda t, a, b: [1, "x"], "sentence 'a': the translation is 1; it must be text"),
    (lambda t, a, b: ["x", None], "sentence 'c': the translation is None"),
    (lambda t, a, b: ["x"], "sentence 'a': returned 1 results for 2 inputs"),
    (Translator([ONE, ONE]), "sentence 'c': has no translation"),
    (Translator([ONE] * 4), "sentence 'c': is followed by a result too many"),
    (
        lambda t, a, b: ["x", "\ud83d"],
        r"sentence 'c': the translation is '\\ud83d', which has half",
    ),
    (Translator([Translated("x", "fine")]), "sentence 'a': the outcome is 'fine'"),
]


@pytest.mark.parametrize(("translator", "words"), TEXTS)
def test_translations_are_checked(translator, words):
    corpus = SENTENCES.select("id", "source_tokens")
    with pytest.raises(xner.UsageError, match=f"the translator .*: {words}"):
        xner.translate(corpus, "en", "de", translator=translator)


def test_overlapping_entities_do_not_fit_tags(folder, capsys):
    (folder / "mine.py").write_text(
        "def tag(s):\n    return [[(0, 1, 'A'), (0, 1, 'B')] for _ in s]"
    )
    code, _, err = run_json(capsys, "tag", "en.txt", "-o", "o.conll", "--tagger", "mine:tag")
    assert (code, err.count("\n")) == (1, 1)
    assert "error: o.conll: sentence 'en-0' has entities that overlap" in err


def test_functions_translate_marked_text_too():
    rows = {
        "source_tokens": [["Ada", "left"]],
        "source_entities": [[{"start": 0, "end": 1, "label": "PER"}]],
    }
    out = xner.easyproject(
        Corpus.from_table(pa.table(rows)), "en", "de", translator=lambda t, a, b: list(t)
    )
    assert out.table["target_entities"].to_pylist()[0][0]["label"] == "PER"


def test_adapters_name_the_function_and_its_code():
    def first(sentences):
        return []

    def second(sentences):
        return [[]]

    one, other = FunctionTagger(first).signature, FunctionTagger(second).signature
    assert "first#" in one
    assert one.split("#")[1] != other.split("#")[1]
    assert FunctionAligner(print).signature == "function(builtins:print)"
    assert FunctionTranslator(len).signature == "function(builtins:len)"
    assert list(FunctionTagger(first).tag([[]])) == [Found((), windows=0)]
    error = pickle.loads(pickle.dumps(ResultError("the tagger x", 4, "is odd")))
    assert str(error) == "the tagger x: sentence 5: is odd"
    assert error.row == 4


def test_experiments_run_functions_again_when_their_code_changes(folder):
    (folder / "de.conll").write_text("Ada\tB-NAME\nist\tO\nin\tO\nRom\tB-NAME\n\n")
    config = {
        "languages": {"de": {"gold": "de.conll"}},
        "pipelines": [{"pipeline": "model-transfer", "tag": {"tagger": "mine:tag"}}],
        "bootstrap": {"samples": 10},
    }
    first = xner.run(config)
    assert first.rows[0].cells["de"].f1 == 1.0
    assert [step.made for step in xner.run(config).steps if step.name == "tag"] == [False]
    (folder / "mine.py").write_text(MODULE.replace("isupper()", "isdigit() is True"))
    __import__("sys").modules.pop("mine")
    __import__("linecache").clearcache()
    again = xner.run(config)
    assert [step.made for step in again.steps if step.name == "tag"] == [True]
    assert again.rows[0].cells["de"].f1 == 0.0


def test_the_fake_aligner_links_by_its_word_list():
    pairs = [(["the", "dog", "Rex"], ["Rex", "der", "Hund"]), ([], ["x"])]
    out = xner.align([(s, [], t) for s, t in pairs], aligner=FakeAligner({"dog": "Hund"}))
    found = [[(link["source"], link["target"]) for link in row]
             for row in out.table["links"].to_pylist()]  # fmt: skip
    assert found == [[(1, 2), (2, 0)], []]
    assert out.report.signature.startswith("fake(1#")


def test_errors_in_functions_stay_and_name_the_function(folder):
    with pytest.raises(ZeroDivisionError) as caught:
        xner.tag("en.txt", tagger="mine:divides")
    (note,) = caught.value.__notes__
    assert "the tagger function(mine:divides#" in note
    assert "called with 2 inputs; the first one is sentence 1" in note


def test_errors_of_functions_in_experiments_name_the_step(folder):
    (folder / "en.conll").write_text("Ada\tB-PER\nleft\tO\n\n")
    config = {
        "languages": {"it": {"source": "en.conll"}},
        "pipelines": [{"pipeline": "easyproject", "easyproject": {"translator": "mine:short"}}],
    }
    words = r"easyproject, language it, step easyproject: the translator function\(mine:short#"
    with pytest.raises(xner.UsageError, match=words):
        xner.run(config)
