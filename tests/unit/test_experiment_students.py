"""Routes of `xner run` that end in a student: their inputs, scores and shared steps."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import xner
from xner import stages
from xner.experiments import tables
from xner.stages import Columns
from xner.stages.students import Train
from xner.translation.fake import FakeTranslator

torch = pytest.importorskip("torch")
pytest.importorskip("accelerate")

from tests.models import tagging  # noqa: E402 - needs torch
from tests.models.routes import (  # noqa: E402
    ROUTES,
    SCRATCH,
    TRANSLATE_TRAIN,
    config,
    distilled,
    scores,
    stages_made,
)


@pytest.fixture(scope="module")
def table(routes):
    path = routes / "routes.yaml"
    path.write_text(
        json.dumps(
            config(
                pipelines=ROUTES,
                groups={"one": ["xx"], "other": ["yy"]},
                compare=[["projected", "single"], ["single", "multi"]],
            )
        )
    )
    return xner.run(path)


def test_every_route_has_a_score(table):
    f1 = scores(table)
    assert set(f1) == {"direct transfer", "projected", "half", "single", "multi", "self-train"}
    assert f1["projected"] > 0.8
    assert f1["self-train"] > 0.8
    assert min(f1.values()) > 0.2
    other = scores(table, "yy")
    assert other["multi"] is None
    assert other["half"] is None
    assert other["projected"] > 0.8


def test_what_rows_share_is_made_once(table, here):
    made = stages_made(table)
    # en, yy (the model, the row on yy, and what self-training starts from), xx, and half of xx.
    assert made.count("train") == 4
    assert made.count("distill") == 3
    assert made.count("self_train") == 2
    assert made.count("align") == made.count("project") == 2
    again = xner.run("routes.yaml")
    assert stages_made(again) == []
    assert scores(again) == scores(table)
    changed = [{**ROUTES[3], "distill": {"teachers": ["en"], "temperature": 2.0}}]
    more = xner.run(config(pipelines=changed))
    assert stages_made(more) == ["distill", "tag"] * 2


def test_students_are_told_with_what_made_them(table, here):
    row = next(row for row in table.rows if row.system == "multi")
    cell = row.cells["xx"]
    assert {"en.train", "yy.project", "yy.train", "distill", "tag"} <= set(cell.steps)
    [told] = [
        json.loads(path.read_text("utf-8")) for path in Path("out/store").glob("distill-*.json")
        if cell.steps["distill"][:16] in path.name
    ]  # fmt: skip
    assert told["summary"]["weights"] == "domain"
    # The seed of the run is that of the similarity too.
    assert told["summary"]["similarity"] == {"rank": 64, "gamma": 0.01, "epochs": 3, "seed": 1}
    assert len(told["summary"]["teacher_weights"]) == 2
    assert told["settings"]["teachers"] == [
        f"Result:model:{cell.steps[name]}" for name in ("en.train", "yy.train")
    ]
    assert told["settings"]["sources"][0].startswith("Result:target_tokens:")
    assert (told["text"], told["seed"], told["rows"]) == ("train", 1, 160)
    assert told["versions"]["torch"] == torch.__version__
    assert f"distill-{cell.steps['distill'][:16]}#" in cell.signature
    folder = Path("out/store") / f"distill-{cell.steps['distill'][:16]}"
    gold = xner.read("xx.gold.conll", side="target")
    found = xner.tag(gold, side="target", model=str(folder), device="cpu")
    assert xner.evaluate("xx.gold.conll", found).f1 == pytest.approx(cell.f1)
    half = next(row for row in table.rows if row.system == "half").cells["xx"]
    [card] = Path("out/store").glob(f"train-{half.steps['train'][:16]}.json")
    assert json.loads(card.read_text("utf-8"))["counts"]["sentences"] == 3 * 160
    assert half.outcomes["projected"] > 200


def test_the_table_answers_the_questions(table, here):
    facts = table.facts["xx"]
    assert (facts.test, facts.train) == (60, 160)
    pairs = xner.read("en.conll", "xx.txt")
    assert facts.divergence == pytest.approx(xner.divergence(pairs, pairs))
    one, two = table.compared
    f1 = scores(table)
    assert one.system == "projected − single"
    assert one.cells["xx"].difference == pytest.approx(f1["projected"] - f1["single"])
    assert two.cells["yy"].difference is None
    assert two.mean.difference == pytest.approx(f1["single"] - f1["multi"])
    row = table.rows[1]
    assert row.gap == pytest.approx(row.cells["xx"].f1 - row.cells["yy"].f1)
    page = tables.page(table)
    for words in ("| lexical divergence |", "| training sentences | – | 160 |", "one − other",
                  "| projected − single |", "## Groups and divergence"):  # fmt: skip
        assert words in page
    assert "r(gain" not in page  # two languages are too few


@pytest.mark.parametrize("more", [{}, {"target": "xx.labelled.conll"}], ids=["alone", "beside"])
def test_easyproject_and_its_student(here, more):
    """Markers survive a translator that copies them; a translation that is there is not taken."""
    german = {word: word + "o" for word in tagging.WORDS[:-1]}
    only = {"xx": {"gold": "xx.gold.conll", "train": {"source": "en.conll", **more}}}
    results = xner.run(
        config(
            output=f"easy{len(more)}",
            languages=only,
            models={},
            stages={
                "train": SCRATCH,
                "easyproject": {"translator": FakeTranslator(german), "fallback": "none",
                                "source_language": "eng", "target_language": "deu"},
            },
            pipelines=["translate-train/easyproject"],
        )
    )  # fmt: skip
    assert stages_made(results) == ["read", "read", "easyproject", "train", "tag"]
    assert scores(results)["translate-train/easyproject"] > 0.8


def test_labels_that_are_there_are_learnt_by_the_row_that_says_so(here):
    only = {"xx": {"gold": "xx.gold.conll", "train": {"target": "xx.labelled.conll"}}}
    results = xner.run(config(output="given", languages=only, models={}, pipelines=["train"]))
    assert stages_made(results) == ["read", "read", "train", "tag"]
    assert scores(results)["train"] > 0.8
    unlabelled = {"xx": {"gold": "xx.gold.conll", "train": {"target": "xx.txt"}}}
    with pytest.raises(xner.InputError, match=r"'target_entities', which neither `train` of"):
        xner.run(config(output="given", languages=unlabelled, models={}, pipelines=["train"]))


def test_a_teacher_takes_what_is_its_own_along(here):
    """One that learns from the language at hand is left out, with its weight and its text."""
    weighed = {"teachers": ["yy", "en"], "weights": [0.25, 0.75]}
    learnt = {"teachers": ["yy", "en"], "weights": "domain", "sources": ["yy.txt", "en.conll"]}
    one = {"teachers": "en"}
    rows = [{**distilled(**how), "name": name}
            for name, how in (("weighed", weighed), ("learnt", learnt), ("one", one))]  # fmt: skip
    quick = {**SCRATCH, "epochs": 1}
    shared = {**config()["stages"], "train": quick, "distill": quick}
    results = xner.run(config(output="left", pipelines=rows, stages=shared))
    f1 = scores(results, "yy")
    assert f1["weighed"] == f1["learnt"] == f1["one"]
    told = told_of(results, "distill")
    assert told["weighed", "xx"]["summary"]["teacher_weights"] == [0.25, 0.75]
    assert told["weighed", "yy"]["summary"]["teachers"] == 1
    assert told["learnt", "yy"]["settings"]["sources"] == [
        step for step in told["learnt", "xx"]["settings"]["sources"] if "en.conll" in step
    ]


def told_of(results, step):
    """Manifests of a step by row and language."""
    store = Path(results.output) / "store"
    return {
        (row.system, name): json.loads((store / f"{step}-{cell.steps[step][:16]}.json").read_text())
        for row in results.rows
        for name, cell in row.cells.items()
    }


def test_a_student_that_lost_files_is_trained_again(here):
    only = {"xx": {"gold": "xx.gold.conll", "train": {"target": "xx.labelled.conll"}}}
    given = config(output="lost", languages=only, models={}, pipelines=["train"])
    first = xner.run(given)
    [weights] = Path("lost/store").glob("train-*/model.safetensors")
    for path in (weights, *Path("lost/store").glob("tag-*.json")):
        path.unlink()
    assert stages_made(xner.run(given)) == ["train", "tag"]
    assert weights.is_file()
    assert scores(xner.run(given)) == scores(first)


def test_a_model_may_be_nothing_but_a_name(here):
    """It is then made of the labels of the language at hand."""
    text = {"target": "xx.labelled.conll"}
    results = xner.run(
        config(
            output="named",
            languages={"xx": {"gold": "xx.gold.conll", "train": text}},
            models={"own": None},
            stages={"train": {**SCRATCH, "epochs": 1}},
            pipelines=[ROUTES[0] | {"tag": {"model": "own"}}, "train"],
        )
    )
    assert stages_made(results) == ["read", "read", "train", "tag"]
    assert scores(results)["direct transfer"] == scores(results)["train"]


def test_a_stage_of_ones_own_may_make_a_model(here):
    """It is given text without words too, and its model is kept."""
    given = []

    class Labels(Train):
        columns = Columns(("target_entities",), ("model",))

        def learn(self, corpora, output):
            given.append((corpora.columns, output.exists()))
            return super().learn("xx.labelled.conll", output)

    stages.register(Labels)
    only = {"xx": {"gold": "xx.gold.conll", "train": {"target": "xx.labelled.conll"}}}
    quick = {"train": {**SCRATCH, "epochs": 1, "side": "target"}}
    row = config(output="learn", languages=only, models={}, pipelines=["train"], stages=quick)
    assert stages_made(xner.run(row)) == ["read", "read", "train", "tag"]
    assert given == [(["id", "target_entities"], False)]
    assert stages_made(xner.run(row)) == []


def test_seeds_are_spread(here):
    rows = [{**row, "languages": ["xx"]} for row in (TRANSLATE_TRAIN, ROUTES[0])]
    short = {**config()["stages"], "train": {**SCRATCH, "epochs": 2}}
    results = xner.run(config(output="seeds", pipelines=rows, seeds=[1, 2], stages=short,
                              compare=[["projected", "direct transfer"]]))  # fmt: skip
    cell = results.rows[0].cells["xx"]
    assert cell.seeds == 2
    assert cell.deviation > 0
    assert results.compared[0].cells["xx"].deviation is not None
    assert stages_made(results).count("align") == 1  # links from files take no seed
    assert stages_made(results).count("train") == 2 + 2


@pytest.mark.skipif(not Path("/proc/self/stat").is_file(), reason="reads /proc")
def test_a_run_of_several_processes_is_ended(here, table):
    """By Ctrl-C or killed: no process is left behind, and what was finished is kept.

    Students made side by side are those of one process.
    """
    rows = [{**row, "languages": ["xx"]} for row in (TRANSLATE_TRAIN, ROUTES[3])]
    (here / "ended.yaml").write_text(json.dumps(config(output="ended", pipelines=rows)))
    environment = {**os.environ, "PYTHONPATH": str(Path(xner.__file__).parents[1])}
    store = here / "ended" / "store"
    for sent, awaited in ((signal.SIGINT, "align-*.json"), (signal.SIGKILL, "train-*/checkpoints")):
        run = subprocess.Popen(
            [sys.executable, "-m", "xner", "run", "ended.yaml", "--jobs", "2", "--quiet"],
            env=environment, start_new_session=True, stderr=subprocess.PIPE, text=True,
            # A test run in the background of a shell may ignore SIGINT, and pass that on.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )  # fmt: skip
        wait_for(lambda awaited=awaited: list(store.glob(awaited)))
        # Ctrl-C goes to all processes of the terminal, a kill to one.
        (os.killpg if sent == signal.SIGINT else os.kill)(run.pid, sent)
        told = run.communicate()[1]
        wait_for(lambda run=run: not living(run.pid))
        assert "Traceback" not in told
    results = xner.run("ended.yaml", jobs=2)
    kept = [step.stage for step in results.steps if not step.made]
    assert {"read", "align"} <= set(kept)
    assert {"train", "distill"} <= set(stages_made(results))
    for name in ("projected", "single"):
        assert scores(results)[name] == pytest.approx(scores(table)[name], abs=0.02)


def wait_for(happens, seconds=120):
    end = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def living(session):
    """Processes of a session."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(path)
    return found
