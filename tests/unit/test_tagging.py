"""Taggers: tiny models that are trained here, windows, labels, and the stage around them."""

import json
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest

import xner
from tests.corpora import side_of, spans_of
from xner.corpus import Corpus
from xner.inference.windows import plan_windows
from xner.tagging.fake import FakeTagger
from xner.tagging.tags import Tagset

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.models import tagging as models  # noqa: E402 - needs torch
from tests.models.memory import runs_out_once  # noqa: E402
from xner.tagging.checkpoint import CheckpointTagger  # noqa: E402
from xner.tagging.options import TaggerOptions  # noqa: E402


def checkpoint_tagger(model, **options):
    return CheckpointTagger(TaggerOptions(model=model, **options))


@pytest.fixture(params=["bert", "xlmr"])
def folder(request):
    return request.getfixturevalue(f"{request.param}_tagger")


def gold(tags):
    return xner.spans_from_tags(tags)


UNSEEN = models.sentences(60, seed=9, unseen=True)
SENTENCES = [words for words, _ in UNSEEN]


def test_the_right_entities_come_out(folder):
    out = xner.tag(side_of(SENTENCES), model=folder, device="cpu")
    assert spans_of(out) == [gold(tags) for _, tags in UNSEEN]
    summary = out.report
    assert (summary.sentences, summary.words) == (60, sum(map(len, SENTENCES)))
    assert summary.entities.total() == sum(len(gold(tags)) for _, tags in UNSEEN)
    assert (summary.windowed, summary.unread) == (0, 0)
    assert Path(folder).name + "#" in summary.signature
    assert "temperature:1,cpu/float32" in summary.signature
    scores = [e["score"] for row in out.table["source_entities"].to_pylist() for e in row]
    assert 0.5 < min(scores) <= max(scores) <= 1


def plain(folder, words, temperature=1.0):
    """Probabilities at first subwords, by transformers alone."""
    from transformers import AutoModelForTokenClassification, AutoTokenizer

    model = AutoModelForTokenClassification.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    rows = []
    for sentence in words:
        encoded = tokenizer(sentence, is_split_into_words=True, return_tensors="pt")
        with torch.inference_mode():
            found = (model(**encoded).logits[0] / temperature).softmax(-1).numpy()
        ids = encoded.word_ids()
        rows.append(np.array([found[ids.index(i)] for i in range(len(sentence))]))
    return rows


@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_probabilities_are_those_of_a_plain_loop(folder, temperature):
    tagger = checkpoint_tagger(folder, temperature=temperature, device="cpu")
    assert tagger.tags == tuple(models.TAGS)
    expected = plain(folder, SENTENCES, temperature)
    for got, wanted in zip(tagger.tag(SENTENCES), expected, strict=True):
        assert got.probabilities.dtype == np.float32
        np.testing.assert_allclose(got.probabilities, wanted, atol=1e-5)


def test_batches_and_devices_change_nothing(folder):
    def run(**options):
        return xner.tag(side_of(SENTENCES), model=folder, probabilities=True, **options)

    whole = run(device="cpu")
    assert run(device="cpu,cpu").table.equals(whole.table)
    alone = run(device="cpu", batch_tokens=1)
    assert spans_of(alone) == spans_of(whole)
    one, many = (
        np.concatenate([np.ravel(r) for r in t.table["source_probabilities"].to_pylist()])
        for t in (alone, whole)
    )
    np.testing.assert_allclose(one, many, atol=1e-5)
    assert alone.report.signature == whole.report.signature


def test_a_batch_that_does_not_fit_is_halved(bert_tagger, monkeypatch):
    from transformers import BertForTokenClassification

    wanted = list(checkpoint_tagger(bert_tagger, device="cpu", batch_tokens=4096).tag(SENTENCES))
    rows = runs_out_once(monkeypatch, BertForTokenClassification)
    found = list(checkpoint_tagger(bert_tagger, device="cpu", batch_tokens=4096).tag(SENTENCES))
    assert max(rows[1:]) <= rows[0] // 2 + 1
    for own, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(own.probabilities, other.probabilities, atol=1e-5)


def test_record_batches_share_one_stream(bert_tagger):
    tagger = checkpoint_tagger(bert_tagger, device="cpu")
    whole = side_of(SENTENCES)
    batch = next(whole.batches())
    parts = Corpus.from_batches([batch.slice(0, 7), batch.slice(7, 0), batch.slice(7)], "p")
    assert xner.tag(parts, tagger=tagger).table.equals(xner.tag(whole, tagger=tagger).table)


def test_long_sentences_are_read_in_windows(folder):
    parts = SENTENCES[:20]
    long = [word for part in parts for word in part]
    assert len(long) > 3 * models.POSITIONS
    out = xner.tag(side_of([long, parts[0]]), model=folder, device="cpu")
    expected, before = [], 0
    for words, tags in UNSEEN[:20]:
        expected += [(before + s, before + e, label) for s, e, label in gold(tags)]
        before += len(words)
    assert spans_of(out) == [expected, gold(UNSEEN[0][1])]
    assert out.report.windowed == 1


@pytest.mark.parametrize(("tokens", "room"), [(1, 4), (4, 4), (5, 4), (97, 10), (30, 3), (7, 1)])
def test_windows_give_each_token_most_context(tokens, room):
    found = plan_windows(np.array([tokens]), room, room - room // 2, ties_first=True)
    starts = found.start
    owner = np.repeat(np.arange(len(starts)), found.own_to - found.own_from)
    assert len(owner) == tokens
    assert starts[0] == 0
    assert starts[-1] + room >= tokens
    assert (np.diff(starts) <= max(1, room // 2)).all()
    assert (np.diff(owner) >= 0).all()

    def context(token, start):
        left, right = token - start, start + room - 1 - token
        if left < 0 or right < 0:
            return -1
        left = tokens if start == 0 else left
        right = tokens if start == starts[-1] else right
        return min(left, right)

    for token in range(tokens):
        best = max(context(token, start) for start in starts)
        assert context(token, starts[owner[token]]) == best >= 0
        assert best >= room // 4 or room < 4


ODD = [
    "\u200b",
    "\u0301",
    "🙂",
    "👩\u200d👩\u200d👧",
    "x" * 700,
    "e\u0301",
    "",
    "\x07",
    "\ufeff",
    "日本",
]


def test_odd_words_keep_their_places(folder):
    words = [*ODD, "Peter", "Keller", *ODD, "in", "Bremen"]
    rows = [words, [], ["\u0007"], ["in", "Bremen", "."], [""]]
    out = xner.tag(side_of(rows), model=folder, device="cpu", probabilities=True)
    found = spans_of(out)
    assert (len(ODD), len(ODD) + 2, "PER") in found[0]
    assert (len(words) - 1, len(words), "LOC") in found[0]
    assert found[1] == []
    assert found[3] == [(1, 2, "LOC")]
    assert out.report.unread >= 3
    probabilities = out.table["source_probabilities"].to_pylist()
    assert [len(row) for row in probabilities] == [len(row) for row in rows]
    outside = [1.0, 0, 0, 0, 0, 0]
    assert probabilities[4] == [outside]
    assert probabilities[0][ODD.index("")] == outside
    for row in probabilities:
        assert all(sum(word) == pytest.approx(1, abs=1e-5) for word in row)


def test_the_model_sees_no_empty_sentence(bert_tagger, monkeypatch):
    tagger = checkpoint_tagger(bert_tagger, device="cpu")
    monkeypatch.setattr(tagger._engine, "forward", None)
    out = xner.tag(side_of([[], []]), tagger=tagger)
    assert spans_of(out) == [[], []]
    assert list(tagger.tag([])) == []


def test_labels_are_renamed_dropped_and_merged(folder):
    plainly = checkpoint_tagger(folder, device="cpu")
    mapped = checkpoint_tagger(folder, labels={"LOC": None, "ORG": "PER"}, device="cpu")
    assert mapped.tags == ("O", "B-PER", "I-PER")
    assert "labels:LOC=,ORG=PER" in mapped.signature
    for before, after in zip(plainly.tag(SENTENCES), mapped.tag(SENTENCES), strict=True):
        o, b_per, i_per, b_loc, b_org, i_org = before.probabilities.T
        wanted = np.stack([o + b_loc, b_per + b_org, i_per + i_org], axis=1)
        np.testing.assert_allclose(after.probabilities, wanted, atol=1e-6)
        np.testing.assert_allclose(after.probabilities.sum(axis=1), 1, atol=1e-5)
    out = xner.tag(side_of(SENTENCES), tagger=mapped)
    swap = {"PER": "PER", "ORG": "PER"}
    assert spans_of(out) == [
        [(s, e, swap[label]) for s, e, label in gold(tags) if label in swap] for _, tags in UNSEEN
    ]


@pytest.mark.parametrize(
    ("outputs", "labels", "names"),
    [
        (["O", "PER", "LOC"], None, ("O", "I-PER", "I-LOC")),
        (["O", "U-PER", "L-PER"], {"PER": "X"}, ("O", "U-X", "L-X")),
        (["LABEL_0", "LABEL_1"], {"LABEL_0": "O", "LABEL_1": "B-PER"}, ("O", "B-PER")),
        (["NONE", "PER"], {"NONE": None}, ("O", "I-PER")),
        (["I-PER", "O", "B-MISC"], {"B-MISC": "I-PER"}, ("I-PER", "O")),
        (["O", "B-GPE-LOC"], {"GPE-LOC": "LOC"}, ("O", "B-LOC")),
    ],
)
def test_tags_of_outputs(outputs, labels, names):
    assert Tagset.of(outputs, labels).names == names


def test_outputs_without_meaning_say_what_to_do():
    with pytest.raises(xner.InputError, match=r"LABEL_0, LABEL_1; rename .*--label LABEL_1=B-PER"):
        Tagset.of(["LABEL_0", "LABEL_1"])
    with pytest.raises(xner.InputError, match=r"no tag O, only NONE, PER; .*--label NONE="):
        Tagset.of(["NONE", "PER"])
    with pytest.raises(xner.UsageError, match="'MISC', which the model does not have; it has O"):
        Tagset.of(["O", "B-PER"], {"MISC": None})


def relabelled(folder, to, tags):
    """A copy of a model whose outputs are called otherwise."""
    copytree(folder, to)
    config = json.loads((to / "config.json").read_text())
    config["id2label"] = dict(enumerate(tags))
    config["label2id"] = {tag: i for i, tag in enumerate(tags)}
    (to / "config.json").write_text(json.dumps(config))
    return str(to)


def test_other_schemes_are_read(bert_tagger, tmp_path):
    iob1 = relabelled(bert_tagger, tmp_path / "iob1", ["O", "B-X", "I-PER", "LOC", "B-Y", "I-ORG"])
    words = ["Amina", "Okoro", "left", "Bremen", "Nairobi", "for", "Tide", "Group"]
    tagger = checkpoint_tagger(iob1, labels={"X": "PER", "Y": "ORG"}, device="cpu")
    assert spans_of(xner.tag(side_of([words]), tagger=tagger)) == [
        [(0, 2, "PER"), (3, 5, "LOC"), (6, 8, "ORG")]
    ]
    nameless = relabelled(bert_tagger, tmp_path / "n", [f"LABEL_{i}" for i in range(6)])
    with pytest.raises(xner.InputError, match="labels without a meaning: LABEL_0"):
        xner.tag(side_of([words]), model=nameless)


def test_a_model_that_is_no_tagger_is_refused(bert_tagger, tmp_path):
    from transformers import BertModel

    copytree(bert_tagger, tmp_path / "base")
    BertModel.from_pretrained(bert_tagger).save_pretrained(tmp_path / "base")
    with pytest.raises(xner.InputError, match=r"is not a tagger: its files lack classifier\.bias"):
        xner.tag(side_of([["a"]]), model=str(tmp_path / "base"))


def test_tokenizers_of_other_kinds(tmp_path):
    """Byte-level BPE that glues words together, and a tokenizer in plain Python."""
    from tokenizers import pre_tokenizers
    from transformers import CanineTokenizer, RobertaConfig, RobertaTokenizer

    from xner.tagging.subwords import Subwords

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *alphabet, "Ġa"]
    vocab = {piece: i for i, piece in enumerate(pieces)}
    RobertaTokenizer(vocab=vocab, merges=[("Ġ", "a")]).save_pretrained(tmp_path / "bpe")
    RobertaConfig().save_pretrained(tmp_path / "bpe")
    ((piece,),) = Subwords(str(tmp_path / "bpe")).pieces([["a", "ba"]], 64)
    read = [pieces[i] for i in piece.ids]
    assert read == ["<s>", "Ġa", "Ġ", "b", "a", "</s>"]
    assert piece.places.tolist() == [1, 2]

    CanineTokenizer().save_pretrained(tmp_path / "python")
    (tmp_path / "python" / "config.json").write_text('{"model_type": "canine"}')
    ((piece,),) = Subwords(str(tmp_path / "python")).pieces([["ab", "", "c"]], 64)
    assert piece.ids[1:-1].tolist() == [ord(letter) for letter in "abc"]
    assert (piece.places.tolist(), piece.words.tolist()) == ([1, 3], [0, 2])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"model": "m", "temperature": 0.0}, "temperature is 0; it must be above 0"),
        ({"model": "m", "batch_tokens": 0}, "batch_tokens is 0"),
        ({"model": ".", "device": "tpu9"}, "'tpu9' cannot be used"),
        ({"tagger": "crf", "model": "m"}, "tagger is 'crf'; choose one of checkpoint"),
        ({}, "model is missing; give a hub id"),
        ({"tagger": FakeTagger({}), "model": "m"}, "model has no effect with a custom tagger"),
        (
            {"tagger": FakeTagger({}), "temperature": 2.0},
            "temperature has no effect with a custom tagger",
        ),
        ({"tagger": FakeTagger({}), "side": "left"}, "side is 'left'"),
    ],
)
def test_options_that_make_no_sense(options, words):
    with pytest.raises(xner.UsageError, match=words):
        xner.tag(side_of([["a"]]), **options)
    with pytest.raises(xner.InputError, match="cannot be loaded"):
        xner.tag(side_of([["a"]]), model="./no/such/folder")
    with pytest.raises(xner.InputError, match="no column 'target_tokens'"):
        xner.tag(side_of([["a"]]), tagger=FakeTagger({}), side="target")
