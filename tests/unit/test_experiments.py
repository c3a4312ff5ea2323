"""Running experiments: what is scored, what is kept, and what is computed again."""

import csv
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import xner
from xner import stages
from xner.columns import ENTITIES, TOKENS
from xner.experiments.pipelines import PIPELINES, Step
from xner.options import declare, option
from xner.stages import Columns, Stage
from xner.stages.align import Align
from xner.stages.tag import Tag
from xner.stages.translate import Translate
from xner.tagging.fake import FakeTagger
from xner.translation.fake import FakeTranslator

DEMO = Path(xner.__file__).parent / "demo"
EN = "EU\tB-ORG\nsays\tO\n\nPeter\tB-PER\nsees\tO\nKisumu\tB-LOC\n\n"
DE = "Die\tO\nEU\tB-ORG\nsagt\tO\n\nKisumu\tB-LOC\nsieht\tO\nPeter\tB-PER\n\n"
LINKS = "0-1 1-2\n0-2 1-1 2-0\n"
WRONG = "0-0 1-2\n0-2 1-1 2-0\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "en.conll").write_text(EN)
    (tmp_path / "de.conll").write_text(DE)
    (tmp_path / "de.align").write_text(LINKS)
    (tmp_path / "wrong.align").write_text(WRONG)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def registry(monkeypatch):
    monkeypatch.setattr(stages, "_REGISTERED", {})


def config(**changes):
    given = {
        "output": "out",
        "languages": {"de": {"source": "en.conll", "gold": "de.conll"}},
        "aligners": {"given": {"links": "de.align"}},
        "pipelines": [{"pipeline": "project", "project": {"preset": "paper-greedy"}}],
    }
    return {**given, **changes}


def made(results):
    return [step.stage for step in results.steps if step.made]


def cell(results, system=0, language="de"):
    return results.rows[system].cells[language]


def test_a_row_is_scored_like_evaluate(folder):
    aligners = {"given": {"links": "de.align"}, "wrong": {"links": "wrong.align"}}
    results = xner.run(config(aligners=aligners, write="conll", ignore=["LOC"]))
    assert [(row.system, row.aligner) for row in results.rows] == [
        ("project", "given"),
        ("project", "wrong"),
    ]
    assert cell(results).f1 == 1.0
    for row in results.rows:
        labels = folder / "out" / "labels" / f"project-{row.aligner}-de-seed1.conll"
        wanted = xner.evaluate("de.conll", labels, ignore=["LOC"])
        own = row.cells["de"]
        assert (own.f1, own.precision, own.recall) == (
            wanted.f1,
            wanted.precision,
            wanted.recall,
        )
        assert {name: s.f1 for name, s in own.labels.items()} == {
            name: s.f1 for name, s in wanted.labels.items()
        }
    worse = cell(results, 1)
    assert worse.f1 == 0.5
    assert worse.difference == -0.5
    assert worse.difference_low <= -0.5 <= worse.difference_high <= 0.0
    assert worse.low <= 0.5 <= worse.high
    assert "aligner:file(wrong.align)" in worse.signature
    assert "ignore:LOC" in results.signature
    assert worse.outcomes["projected"] == 3


def test_labels_of_rows_that_differ_in_signs_alone_are_kept_apart(folder):
    row = {"pipeline": "project", "project": {"preset": "paper-greedy"}}
    rows = [{**row, "name": name} for name in ("a b", "a/b", "a <=1")]
    xner.run(config(pipelines=rows, write="conll"))
    assert sorted(path.name for path in (folder / "out" / "labels").iterdir()) == [
        "a-at-most-1-given-de-seed1.conll",
        "a-b-given-de-seed1-2.conll",
        "a-b-given-de-seed1.conll",
    ]


def test_files_of_results(folder):
    languages = {name: {"source": "en.conll", "gold": "de.conll"} for name in ("de", "ds")}
    published = [{"name": "paper", "f1": {"de": 0.5}}, {"name": "both", "f1": {"de": 1, "ds": 0.5}}]
    results = xner.run(config(languages=languages, published=published, title="T | t"))
    page = (folder / "out" / "results.md").read_text()
    assert page.startswith("# T | t\n")
    assert "| project | given | 1.000 [1.000, 1.000] | 1.000 [1.000, 1.000] |" in page
    assert "| published: paper | – | .500 | – | – |" in page
    assert "| published: both | – | 1.000 | .500 | .750 |" in page
    assert f"`{cell(results).signature}`" in page
    assert json.loads((folder / "out" / "results.json").read_text()) == results.as_dict()
    with (folder / "out" / "results.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [(x["language"], x["label"], x["f1"]) for x in lines[:4]] == [
        ("de", "all", "1.0"), ("de", "LOC", "1.0"), ("de", "ORG", "1.0"), ("de", "PER", "1.0"),
    ]  # fmt: skip
    assert lines[0]["gold"] == "3"
    assert lines[-1]["language"] == "mean"


def test_what_is_there_is_not_made_again(folder):
    assert made(xner.run(config())) == ["read", "align", "project"]
    times = {p: p.stat().st_mtime_ns for p in (folder / "out" / "store").iterdir()}
    again = xner.run(config(title="another", ignore=["LOC"]))
    assert made(again) == []
    assert [step.stage for step in again.steps] == ["read", "align", "project"]
    assert {p: p.stat().st_mtime_ns for p in (folder / "out" / "store").iterdir()} == times
    assert set(cell(again).labels) == {"ORG", "PER"}


CHANGES = {
    "a setting of the last step": (
        {"pipelines": [{"pipeline": "project", "project": {"method": "exact"}}]},
        ["project"],
    ),
    "other links": ({"aligners": {"given": {"links": "wrong.align"}}}, ["align", "project"]),
    "the same text elsewhere": (
        {"languages": {"x": {"source": "a/en.conll", "gold": "a/de.conll"}}},
        [],
    ),
    "another text": (
        {"languages": {"x": {"source": "a/en.conll", "gold": "other.conll"}}},
        ["read", "align", "project"],
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_makes_what_depends_on_it(folder, change):
    (folder / "a").mkdir()
    (folder / "a" / "en.conll").write_text(EN)
    (folder / "a" / "de.conll").write_text(DE)
    (folder / "other.conll").write_text(DE.replace("sagt", "sagte"))
    xner.run(config())
    changes, wanted = CHANGES[change]
    assert made(xner.run(config(**changes))) == wanted


def test_changed_content_of_a_file_counts(folder):
    xner.run(config())
    (folder / "de.align").write_text(WRONG)
    results = xner.run(config())
    assert made(results) == ["align", "project"]
    assert cell(results).f1 < 1.0
    (folder / "de.align").write_text(LINKS)
    assert made(xner.run(config())) == []  # what it was made of is still there


def test_rows_share_what_they_have_in_common(folder):
    rows = [{"pipeline": "project", "project": {"max_span": [1, 2, 3]}}]
    results = xner.run(config(pipelines=[*rows, "translate-test"]))
    assert made(results).count("align") == 1
    assert made(results).count("project") == 4


@pytest.mark.parametrize("damage", ["cut", "no manifest", "no columns", "half a manifest"])
def test_half_a_step_is_not_taken_for_whole(folder, damage):
    xner.run(config())
    [columns] = (folder / "out" / "store").glob("align-*.parquet")
    manifest = columns.with_suffix(".json")
    if damage == "cut":
        columns.write_bytes(columns.read_bytes()[:-20])
    elif damage == "no columns":
        columns.unlink()
    elif damage == "no manifest":
        manifest.unlink()
    else:
        manifest.write_text(manifest.read_text()[:100])
    results = xner.run(config())
    assert made(results) == ["align"]
    assert cell(results).f1 == 1.0


def test_manifests_tell_what_made_the_columns(folder):
    xner.run(config())
    [path] = (folder / "out" / "store").glob("project-*.json")
    told = json.loads(path.read_text())
    assert told["columns"] == ["target_entities", "outcomes", "solution"]
    assert told["counts"]["outcomes"] == {"projected": 3}
    assert told["counts"]["target_entities"] == 3
    assert told["settings"] == {"preset": "paper-greedy"}
    assert told["summary"]["entities"] == 3
    assert told["signature"] == told["summary"]["signature"]
    assert (told["rows"], told["language"], told["seed"]) == (2, "de", None)
    assert {"xner", "python", "pyarrow"} <= set(told["versions"])
    assert told["seconds"] > 0
    [read] = (folder / "out" / "store").glob("read-*.json")
    files = json.loads(read.read_text())["settings"]
    assert files["source"]["file"].startswith("en.conll:sha256:")
    assert set(told["inputs"]) == {
        "id", "source_tokens", "source_entities", "target_tokens", "links",
    }  # fmt: skip


# Fakes: a translator by dictionary, a tagger by list, as objects that stages are given.


@dataclass
class Words:
    """Translates word by word."""

    table: dict
    calls: int = 0

    @property
    def signature(self):
        return f"words({len(self.table)})"

    def translate(self, texts, source, target):
        """Only the custom stage translates, with the table."""


@dataclass
class Names:
    """Tags words that it knows."""

    labels: dict
    tags = ()

    @property
    def signature(self):
        return f"names({'+'.join(sorted(self.labels))})"

    def tag(self, sentences):
        """Only the custom stage tags, with the labels."""


class FakeTranslate(Translate):
    """Fills a side with the translator's words."""

    def schema(self, corpus):
        return added(corpus.schema, {f"{self.fill}_tokens": TOKENS, "translation_outcome": TEXT})

    def batches(self, corpus, report):
        self.translator.calls += 1

        def more(row):
            words = [self.translator.table.get(word, word) for word in row[f"{self.given}_tokens"]]
            return {f"{self.fill}_tokens": words, "translation_outcome": "ok" if words else "empty"}

        return with_columns(corpus, more, self.schema(corpus))


class FakeTag(Tag):
    """Labels the words that the tagger knows."""

    def batches(self, corpus, report):
        labels = self.tagger.labels

        def more(row):
            words = enumerate(row[f"{self.side}_tokens"])
            return {
                f"{self.side}_entities": [
                    {"start": i, "end": i + 1, "label": labels[word]}
                    for i, word in words
                    if word in labels
                ]
            }

        return with_columns(corpus, more, self.schema(corpus))


@declare
class Nothing(Stage):
    """Finds no entity, and records the columns that it is given."""

    name: ClassVar[str] = "nothing"
    seen: ClassVar[list] = []

    side: str = option("target", "Side to tag.")

    @property
    def columns(self):
        uses = ("target_candidates", "target_probabilities", "target_tagset")
        return Columns(("target_tokens",), ("target_entities",), uses)

    def schema(self, corpus):
        return added(corpus.schema, {"target_entities": ENTITIES})

    def batches(self, corpus, report):
        self.seen.extend(corpus.columns)
        return with_columns(corpus, lambda row: {"target_entities": []}, self.schema(corpus))


TEXT = pa.string()


def added(schema, types):
    return pa.schema([*schema, *(pa.field(name, kind) for name, kind in types.items())])


def with_columns(corpus, more, schema):
    for batch in corpus.batches():
        rows = [{**row, **more(row)} for row in batch.to_pylist()]
        yield pa.RecordBatch.from_pylist(rows, schema)


@pytest.fixture
def fakes():
    stages.register(FakeTranslate)
    stages.register(FakeTag)
    english = {"Die": "The", "sagt": "says", "sieht": "sees"}
    names = {"EU": "ORG", "Peter": "PER", "Kisumu": "LOC"}
    return {"translate": {"translator": Words(english)}, "tag": {"tagger": Names(names)}}


SPANS = {"candidates": {"tagger": FakeTagger({"EU": "ORG", "Peter": "PER", "Kisumu": "LOC"})}}
PARALLEL = {"given": {"links": "same.align"}}


def test_pipelines_from_raw_text_to_scores(folder, fakes):
    (folder / "same.align").write_text("0-0 1-1 2-2\n0-0 1-1 2-2\n")
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
    [told] = (folder / "out" / "store").glob("translate-*.json")
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


def test_labels_are_made_where_there_is_nothing_to_score_on(folder, fakes):
    (folder / "same.align").write_text("0-0 1-1\n0-0 1-1 2-2\n")
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
    assert "| translate-project | given | – |" in (folder / "out" / "results.md").read_text()
    labels = folder / "out" / "labels" / "translate-project-given-de-seed1.conll"
    assert labels.read_text() == EN.replace("says", "sagt").replace("sees", "sieht")


def test_translate_train_by_the_real_stage(folder):
    table = {"says": "sagt", "sees": "sieht"}
    (folder / "same.align").write_text("0-0 1-1\n0-0 1-1 2-2\n")
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
    labels = folder / "out" / "labels" / "translate-project-given-deu-seed1.conll"
    assert labels.read_text() == EN.replace("says", "sagt").replace("sees", "sieht")


@pytest.mark.parametrize("more", [{}, {"gold": "de.conll"}], ids=["alone", "beside gold"])
def test_easyproject_by_the_real_stage(folder, more):
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
    [labels] = (folder / "out" / "labels").iterdir()
    assert labels.read_text() == EN.replace("says", "sagt").replace("sees", "sieht")


def test_the_back_translation_takes_the_place_of_the_source(folder):
    given = {"translator": FakeTranslator({"says": "sagt", "sees": "sieht"})}
    results = xner.run(
        config(
            pipelines=["translate-test/align-tgt"],
            stages={"back_translate": given},
        )
    )
    assert made(results) == ["read", "back_translate", "align", "project"]
    assert cell(results).f1 == 1.0
    [path] = (folder / "out" / "store").glob("back_translate-*.parquet")
    assert pq.read_table(path)["source_tokens"].to_pylist()[0] == ["EU", "sagt"]


def test_steps_whose_result_is_given_are_left_out(folder, fakes):
    results = xner.run(config(pipelines=["translate-test"], stages=fakes))
    assert [step.stage for step in results.steps] == ["read", "align", "project"]
    (folder / "en.txt").write_text("EU says\nPeter sees Kisumu\n")
    text = {"de": {"source": "en.txt", "gold": "de.conll"}}
    results = xner.run(config(pipelines=["translate-test"], stages=fakes, languages=text))
    assert made(results) == ["read", "tag", "align", "project"]
    assert cell(results).f1 == 1.0


def test_a_tagger_gives_candidates(folder, monkeypatch):
    """The step alone: choosing among them is for the projection."""
    steps = PIPELINES["translate-test/ner"]
    monkeypatch.setitem(PIPELINES, "spans", tuple(s for s in steps if s.stage == "candidates"))
    results = xner.run(config(pipelines=["spans"], stages=SPANS))
    assert made(results) == ["read", "candidates"]
    [path] = (folder / "out" / "store").glob("candidates-*.parquet")
    assert pq.read_table(path).to_pylist() == [
        {"target_candidates": [{"start": 1, "end": 2}]},
        {"target_candidates": [{"start": 0, "end": 1}, {"start": 2, "end": 3}]},
    ]
    assert cell(results).f1 is None


def test_what_a_step_need_not_make_is_not_missed(folder, monkeypatch):
    """The tagger makes no probabilities here; a later step would read them if it did."""
    monkeypatch.setattr(Nothing, "seen", [])
    stages.register(Nothing)
    steps = (Step("candidates", "candidates"), Step("last", "nothing"))
    monkeypatch.setitem(PIPELINES, "spans", steps)
    results = xner.run(config(pipelines=["spans"], stages=SPANS))
    assert made(results) == ["read", "candidates", "nothing"]
    assert Nothing.seen == ["id", "target_tokens", "target_candidates"]


def test_steps_that_nothing_reads_are_left_out(folder, fakes, monkeypatch):
    step = {step.stage: step for step in PIPELINES["translate-test"]}
    pipeline = (step["translate"], step["tag"], Step("transfer", "tag", {"side": "target"}))
    monkeypatch.setitem(PIPELINES, "both", pipeline)
    languages = {"de": {"gold": "de.conll"}}
    results = xner.run(config(pipelines=["both"], stages=fakes, languages=languages))
    assert [s.name for s in results.steps] == ["read", "transfer"]


def test_objects_must_say_what_they_are(folder, fakes):
    stages_ = {**fakes, "translate": {"translator": object()}}
    given = config(
        languages={"de": {"gold": "de.conll"}}, pipelines=["translate-test"], stages=stages_
    )
    with pytest.raises(xner.UsageError, match="an object with `signature` and `translate`"):
        xner.run(given)


def test_a_stage_sees_only_what_it_declares(folder, monkeypatch):
    monkeypatch.setattr(Nothing, "seen", [])
    monkeypatch.setattr(Nothing, "name", "tag")
    stages.register(Nothing)
    results = xner.run(config(pipelines=["model-transfer"]))
    assert set(Nothing.seen) == {"id", "target_tokens"}
    assert cell(results).f1 == 0.0


def test_stages_must_keep_rows_and_make_their_column(folder):
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
    assert not list((folder / "out" / "store").glob("*tag*"))


def test_seeds_are_averaged(folder):
    demo = {"de": {"source": str(DEMO / "en.conll"), "gold": str(DEMO / "de.conll")}}
    aligners = {"native": {"chains": 1}}
    rows = [{"pipeline": "project", "project": {"preset": "paper-greedy"}}]
    given = config(languages=demo, aligners=aligners, pipelines=rows, bootstrap={"samples": 50})
    single = [cell(xner.run({**given, "seeds": [seed]})) for seed in (1, 2)]
    assert single[0].f1 != single[1].f1
    assert single[0].deviation is None
    both = xner.run({**given, "seeds": [1, 2]})
    assert made(both) == []
    assert cell(both).seeds == 2
    assert cell(both).f1 == pytest.approx((single[0].f1 + single[1].f1) / 2)
    spread = abs(single[0].f1 - single[1].f1) / 2**0.5
    assert cell(both).deviation == pytest.approx(spread)
    assert cell(both).low < cell(both).f1 < cell(both).high
    assert "±" in (folder / "out" / "results.md").read_text()


def test_an_aligner_that_is_missing_may_be_optional(folder, monkeypatch):
    monkeypatch.setattr("xner.aligners.outside.find_spec", lambda name: None)
    aligners = {"given": {"links": "de.align"}, "eflomal": {"optional": True}}
    mine = {"pipeline": "project", "name": "mine", "aligners": ["eflomal"]}
    results = xner.run(
        config(aligners=aligners, pipelines=["project", mine], compare=[["mine", "project"]])
    )
    assert [row.aligner for row in results.rows] == ["given"]
    assert results.compared == ()
    assert results.notes[0].startswith("Left out: eflomal (the package 'eflomal' is not installed")
    assert results.notes[0] in (folder / "out" / "results.md").read_text()
    with pytest.raises(xner.MissingExtraError, match="pip install"):
        xner.run(config(aligners=["eflomal"]))


def test_a_comparison_tells_another_aligner(folder):
    aligners = {"one": {"links": "de.align"}, "other": {"links": "de.align"}}
    rows = [{"pipeline": "project", "name": f"by {name}", "aligners": [name]} for name in aligners]
    given = config(aligners=aligners, pipelines=[*rows, "project"])
    results = xner.run({**given, "compare": [["by other", "by one"], ["project", "by other"]]})
    assert [(row.system, row.aligner) for row in results.compared] == [
        ("by other − by one (one)", "other"),
        ("project − by other (other)", "one"),
        ("project − by other", "other"),
    ]


def test_an_aligner_that_varies_is_run_for_each_seed(folder, monkeypatch):
    given = []

    def stream(stage, corpus):
        given.append(stage)
        return real(Align(chains=1, seed=len(given)), corpus)

    real = Align.stream
    monkeypatch.setattr(Align, "stream", stream)
    monkeypatch.setattr(Align, "require", lambda stage: None)
    results = xner.run(config(aligners=["eflomal", "fast_align"], seeds=[1, 2]))
    assert [cell(results, row).seeds for row in (0, 1)] == [2, 1]
    assert [stage.aligner for stage in given] == ["eflomal", "eflomal", "fast_align"]
    assert all(stage.seed is None for stage in given)


# What is left when a run dies.

FAILING = """
import os, signal
import xner
from xner.stages import register
from xner.stages.project import Project


class Dies(Project):
    def batches(self, corpus, report):
        for batch in super().batches(corpus, report):
            yield batch
            {death}


register(Dies)
xner.run("c.yaml")
"""
YAML = """
output: out
languages: {de: {source: en.conll, gold: de.conll}}
aligners: {given: {links: de.align}}
pipelines: [project]
"""


@pytest.mark.parametrize("death", ["os.kill(os.getpid(), signal.SIGKILL)", "raise OSError('full')"])
def test_a_run_that_dies_goes_on_where_it_was(folder, death):
    (folder / "c.yaml").write_text(YAML)
    environment = {**os.environ, "PYTHONPATH": str(Path(xner.__file__).parents[1])}
    died = subprocess.run(
        [sys.executable, "-c", FAILING.replace("{death}", death)],
        capture_output=True, text=True, env=environment, check=False,
    )  # fmt: skip
    store = folder / "out" / "store"
    left = sorted(path.name for path in store.iterdir())
    if "SIGKILL" in death:
        assert died.returncode == -signal.SIGKILL
        assert [name for name in left if "project" in name and name.endswith(".partial")]
    else:
        assert "full" in died.stderr
    assert not list(store.glob("project-*"))
    results = xner.run("c.yaml")
    assert made(results) == ["project"]
    assert cell(results).f1 == 1.0
    assert not [path for path in store.iterdir() if path.name.endswith(".partial")]
    [columns] = store.glob("project-*.parquet")
    assert pq.read_metadata(columns).num_rows == 2
