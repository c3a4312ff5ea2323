"""Every row of the experiment table from raw text to F1, with tiny models that know a small world.

The words of both languages, what they translate and who is called what are known to
`tests.models.world`, so that rows with good models have to find all, and rows whose translator,
tagger or aligner is degraded have to find less.
"""

import json
from pathlib import Path

import pytest

import xner

pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.models import world
from tests.models.encoder import save_bert
from tests.models.tagging import with_misc
from xner.cli import main
from xner.experiments import yaml_files
from xner.experiments.pipelines import PIPELINES

KNOWN = world.pairs()
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Models and texts; `english` has seen no German, and to `blind` all words are alike."""
    made = tmp_path_factory.mktemp("world")
    english, german = (world.rows(KNOWN, side) for side in (0, 1))
    world.translator(made / "translator", KNOWN)
    world.tagger(made / "english", KNOWN, english)
    world.tagger(made / "both", KNOWN, english + german)
    world.encoder(made / "encoder", KNOWN)
    save_bert(made / "blind", num_hidden_layers=2, spread=0)
    (made / "en.conll").write_text(world.conll(english), "utf-8")
    (made / "de.conll").write_text(world.conll(german), "utf-8")
    (made / "de.txt").write_text("".join(" ".join(own) + "\n" for own, _ in german), "utf-8")
    return made


@pytest.fixture
def here(folder, monkeypatch):
    monkeypatch.chdir(folder)
    return folder


AWESOME = {"aligner": "awesome", "layer": 2}
ALIGNERS = {
    "native": {},
    "awesome": {**AWESOME, "model": "encoder"},
    "simalign": {"model": "encoder", "layer": 2},
    "degraded": {**AWESOME, "model": "blind"},
}
STAGES = {
    "translate": {"model": "translator", "beams": 1},
    "back_translate": {"model": "translator", "beams": 1},
    "easyproject": {"model": "translator", "beams": 1, "fallback": "none"},
    "tag": {"model": "english"},
    "candidates": {"model": "both"},
}
GOOD = ("native", "awesome", "simalign")
PROJECTED = [name for name in PIPELINES if name.startswith("translate-test")]
PROJECTED.remove("translate-test-nmt")


def of_raw_text(**changes):
    given = {"output": "raw", "languages": {"de": {"gold": "de.conll"}}, "aligners": ALIGNERS}
    return {**given, "stages": STAGES, "bootstrap": {"samples": 20}, **changes}


@pytest.fixture(scope="module")
def table(folder):
    """Everything that starts from German text alone."""
    degraded = {"pipeline": "translate-test/ngram", "aligners": ["native"]}
    rows = [
        *PROJECTED,
        {"pipeline": "translate-test-nmt", "project": {"nmt": {"model": "translator"}}},
        "model-transfer",
        {**degraded, "name": "degraded tagger", "tag": {"model": "degraded"}},
        {**degraded, "name": "degraded translator", "translate": {"model": "degraded-translator"}},
    ]
    world.tagger(folder / "degraded", KNOWN, world.rows(KNOWN, 0), steps=5)
    world.translator(folder / "degraded-translator", KNOWN, steps=10)
    path = folder / "raw.yaml"
    path.write_text(json.dumps(of_raw_text(pipelines=rows)), "utf-8")  # JSON is YAML
    return xner.run(path)


def scores(results):
    return {(row.system, row.aligner): row.cells["de"].f1 for row in results.rows}


def test_every_row_gives_a_score_and_their_order_makes_sense(table):
    f1 = scores(table)
    assert {name for name, _ in f1} == {
        *PROJECTED, "translate-test-nmt", "model-transfer", "degraded tagger",
        "degraded translator",
    }  # fmt: skip
    for name in PROJECTED:
        for aligner in GOOD:
            assert f1[name, aligner] >= 0.95, (name, aligner)
    transfer = f1["model-transfer", ""]
    assert 0.3 < transfer < 0.9  # it has never seen Genf, but knows Emil
    assert 0.3 < f1["translate-test-nmt", ""] < 0.95  # it knows words and names, no other phrase
    # Links by position alone lose, most where the words of two languages have to meet.
    for name in ("translate-test", "translate-test/align-src", "translate-test/ngram"):
        assert f1[name, "degraded"] < 0.9
    assert f1["translate-test/align-src", "degraded"] < f1["translate-test/align-tgt", "degraded"]
    assert f1["translate-test/ngram", "degraded"] < f1["translate-test/back-ngram", "degraded"]
    assert f1["translate-test/ngram", "degraded"] < f1["translate-test/ner", "degraded"]
    assert f1["degraded translator", "native"] < f1["degraded tagger", "native"] < 0.95


def test_manifests_tell_the_models(table, folder):
    told = [json.loads(path.read_text("utf-8")) for path in (folder / "raw/store").glob("*.json")]
    models = {(one["stage"], str(one["settings"].get("model")).partition(":")[0]) for one in told}
    assert {
        ("translate", "translator"), ("translate", "degraded-translator"), ("tag", "english"),
        ("tag", "degraded"), ("candidates", "both"), ("back_translate", "translator"),
        ("align", "encoder"), ("align", "blind"), ("refine", "encoder"),
    } <= models  # fmt: skip
    [nmt] = [one for one in told if "nmt" in one["settings"]]
    assert nmt["settings"]["nmt"]["model"].startswith("translator:sha256:")
    assert nmt["settings"]["nmt"]["target_language"] == "de"
    assert "nmt(translator#" in nmt["signature"]
    assert all(one["seconds"] > 0 for one in told)
    assert all(one["summary"]["seconds"] > 0 for one in told if one["summary"] is not None)
    row = next(row for row in table.rows if row.system == "translate-test-refine")
    assert "refine(" in row.cells["de"].signature


def test_nothing_is_made_twice(table, here):
    again = xner.run("raw.yaml")
    assert [step.stage for step in again.steps if step.made] == []
    assert scores(again) == scores(table)


@pytest.mark.parametrize("row", ["translate-project", "easyproject"])
def test_a_tagger_learns_from_what_was_labelled(row, here):
    """From labelled English to German training data, to a tagger of German, to its F1."""
    given = {"output": row, "languages": {"de": {"source": "en.conll"}}, "write": "conll"}
    aligners = {name: ALIGNERS[name] for name in ("native", "awesome")}
    results = xner.run(of_raw_text(**given, aligners=aligners, pipelines=[row]))
    labels = sorted((here / row / "labels").iterdir())
    assert len(labels) == len(results.rows) == (2 if row == "translate-project" else 1)
    for path in labels:  # the translations are memorised, so gold labels fit
        assert xner.evaluate("de.conll", path).f1 >= 0.95
    learnt = xner.read(labels[0], side="source").table
    rows = [
        (words, tags_of(len(words), entities))
        for words, entities in zip(
            learnt["source_tokens"].to_pylist(), learnt["source_entities"].to_pylist(), strict=True
        )
    ]
    world.tagger(here / f"{row}-tagger", KNOWN, rows)
    systems = ["model-transfer", {"pipeline": "model-transfer", "name": row}]
    systems[1]["tag"] = {"model": f"{row}-tagger"}
    f1 = scores(xner.run(of_raw_text(output=f"{row}-scored", pipelines=systems)))
    assert f1[row, ""] >= 0.9 > f1["model-transfer", ""]


def tags_of(words, entities):
    tags = ["O"] * words
    for entity in entities:
        for i in range(entity["start"], entity["end"]):
            tags[i] = f"{'B' if i == entity['start'] else 'I'}-{entity['label']}"
    return tags


def test_one_stage_after_another(here):
    """German text in; translated, tagged, aligned; the entities of the German text come out."""
    target = xner.read("de.txt", side="target")
    pairs = xner.translate(target, "eng", "deu", fill="source", model="translator", beams=1)
    tagged = xner.tag(pairs, model="english")
    linked = xner.align(tagged, aligner="awesome", model="encoder", layer=2)
    found = xner.project(linked)
    found.write("found.conll")
    assert (here / "found.conll").read_text("utf-8") == (here / "de.conll").read_text("utf-8")
    assert found.report.outcomes["projected"] == found.report.entities
    for part in ("translation:", "source_tagger:", "aligner:awesome("):
        assert part in found.report.signature


def test_one_command_after_another(here, capsys):
    commands = [
        "translate de.txt -o pairs.parquet --fill source --source-language eng "
        "--target-language deu --model translator --beams 1",
        "tag pairs.parquet -o tagged.parquet --model english",
        "align tagged.parquet -o de.align --aligner awesome --model encoder --layer 2",
        "project tagged.parquet -o by-command.conll --links de.align",
    ]
    for command in commands:
        assert main([*command.split(), "--quiet"]) == 0, capsys.readouterr().err
    assert (here / "by-command.conll").read_text("utf-8") == (here / "de.conll").read_text("utf-8")
    assert main(["evaluate", "de.conll", "by-command.conll", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["f1"] == 1.0


def test_linked_regions_and_runs_as_rows(here):
    """Other candidates need no more than a setting."""
    candidates = ["region", "runs", {"candidates": "spans", "subspans": True}]
    rows = [
        {"pipeline": "translate-test/ner", "name": str(own), "aligners": ["awesome"],
         "project": own if isinstance(own, dict) else {"candidates": own}}
        for own in candidates
    ]  # fmt: skip
    rows[0]["project"]["stop_tokens"] = [".", ","]
    f1 = scores(xner.run(of_raw_text(pipelines=rows)))
    assert min(f1.values()) >= 0.95
    assert len(f1) == 3


SMALL = {
    "bootstrap.samples": 20,
    "stages.translate.beams": 1,
    "stages.back_translate.beams": 1,
    "aligners.simalign.layer": 2,
    "aligners.awesome.layer": 2,
}
"""What of the papers' configurations tiny models need to have otherwise, beside their names."""


def of_paper(folder, name, **changes):
    """Run a configuration of `experiments/` with tiny models in place of its own."""
    path = Path(__file__).parents[2] / "experiments" / f"{name}.yaml"
    content = yaml_files.load(path)
    own = {
        "translator": "translator", "back_translator": "translator", "encoder": "encoder",
        "tagger": "both", "thesis_tagger": "misc", "scorer": "translator",
    }  # fmt: skip
    models = {f"models.{n}": str(folder / m) for n, m in own.items() if n in content["models"]}
    known = {key: value for key, value in SMALL.items() if _has(content, key.split(".")[:-1])}
    given = {**models, **known, "data.hub": None, **changes}
    return xner.run(path, output=folder / name, changes=given)


def _has(content, keys):
    for key in keys:
        if key not in content:
            return keys[0] == "bootstrap"
        content = content[key]
    return True


def test_the_papers_configurations_run_from_end_to_end(folder):
    """Only names of models and data differ from what runs on a GPU."""
    with_misc(folder / "both", folder / "misc")
    for name, file, gold in (
        ("masakhaner2", "swa.test.conll", "de.conll"),
        ("europarl-ner", "de.conll", "de.conll"),
        ("europarl-ner", "en.conll", "en.conll"),
    ):
        (folder / name).mkdir(exist_ok=True)
        (folder / name / file).write_text((folder / gold).read_text("utf-8"), "utf-8")
    (folder / "panx" / "de").mkdir(parents=True)
    lines = (folder / "de.conll").read_text("utf-8").splitlines(keepends=True)
    text = "".join(f"de:{line}" if line.strip() else line for line in lines)
    (folder / "panx" / "de" / "test").write_text(text, "utf-8")
    masakhaner2 = of_paper(
        folder, "masakhaner2",
        **{"data.folder": str(folder / "masakhaner2"), "data.languages": ["swa"]},
        **{"languages.swa.target_code": "de"},
    )  # fmt: skip
    europarl = of_paper(
        folder, "europarl",
        **{"data.folder": str(folder / "europarl-ner"), "data.languages": ["de"]},
    )  # fmt: skip
    xtreme = of_paper(
        folder, "xtreme", **{"data.folder": str(folder / "panx"), "data.languages": ["de"]},
        **{"pipelines[4].languages": ["de"]},
    )  # fmt: skip
    for results in (masakhaner2, europarl, xtreme):
        f1 = {(row.system, row.aligner): row.mean.f1 for row in results.rows}
        for (name, aligner), value in f1.items():
            unusual = any(word in name for word in ("nmt", "all_fusion", "unlimited", "<=2", ">=1"))
            assert value is not None, name
            assert unusual or value >= 0.9, (name, aligner, value)
    assert len(masakhaner2.rows) == 27
    assert len(masakhaner2.published) == 23
    assert len(europarl.published) == 40
    page = (folder / "masakhaner2" / "results.md").read_text("utf-8")
    lines = page.splitlines()
    first = next(
        i for i, line in enumerate(lines) if line.startswith("| translate-test/align-src |")
    )
    assert lines[first + 1].startswith("| published: Politov et al. 2025 | simalign | .80")
    assert "| thesis all_fusion − Shkalikov 2025 (thesis, Table 4.4) | awesome |" in page
    table = json.loads((folder / "europarl" / "results.json").read_text("utf-8"))
    assert {p["source"] for p in table["published"]} == {
        "experiments_results/europarlner_metrics.csv at e69a5d1",
        "thesis, Table 4.1", "thesis, Table 4.2",
    }  # fmt: skip


def test_students_of_the_papers_configuration(folder):
    pytest.importorskip("accelerate")
    (folder / "african").mkdir()
    (folder / "african" / "swa.test.conll").write_text((folder / "de.conll").read_text("utf-8"))
    changes = {
        "data.folder": str(folder / "african"), "data.languages": ["swa"], "seeds": [1],
        "languages": {"swa": {"train": {"source": str(folder / "en.conll")}, "target_code": "de"}},
        "models.english.data.target": str(folder / "en.conll"),
        "models.student": str(folder / "encoder"),
        "models.marker_translator": str(folder / "translator"),
        "stages.easyproject.beams": 1, "stages.train.epochs": 1, "stages.train.labels": None,
    }  # fmt: skip
    results = of_paper(folder, "masakhaner2_students", **changes)
    assert [row.system for row in results.rows] == [
        "direct transfer", "EasyProject", "heuristic", "n-gram candidates", "default",
    ]  # fmt: skip
    assert all(row.mean.f1 is not None for row in results.rows)
    assert results.published[0].f1["swa"] == 0.836
