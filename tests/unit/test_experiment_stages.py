"""Stages of experiments: refined links, settings of the score nmt, and corpora that stream."""

import json
from pathlib import Path

import pyarrow as pa
import pytest

import xner
from xner.columns import TOKENS
from xner.corpus import Corpus
from xner.stages import find_stage
from xner.stages.project import Project
from xner.tagging.fake import FakeTagger
from xner.translation.fake import FakeTranslator

EN = "EU\tB-ORG\nsays\tO\n\nPeter\tB-PER\nsees\tO\nKisumu\tB-LOC\n\n"
DE = "Die\tO\nEU\tB-ORG\nsagt\tO\n\nKisumu\tB-LOC\nsieht\tO\nPeter\tB-PER\n\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "en.conll").write_text(EN)
    (tmp_path / "de.conll").write_text(DE)
    (tmp_path / "few.align").write_text("1-2\n1-1\n")  # no name is linked
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(row, **changes):
    given = {
        "output": "out",
        "languages": {"de": {"source": "en.conll", "gold": "de.conll"}},
        "aligners": {"few": {"links": "few.align"}},
        "stages": {
            "back_translate": {"translator": FakeTranslator({"says": "sagt", "sees": "sieht"})}
        },
        "pipelines": [row],
    }
    return xner.run({**given, **changes})


def test_refined_links_are_a_step_of_their_own(folder):
    """The back-translation has the words of the target, so links go through it."""
    native = {"aligner": "native", "chains": 1}
    row = {"pipeline": "translate-test-refine", "refine": native}
    results = run(row)
    assert [s.stage for s in results.steps] == [
        "read", "back_translate", "align", "refine", "project",
    ]  # fmt: skip
    signature = results.rows[0].cells["de"].signature
    assert "refine(file(few.align),backoff,noisy-or,native(" in signature
    assert "|markers:none" in signature
    [path] = (folder / "out" / "store").glob("back_translate-*.json")
    assert json.loads(path.read_text())["columns"][0] == "back_tokens"
    # Another way to combine computes the links again, and nothing before them.
    again = run({**row, "refine": {**native, "combine": "average"}})
    assert [s.stage for s in again.steps if s.made] == ["refine", "project"]
    # Without settings of its own the step aligns as the row does.
    named = run("translate-test-refine", aligners={"native": {"chains": 1}}, seeds=[1, 2])
    assert named.rows[0].cells["de"].seeds == 2
    made = [s.stage for s in named.steps if s.made]
    assert made.count("refine") == made.count("align") == 2


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"refine": {"combine": "sum"}}, "combine is 'sum'; choose one of backoff, average"),
        ({"refine": {"paths": "max"}}, "paths is 'max'; choose one of noisy-or, sum"),
        ({"refine": {"links": "few.align"}}, "refine: unknown setting 'links'"),
        ({"refine": {"aligner": "nativ"}}, "nativ"),
        ({"refine": {"chain": 1}}, "chain"),
        ({"back_translate": {"beside": "yes"}}, "beside is 'yes'; it must be true or false"),
        ({"project": {"nmt": {"model": "m"}}}, "the score is not used"),
        ({"project": {"score": {"nmt": 1}}}, "needs a model and both languages"),
        (
            {"project": {"score": {"nmt": 1}, "nmt": {"device": "cpu"}}},
            "project: score nmt: model is missing",
        ),
        ({"project": {"score": {"nmt": 1}, "nmt": {"modle": "m"}}}, "modle"),
        ({"project": {"stop_tokens": ["a"]}}, "stop_tokens has no effect with candidates links"),
    ],
)
def test_settings_that_make_no_sense(folder, row, words):
    with pytest.raises(xner.UsageError, match=words):
        run({"pipeline": "translate-test-refine", **row})
    assert not (folder / "out").exists()


def test_the_model_of_a_score_is_found_beside_the_configuration(folder, monkeypatch):
    seen = []

    def stream(stage, corpus):
        seen.append(stage.nmt)
        raise xner.InputError("enough")

    monkeypatch.setattr(Project, "stream", stream)
    (folder / "tiny").mkdir()
    (folder / "tiny" / "config.json").write_text("{}")
    own = {"nmt": {"model": "tiny", "cache": "{language}.sqlite", "target_language": "deu"}}
    with pytest.raises(xner.InputError, match="enough"):
        run({"pipeline": "translate-test-nmt", "project": own})
    [options] = seen
    assert Path(options.model).resolve() == folder / "tiny"
    assert Path(options.cache).resolve() == folder / "de.sqlite"
    assert (options.source_language, options.target_language) == ("en", "deu")


STREAMED = {
    "translate": {
        "translator": FakeTranslator({}), "source_language": "en", "target_language": "de",
    },
    "tag": {"tagger": FakeTagger({"Peter": "PER"})},
}  # fmt: skip


@pytest.mark.parametrize("name", STREAMED)
def test_stages_do_not_hold_the_corpus(name):
    read = []

    def batches():
        for i in range(5):
            read.append(i)
            yield pa.RecordBatch.from_pydict({"source_tokens": pa.array([["Peter"]] * 2, TOKENS)})

    ten = Corpus(batches, 10, "ten", pa.schema({"source_tokens": TOKENS}))
    made = find_stage(name).of(STREAMED[name]).stream(ten)
    columns = made.columns
    assert not read
    stream = made.batches()
    assert next(stream).schema.names == columns
    assert max(read) < 4
    assert sum(batch.num_rows for batch in stream) == 8
    assert made.report.sentences == 10
    assert made.report.seconds > 0


NER_ROWS = [
    ("translate-test", {"candidates": "ngrams", "score": {"ner": 1}}),
    ("translate-test", {"candidates": "ngrams", "score": {"ner": 1, "alignment": 0.5}}),
    ("translate-test/ner", {"method": "exact", "score": {"ner": 1}}),
    ("translate-test/ngram", {"candidates": "ngrams", "score": {"ner_spans": 1, "ner": 1}}),
    ("project", {"candidates": "spans", "score": {"ner": 1}}),
    ("translate-test/back-ner", {"score": {"ner": 1}}),
    ("translate-test/back-ngram", {"candidates": "ngrams", "score": {"ner": 1}}),
]


@pytest.mark.parametrize(("pipeline", "project"), NER_ROWS)
def test_scores_of_a_tagger_get_its_probabilities(folder, pipeline, project):
    tagger = FakeTagger({"EU": "ORG", "Kisumu": "LOC", "Peter": "PER"})
    row = {"pipeline": pipeline, "project": project}
    results = run({**row, "candidates": {"tagger": tagger}})
    assert results.rows[0].cells["de"].f1 == 1.0
    assert [s.stage for s in results.steps if s.stage == "candidates"] == ["candidates"]
    # Without a tagger nothing is run; without the score, no tagger is needed.
    with pytest.raises(xner.UsageError, match="de: the step 'candidates': the tagger's model"):
        run(row, output="none")
    assert not list((folder / "none").rglob("[!r]*.parquet"))
    if pipeline == "project":
        plain = run("project", output="plain")
        assert [s.stage for s in plain.steps] == ["read", "align", "project"]


NER_FAULTS = [
    ({"pipeline": "translate-test/align-src", "project": {"score": {"ner": 1}, "method": "greedy"}},
     "needs the column 'target_probabilities', which neither the data nor a previous step"),
    ({"pipeline": "translate-project", "project": {"candidates": "spans"}},
     "needs the column 'target_candidates'"),
    ({"pipeline": "project", "project": {"ner_alpha": 1.2}}, "ner_alpha has no effect"),
    ({"pipeline": "project", "project": {"score": {"ner": 1}, "ner_alpha": 0.5}},
     "ner_alpha is 0.5; it must be at least 1"),
    ({"pipeline": "project", "candidates": {"model": "spacy:x"}, "project": {"score": {"ner": 1}}},
     "the step 'candidates': the tagger spacy gives no probabilities"),
]  # fmt: skip


@pytest.mark.parametrize(("row", "words"), NER_FAULTS)
def test_missing_probabilities_are_told_before_anything_is_made(folder, row, words):
    with pytest.raises((xner.UsageError, xner.InputError), match=words):
        run(row)
    assert not list(folder.rglob("[!r]*.parquet"))


def test_settings_of_the_ner_scores(folder):
    tagger = FakeTagger({"Kisumu sieht Peter": "PER", "EU": "ORG"}, confidence=0.6)
    tagged = xner.tag(
        xner.read("en.conll", "de.conll"), side="target", tagger=tagger, probabilities=True
    )

    def project(**options):
        # Entities of a second label score 0.1 a word, which the threshold leaves out.
        options = {"ner_threshold": 0.3, "candidates": "ngrams", "score": {"ner": 1.0}, **options}
        return xner.project(tagged, **options)

    plain = project()
    [found] = plain.table["target_entities"][1].as_py()
    assert (found["start"], found["end"]) == (0, 3)
    assert found["score"] == pytest.approx(0.6 * 1.15**2)
    assert "|ner_threshold:0.3|" in plain.report.signature
    for options, score in (({"ner_longest": 2}, 0.6 * 1.15), ({"ner_alpha": 2.0}, 0.6 * 4)):
        [found] = project(**options).table["target_entities"][1].as_py()
        assert found["score"] == pytest.approx(score)
    assert project(ner_threshold=0.9).table["target_entities"][1].as_py() == []
