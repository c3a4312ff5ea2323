"""Translation with a tiny model that has memorised its sentences."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

import xner
from xner.languages import Language, find_language
from xner.translation.base import Translated, join_pieces
from xner.translation.engine import search_signature
from xner.translation.fake import FakeTranslator
from xner.translation.options import TranslatorOptions
from xner.translation.pieces import split_text
from xner.translation.quality import loop_length, outcome_of

torch = pytest.importorskip("torch")

from tests.models import translation as tiny  # noqa: E402 - needs torch
from tests.models.memory import runs_out_once  # noqa: E402
from xner.translation.ctranslate2 import Ctranslate2Translator  # noqa: E402
from xner.translation.nllb import NllbTranslator  # noqa: E402
from xner.translation.vocabulary import Vocabulary  # noqa: E402

EN, DE = find_language("en"), find_language("de")


def nllb(model, **options):
    return NllbTranslator(TranslatorOptions(model=model, **options))


def ctranslate2(model, **options):
    return Ctranslate2Translator(TranslatorOptions(model=model, **options))


def odd_texts(count=40):
    """Words of the sentences in no order: what the model makes of them is its own affair."""
    words = " ".join(tiny.ENGLISH).split()
    chance = random.Random(5)
    return [" ".join(chance.choices(words, k=chance.randint(1, 14))) for _ in range(count)]


@pytest.mark.parametrize("beams", [1, 4])
def test_known_sentences_come_out_in_their_order(tiny_nllb, beams):
    translator = nllb(tiny_nllb, beams=beams, device="cpu")
    found = list(translator.translate(iter(tiny.ENGLISH), EN, DE))
    assert [one.text for one in found] == list(tiny.GERMAN)
    assert {one.outcome for one in found} == {"translated"}
    back = translator.translate(tiny.GERMAN, DE, EN)
    assert [one.text for one in back] == list(tiny.ENGLISH)


@pytest.mark.parametrize("beams", [1, 3])
@pytest.mark.parametrize("folder", ["tiny_nllb", "untrained_nllb"])
def test_a_batch_gives_what_each_text_gives_alone(request, folder, beams):
    name = request.getfixturevalue(folder)
    texts = [*tiny.ENGLISH[:10], "", *odd_texts(25)]
    many = nllb(name, beams=beams, device="cpu", batch_tokens=10**6)
    alone = nllb(name, beams=beams, device="cpu,cpu", batch_tokens=1)
    assert list(many.translate(texts, EN, DE)) == list(alone.translate(texts, EN, DE))


@pytest.mark.parametrize("call", [1, 6])
def test_a_batch_that_does_not_fit_is_halved(tiny_nllb, monkeypatch, call):
    from transformers.models.m2m_100.modeling_m2m_100 import M2M100Decoder

    translator = nllb(tiny_nllb, device="cpu", batch_tokens=10**6)
    rows = runs_out_once(monkeypatch, M2M100Decoder, call)
    found = list(translator.translate(tiny.ENGLISH, EN, DE))
    assert [one.text for one in found] == list(tiny.GERMAN)
    assert rows[0] == len(tiny.ENGLISH)
    assert rows[call] == len(tiny.ENGLISH) // 2


@pytest.mark.parametrize("beams", [1, 2, 5])
def test_the_search_is_that_of_transformers(tiny_nllb, beams):
    from transformers import M2M100ForConditionalGeneration, NllbTokenizer

    texts = [*tiny.ENGLISH[:5], *odd_texts()]
    tokenizer = NllbTokenizer.from_pretrained(tiny_nllb, src_lang="eng_Latn")
    model = M2M100ForConditionalGeneration.from_pretrained(tiny_nllb).eval()
    made = model.generate(
        **tokenizer(texts, padding=True, return_tensors="pt"),
        forced_bos_token_id=tokenizer.convert_tokens_to_ids("deu_Latn"),
        num_beams=beams, early_stopping=beams > 1, do_sample=False, max_new_tokens=100,
    )  # fmt: skip
    wanted = tokenizer.batch_decode(made, skip_special_tokens=True)
    translator = nllb(tiny_nllb, beams=beams, device="cpu")
    found = list(translator.translate(texts, EN, DE))
    assert [one.text for one in found if one.outcome == "translated"] == [
        text for text, one in zip(wanted, found, strict=True) if one.outcome == "translated"
    ]
    assert sum(one.outcome == "translated" for one in found) > len(texts) // 2


@pytest.mark.parametrize("beams", [1, 4])
def test_ctranslate2_gives_the_same(tiny_nllb, tmp_path, beams):
    pytest.importorskip("ctranslate2")
    texts = [*tiny.ENGLISH, "", *odd_texts(20)]
    options = {"beams": beams, "device": "cpu", "batch_tokens": 300}
    fast = ctranslate2(tiny_nllb, folder=tmp_path, **options)
    plain = nllb(tiny_nllb, **options)
    found = list(fast.translate(texts, EN, DE))
    assert found == list(plain.translate(texts, EN, DE))
    # It is converted once.
    kept = next(tmp_path.glob("*/model.bin"))
    before = kept.stat().st_mtime_ns
    ctranslate2(tiny_nllb, folder=tmp_path, **options)
    assert kept.stat().st_mtime_ns == before
    assert [path.name for path in tmp_path.iterdir()] == [kept.parent.name]


def test_ctranslate2_in_eight_bits(tiny_nllb, tmp_path):
    pytest.importorskip("ctranslate2")
    small = ctranslate2(tiny_nllb, folder=tmp_path, device="cpu", compute_type="int8")
    assert "cpu/int8" in small.signature
    found = [one.text for one in small.translate(tiny.ENGLISH, EN, DE)]
    assert sum(a == b for a, b in zip(found, tiny.GERMAN, strict=True)) > 20


def test_limits_count_for_each_text_alone_in_ctranslate2(untrained_nllb, tmp_path):
    pytest.importorskip("ctranslate2")
    texts = [*tiny.ENGLISH[:8], " ".join(tiny.ENGLISH[:3])]
    translator = ctranslate2(untrained_nllb, folder=tmp_path, beams=1, device="cpu")
    plain = nllb(untrained_nllb, beams=1, device="cpu")
    assert list(translator.translate(texts, EN, DE)) == list(plain.translate(texts, EN, DE))


def test_a_model_that_loops_is_flagged(untrained_nllb):
    translator = nllb(untrained_nllb, beams=1, device="cpu")
    found = list(translator.translate(tiny.ENGLISH, EN, DE))
    assert {one.outcome for one in found} <= {"repeats", "cut", "empty"}
    assert sum(one.outcome == "repeats" for one in found) > 15


def test_long_texts_are_split_and_join_pieces(tiny_nllb):
    sentences = [*tiny.ENGLISH[:5], tiny.ENGLISH[6]]
    longest = max(Vocabulary(tiny_nllb).length(text) for text in sentences)
    translator = nllb(tiny_nllb, device="cpu", max_tokens=longest)
    long = " ".join(sentences)
    whole, short = translator.translate([long, tiny.ENGLISH[4]], EN, DE)
    assert whole.outcome == "split"
    assert whole.pieces > 2
    for german in (tiny.GERMAN[3], tiny.GERMAN[6]):
        assert german in whole.text
    assert short == Translated(tiny.GERMAN[4], "translated", 1)
    # The positions of the model are a limit too, here 128.
    far = nllb(tiny_nllb, beams=1, device="cpu")
    (found,) = far.translate([" ".join(tiny.ENGLISH)], EN, DE)
    assert found.pieces > 1


def test_settings_flag_and_cut(tiny_nllb):
    long = [text for text in tiny.ENGLISH if Vocabulary(tiny_nllb).length(text) >= 10]
    strict = nllb(tiny_nllb, device="cpu", min_ratio=4)
    assert {one.outcome for one in strict.translate(long, EN, DE)} == {"short"}
    assert strict.signature != nllb(tiny_nllb, device="cpu").signature


def test_empty_texts_never_reach_the_model(tiny_nllb):
    translator = nllb(tiny_nllb, device="cpu")
    translator.models = []
    found = list(translator.translate(["", "  \n", "\u3000"], EN, DE))
    assert found == [Translated("", "empty_input", 0)] * 3


def test_m2m100_checkpoints(tmp_path):
    sentencepiece = pytest.importorskip("sentencepiece")
    import json

    from transformers import M2M100Tokenizer

    (tmp_path / "text").write_text("\n".join(tiny.ENGLISH + tiny.GERMAN))
    sentencepiece.SentencePieceTrainer.train(
        input=str(tmp_path / "text"), model_prefix=str(tmp_path / "spm"), vocab_size=200,
        minloglevel=2,
    )  # fmt: skip
    spm = sentencepiece.SentencePieceProcessor(model_file=str(tmp_path / "spm.model"))
    names = ["<s>", "<pad>", "</s>", "<unk>", *(spm.id_to_piece(i) for i in range(3, 200))]
    (tmp_path / "v.json").write_text(json.dumps({name: i for i, name in enumerate(names)}))
    tokenizer = M2M100Tokenizer(str(tmp_path / "v.json"), str(tmp_path / "spm.model"))
    folder = tmp_path / "model"
    tokenizer.save_pretrained(folder)
    tiny.make_model(len(names) + 108).save_pretrained(folder)
    vocabulary = Vocabulary(str(folder))
    ids = vocabulary.encode([tiny.ENGLISH[0]])[0]
    tokenizer.src_lang = "en"
    framed = vocabulary.framed(ids, vocabulary.language_token(EN))
    assert framed == tokenizer(tiny.ENGLISH[0])["input_ids"]
    translator = nllb(str(folder), device="cpu", beams=2)
    assert len(list(translator.translate(tiny.ENGLISH[:3], EN, DE))) == 3
    with pytest.raises(xner.UsageError, match="does not know Nuer"):
        list(translator.translate(["a"], EN, find_language("nus")))


def test_a_tokenizer_that_was_saved_to_truncate_does_not(tiny_nllb, tmp_path):
    from transformers import AutoConfig

    tokenizer = tiny.make_tokenizer()
    tokenizer.backend_tokenizer.enable_truncation(5)
    tokenizer.save_pretrained(tmp_path)
    AutoConfig.from_pretrained(tiny_nllb).save_pretrained(tmp_path)
    text = " ".join(tiny.ENGLISH)
    assert Vocabulary(str(tmp_path)).length(text) == Vocabulary(tiny_nllb).length(text) > 100


def test_wrong_models_and_options(tiny_nllb, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(xner.InputError, match="nothing' cannot be loaded"):
        nllb(str(tmp_path / "nothing"))
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(xner.InputError, match="has the type 'bert'"):
        nllb(str(tmp_path))
    unknown = Language("Klingon", "tlh_Latn", "tlh", "tlh", "", "", True)
    with pytest.raises(xner.UsageError, match="does not know Klingon"):
        list(nllb(tiny_nllb, device="cpu").translate(["a"], EN, unknown))
    for options in ({"beams": 0}, {"batch_tokens": 0}, {"max_tokens": 0}, {"max_ratio": 0}):
        with pytest.raises(xner.UsageError, match=f"{next(iter(options))}.* must be"):
            nllb(tiny_nllb, **options)


def test_ctranslate2_that_is_missing_or_cannot_run_says_so(tiny_nllb, tmp_path, monkeypatch):
    from xner.translation import ctranslate2 as backend

    pytest.importorskip("ctranslate2")
    with pytest.raises(xner.UsageError, match="cannot run float16 on cpu"):
        ctranslate2(tiny_nllb, folder=tmp_path, device="cpu", precision="float16")
    (tmp_path / "file").write_text("")
    with pytest.raises(xner.OutputError, match="cannot be written"):
        ctranslate2(tiny_nllb, folder=tmp_path / "file", device="cpu")
    monkeypatch.setattr(backend, "find_spec", lambda name: None)
    with pytest.raises(xner.MissingExtraError, match=r"pip install 'xner\[ctranslate2\]'"):
        ctranslate2(tiny_nllb)


def test_search_settings():
    assert (
        search_signature(TranslatorOptions()) == "beams:4,max_tokens:510,max_ratio:2,min_ratio:0.3"
    )


OUTCOMES = [
    # text, source tokens, found tokens, finished, outcome
    ("ein Hund", [1, 2, 3], [4, 5], True, "translated"),
    ("  ", [1, 2, 3], [], True, "empty"),
    ("ein", range(20), range(30, 50), False, "cut"),
    ("ein", range(20), range(5), True, "short"),
    ("ein", range(9), range(1), True, "translated"),
    ("ja ja ja", range(20), [7, 8, 9] * 4, True, "repeats"),
    ("ja ja ja", range(20), [7, 8, 9] * 4, False, "repeats"),
    ("ja ja ja", [1, 2, 3] * 4, [7, 8, 9] * 4, True, "translated"),
    ("ja ja", range(20), [7] * 9, True, "translated"),
]


@pytest.mark.parametrize(("text", "source", "found", "finished", "outcome"), OUTCOMES)
def test_outcomes_of_translations(text, source, found, finished, outcome):
    assert outcome_of(text, list(source), list(found), finished, 0.3) == outcome


def slow_loop_length(tokens):
    best = 0
    for period in range(1, 11):
        for start in range(len(tokens)):
            end = start + period
            while end < len(tokens) and tokens[end] == tokens[end - period]:
                end += 1
            if end - start >= 4 * period:
                best = max(best, end - start)
    return best


@given(st.lists(st.integers(0, 3), max_size=30), st.lists(st.integers(0, 9), max_size=6))
def test_loops_are_found(tokens, loop):
    tokens = [*tokens, *loop * 5]
    wanted = slow_loop_length(tokens)
    # Shorter ones are of no interest, and may be passed over.
    assert loop_length(tokens) == wanted or (wanted < 10 and loop_length(tokens) == 0)


def test_of_several_pieces_the_worst_counts():
    one, short = Translated("a", "translated"), Translated("b", "short")
    assert join_pieces([one], EN) == Translated("a", "translated", 1)
    assert join_pieces([one, one], EN) == Translated("a a", "split", 2)
    assert join_pieces([one, short, one], find_language("ja")) == Translated("aba", "short", 3)
    assert join_pieces([], EN) == Translated("", "empty_input", 0)


CUT = [
    ("One two. Three four.", 2, ["One two.", "Three four."]),
    ("One two, three four five.", 3, ["One two,", "three four five."]),
    ("one two three four", 3, ["one two three", "four"]),
    ("short", 3, ["short"]),
]


@pytest.mark.parametrize(("text", "longest", "pieces"), CUT)
def test_texts_are_cut_at_the_best_place(text, longest, pieces):
    assert split_text(text, longest, lambda t: len(t.split())) == pieces


@given(st.text(st.sampled_from("ab ,.。"), max_size=80), st.integers(1, 12))
def test_pieces_fit_and_lose_nothing(text, longest):
    pieces = split_text(text, longest, len)
    assert all(0 < len(piece) <= longest for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(text.split())


def test_a_very_long_line_is_cut_in_reasonable_time():
    calls = []
    pieces = split_text("word " * 20_000, 50, lambda t: calls.append(len(t)) or len(t.split()))
    assert {len(piece.split()) for piece in pieces} <= {50, 20_000 % 50}
    # The work grows with the text, not with its square.
    assert sum(calls) < 100 * 5 * 20_000


def test_the_fake_translates_word_for_word():
    fake = FakeTranslator({"dog": "Hund", "The": "Der"})
    found = list(fake.translate(["The dog, Rex!", " "], EN, DE))
    assert found == [Translated("Der Hund, Rex!", "translated"), Translated("", "empty_input", 0)]
    assert fake.signature != FakeTranslator({"dog": "Hunde", "The": "Der"}).signature
