"""Markers around entities, and the spans that are found between them."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from xner.languages import find_language
from xner.translation.markers import (
    Marked,
    mark_text,
    place_words,
    recover_entities,
    words_of_span,
)
from xner.translation.text import join_words
from xner.words import find_words

ENGLISH, CHINESE = find_language("eng"), find_language("zho")
WORDS = ["Anna", "and", "Kenya", "'s", "Rome", ",", "(", "-LRB-", "-RRB-", '"', "U.S.", ".", " "]


def mark_entities(words, entities, language, style="brackets"):
    return mark_text(*place_words(words, language), entities, style)


def marked(text, entities, **options):
    return mark_entities(text.split(), entities, ENGLISH, **options)


def spans(recovered):
    return [None if s is None else recovered.text[slice(*s)] for s in recovered.spans]


def recover(translation, translated, style="brackets", **options):
    """Recover from a translation of `[Anna] met [Bob Roe] in [Rome]`."""
    sentence = marked("Anna met Bob Roe in Rome", [(0, 1), (2, 4), (5, 6)], style=style)
    return recover_entities(translation, sentence, translated, **options)


def test_brackets_and_tags():
    assert marked("Anna visits Rome .", [(0, 1), (2, 3)]).text == "[Anna] visits [Rome]."
    made = marked("Anna visits Rome .", [(2, 3), (0, 1)], style="xml")
    assert made.text == "<b>Anna</b> visits <a>Rome</a>."
    assert made.entities == ("Rome", "Anna")
    assert marked("Kenya 's coast", [(0, 1)]).text == "[Kenya]'s coast"
    assert marked("It rains .", []) == Marked("It rains.", "", (), ())
    assert mark_entities(list("他在北京"), [(2, 4)], CHINESE).text == "他在[北京]"
    names = mark_entities(["a"] * 30, [(i, i + 1) for i in range(30)], ENGLISH, "xml").names
    assert (names[0], names[25], names[26], names[29]) == ("a", "z", "aa", "ad")


def test_text_that_holds_markers():
    assert marked("Anna [sic] saw Rome", [(3, 4)]).text == "Anna [sic] saw {Rome}"
    assert marked("a -LSB- b", [(2, 3)]).text == "a [{b}"
    both = marked("[x] {y} Rome", [(2, 3)])
    assert (both.text, both.entities) == ("[x] {y} Rome", ("",))
    assert recover_entities("[x] {y} Rom", both, [""]).text == "[x] {y} Rom"
    assert marked("a <b> Rome", [(2, 3)], style="xml").entities == ("",)
    assert marked("a < b Rome", [(3, 4)], style="xml").text == "a < b <a>Rome</a>"
    blank = mark_entities(["x", "\u2003"], [(1, 2)], ENGLISH)
    assert blank.entities == ("",)


def test_spans_are_matched_by_similarity_not_by_order():
    made = recover("In [Rom] traf [Bob Roe] [Anna]", ["Anna", "Bob Roe", "Rom"])
    assert made.text == "In Rom traf Bob Roe Anna"
    assert spans(made) == ["Anna", "Bob Roe", "Rom"]
    assert made.similarity == (1.0, 1.0, 1.0)
    assert made.found == 3


def test_lost_invented_and_broken_markers():
    assert spans(recover("Anna traf [Bob Roe] in [Rom]", ["Anna", "Bob Roe", "Rom"])) == [
        None, "Bob Roe", "Rom",
    ]  # fmt: skip
    made = recover("[Anna] traf [gestern] in [Rom", ["Anna", "Bob Roe", "Rom"])
    assert (made.text, spans(made)) == ("Anna traf gestern in Rom", ["Anna", None, None])
    made = recover("[ Anna ] traf [[Bob Roe] ] [] in ] Rom", ["Anna", "Bob Roe", "Rom"])
    assert (made.text, spans(made)) == ("Anna traf Bob Roe in Rom", ["Anna", "Bob Roe", None])
    assert recover("", ["Anna", "Bob", "Rom"]).spans == (None, None, None)


def test_the_best_total_wins_and_the_threshold_counts():
    # `Bob Rohe` alone is liker to the second, but then the first span would have nothing.
    made = recover("[Bob Ro] und [Bob Roe]", ["Bob Roe", "Bob R", "x"])
    assert spans(made) == ["Bob Roe", "Bob Ro", None]
    assert spans(recover("[Bob]", ["", "Bob Roe", ""], threshold=0.5)) == [None, "Bob", None]
    assert spans(recover("[Bob]", ["", "Bob Roe", ""], threshold=0.6)) == [None, None, None]
    same = recover("[Anna] und [Anna]", ["Anna", "Anna", ""])
    assert same.spans == ((0, 4), (9, 13), None)


def test_tags_name_their_entity():
    made = recover("<c>Roma</c> <A>Anna</a> <b>x</c>", ["Anna", "Bob Roe", "y"], style="xml")
    assert (made.text, spans(made)) == ("Roma Anna x", ["Anna", None, "Roma"])
    twice = recover("<a>Hanna</a> <a>Anna</a> < b >Bob< / b >", ["Anna", "Z", ""], style="xml")
    assert spans(twice) == ["Anna", "Bob", None]


def test_spans_become_words():
    offsets = [(0, 3), (4, 10), (10, 11)]
    assert words_of_span((4, 10), offsets) == (1, 2)
    assert words_of_span((1, 5), offsets) == (0, 2)
    assert words_of_span((10, 11), offsets) == (2, 3)
    first, last = words_of_span((3, 4), offsets)
    assert first >= last


@st.composite
def sentences(draw):
    words = draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=10))
    cuts = sorted(draw(st.sets(st.integers(0, len(words)), max_size=6)))
    return words, list(zip(cuts[::2], cuts[1::2], strict=False))


@given(sentences(), st.sampled_from(["brackets", "xml"]))
def test_a_translator_that_copies_loses_nothing(sentence, style):
    words, entities = sentence
    made = mark_entities(words, entities, ENGLISH, style)
    back = recover_entities(made.text, made, made.entities)
    assert back.text == join_words(words, ENGLISH)
    for own, span in zip(made.entities, back.spans, strict=True):
        assert (span is None) == (own == "")
        if span is not None:
            assert back.text[slice(*span)] == own
            first, last = words_of_span(span, find_words(back.text, ENGLISH))
            assert first < last


@given(st.text("[]ab ", max_size=15), st.lists(st.text("ab ", max_size=4), min_size=3, max_size=3))
def test_any_translation_gives_spans_apart(translation, translated):
    made = recover(translation, translated)
    assert "[" not in made.text
    assert "]" not in made.text
    assert made.text == made.text.strip()
    kept = sorted(span for span in made.spans if span)
    assert all(a[1] <= b[0] for a, b in pairwise(kept))
    assert all(made.text[s:e].strip() == made.text[s:e] != "" for s, e in kept)
