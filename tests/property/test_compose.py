"""Composed and averaged links are their plain twins."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import xner
from tests.corpora import WEIGHTS
from tests.reference import compose as twin
from xner.columns import LINKS
from xner.links import WAYS, average, compose

WORD = st.integers(0, 4)
ROWS = st.lists(st.tuples(*[st.lists(st.tuples(WORD, WORD, WEIGHTS), max_size=8)] * 2), max_size=5)


def column(rows):
    keys = ("source", "target", "weight")
    made = [[dict(zip(keys, link, strict=True)) for link in row] for row in rows]
    return pa.array([[], *made, []], LINKS)[1 : 1 + len(rows)]


def lists(links):
    return [[(x["source"], x["target"], x["weight"]) for x in row] for row in links.to_pylist()]


def same(found, wanted):
    assert [[x[:2] for x in row] for row in found] == [[x[:2] for x in row] for row in wanted]
    flat = [x[2] for row in found for x in row]
    assert flat == pytest.approx([x[2] for row in wanted for x in row], abs=1e-6)


@given(ROWS, st.sampled_from(WAYS))
def test_composed_links(rows, way):
    made = compose(column([a for a, _ in rows]), column([b for _, b in rows]), way)
    same(lists(made), [twin.compose(a, b, way) for a, b in rows])
    assert all(0 < x[2] <= 1 for row in lists(made) for x in row)
    if rows:
        last = slice(len(rows) - 1, len(rows))
        parts = [column([row[side] for row in rows])[last] for side in (0, 1)]
        same(lists(compose(*parts, way)), lists(made)[last])


@given(ROWS)
def test_averaged_links(rows):
    made = average(column([a for a, _ in rows]), column([b for _, b in rows]))
    same(lists(made), [twin.average(a, b) for a, b in rows])


def test_an_unknown_way():
    message = "unknown way .max. to combine paths; choose one of noisy-or, sum"
    with pytest.raises(xner.UsageError, match=message):
        compose(column([]), column([]), "max")
