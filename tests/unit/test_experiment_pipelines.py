"""Pipelines of an experiment: from raw text to scores, with fake and real stages."""

import json

import pyarrow.parquet as pq
import pytest

import xner
from tests.fake_stages import FakeTag, FakeTranslate, Names, Nothing, Words
from tests.two_sentences import EN, cell, config, made
from xner import stages
from xner.experiments.pipelines import PIPELINES, Step
from xner.tagging.fake import FakeTagger
from xner.translation.fake import FakeTranslator

SPANS = {"candidates": {"tagger": FakeTagger({"EU": "ORG", "Peter": "PER", "Kisumu": "LOC"})}}
PARALLEL = {"given": {"links": "same.align"}}


@pytest.fixture
def fakes():
    stages.register(FakeTranslate)
    stages.register(FakeTag)
    english = {"Die": "The", "sagt": "says", "sieht": "sees"}
    names = {"EU": "ORG", "Peter": "PER", "Kisumu": "LOC"}
    return {"translate": {"translator": Words(english)}, "tag": {"tagger": Names(names)}}


def test_pipelines_from_raw_text_to_scores(two_sentences, fakes):
    (two_sentences / "same.align").write_text("0-0 1-1 2-2\n0-0 1-1 2-2\n")
    rows = ["translate-test", "translate-test/align-src", "translate-test/ngram", "model-transfer"]
    given = config(
        languages={"de": {"gold": "de.conll"}}, pipelines=rows, aligners=PARALLEL, stages=fakes
    )
    results = xner.run(given)
    assert [row.system for row in results.rows] == rows
    assert [cell(results, i).f1 for i in range(4)] == [1.0] * 4
    assert results.rows[3].aligner == ""
    assert made(results).count("translate") == fakes["translate"]["translator"].calls == 1
    assert made(results).count("tag") == 2  # the translation, and the target itself
    assert cell(results).signature.startswith("translate: ")
    [told] = (two_sentences / "out" / "store").glob("translate-*.json")
    told = json.loads(told.read_text())
    assert told["settings"] == {
        "fill": "source", "source_language": "en", "target_language": "de",
        "translator": "Words:words(3)",
    }  # fmt: skip
    assert told["counts"]["translation_outcome"] == {"ok": 2}
    # Another tagger leaves the translation and the links as they are.
    worse = {**fakes, "tag": {"tagger": Names({"EU": "ORG"})}}
    again = xner.run({**given, "stages": worse})
    assert set(made(again)) == {"tag", "project"}
    assert cell(again).f1 == pytest.approx(0.5)


def test_labels_are_made_where_there_is_nothing_to_score_on(two_sentences, fakes):
    (two_sentences / "same.align").write_text("0-0 1-1\n0-0 1-1 2-2\n")
    german = {"says": "sagt", "sees": "sieht"}
    results = xner.run(
        config(
            languages={"de": {"source": "en.conll"}},
            pipelines=["translate-project"],
            aligners=PARALLEL,
            stages={**fakes, "translate": {"translator": Words(german)}},
            write="conll",
        )
    )
    assert cell(results).f1 is None
    assert results.rows[0].mean.f1 is None
    assert cell(results).outcomes["projected"] == 3
    assert "| translate-project | given | – |" in (two_sentences / "out" / "results.md").read_text()
    labels = two_sentences / "out" / "labels" / "translate-project-given-de-seed1.conll"
    assert labels.read_text() == EN.replace("says", "sagt").replace("sees", "sieht")


def test_translate_train_by_the_real_stage(two_sentences):
    table = {"says": "sagt", "sees": "sieht"}
    (two_sentences / "same.align").write_text("0-0 1-1\n0-0 1-1 2-2\n")
    results = xner.run(
        config(
            languages={"deu": {"source": "en.conll"}},
            pipelines=["translate-project"],
            aligners=PARALLEL,
            stages={"translate": {"translator": FakeTranslator(table)}},
            write="conll",
        )
    )
    assert made(results) == ["read", "translate", "align", "project"]
    assert "eng_Latn>deu_Latn" in cell(results, language="deu").signature
    labels = two_sentences / "out" / "labels" / "translate-project-given-deu-seed1.conll"
    assert labels.read_text() == EN.replace("says", "sagt").replace("sees", "sieht")


@pytest.mark.parametrize("more", [{}, {"gold": "de.conll"}], ids=["alone", "beside gold"])
def test_easyproject_by_the_real_stage(two_sentences, more):
    """It makes text of its own, which the gold labels of another are not for."""
    given = {"translator": FakeTranslator({"says": "sagt", "sees": "sieht"}), "fallback": "none"}
    results = xner.run(
        config(
            languages={"deu": {"source": "en.conll", **more}},
            pipelines=["easyproject"],
            stages={"easyproject": given},
            write="conll",
        )
    )
    assert made(results) == ["read", "easyproject"]
    assert cell(results, language="deu").f1 is None
    assert cell(results, language="deu").outcomes["marked"] == 3
    assert "|markers:brackets|" in cell(results, language="deu").signature
    [labels] = (two_sentences / "out" / "labels").iterdir()
    assert labels.read_text() == EN.replace("says", "sagt").replace("sees", "sieht")


def test_the_back_translation_takes_the_place_of_the_source(two_sentences):
    given = {"translator": FakeTranslator({"says": "sagt", "sees": "sieht"})}
    results = xner.run(
        config(
            pipelines=["translate-test/align-tgt"],
            stages={"back_translate": given},
        )
    )
    assert made(results) == ["read", "back_translate", "align", "project"]
    assert cell(results).f1 == 1.0
    [path] = (two_sentences / "out" / "store").glob("back_translate-*.parquet")
    assert pq.read_table(path)["source_tokens"].to_pylist()[0] == ["EU", "sagt"]


def test_steps_whose_result_is_given_are_left_out(two_sentences, fakes):
    results = xner.run(config(pipelines=["translate-test"], stages=fakes))
    assert [step.stage for step in results.steps] == ["read", "align", "project"]
    (two_sentences / "en.txt").write_text("EU says\nPeter sees Kisumu\n")
    text = {"de": {"source": "en.txt", "gold": "de.conll"}}
    results = xner.run(config(pipelines=["translate-test"], stages=fakes, languages=text))
    assert made(results) == ["read", "tag", "align", "project"]
    assert cell(results).f1 == 1.0


def test_a_tagger_gives_candidates(two_sentences, monkeypatch):
    """The step alone: choosing among them is for the projection."""
    steps = PIPELINES["translate-test/ner"]
    monkeypatch.setitem(PIPELINES, "spans", tuple(s for s in steps if s.stage == "candidates"))
    results = xner.run(config(pipelines=["spans"], stages=SPANS))
    assert made(results) == ["read", "candidates"]
    [path] = (two_sentences / "out" / "store").glob("candidates-*.parquet")
    assert pq.read_table(path).to_pylist() == [
        {"target_candidates": [{"start": 1, "end": 2}]},
        {"target_candidates": [{"start": 0, "end": 1}, {"start": 2, "end": 3}]},
    ]
    assert cell(results).f1 is None


def test_what_a_step_need_not_make_is_not_missed(two_sentences, monkeypatch):
    """The tagger makes no probabilities here; a later step would read them if it did."""
    monkeypatch.setattr(Nothing, "seen", [])
    stages.register(Nothing)
    steps = (Step("candidates", "candidates"), Step("last", "nothing"))
    monkeypatch.setitem(PIPELINES, "spans", steps)
    results = xner.run(config(pipelines=["spans"], stages=SPANS))
    assert made(results) == ["read", "candidates", "nothing"]
    assert Nothing.seen == ["id", "target_tokens", "target_candidates"]


def test_steps_that_nothing_reads_are_left_out(two_sentences, fakes, monkeypatch):
    step = {step.stage: step for step in PIPELINES["translate-test"]}
    pipeline = (step["translate"], step["tag"], Step("transfer", "tag", {"side": "target"}))
    monkeypatch.setitem(PIPELINES, "both", pipeline)
    languages = {"de": {"gold": "de.conll"}}
    results = xner.run(config(pipelines=["both"], stages=fakes, languages=languages))
    assert [s.name for s in results.steps] == ["read", "transfer"]


def test_objects_must_say_what_they_are(two_sentences, fakes):
    stages_ = {**fakes, "translate": {"translator": object()}}
    given = config(
        languages={"de": {"gold": "de.conll"}}, pipelines=["translate-test"], stages=stages_
    )
    with pytest.raises(xner.UsageError, match="an object with `signature` and `translate`"):
        xner.run(given)


def test_a_stage_sees_only_what_it_declares(two_sentences, monkeypatch):
    monkeypatch.setattr(Nothing, "seen", [])
    monkeypatch.setattr(Nothing, "name", "tag")
    stages.register(Nothing)
    results = xner.run(config(pipelines=["model-transfer"]))
    assert set(Nothing.seen) == {"id", "target_tokens"}
    assert cell(results).f1 == 0.0


def test_stages_must_keep_rows_and_make_their_column(two_sentences):
    class Drops(FakeTag):
        def batches(self, corpus, report):
            return (batch.slice(1) for batch in super().batches(corpus, report))

    class Keeps(FakeTag):
        def schema(self, corpus):
            return corpus.schema

        def batches(self, corpus, report):
            return corpus.batches()

    given = config(pipelines=["model-transfer"], stages={"tag": {"tagger": Names({})}})
    stages.register(Drops)
    with pytest.raises(xner.InputError, match="step tag: the stage 'tag' gave 1 rows for 2"):
        xner.run(given)
    stages.register(Keeps)
    with pytest.raises(xner.InputError, match="made no column 'target_entities'"):
        xner.run(given)
    assert not list((two_sentences / "out" / "store").glob("*tag*"))
