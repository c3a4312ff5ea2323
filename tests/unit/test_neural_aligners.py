"""SimAlign and AWESoME on tiny random models: batches, windows, odd words, devices, errors."""

import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import xner
from xner.aligners import make_aligner
from xner.aligners.bitext import Bitext, Side, offsets_from
from xner.aligners.subwords import split_side
from xner.cli import main
from xner.inference.windows import plan_windows, window_counts

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from transformers import BertModel  # noqa: E402

from tests.models.encoder import TEXT, save_bert, save_xlmr  # noqa: E402 - needs torch
from tests.models.memory import runs_out_once  # noqa: E402

METHODS = [
    *(("simalign", {"matching": m, "token_type": t})
      for m in ("argmax", "itermax", "match") for t in ("bpe", "word")),
    *(("awesome", {"extraction": e}) for e in ("softmax", "entmax15")),
]  # fmt: skip
PAIRS = [
    *((TEXT[i].split(), TEXT[i + 1].split()) for i in (0, 2, 4)),
    ([], ["Anna"]),
    (["Anna"], []),
    *((TEXT[i].split()[:n], TEXT[i + 1].split()[-n:]) for i in (0, 2, 4) for n in (1, 2, 3, 7)),
    ([], []),
]


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    return save_bert(tmp_path_factory.mktemp("bert"), spread=20.0)


@pytest.fixture(scope="module")
def xlmr(tmp_path_factory):
    return save_xlmr(tmp_path_factory.mktemp("xlmr"), spread=20.0, positions=128)


def side(rows):
    types = {}
    ids = [types.setdefault(word, len(types)) for row in rows for word in row]
    sizes = np.array([len(row) for row in rows], np.int64)
    return Side(np.array(ids, np.int32), offsets_from(sizes), list(types))


def bitext(pairs):
    return Bitext(side([source for source, _ in pairs]), side([target for _, target in pairs]))


def align(pairs, name, model, **options):
    """The links of every pair, as sets and as {link: weight}."""
    return align_by(make_aligner(name, {"model": model, **options}), pairs)


def align_by(aligner, pairs):
    links = aligner.align(bitext(pairs))
    rows = list(
        zip(links.source.tolist(), links.target.tolist(), links.weight.tolist(), strict=True)
    )
    bounds = links.offsets.tolist()
    assert bounds[-1] == len(rows)
    return [{(i, j): w for i, j, w in rows[a:b]} for a, b in pairwise(bounds)]


@pytest.mark.parametrize(("name", "options"), METHODS)
@pytest.mark.parametrize("kind", ["bert", "xlmr"])
def test_batches_equal_one_by_one(name, options, kind, request):
    aligner = make_aligner(name, {"model": request.getfixturevalue(kind), **options})
    together = align_by(aligner, PAIRS)
    alone = [align_by(aligner, [pair])[0] for pair in PAIRS]
    for a, b, pair in zip(together, alone, PAIRS, strict=True):
        assert a.keys() == b.keys()
        assert list(a.values()) == pytest.approx([b[link] for link in a], abs=1e-4)
        assert bool(a) == (bool(pair[0]) and bool(pair[1]))
        assert list(a) == sorted(a)
        assert all(0 < weight <= 1 for weight in a.values())


@pytest.mark.parametrize(("name", "options"), METHODS[1::3])
def test_two_devices_and_small_batches_change_nothing(name, options, bert):
    pairs = PAIRS * 20
    once = align(pairs, name, bert, device="cpu", **options)
    assert align(pairs, name, bert, device="cpu,cpu", **options) == once
    small = align(pairs, name, bert, batch_tokens=40, **options)
    assert [row.keys() for row in small] == [row.keys() for row in once]


@pytest.mark.parametrize(("name", "options"), METHODS)
def test_extraction_on_a_device_equals_that_on_the_host(name, options, bert, monkeypatch):
    from xner.aligners.embedding import EmbeddingEngine

    host = align(PAIRS, name, bert, **options)
    monkeypatch.setattr(EmbeddingEngine, "_on_host", EmbeddingEngine._on_device)
    device = align(PAIRS, name, bert, **options)
    for a, b in zip(device, host, strict=True):
        assert a.keys() == b.keys()
        assert list(a.values()) == pytest.approx(list(b.values()), abs=1e-5)


@given(st.lists(st.integers(0, 90), min_size=1), st.integers(1, 30))
def test_windows_own_every_subword_once(lengths, room):
    lengths = np.array(lengths, np.int64)
    rows = plan_windows(lengths, room, room // 4)
    assert (
        np.bincount(rows.sentence, minlength=len(lengths))
        == window_counts(lengths, room, room // 4)
    ).all()
    assert (rows.size <= room).all()
    assert (rows.own_from >= rows.start).all()
    assert (rows.own_to <= rows.start + rows.size).all()
    owned = [(n, p) for n, a, b in zip(rows.sentence, rows.own_from, rows.own_to, strict=True)
             for p in range(a, b)]  # fmt: skip
    assert owned == [(n, p) for n, size in enumerate(lengths) for p in range(size)]
    assert len(rows.cells(0, room + 2)) == lengths.sum()


@pytest.mark.parametrize("name", ["simalign", "awesome"])
def test_long_sides_go_through_windows(name, tmp_path, bert):
    short = save_bert(tmp_path, spread=20.0, positions=16)
    long = [word for line in TEXT for word in line.split()]
    assert len(long) > 3 * 16
    pairs = [(long, long), PAIRS[0], (long, ["Anna"])]
    whole, alone, other = align(pairs, name, short)
    assert {(i, i) for i in range(len(long))} <= whole.keys()
    assert alone.keys() == align([PAIRS[0]], name, short)[0].keys()
    assert other
    # What fits into one window is computed as a whole.
    states = align([PAIRS[0]], name, bert)[0]
    assert states.keys() == align([PAIRS[0], (long, long)], name, bert)[0].keys()


def test_windowed_states_are_those_of_their_windows(tmp_path):
    from transformers import AutoModel

    from xner.aligners.embedding import EmbeddingEngine, unit_states

    folder = save_bert(tmp_path, positions=16)
    aligner = make_aligner("awesome", {"model": folder})
    long = [word for line in TEXT[:2] for word in line.split()]
    engine = EmbeddingEngine(aligner.encoder, bitext([(long, ["Anna"])]), aligner.rule)
    [[piece], batch] = engine.encode([0])[0], engine.collate([0])
    states = aligner.encoder.states(0, batch.ids, batch.mask)
    found, count = unit_states(states.reshape(-1, 32), batch.source)
    own = split_side(side([long]), aligner.encoder.tokenizer)
    subwords = np.concatenate([own.ids[own.offsets[i] : own.offsets[i + 1]] for i in own.side.ids])
    assert piece == 0
    assert count.tolist() == [len(subwords)]
    model = AutoModel.from_pretrained(folder)
    rows = plan_windows(np.array([len(subwords)]), 14, 14 // 4)
    assert len(rows.start) > 2
    for start, size, a, b in zip(rows.start, rows.size, rows.own_from, rows.own_to, strict=True):
        ids = torch.tensor([[2, *subwords[start : start + size], 3]])
        layer = model(ids, output_hidden_states=True).hidden_states[8][0]
        assert torch.allclose(found[0, a:b], layer[1 + a - start : 1 + b - start], atol=1e-5)


def test_odd_words(bert):
    odd = ["Anna", "\u200b", "[SEP]", "a b", "x" * 150, "日本", "", "."]
    with pytest.warns(UserWarning, match=r"2 words of the source side .* no links; .* in row 2"):
        links = align([PAIRS[0], (odd, odd[::2][:3])], "simalign", bert, matching="match")
    linked = {i for i, _ in links[1]}
    assert not linked & {1, 6}
    with pytest.warns(UserWarning, match=r"4 words of the source side .* in row 1"):
        links = align([(["\u200b", "\u200b"], ["Anna"]), (odd, ["Anna", "[SEP]"])], "awesome", bert)
    assert links[0] == {}
    assert not any(i in (1, 2) or j == 1 for i, j in links[1])
    assert (0, 0) in links[1]


@pytest.mark.parametrize(("name", "options"), METHODS)
def test_characters_are_compared_by_word(name, options, xlmr):
    """The characters of a word have the links of the word, in any corpus; no token is split."""
    source = PAIRS[0][0]
    pairs = [(source, ["天気", "を"]), (source, ["Anna", "天気"]), (source, ["ห้องนอน", "を"])]
    by_word = align(pairs, name, xlmr, units="tokens", **options)
    overlapped = [[[0, 1], [2]], [[0], [1, 2]], [[0], [1]]]
    expected = [
        {(i, k): weight for (i, j), weight in row.items() for k in tokens[j]}
        for row, tokens in zip(by_word, overlapped, strict=True)
    ]
    given = [(source, list("天気を")), (source, ["Anna", *"天気"]), pairs[2]]
    assert align(given, name, xlmr, **options) == expected
    assert align(given[1:2], name, xlmr, **options) == [pytest.approx(expected[1])]


def test_words_are_linked_to_themselves_and_entities_follow(bert, tmp_path):
    """Word embeddings dominate this model, so a shuffled copy is a translation."""
    words = TEXT[0].split()
    order = np.random.default_rng(3).permutation(len(words))
    tags = {"Anna": "B-PER", "Keller": "I-PER", "Kisumu": "B-LOC"}
    (tmp_path / "s.conll").write_text("".join(f"{w}\t{tags.get(w, 'O')}\n" for w in words) + "\n")
    (tmp_path / "t.txt").write_text(" ".join(words[i] for i in order) + "\n")
    pairs = xner.read(tmp_path / "s.conll", tmp_path / "t.txt")
    linked = xner.align(pairs, aligner="simalign", matching="match", token_type="word", model=bert)
    row = linked.table["links"].to_pylist()[0]
    right = sum(words[k["source"]] == words[order[k["target"]]] for k in row)
    assert right == len(words)
    projected = xner.project(linked).table["target_entities"].to_pylist()[0]
    names = {(e["label"], words[order[e["start"]]]) for e in projected}
    assert ("LOC", "Kisumu") in names


def test_command_line(bert, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.txt").write_text("Anna visits Kisumu .\nPeter writes .\n")
    (tmp_path / "s.conll").write_text("Anna\tB-PER\nwaits\tO\n\n")
    (tmp_path / "t.txt").write_text("Anna wartet\n")
    pairs = ("align", "s.conll", "t.txt", "-o", "o.align", "--model", bert, "--json")
    assert main([*pairs, "--aligner", "awesome", "--extraction", "entmax15", "--batch-tokens", "64",
                 "--device", "cpu", "--precision", "float32", "--layer", "4"]) == 0  # fmt: skip
    summary = json.loads(capsys.readouterr().out)
    assert summary["links"] > 0
    assert summary["signature"].startswith("awesome(extraction:entmax15,layer:4,model:bert")
    assert "cpu/float32,xner:" in summary["signature"]
    assert (
        main([*pairs, "--aligner", "simalign", "--matching", "match", "--token-type", "word"]) == 0
    )
    assert "matching:match,token_type:word" in capsys.readouterr().out
    assert main(["project", "s.conll", "t.txt", "-o", "o.conll", "--model", bert, "--aligner",
                 "simalign"]) == 0  # fmt: skip
    assert "simalign(matching:itermax" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--aligner", "native", "--layer", "3"], "--layer has no effect with --aligner native"),
        (
            ["--aligner", "awesome", "--matching", "match"],
            "--matching has no effect with --aligner awesome",
        ),
        (
            ["--aligner", "simalign", "--extraction", "softmax"],
            "--extraction has no effect with --aligner simalign",
        ),
        (
            ["--aligner", "eflomal", "--batch-tokens", "9"],
            "--batch-tokens has no effect with --aligner eflomal",
        ),
        (
            ["--aligner", "awesome", "--fit-on", "s.txt", "t.txt"],
            "--fit-on has no effect",
        ),
        (["--aligner", "awesome", "--seed", "2"], "--seed has no effect with --aligner awesome"),
    ],
)
def test_options_of_another_aligner(options, message, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("s.txt", "t.txt"):
        (tmp_path / name).write_text("Anna\n")
    assert main(["align", "s.txt", "t.txt", "-o", "o.align", *options]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("simalign", {"matching": "inter"}, "matching is 'inter'; choose one of argmax, iter"),
        ("simalign", {"token_type": "char"}, "token_type is 'char'; choose one of bpe, word"),
        ("simalign", {"distortion": 2}, "distortion is 2; it must be at least 0 and at most 1"),
        ("awesome", {"extraction": "sparsemax"}, "extraction is 'sparsemax'; choose one of soft"),
        ("awesome", {"threshold": 0}, "threshold is 0; it must be above 0 and below 1"),
        ("awesome", {"layer": 0}, "layer is 0; it must be at least 1"),
        ("awesome", {"batch_tokens": 0}, "batch_tokens is 0; it must be at least 1"),
        ("awesome", {"device": "tpu9"}, "'tpu9' cannot be used"),
        ("awesome", {"beams": 2}, "aligner awesome: unknown option 'beams'"),
    ],
)
def test_bad_options(name, options, message):
    with pytest.raises(xner.UsageError, match=message):
        make_aligner(name, options)


def test_models_that_do_not_fit(bert, tmp_path):
    from transformers import BertConfig

    def signed(model, **options):
        return make_aligner("simalign", {"model": str(model), **options}).signature

    with pytest.raises(xner.UsageError, match=r"layer is 10; the model .* has only 9 layers"):
        signed(bert, layer=10)
    with pytest.raises(xner.InputError, match=r"'.*nothing' cannot be loaded"):
        signed(tmp_path / "nothing")
    save_bert(tmp_path)
    config = BertConfig.from_pretrained(tmp_path)
    config.num_hidden_layers = 12
    config.save_pretrained(tmp_path)
    assert "layer:9" in signed(tmp_path, layer=9)
    with pytest.raises(xner.InputError, match=r"lacks 48 weights, such as encoder.layer.1"):
        signed(tmp_path, layer=12)
    assert make_aligner("simalign", {"model": bert, "distortion": 0.1}).signature.count("distort")


def test_nothing_is_learned_from_more_bitext(bert):
    pairs = bitext(PAIRS)
    with pytest.raises(xner.UsageError, match="are not fitted; leave out fit_on"):
        make_aligner("awesome", {"model": bert}).align(Bitext(pairs.source, pairs.target, 2))


def test_missing_extra(monkeypatch):
    monkeypatch.setattr("xner.inference.packages.find_spec", lambda package: None)
    with pytest.raises(xner.MissingExtraError, match=r"pip install 'xner\[models\]'"):
        make_aligner("simalign", {})


def test_a_pair_beyond_memory_is_named(bert, monkeypatch):
    from xner.aligners.encoder import Encoder

    def states(self, worker, ids, mask):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried a lot")

    monkeypatch.setattr(Encoder, "states", states)
    with pytest.raises(xner.ResourceError, match="the pair in row 2 does not fit"):
        align([([], []), PAIRS[0]], "awesome", bert)


def test_a_batch_that_does_not_fit_is_halved(bert, monkeypatch):
    pairs = PAIRS * 3
    wanted = align(pairs, "awesome", bert, batch_tokens=4096)
    rows = runs_out_once(monkeypatch, BertModel)
    found = align(pairs, "awesome", bert, batch_tokens=4096)
    assert max(rows[1:]) <= rows[0] // 2 + 2
    assert [row.keys() for row in found] == [row.keys() for row in wanted]
    for own, other in zip(found, wanted, strict=True):
        assert own == pytest.approx(other, abs=1e-5)


def test_the_command_counts_words_without_subwords(bert, tmp_path, capsys):
    (tmp_path / "en.txt").write_text("Anna \u200b waits\n", "utf-8")
    (tmp_path / "de.txt").write_text("Anna wartet\n", "utf-8")
    files = [str(tmp_path / name) for name in ("en.txt", "de.txt")]
    line = ["align", *files, "-o", str(tmp_path / "out.align"), "--aligner", "awesome"]
    for _ in range(2):
        assert main([*line, "--model", bert, "--device", "cpu", "--json"]) == 0
        out, err = capsys.readouterr()
        (warning,) = json.loads(out)["warnings"]
        assert warning.startswith("1 words of the source side have no subword in")
        assert err == f"xner align: warning: {warning}\n"


@pytest.mark.parametrize("kind", ["bert", "xlmr"])
@pytest.mark.parametrize("token_type", ["bpe", "word"])
@pytest.mark.filterwarnings("ignore")
def test_links_are_those_of_simalign(kind, token_type, request):
    pytest.importorskip("simalign")
    from benchmarks.rivals import simalign_links

    model = request.getfixturevalue(kind)
    pairs = [pair for pair in PAIRS if all(pair)]
    for matching, theirs in simalign_links(model, pairs, token_type).items():
        ours = align(pairs, "simalign", model, matching=matching, token_type=token_type)
        assert [set(row) for row in ours] == theirs


@pytest.mark.parametrize("extraction", ["softmax", "entmax15"])
@pytest.mark.filterwarnings("ignore")
def test_links_are_those_of_awesome_align(extraction, bert):
    pytest.importorskip("awesome_align")
    from benchmarks.rivals import awesome_links, awesome_model

    pairs = [pair for pair in PAIRS if all(pair)]
    pairs.append((["Anna", "[SEP]", "waits"], ["[SEP]", "Anna", "wartet"]))
    ours = align(pairs, "awesome", bert, extraction=extraction)
    assert [set(row) for row in ours] == awesome_links(*awesome_model(bert), pairs, extraction)


@pytest.mark.filterwarnings("ignore")
def test_distortion_is_that_of_simalign(bert):
    pytest.importorskip("simalign")
    from benchmarks.rivals import METHODS, simalign_model

    model = simalign_model(bert, "bpe", "mai")
    model.distortion = 0.4
    pairs = [pair for pair in PAIRS if all(pair)]
    found = [model.get_word_aligns(*pair) for pair in pairs]
    for matching, theirs in METHODS.items():
        ours = align(pairs, "simalign", bert, matching=matching, distortion=0.4)
        assert [set(row) for row in ours] == [set(links[theirs]) for links in found]
