"""Links of multilingual-e5-small beside the packages; batches, windows, precisions, mixtures."""

import json
import shutil
from itertools import pairwise
from pathlib import Path

import pytest

import xner
from tests.real.test_real import DEMO, links
from xner.aligners.encode import encode

pytest.importorskip("torch")

from benchmarks.layers import LAYERS, links_by_layer
from benchmarks.rivals import (
    METHODS,
    awesome_batches,
    awesome_model,
    package_batches,
    simalign_model,
)

pytestmark = pytest.mark.real


@pytest.fixture(scope="session")
def few(pairs):
    return xner.Corpus.from_table(pairs.table.slice(0, 12))


def texts(corpus):
    table = corpus.table
    sides = (table[f"{side}_tokens"].to_pylist() for side in ("source", "target"))
    return list(zip(*sides, strict=True))


def agreement(found, wanted):
    """F1 of links against other links."""
    both = sum(len(a & b) for a, b in zip(found, wanted, strict=True))
    return 2 * both / sum(map(len, [*found, *wanted]))


def sets(found):
    rows = list(zip(found.source.tolist(), found.target.tolist(), strict=True))
    return [set(rows[a:b]) for a, b in pairwise(found.offsets.tolist())]


@pytest.fixture(scope="session")
def by_layer(few, encoder):
    """Links of every subword matching and layer, from one pass over all layers."""
    return {key: sets(found) for key, found in links_by_layer(encode(few), encoder).items()}


@pytest.mark.parametrize(
    ("rule", "layer"), [("simalign itermax", 4), ("awesome softmax", 7), ("simalign match", 11)]
)
def test_layers_from_one_pass_are_those_of_the_aligners(few, encoder, by_layer, rule, layer):
    aligner, how = rule.split()
    name = {"simalign": "matching", "awesome": "extraction"}[aligner]
    options = {"aligner": aligner, name: how, "layer": layer}
    assert links(few, model=encoder, **options) == by_layer[rule, layer]


@pytest.mark.filterwarnings("ignore")
def test_links_are_those_of_simalign(few, encoder, by_layer):
    pytest.importorskip("simalign")
    package = simalign_model(encoder, "bpe", "mai")
    for layer in LAYERS:
        package.embed_loader.layer = layer
        found = [package.get_word_aligns(*pair) for pair in texts(few)]
        for matching, theirs in METHODS.items():
            own = by_layer[f"simalign {matching}", layer]
            assert own == [set(each[theirs]) for each in found], (matching, layer)
    package.token_type, package.embed_loader.layer = "word", 8
    found = [package.get_word_aligns(*pair) for pair in texts(few)]
    for matching, theirs in METHODS.items():
        own = links(few, aligner="simalign", model=encoder, matching=matching, token_type="word")
        assert own == [set(each[theirs]) for each in found], matching


@pytest.mark.filterwarnings("ignore")
def test_links_are_those_of_awesome_align(few, encoder, by_layer):
    pytest.importorskip("awesome_align.modeling")
    from transformers import AutoTokenizer

    model, tokenizer = awesome_model(encoder, tokenizer=AutoTokenizer.from_pretrained(encoder))
    batches = list(awesome_batches(tokenizer, texts(few)))
    for layer in LAYERS:
        for extraction in ("softmax", "entmax15"):
            (found,) = package_batches(model, batches, extraction, layer)
            own = by_layer[f"awesome {extraction}", layer]
            assert own == [set(each) for each in found], (extraction, layer)


@pytest.mark.parametrize("matching", ["argmax", "itermax", "match"])
def test_batches_change_no_link_of_an_encoder(few, encoder, matching):
    options = {"aligner": "simalign", "model": encoder, "matching": matching, "layer": 6}
    assert links(few, batch_tokens=64, **options) == links(few, **options)


@pytest.mark.parametrize(("precision", "least"), [("float16", 0.99), ("bfloat16", 0.95)])
@pytest.mark.parametrize("aligner", ["simalign", "awesome"])
def test_half_precision_changes_few_links(few, encoder, aligner, precision, least):
    options = {"aligner": aligner, "model": encoder}
    assert agreement(links(few, precision=precision, **options), links(few, **options)) >= least


def test_windows_change_few_links(few, encoder, tmp_path):
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


def test_a_mixture_carries_entities(pairs, encoder):
    linked = xner.align(pairs, aligner="mixture", model=encoder, layer=7, device="cpu")
    assert xner.evaluate(str(DEMO / "de.conll"), xner.project(linked)).f1 > 0.97
