"""Words of text without spaces, letters in Latin spelling, and views of neighbouring words."""

from itertools import pairwise

import numpy as np
import pytest

from tests.unit.test_native_aligner import bitext, link_sets, side
from xner.aligners import letters, parts, rounds, shards, views
from xner.aligners.bitext import Bitext, Links
from xner.aligners.native import NativeAligner
from xner.aligners.soft import SoftLinks
from xner.aligners.units import bitext_of, hard_links_of_tokens, links_of_tokens, units_of


def overlapped(sentence):
    """The units of a sentence and the tokens that each overlaps."""
    units = units_of(side([sentence]))
    words = [units.side.words[k] for k in units.side.ids]
    tokens = [units.tokens[a:b].tolist() for a, b in pairwise(units.starts)]
    return list(zip(words, tokens, strict=True))


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        (list("今日の天気"), [("今日", [0, 1]), ("の", [2]), ("天気", [3, 4])]),
        (["olly", "天", "気", "を"], [("olly", [0]), ("天気", [1, 2]), ("を", [3])]),
        (["ปลุกฉัน", "ห้องนอน"], [("ปลุก", [0]), ("ฉัน", [0]), ("ห้อง", [1]), ("นอน", [1])]),
        (list("室温10度"), [("室温", [0, 1]), ("10", [2, 3]), ("度", [4])]),
        (["天気予報", "は"], [("天気", [0]), ("予報", [0]), ("は", [1])]),
        (["我", "看天気", "去"], [("我", [0]), ("看", [1]), ("天気", [1]), ("去", [2])]),
        (["天", " "], [("天", [0]), (" ", [1])]),
        (
            ["你好", "\u200b", "\ud800好"],
            [("你好", [0]), ("\u200b", [1]), ("\ud800", [2]), ("好", [2])],
        ),
    ],
)
def test_units(sentence, expected):
    assert overlapped(sentence) == expected


def test_longer_tokens_are_kept_if_nothing_is_split():
    text = side(
        [list("今日の天気"), ["我", "看天気", "去"], ["ปลุกฉัน", "ห้องนอน"], ["olly", "天", "気"]]
    )
    units = units_of(text, split=False)
    assert [units.side.words[k] for k in units.side.ids] == [
        *("今日", "の", "天気"), "我", "看天気", "去", "ปลุกฉัน", "ห้องนอน", "olly", "天気"
    ]  # fmt: skip
    tokens = [units.tokens[a:b].tolist() for a, b in pairwise(units.starts)]
    assert tokens == [[0, 1], [2], [3, 4], [0], [1], [2], [0], [1], [0], [1, 2]]


def test_every_token_is_in_a_unit():
    random = np.random.default_rng(4)
    pool = [
        "天",
        "気",
        "は",
        "១០",
        "ខ្ញុំ",
        "a",
        "、",
        "\u3000",
        "ー",
        "ปลุกฉัน ok",
        "9",
        "𠀀",
        "\u0301",
    ]
    sentences = [list(random.choice(pool, random.integers(0, 9))) for _ in range(40)]
    text = side(sentences)
    units = units_of(text)
    for n, sentence in enumerate(sentences):
        lo, hi = units.starts[units.side.offsets[n : n + 2]]
        assert sorted(set(units.tokens[lo:hi].tolist())) == list(range(len(sentence)))


def test_characters_that_belong_together_are_a_word():
    """ICU splits names that it does not know; a word that is given as such is kept."""
    random = np.random.default_rng(2)
    other = [list(random.permutation(list("我在看去来的是不有大小上下了和"))) for _ in range(40)]
    names = [list("我看搜狐"), list("搜狐在看"), list("在看搜狐")]
    rare = [list("谢菲看我")]
    text = side([*other, *names, *rare])
    assert "搜狐" not in units_of(text).side.words
    units = units_of(text, whole=True)
    last = units.side.offsets[len(other) :]
    found = [[units.side.words[k] for k in units.side.ids[a:b]] for a, b in pairwise(last)]
    assert found[0][-1] == found[1][0] == found[2][-1] == "搜狐"
    assert units.tokens[units.starts[last[0]] : units.starts[last[1]]].tolist() == [0, 1, 2, 3]
    given = side([["搜", "狐", "天気"]] * 3)
    assert "搜狐" not in units_of(given, whole=True).side.words


def test_rare_characters_in_a_row_are_a_word():
    common = [list("我在看")] * 2000
    text = side([*common, list("我看谢菲"), list("在看")])
    units = units_of(text, whole=True)
    assert "谢菲" in units.side.words
    assert units.side.offsets[-1] == units.side.offsets[-2] + 2


def test_a_model_joins_the_words_that_it_knows():
    known = {"搜狐", "谢菲", "谢菲尔", "天気"}

    def found(sentence):
        units = units_of(side([sentence]), known=known)
        assert units.tokens.tolist() == list(range(len(sentence)))
        return [units.side.words[k] for k in units.side.ids]

    assert found(list("我看谢菲尔谢")) == ["我看", "谢菲尔", "谢"]  # the longest
    assert found(list("谢菲搜狐谢")) == ["谢菲", "搜狐", "谢"]
    assert found(["搜", "狐", "天気"]) == ["搜", "狐", "天気"]  # given as words
    two = units_of(side([list("我搜"), list("狐我")]), known=known)
    assert [two.side.words[k] for k in two.side.ids] == ["我", "搜", "狐", "我"]


def test_a_saved_model_aligns_the_words_that_it_was_fitted_on():
    random = np.random.default_rng(2)
    names = ["搜狐", "谢菲"] * 3
    other = ["".join(random.permutation(list("我在看去来的是不有大小上下了和"))) for _ in range(40)]
    rows = [(f"see {name} now", " ".join(f"{text[:3]}{name}{text[3:5]}"))
            for name, text in zip(names, other, strict=False)]  # fmt: skip
    text = bitext(*rows, *(("see now", " ".join(text)) for text in other))
    aligner = NativeAligner(chains=2)
    _, model = aligner.learn(text)
    assert set(names) <= set(model.target.words)
    (_, fitted), (_, applied) = aligner.split(text), NativeAligner(model=model).split(text)
    assert [fitted.side.words[k] for k in fitted.side.ids] == [
        applied.side.words[k] for k in applied.side.ids
    ]
    assert fitted.tokens.tolist() == applied.tokens.tolist()


def test_other_text_keeps_its_tokens():
    assert units_of(side([["Straße", "дом", "집에서", "घर"], []])) is None
    assert units_of(side([])) is None


def test_links_of_units_are_those_of_their_tokens():
    text = Bitext(side([["a", "b"], ["c", "d"]]), side([list("天気は"), ["ปลุกฉัน"]]))
    units = None, units_of(text.target)
    assert bitext_of(text, *units).target.offsets.tolist() == [0, 2, 4]
    numbers = [np.array(part, np.int32) for part in ([0, 1, 0, 0], [0, 1, 0, 1])]
    found = [np.array(part, np.float32) for part in ([0.9, 0.5, 0.3, 0.8], [0.7, 0.6, 0.4, 0.2])]
    lengths = np.array([2, 2]), np.array([2, 2])
    soft = SoftLinks(*lengths, np.array([0, 2, 4]), *numbers, *found)
    made = links_of_tokens(soft, text, *units)
    assert made.offsets.tolist() == [0, 3, 4]
    assert made.source.tolist() == [0, 0, 1, 0]
    assert made.target.tolist() == [0, 1, 2, 0]
    assert made.forward.tolist() == pytest.approx([0.9, 0.9, 0.5, 0.8])
    assert made.reverse.tolist() == pytest.approx([0.7, 0.7, 0.6, 0.4])
    other = links_of_tokens(soft, Bitext(text.target, text.source), units[1], None)
    assert other.target_lengths.tolist() == [2, 2]
    assert links_of_tokens(soft, text, None, None) is soft
    weak = np.array([0.9, 0.001, 0.3, 0.8], np.float32)  # weak links are links
    hard = hard_links_of_tokens(Links(soft.offsets, *numbers, weak), text, *units)
    assert link_sets(hard) == [{(0, 0), (0, 1), (1, 2)}, {(0, 0)}]
    assert np.array_equal(hard.weight, np.array([0.9, 0.9, 0.001, 0.8], np.float32))


ROWS = [
    ("show the weather", "天気を見せて"),
    ("show the photo", "写真を見せて"),
    ("delete the photo", "写真を消して"),
    ("delete the weather", "天気を消して"),
    ("weather", "天気"),
    ("photo", "写真"),
] * 3


def characters(rows):
    return Bitext(side([s.split() for s, _ in rows]), side([list(t) for _, t in rows]))


def names_are_linked(links):
    """Whether both characters of every name are linked to it."""
    for (source, target), found in zip(ROWS, link_sets(links), strict=True):
        words = source.split()
        for word, text in (("weather", "天気"), ("photo", "写真")):
            if word in words:
                at, start = words.index(word), target.index(text)
                if not {(at, start), (at, start + 1)} <= found:
                    return False
    return True


def test_characters_are_aligned_by_word():
    assert names_are_linked(NativeAligner(chains=4).align(characters(ROWS)))


def test_raw_text_and_characters_have_the_same_links():
    """A token of several words has the links of all of them."""
    aligner = NativeAligner(chains=4)
    whole = Bitext(side([s.split() for s, _ in ROWS]), side([[t] for _, t in ROWS]))
    for found, each in zip(
        link_sets(aligner.align(whole)), link_sets(aligner.align(characters(ROWS))), strict=True
    ):
        assert {i for i, _ in found} == {i for i, _ in each}


def test_a_model_of_words_aligns_characters():
    text = characters(ROWS)
    links, model = NativeAligner(chains=2).learn(text)
    assert "天気" in model.target.words
    assert names_are_linked(NativeAligner().decide(links))
    assert names_are_linked(NativeAligner(model=model).align(text))


def test_tokens_are_kept_as_units_if_asked():
    aligner = NativeAligner(units="tokens", chains=2)
    assert "units:tokens" in aligner.signature
    assert aligner.split(characters(ROWS)) == (None, None)


def test_latin_spelling():
    words = ["moskva", "москва", "ብር", "कमल", "서울", "天気", "ビール", "١٢", "é", "\u200b"]
    spelt = letters.latin(words)
    assert spelt[0] == spelt[1] == "moskva"
    assert spelt[5] == "天気"
    assert spelt[7:9] == ["12", "e"]
    assert spelt[9] == "\u200b"  # nothing is left of it
    assert all(word.isascii() for word in spelt[2:5])


def test_digits_of_two_scripts_are_alike():
    shard = shards.make_shard(bitext(("at 1975 exactly", "سنة ١٩٧٥ تماما")))
    features = parts.Prior(shard, views.SMALL).features
    entry = {
        (shard.source.words[s], shard.target.words[t]): int(level)
        for s, t, level in zip(
            shard.source_types, shard.target_types, features.similar, strict=True
        )
    }
    assert entry["1975", "١٩٧٥"] == max(entry.values())


def test_classes_of_neighbours():
    rows = ["play NAME now", "play OTHER now", "stop play", "", "play THIRD now"]
    text = shards.text_of(side([row.split() for row in rows]))
    classes = views._Classes(text, in_latin=False)
    before, after = (dict(zip(text.words, classes.of(part), strict=True))
                     for part in ("before", "after"))  # fmt: skip
    assert before["name"] == before["other"] == before["third"]
    assert after["name"] == after["other"] == after["third"]
    assert before["stop"] == before["play"]  # both begin a sentence
    assert len({before["name"], before["play"], before["now"]}) == 3


@pytest.mark.parametrize("rare", [0, 10])
def test_frequent_words_are_separate_in_views_of_neighbours(monkeypatch, rare):
    monkeypatch.setattr(views, "RARE", rare)
    text = shards.text_of(side([["a", "b"], ["a", "c"]]))
    classes = views._Classes(text, in_latin=False).of("before")
    assert (classes[text.words.index("b")] == classes[text.words.index("c")]) == (rare > 0)


def test_a_name_is_linked_by_the_pattern_around_it(monkeypatch):
    """A name that occurs once, with another spelling, is linked as others are in its place."""
    monkeypatch.setattr(rounds, "REPEATED_PAIRS", 10)
    letters = "bcdfgklmnp"
    rows = [
        (f"songs by {a * 3}{b * 3} please", f"{x * 3}{y * 3} ile lutfen sarkilar")
        for a, b, x, y in zip(letters, letters[1:], "qwertyuio", "zxvjhszxv", strict=False)
    ]
    links = link_sets(NativeAligner(chains=4).align(bitext(*rows * 2)))
    assert sum((2, 0) in found for found in links) == len(links)


def test_every_variant_of_the_benchmark_leaves_something_out():
    pytest.importorskip("matplotlib")
    from benchmarks import lowdata

    text = characters([(s, f"olly{t}") for s, t in ROWS])
    aligner = NativeAligner(chains=1)
    kept = {}
    for name, patches in lowdata.VARIANTS.items():
        with lowdata.without(patches):
            units = aligner.split(text)[1]
            settings = rounds._settings(shards.make_shard(text), 1.0)
            kept[name] = units is None, settings.null_odds, rounds.SMALL, rounds.FIRST_ROUNDS
            assert aligner.align(text).offsets[-1] > 0
    assert kept["default"] == (False, kept["default"][1], views.SMALL, 3)
    assert kept["without all of these"] == (True, np.float32(0.25), views.FITTED, 1)
    assert rounds.SMALL is views.SMALL
