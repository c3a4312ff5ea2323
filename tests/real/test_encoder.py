"""Links of multilingual-e5-small beside the packages; batches, windows, precisions, mixtures."""

import json
import shutil
from pathlib import Path

import pytest

import xner
from tests.real.test_real import DEMO, encoder, links, pairs  # noqa: F401 - fixtures

pytestmark = pytest.mark.real
LAYERS = range(4, 12)


@pytest.fixture
def few(pairs):  # noqa: F811 - a fixture
    return xner.Corpus.from_table(pairs.table.slice(0, 12))


def texts(corpus):
    table = corpus.table
    sides = (table[f"{side}_tokens"].to_pylist() for side in ("source", "target"))
    return list(zip(*sides, strict=True))


def agreement(found, wanted):
    """F1 of links against other links."""
    both = sum(len(a & b) for a, b in zip(found, wanted, strict=True))
    return 2 * both / sum(map(len, [*found, *wanted]))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("token_type", ["bpe", "word"])
def test_links_are_those_of_simalign(few, encoder, token_type):  # noqa: F811
    pytest.importorskip("simalign")
    from benchmarks.rivals import METHODS, simalign_model

    package = simalign_model(encoder, token_type, "mai")
    for layer in LAYERS if token_type == "bpe" else (8,):
        package.embed_loader.layer = layer
        found = [package.get_word_aligns(*pair) for pair in texts(few)]
        for matching, theirs in METHODS.items():
            options = {"matching": matching, "token_type": token_type, "layer": layer}
            own = links(few, aligner="simalign", model=encoder, **options)
            assert own == [set(each[theirs]) for each in found], options


@pytest.mark.filterwarnings("ignore")
def test_links_are_those_of_awesome_align(few, encoder):  # noqa: F811
    pytest.importorskip("awesome_align")
    from benchmarks.neural_aligners import awesome_batches, package_batches
    from benchmarks.rivals import awesome_model
    from transformers import AutoTokenizer

    model, tokenizer = awesome_model(encoder, tokenizer=AutoTokenizer.from_pretrained(encoder))
    batches = list(awesome_batches(tokenizer, texts(few)))
    for layer in LAYERS:
        for extraction in ("softmax", "entmax15"):
            (found,) = package_batches(model, batches, extraction, layer)
            own = links(few, aligner="awesome", model=encoder, extraction=extraction, layer=layer)
            assert own == [set(each) for each in found], (extraction, layer)


@pytest.mark.parametrize("matching", ["argmax", "itermax", "match"])
def test_batches_change_no_link_of_an_encoder(few, encoder, matching):  # noqa: F811
    options = {"aligner": "simalign", "model": encoder, "matching": matching, "layer": 6}
    assert links(few, batch_tokens=64, **options) == links(few, **options)


@pytest.mark.parametrize(("precision", "least"), [("float16", 0.99), ("bfloat16", 0.95)])
@pytest.mark.parametrize("aligner", ["simalign", "awesome"])
def test_half_precision_changes_few_links(few, encoder, aligner, precision, least):  # noqa: F811
    options = {"aligner": aligner, "model": encoder}
    assert agreement(links(few, precision=precision, **options), links(few, **options)) >= least


def test_windows_change_few_links(few, encoder, tmp_path):  # noqa: F811
    """Two sentences in a row, in windows of 48 subwords and in one."""
    shutil.copytree(encoder, tmp_path / "short")
    settings = Path(tmp_path, "short", "tokenizer_config.json")
    settings.write_text(json.dumps({**json.loads(settings.read_text()), "model_max_length": 50}))
    rows = texts(few)
    long = [
        {"source_tokens": a + c, "target_tokens": b + d}
        for (a, b), (c, d) in zip(rows[::2], rows[1::2], strict=True)
    ]
    options = {"aligner": "simalign", "matching": "itermax"}
    found = links(long, model=str(tmp_path / "short"), **options)
    assert agreement(found, links(long, model=encoder, **options)) >= 0.9


def test_a_mixture_carries_entities(pairs, encoder):  # noqa: F811
    linked = xner.align(pairs, aligner="mixture", model=encoder, layer=7, device="cpu")
    assert xner.evaluate(str(DEMO / "de.conll"), xner.project(linked)).f1 > 0.97
