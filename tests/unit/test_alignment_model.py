"""Models that are fitted on a sample and applied to any text."""

import pickle
from dataclasses import replace
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from numba import config

import xner
from tests.reference import local as twin
from tests.unit.test_native_aligner import bitext, known_corpus, link_sets, same
from xner.aligners import native, rounds
from xner.aligners.applying import apply_model
from xner.aligners.encode import encode_sample
from xner.aligners.hints import NO_HINTS, Hints
from xner.aligners.model import AlignmentModel, empty_table
from xner.aligners.native import NativeAligner
from xner.aligners.vocabulary import part_keys
from xner.errors import FormatError, UsageError
from xner.jobs import Output, run_job
from xner.kernels import lexicon, local
from xner.kernels import model as tables
from xner.kernels.blocks import threads
from xner.kernels.order import FERTILITIES
from xner.stages import linking
from xner.stages.align import Align
from xner.stages.project import Project

QUICK = NativeAligner(chains=2, effort=0.5)


@pytest.fixture(scope="module")
def model():
    text, _ = known_corpus(60)
    return QUICK.fit(text)


def applied(model, text, restarts=1, first=2, averaged=4, hints=NO_HINTS):
    settings = local.Sampling(restarts, first, averaged, np.uint64(1))
    return apply_model(model, text, settings, lambda share: None, hints)


@pytest.mark.parametrize("hinted", [False, True])
@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("aaa bbb", "ααα βββ"),
        ("ccc aaa bbb", "ααα γγγ"),
        ("aaa", "new"),
        ("Nairobi ddd", "δδδ nairobi"),
        ("aaabbb aaa", "αααβββ ααα γγγ"),
    ],
)
@pytest.mark.skipif(config.DISABLE_JIT, reason="samples for minutes as plain Python")
def test_probabilities_are_those_of_all_alignments(model, source, target, hinted):
    words = [[w.casefold() for w in side.split()] for side in (source, target)]
    values = np.random.default_rng(2).uniform(0.05, 1.0, (2, *map(len, words)))
    hints = Hints(*values.astype(np.float32).reshape(2, -1)) if hinted else NO_HINTS
    values = values if hinted else np.ones_like(values)
    text = bitext((source, target))
    soft = applied(model, text, restarts=300, first=100, averaged=100, hints=hints)
    by_way = {True: lambda i, j: values[0][i, j], False: lambda j, i: values[1][i, j]}
    for forward, found in ((True, soft.forward), (False, soft.reverse)):
        exact = twin.posterior(model, *words, forward=forward, hint=by_way[forward])
        for i in range(len(words[0])):
            for j in range(len(words[1])):
                here = (soft.source == i) & (soft.target == j)
                p = exact[j][i] if forward else exact[i][j]
                assert float(found[here].sum()) == pytest.approx(p, abs=0.03)


def test_a_model_aligns_text_that_it_was_not_fitted_on(model):
    text, gold = known_corpus(40, seed=9)
    found = link_sets(QUICK.decide(applied(model, text)))
    right = sum(len(a & b) for a, b in zip(found, gold, strict=True))
    assert right > 0.95 * sum(map(len, gold))
    assert right > 0.95 * sum(map(len, found))


def test_words_outside_the_sample_are_linked_by_spelling_and_order(model):
    text = bitext(("aaa Mombasa bbb", "ααα Mombasa βββ"), ("aaa one bbb", "ααα ena βββ"))
    assert link_sets(QUICK.decide(applied(model, text))) == [{(0, 0), (1, 1), (2, 2)}] * 2


def test_links_of_a_pair_depend_on_nothing_else(model, monkeypatch):
    text, _ = known_corpus(30, seed=3)
    whole = applied(model, text)
    alone = [applied(model, text.slice(n, n + 1)) for n in range(30)]
    assert np.array_equal(whole.forward, np.concatenate([part.forward for part in alone]))
    assert np.array_equal(whole.reverse, np.concatenate([part.reverse for part in alone]))
    monkeypatch.setattr("xner.aligners.applying.PIECE", 4)
    monkeypatch.setattr("xner.aligners.applying.PIECE_CELLS", 50)
    for count in (1, 3):
        with threads(count):
            parts = applied(model, text)
        assert np.array_equal(whole.offsets, parts.offsets)
        assert np.array_equal(whole.forward, parts.forward)


def test_links_do_not_depend_on_words_that_were_seen_before(model, monkeypatch):
    text, _ = known_corpus(30, seed=3)
    other, _ = known_corpus(30, seed=4)
    wanted = applied(replace(model), text)
    applied(model, other)
    monkeypatch.setattr("xner.aligners.seen.MOST", 3)
    for again in (model, pickle.loads(pickle.dumps(model))):
        for _ in range(2):
            assert np.array_equal(applied(again, text).forward, wanted.forward)
    pieces = [applied(model, text.slice(n, n + 5)) for n in range(0, 30, 5)]
    assert np.array_equal(np.concatenate([p.forward for p in pieces]), wanted.forward)


def test_empty_sides_and_empty_models_give_no_links(model):
    text = bitext(("", "ααα"), ("aaa", ""), ("", ""))
    assert link_sets(QUICK.decide(applied(model, text))) == [set()] * 3
    assert len(applied(model, text.slice(0, 0)).offsets) == 1
    empty = QUICK.fit(text)
    links = QUICK.decide(applied(empty, bitext(("Nairobi", "Nairobi"))))
    assert link_sets(links) == [{(0, 0)}]


def test_a_saved_model_gives_the_same_links(model, tmp_path):
    text, _ = known_corpus(20, seed=4)
    model.save(tmp_path / "m.npz")
    loaded = AlignmentModel.load(tmp_path / "m.npz")
    assert loaded.signature == model.signature
    before, after = applied(model, text), applied(loaded, text)
    assert np.array_equal(before.forward, after.forward)
    first = (tmp_path / "m.npz").read_bytes()
    loaded.save(tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == first
    through = NativeAligner(model=tmp_path / "m.npz")
    assert same(through.align(text), NativeAligner(model=model).align(text))
    assert "model:native(chains:2" in through.signature


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 and more"])
def test_a_file_that_is_no_model_is_refused(tmp_path, content):
    path = tmp_path / "m.npz"
    path.write_bytes(content)
    with pytest.raises(FormatError, match="not an alignment model of xner"):
        NativeAligner(model=path).align(bitext(("a", "b")))
    with pytest.raises(FormatError, match=r"missing\.npz: not an alignment model"):
        AlignmentModel.load(tmp_path / "missing.npz")
    with pytest.raises(FormatError, match=r"is a folder, .* needs aligner simalign, awesome"):
        NativeAligner(model=tmp_path).align(bitext(("a", "b")))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"entries_source": lambda a: a + 99}, "an entry is out of bounds"),
        ({"entries_prior": lambda a: a[:-1]}, "arrays have different lengths"),
        ({"source_mass": lambda a: a * np.nan}, "a number is not finite"),
        ({"source_frequency": lambda a: a - 999}, "a count of a word is negative"),
        ({"source_lengths": lambda a: a + 1}, "the words do not fit their lengths"),
        ({"target_fertility": lambda a: a[:, 1:]}, "the fertilities have another shape"),
        ({"jumps": lambda a: a[:, 1:]}, "the jumps have another shape"),
        ({"view_keys": lambda a: a * np.uint64(0)}, "a key is 0"),
        ({"weights": lambda a: a.astype(np.float32)}, "weights has another type"),
        ({"version": lambda a: a + 1}, "another version of xner wrote it"),
    ],
)
def test_a_model_whose_arrays_do_not_fit_is_refused(model, tmp_path, change, message):
    path = tmp_path / "m.npz"
    model.save(path)
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    for name, function in change.items():
        arrays[name] = function(arrays[name])
    np.savez(path, **arrays)
    with pytest.raises(FormatError, match=message):
        AlignmentModel.load(path)


def test_only_a_sample_is_sampled(monkeypatch):
    text, gold = known_corpus(60)
    monkeypatch.setattr(native, "CORE_PAIRS", 30)
    fitted = []
    shard_of = rounds.make_shard
    monkeypatch.setattr(rounds, "make_shard", lambda b: fitted.append(b.pairs) or shard_of(b))
    aligner = NativeAligner(chains=2, fit_pairs=50)
    seen = []
    links = aligner.align(text, seen.append)
    assert fitted == [30]
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    right = sum(len(a & b) for a, b in zip(link_sets(links), gold, strict=True))
    assert right > 0.9 * sum(map(len, gold))
    assert aligner.fit(text).pairs == 50
    assert aligner.fit(text).signature.endswith("on 50 of 60 pairs")


@pytest.mark.parametrize(
    ("sizes", "chosen"),
    [
        ([2, 900, 2, 2], [0, 2, 3]),
        ([300, 300, 300, 300], [0, 1, 2]),
        ([1, 1, 1, 1, 1, 1], [0, 1, 2, 3]),
        ([], []),
    ],
)
def test_the_first_pairs_that_fit_are_sampled(sizes, chosen):
    made = native._first_within(np.array(sizes, np.int64), 1000, 4)
    assert np.flatnonzero(made).tolist() == chosen


def test_a_few_long_documents_are_sampled(monkeypatch):
    text, gold = known_corpus(20)
    for name in ("WHOLE_CELLS", "CORE_CELLS"):
        monkeypatch.setattr(native, name, 60)
    links = link_sets(NativeAligner(chains=2).align(text))
    assert sum(len(a & b) for a, b in zip(links, gold, strict=True)) > 0.3 * sum(map(len, gold))
    monkeypatch.setattr(native, "CORE_CELLS", 0)
    assert len(link_sets(NativeAligner(chains=2).align(text))) == 20


def test_the_model_of_a_small_corpus_comes_with_its_links():
    text, _ = known_corpus(20)
    soft, model = QUICK.learn(text)
    assert same(QUICK.decide(soft), QUICK.align(text))
    assert model.pairs == 20


def corpus(pairs, seed=5):
    text, _ = known_corpus(pairs, seed=seed)
    columns = {
        f"{name}_tokens": [
            [side.words[i] for i in side.ids[side.offsets[n] : side.offsets[n + 1]]]
            for n in range(pairs)
        ]
        for name, side in (("source", text.source), ("target", text.target))
    }
    entities = [[{"start": 0, "end": 1, "label": "X"}]] * pairs
    return xner.Corpus.from_table(pa.table({**columns, "source_entities": entities}))


def test_a_sample_is_drawn_over_all_corpora():
    one, two = corpus(30), corpus(20, seed=8)
    text = encode_sample([one, two], 25, 1)
    assert text.pairs == 25
    rows = one.table["source_tokens"].to_pylist() + two.table["source_tokens"].to_pylist()
    words, offsets = text.source.words, text.source.offsets
    drawn = [[words[i] for i in text.source.ids[a:b]] for a, b in pairwise(offsets)]
    places = []
    for sentence in drawn:
        places.append(rows.index(sentence, places[-1] + 1 if places else 0))
    assert places == sorted(places)
    assert places[0] < 10
    assert places[-1] >= 40


@pytest.mark.parametrize("stage", [Align, Project])
def test_jobs_and_calls_make_the_same_links(stage, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pairs = corpus(50)
    pairs.write("pairs.jsonl")
    options = {"fit_pairs": 40, "chains": 2, "save_model": Path("m.npz")}
    whole = stage(**options)(pairs)
    spilled = []
    spill = linking.spill_links
    monkeypatch.setattr(linking, "spill_links", lambda b, p: spilled.append(spill(b, p)))
    run_job(stage(**options), xner.scan("pairs.jsonl"), Output.of("out/"), part_rows=20)
    assert len(spilled) == 3
    assert len(list(Path("out").glob("part-*"))) == 3
    parts = xner.read("out")
    assert parts.table["links"].to_pylist() == whole.table["links"].to_pylist()
    again = Align(model=Path("m.npz"))(xner.scan("pairs.jsonl"))
    assert again.table["links"].to_pylist() == whole.table["links"].to_pylist()
    assert "on 40 of 50 pairs" in whole.report.signature


def test_save_model_with_a_small_corpus(tmp_path):
    pairs, path = corpus(20), tmp_path / "m.npz"
    links = Align(chains=2, save_model=path)(pairs).table["links"].to_pylist()
    assert links == Align(chains=2)(pairs).table["links"].to_pylist()
    assert AlignmentModel.load(path).pairs == 20


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"model": "m.npz", "chains": 4},
            "chains has no effect with aligner native and model",
        ),
        ({"model": "m.npz", "fit_on": ["more.jsonl"]}, "fit_on has no effect with model"),
        ({"model": "m.npz", "save_model": "n.npz"}, "save_model has no effect with model"),
        (
            {"aligner": "eflomal", "save_model": "n.npz"},
            "save_model has no effect with aligner",
        ),
        ({"pivot": ["es.txt"], "save_model": "n.npz"}, "save_model has no effect with pivot"),
    ],
)
def test_options_that_do_not_go_together(options, message):
    with pytest.raises(UsageError, match=message):
        Align(**options)


def test_words_share_the_keys_of_the_parts_that_they_share():
    keys = part_keys(["washington", "washing", "burlington", "wash"])[0]
    whole, first5, last5, first4, last4 = range(5)
    assert keys[0, first5] == keys[1, first5]
    assert keys[0, last5] == keys[2, last5]
    assert keys[0, first4] == keys[1, first4] == keys[3, first4]
    assert keys[0, last4] != keys[1, last4]
    assert len({int(k) for k in keys[:, whole]}) == 4
    assert keys[3, first5] == keys[3, whole]


def test_fertilities_are_those_of_independent_links():
    probability = np.array([0.5, 0.25, 1.0, 0.1, 0.9, 0.3, 0.2], np.float32)
    words = np.array([0, 0, 1, 1, 0, 0, 0], np.int32)
    offsets, ids = np.array([0, 4, 7]), np.array([0, 1, 0, 2], np.int32)
    made = np.zeros((3, FERTILITIES), np.float32)
    tables.count_fertility(ids, np.array([0, 2, 4]), offsets, words, probability, made)
    expected = np.zeros((3, FERTILITIES))
    for n, (first, last) in enumerate(pairwise(offsets)):
        for i in (0, 1):
            mine = [float(probability[k]) for k in range(first, last) if words[k] == i]
            for linked in product((0, 1), repeat=len(mine)):
                p = np.prod([q if x else 1 - q for q, x in zip(mine, linked, strict=True)])
                expected[ids[2 * n + i], min(sum(linked), FERTILITIES - 1)] += p
    assert np.allclose(made, expected, atol=1e-6)


def test_word_parts_are_counted_where_they_meet():
    words = ["singen", "singend", "laufen", "laufend"]
    others = ["sing", "singing", "run", "running"]
    parts = [part_keys(side)[0] for side in (words, others)]
    entries = np.array([0, 1, 2], np.int32), np.array([0, 1, 2], np.int32)
    keys, bits = empty_table(len(lexicon.VIEWS) * 3)
    links = np.zeros(len(keys), np.float32)
    tables.list_views(*entries, np.array([1, 2, 4], np.float32), *parts, keys, bits, links)
    source = np.array([0, 2, 1], np.int32), np.array([0, 2, 3])
    target = np.array([0, 3, 1], np.int32), np.array([0, 2, 3])
    met = tables.count_views(0, 2, *source, *target, *parts, keys, bits)
    expected: dict[tuple[int, int, int], list[float]] = {}
    for s, t, n in zip(*entries, (1, 2, 4), strict=True):
        for view in view_parts(parts, s, t):
            expected.setdefault(view, [0, 0])[0] += n
    for s, t in ((0, 0), (0, 3), (2, 0), (2, 3), (1, 1)):
        for view in view_parts(parts, s, t):
            if view in expected:
                expected[view][1] += 1
    used = np.flatnonzero(keys)
    found = sorted(zip(links[used].tolist(), met[used].tolist(), strict=True))
    assert found == sorted((a, b) for a, b in expected.values())


def view_parts(parts, source, target):
    return [
        (v, int(parts[0][source, a]), int(parts[1][target, b]))
        for v, (a, b) in enumerate(lexicon.VIEWS)
    ]
