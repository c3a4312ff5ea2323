import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.problems import problem_of
from xner.solve.exact import solve_exact
from xner.solve.words import match_words

SHAPES = st.tuples(st.integers(0, 6), st.integers(0, 6))
VALUES = st.sampled_from([-1.0, 0.0, 0.25, 0.5, 0.75, 1.0]) | st.floats(-1, 1, width=32)
MATRICES = SHAPES.flatmap(lambda shape: arrays(np.float64, shape, elements=VALUES))


def exact_total(similarity):
    """The same problem for the exact solver: every target word is a span of one word."""
    entities = [[(j, j + 1, x) for j, x in enumerate(row) if x > 0] for row in similarity.tolist()]
    return solve_exact(problem_of([entities], [similarity.shape[1]])).objective[0]


@settings(max_examples=200, deadline=None)
@given(MATRICES)
def test_the_sum_is_the_exact_solvers(similarity):
    links = match_words(similarity)
    assert links.dtype == np.int32
    assert links.shape[1] == 2
    source, target = links.T
    assert len(set(source.tolist())) == len(source)
    assert len(set(target.tolist())) == len(target)
    assert source.tolist() == sorted(source.tolist())
    assert np.all(similarity[source, target] > 0)
    assert similarity[source, target].sum() == pytest.approx(exact_total(similarity), abs=1e-8)


@pytest.mark.parametrize("shape", [(1, 12), (12, 1), (9, 9), (7, 12), (12, 7)])
def test_longer_sentences(shape):
    similarity = np.random.default_rng(0).random(shape)
    links = match_words(similarity)
    assert len(links) == min(shape)
    assert similarity[tuple(links.T)].sum() == pytest.approx(exact_total(similarity), abs=1e-8)


@pytest.mark.parametrize(
    ("similarity", "links"),
    [
        ([[1.0, 0.9], [0.9, 0.0]], [[0, 1], [1, 0]]),  # not each row's best
        ([[0.0, -1.0]], []),
        ([[-0.5, 0.1, 0.2]], [[0, 2]]),
        ([[0.1], [0.2]], [[1, 0]]),
        ([[-1.0, -1.0], [-1.0, 0.3]], [[1, 1]]),
    ],
)
def test_known_matrices(similarity, links):
    assert match_words(np.array(similarity)).tolist() == links


@pytest.mark.parametrize("bad", [np.zeros(3), np.full((2, 2), np.nan), np.full((1, 1), np.inf)])
def test_other_matrices_are_refused(bad):
    with pytest.raises(ValueError, match="similarity"):
        match_words(bad)
