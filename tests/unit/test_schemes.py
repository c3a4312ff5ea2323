import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xner import SchemeError, UsageError, spans_from_tags, tags_from_spans
from xner.schemes import SCHEMES, Spans, encode

CASES = [
    # spans, length, {scheme: tags}
    ([], 2, dict.fromkeys(SCHEMES, "O O")),
    (
        [(0, 2, "PER"), (2, 3, "PER"), (3, 4, "LOC")],
        5,
        {
            "IOB1": "I-PER I-PER B-PER I-LOC O",
            "IOB2": "B-PER I-PER B-PER B-LOC O",
            "BILOU": "B-PER L-PER U-PER U-LOC O",
            "IOBES": "B-PER E-PER S-PER S-LOC O",
        },
    ),
    (
        [(1, 4, "ORG")],
        4,
        {
            "IOB1": "O I-ORG I-ORG I-ORG",
            "IOB2": "O B-ORG I-ORG I-ORG",
            "BILOU": "O B-ORG I-ORG L-ORG",
            "IOBES": "O B-ORG I-ORG E-ORG",
        },
    ),
]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(("spans", "length", "tags"), CASES)
def test_written_and_read(spans, length, tags, scheme):
    written = tags[scheme].split()
    assert tags_from_spans(spans, length, scheme) == written
    assert spans_from_tags(written, scheme) == spans
    assert spans_from_tags(written) == spans


@pytest.mark.parametrize(("scheme", "letters"), [("IOB1", "IIBO"), ("IOB2", "BBBO")])
def test_sentences_of_a_slice_are_encoded_one_by_one(scheme, letters):
    spans = Spans(
        *(np.array(each, np.int32) for each in ([0, 1, 3], [0, 0, 1], [1, 1, 2], [7] * 3))
    )
    codes, labels = encode(spans, np.array([5, 6, 9], np.int32), scheme)
    assert codes.tolist() == ["OBI".index(letter) for letter in letters]
    assert labels.tolist() == [7, 7, 7, -1]


@pytest.mark.parametrize(
    ("tags", "spans"),
    [
        ("I-PER I-PER O", [(0, 2, "PER")]),
        ("O I-LOC B-LOC", [(1, 2, "LOC"), (2, 3, "LOC")]),
        ("B-PER I-LOC", [(0, 1, "PER"), (1, 2, "LOC")]),
        ("E-PER", [(0, 1, "PER")]),
        ("B-X I-X L-X L-X", [(0, 3, "X"), (3, 4, "X")]),
        ("B-GPE-CITY", [(0, 1, "GPE-CITY")]),
    ],
)
def test_auto_reads_what_is_irregular(tags, spans):
    assert spans_from_tags(tags.split()) == spans


@pytest.mark.parametrize(
    ("tags", "scheme"),
    [
        ("I-PER", "IOB2"),
        ("O I-PER", "IOB2"),
        ("B-PER I-LOC", "IOB2"),
        ("B-PER", "IOB1"),
        ("B-PER", "IOBES"),
        ("B-PER I-PER O", "BILOU"),
        ("S-PER E-PER", "IOBES"),
    ],
)
def test_a_named_scheme_is_enforced(tags, scheme):
    with pytest.raises(SchemeError, match="is not allowed here"):
        spans_from_tags(tags.split(), scheme)


@pytest.mark.parametrize("tag", ["PER", "X-PER", "B-", "B", "", "-PER", "b-PER"])
def test_unknown_tags(tag):
    with pytest.raises(SchemeError, match="is not a tag of"):
        spans_from_tags([tag])


def test_tags_of_another_scheme():
    with pytest.raises(SchemeError, match="is not a tag of IOB2"):
        spans_from_tags(["S-PER"], "IOB2")


def test_unknown_scheme():
    with pytest.raises(UsageError, match="choose one of IOB1, IOB2, BILOU, IOBES"):
        tags_from_spans([], 1, "BIO3")


@pytest.mark.parametrize("spans", [[(0, 2, "A"), (1, 3, "B")], [(0, 4, "A")], [(1, 1, "A")]])
def test_spans_that_tags_cannot_say(spans):
    with pytest.raises(SchemeError):
        tags_from_spans(spans, 3)


@st.composite
def flat_spans(draw):
    length, at, spans = draw(st.integers(0, 12)), 0, []
    while at < length:
        end = draw(st.integers(at, length))
        if end > at:
            spans.append((at, end, draw(st.sampled_from(["PER", "LOC"]))))
        at = max(end, at + 1)
    return spans, length


@given(flat_spans(), st.sampled_from(SCHEMES), st.booleans())
def test_round_trip(case, scheme, strict):
    spans, length = case
    tags = tags_from_spans(spans, length, scheme)
    assert spans_from_tags(tags, scheme if strict else "auto") == spans
