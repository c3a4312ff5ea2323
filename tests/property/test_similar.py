"""Links out of similarity matrices: the kernels, their plain twins, and the same in torch."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.reference import similar as twin
from xner.aligners.awesome import ProbabilityLinks
from xner.aligners.matrices import distorted, entmax15
from xner.aligners.simalign import ALPHA, SimilarityLinks
from xner.kernels import similar

torch = pytest.importorskip("torch")

# Few values, so that ties are frequent; eighths and their products are exact.
SIMILARITIES = st.integers(0, 8).map(lambda n: n / 8)
DOTS = st.floats(-300, 300, width=32)
SIZE = st.integers(0, 6)


@st.composite
def batches(draw, values):
    """Padded scores with garbage beyond what is real."""
    sizes = draw(st.lists(st.tuples(SIZE, SIZE), min_size=1, max_size=4))
    rows, columns = np.array(sizes, np.int64).T.copy()
    shape = (len(sizes), int(rows.max(initial=1)), int(columns.max(initial=1)))
    return draw(arrays(np.float32, shape, elements=values)), rows, columns


def pairs(batch):
    scores, rows, columns = batch
    return [own[:n, :m] for own, n, m in zip(scores, rows, columns, strict=True)]


def links(weight):
    return [set(zip(*own.nonzero(), strict=True)) for own in weight]


def on_host(rule, batch):
    return rule.host_weights(*batch)


def on_device(rule, batch):
    return rule.device_weights(*(torch.from_numpy(x) for x in batch)).numpy()


PATHS = pytest.mark.parametrize("path", [on_host, on_device])


@PATHS
@given(batch=batches(SIMILARITIES))
def test_argmax(path, batch):
    weight = path(SimilarityLinks("argmax", False), batch)
    assert links(weight) == [twin.argmax(own) for own in pairs(batch)]
    linked = weight > 0
    assert (weight[linked] == np.maximum(batch[0][linked], similar.SMALLEST)).all()


@PATHS
@given(batch=batches(SIMILARITIES))
def test_itermax(path, batch):
    weight = path(SimilarityLinks("itermax", False), batch)
    assert links(weight) == [twin.itermax(own, ALPHA) for own in pairs(batch)]


@PATHS
@given(batch=batches(SIMILARITIES))
def test_match_links_one_to_one_for_the_greatest_sum(path, batch):
    weight = path(SimilarityLinks("match", False), batch)
    for own, found in zip(pairs(batch), links(weight), strict=True):
        assert len({i for i, _ in found}) == len({j for _, j in found}) == len(found)
        greedy, best = own.copy(), 0.0
        for _ in range(min(own.shape)):
            i, j = np.unravel_index(greedy.argmax(), own.shape)
            best += max(0.0, float(greedy[i, j]))
            greedy[i], greedy[:, j] = -1, -1
        assert sum(float(own[i, j]) for i, j in found) >= best


@PATHS
@given(batch=batches(DOTS), threshold=st.sampled_from([0.001, 0.1, 0.4]))
def test_softmax(path, batch, threshold):
    expected = [twin.both_ways(own, twin.softmax) for own in pairs(batch)]
    near = [np.abs(way / threshold - 1).min(initial=1) < 1e-4 for ways in expected for way in ways]
    assume(not any(near))
    weight = path(ProbabilityLinks("softmax", threshold), batch)
    for own, (rows, columns) in zip(weight, expected, strict=True):
        wanted = np.where((rows > threshold) & (columns > threshold), (rows + columns) / 2, 0)
        assert own[: rows.shape[0], : rows.shape[1]] == pytest.approx(wanted, abs=1e-5)
        assert np.count_nonzero(own) == np.count_nonzero(wanted)


@PATHS
@given(batch=batches(st.integers(-40, 40).map(lambda n: n / 4)))
def test_entmax15(path, batch):
    weight = path(ProbabilityLinks("entmax15", 0.001), batch)
    for own, alone in zip(weight, pairs(batch), strict=True):
        ways = twin.both_ways(alone, twin.entmax15)
        margin = np.minimum(*twin.both_ways(alone, twin.entmax15_margin))
        found = own[: alone.shape[0], : alone.shape[1]]
        linked = found > 0
        assert found[linked] == pytest.approx((ways[0] + ways[1])[linked] / 2, abs=1e-6)
        assert linked[margin > 1e-6].all()
        assert not linked[margin < -1e-6].any()
        assert np.count_nonzero(own) == np.count_nonzero(linked)


@given(arrays(np.float32, st.integers(1, 30), elements=DOTS))
def test_entmax15_sums_to_one_and_equals_bisection(row):
    found = entmax15(torch.from_numpy(row), 0).numpy()
    assert found.sum() == pytest.approx(1)
    assert found == pytest.approx(twin.entmax15(row), abs=1e-6)


def test_distortion_spares_the_diagonal_and_single_units():
    ones = torch.ones(2, 3, 3)
    found = distorted(ones, torch.tensor([3, 1]), torch.tensor([2, 3]), 0.5)
    assert found[0, :, :2].tolist() == [[1, 0.5], [0.875, 0.875], [0.5, 1]]
    assert (found[1] == 1).all()
