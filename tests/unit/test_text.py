"""Words to text and back, in many scripts."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xner import words
from xner.languages import find_language
from xner.translation.text import join_words
from xner.words import find_words

SPLIT = [
    ("en", "Kenya's leaders don't agree.", "Kenya|'s|leaders|do|n't|agree|."),
    ("en", "It’s 3.5% of $10,000 (U.S. dollars)!", "It|’s|3.5|%|of|$|10,000|(|U.S.|dollars|)|!"),
    ("en", "Anglo-American COVID-19, 1990-1995", "Anglo-American|COVID-19|,|1990|-|1995"),
    ("en", "Wait... what?! -- no", "Wait|...|what|?!|--|no"),
    ("fr", "L'Allemagne d’hier, aujourd'hui", "L'|Allemagne|d’|hier|,|aujourd'hui"),
    ("sw", "Ng'ombe wa Ali's", "Ng'ombe|wa|Ali's"),
    ("tr", "Ankara'da.", "Ankara'da|."),
    ("fa", "می\u200cخواهم.", "می\u200cخواهم|."),
    ("hi", "नमस्ते दुनिया।", "नमस्ते|दुनिया|।"),
    ("am", "ሰላም፣ዓለም።", "ሰላም|፣|ዓለም|።"),
    ("th", "สวัสดี 2024", "ส|วั|ส|ดี|2024"),
    ("ja", "東京タワーへ。", "東|京|タ|ワ|ー|へ|。"),
    ("zh", "iPhone15在2024年", "iPhone15|在|2024|年"),
    ("my", "မြန်မာ", "မြ|န်|မာ"),
    ("de", "\u0301a \u0301 E\u0301c 👩‍👩‍👧!", "\u0301a|\u0301|E\u0301c|👩‍👩‍👧|!"),
    ("de", "", ""),
]


@pytest.mark.parametrize(("code", "text", "words"), SPLIT)
def test_words(code, text, words):
    found = [text[start:end] for start, end in find_words(text, find_language(code))]
    assert found == (words.split("|") if words else [])


JOINED = [
    ("en", "The dogs ' tails , `` he said '' ( twice ) .", 'The dogs\' tails, "he said" (twice).'),
    ("en", "Do n't pay $ 5 for Kenya 's 10 % !", "Don't pay $5 for Kenya's 10%!"),
    ("en", "It is -LRB- so -RRB- ' here ' : yes", "It is (so) 'here': yes"),
    ("fr", "L' Allemagne , « oui » ?", "L'Allemagne, «oui»?"),
    ("de", 'Er sagte : " Guten Tag " .', 'Er sagte: "Guten Tag".'),
    ("ur", "ہاں ، یہ ۔", "ہاں، یہ۔"),
    ("ja", "iPhone 15 を 買う 。", "iPhone 15を買う。"),
    ("zh", "1 9 9 8 年 在 New York", "1998年在New York"),
    ("sw", "", ""),
]


@pytest.mark.parametrize(("code", "words", "text"), JOINED)
def test_words_are_joined_as_they_are_written(code, words, text):
    assert join_words(words.split(" "), find_language(code)) == text


LETTERS = st.text(
    st.sampled_from(
        list("aZ éñ1'’.-,!?\u0301\u200c\u200d $%東京かタกัำकाम्မြང་ཨ한👩🏽\t\n\u00a0\ufeff\x1c")
    ),
    max_size=30,
)
LANGUAGES = st.sampled_from([find_language(code) for code in ("en", "fr", "sw", "zh", "th", "hi")])


@given(LETTERS | st.text(max_size=30), LANGUAGES)
def test_words_lose_nothing_and_stay_in_order(text, language):
    spans = find_words(text, language)
    last = 0
    for start, end in spans:
        assert last <= start < end <= len(text)
        assert not text[last:start].strip()
        assert not any(c.isspace() for c in text[start:end])
        last = end
    assert not text[last:].strip()


@given(LETTERS, LANGUAGES)
def test_a_combining_mark_is_no_word_unless_it_stands_alone(text, language):
    for start, end in find_words(text, language):
        if all(unicodedata.category(c)[0] == "M" for c in text[start:end]):
            before, after = text[:start][-1:], text[end:][:1]
            assert not before.strip()
            assert not after.strip()


@given(
    st.lists(
        st.sampled_from(
            ["Peter", ",", "lives", "in", "(", "Nairobi", ")", ".", "'s", '"', "12", "%"]
        )
    ),
    LANGUAGES,
)
def test_joining_keeps_every_letter(words, language):
    kept = join_words(words, language).replace(" ", "")
    assert kept == "".join(words)


@given(
    st.text(
        alphabet=st.one_of(
            st.sampled_from("aB1'’.-! \u0301\u200dนำ漢\u1eb1\u1019"), st.characters()
        )
    ),
    st.sampled_from([None, find_language("en"), find_language("fr")]),
)
def test_parts_between_white_space_are_split_alone(text, language):
    """A remembered part has the words that it has in its text."""
    kind = "" if language is None else {"eng": "eng", "fra": "eliding"}[language.iso639_3]
    whole = [match.span() for match in words._pattern(kind).finditer(text)]
    assert find_words(text, language) == whole
