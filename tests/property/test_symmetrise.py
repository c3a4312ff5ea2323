from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reference.symmetrise import symmetrise as twin
from xner.aligners.bitext import Links
from xner.aligners.symmetrise import METHODS, symmetrise

# Few words, so that links crowd and neighbours touch; weights that float32 holds exactly.
WORDS = st.tuples(st.integers(0, 5), st.integers(0, 5))
PAIR = st.dictionaries(WORDS, st.integers(1, 64).map(lambda n: n / 64), max_size=14)
CORPUS = st.lists(st.tuples(PAIR, PAIR), max_size=5)
METHOD = st.sampled_from(sorted(METHODS))


def as_links(pairs, reorder=sorted):
    rows = [(i, j, pair[i, j]) for pair in pairs for i, j in reorder(pair)]
    offsets = np.cumsum([0, *(len(pair) for pair in pairs)])
    i, j, weight = zip(*rows, strict=True) if rows else ((), (), ())
    return Links(
        offsets.astype(np.int64),
        np.array(i, np.int32),
        np.array(j, np.int32),
        np.array(weight, np.float32),
    )


def as_lists(links):
    rows = list(
        zip(links.source.tolist(), links.target.tolist(), links.weight.tolist(), strict=True)
    )
    bounds = links.offsets.tolist()
    return [rows[lo:hi] for lo, hi in pairwise(bounds)]


@given(CORPUS, METHOD)
def test_equals_the_plain_twin(corpus, method):
    forward, reverse = as_links([f for f, _ in corpus]), as_links([r for _, r in corpus])
    got = symmetrise(forward, reverse, method)
    assert as_lists(got) == [twin(f, r, method) for f, r in corpus]
    assert (got.offsets.dtype, got.source.dtype) == (np.int64, np.int32)
    assert (got.target.dtype, got.weight.dtype) == (np.int32, np.float32)


@given(CORPUS, METHOD)
def test_order_of_the_input_does_not_matter(corpus, method):
    straight = [as_links([pair[side] for pair in corpus]) for side in (0, 1)]
    turned = [
        as_links([pair[side] for pair in corpus], lambda p: sorted(p, reverse=True))
        for side in (0, 1)
    ]
    assert as_lists(symmetrise(*straight, method)) == as_lists(symmetrise(*turned, method))


@given(CORPUS)
def test_growing_stays_between_intersection_and_union(corpus):
    forward, reverse = as_links([f for f, _ in corpus]), as_links([r for _, r in corpus])
    least, grown, most = (
        [set(pair) for pair in as_lists(symmetrise(forward, reverse, method))]
        for method in ("intersection", "grow-diag-final-and", "union")
    )
    assert all(a <= b <= c for a, b, c in zip(least, grown, most, strict=True))


@settings(max_examples=5)
@given(PAIR)
def test_a_direction_agrees_with_itself(pair):
    links = as_links([pair])
    for method in METHODS:
        assert as_lists(symmetrise(links, links, method)) == as_lists(links)


def test_grow_diag_final_and_by_hand():
    forward = {(0, 0): 1.0, (1, 1): 1.0, (3, 3): 0.5, (4, 0): 0.5}
    reverse = {(0, 0): 1.0, (1, 2): 0.5, (3, 5): 0.5}
    got = symmetrise(as_links([forward]), as_links([reverse]), "grow-diag-final-and")
    # (1, 1) and (1, 2) grow from (0, 0); (3, 3) is final; (4, 0) and (3, 5) touch used words.
    assert as_lists(got) == [[(0, 0, 1.0), (1, 1, 0.5), (1, 2, 0.25), (3, 3, 0.25)]]


def test_repeated_links_count_once():
    once = as_links([{(1, 2): 0.5}])
    twice = Links(
        np.array([0, 2], np.int64),
        np.array([1, 1], np.int32),
        np.array([2, 2], np.int32),
        np.array([0.25, 0.5], np.float32),
    )
    nothing = as_links([{}])
    assert as_lists(symmetrise(twice, once, "intersection")) == [[(1, 2, 0.5)]]
    assert as_lists(symmetrise(twice, nothing, "intersection")) == [[]]


def test_unknown_method_and_unequal_sides_say_what_to_do():
    one, two = as_links([{}]), as_links([{}, {}])
    with pytest.raises(ValueError, match="use one of: intersection, union, grow-diag-final-and"):
        symmetrise(one, one, "grow")
    with pytest.raises(ValueError, match="1 sentence pairs and reverse 2"):
        symmetrise(one, two, "union")
