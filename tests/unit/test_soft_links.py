"""Soft links: thinning, deciding, composing through a pivot, averaging."""

from dataclasses import replace

import numpy as np
import pytest

import xner
from tests.unit.test_native_aligner import bitext, link_sets
from xner.aligners.bitext import offsets_from
from xner.aligners.native import NativeAligner
from xner.aligners.pivot import trust_of
from xner.aligners.soft import averaged, composed, decide, joined, thinned

SHAPES = [(3, 4), (0, 2), (2, 0), (1, 1), (5, 3)]


def dense(shapes, seed=0):
    """Random probabilities of both directions, one pair of matrices a sentence pair."""
    random = np.random.default_rng(seed)
    made = []
    for s, t in shapes:
        forward, reverse = random.random((2, s, t)) ** 3
        made.append((forward / (forward.sum(0) + 0.3), reverse / (reverse.sum(1)[:, None] + 0.3)))
    return made


def soft_of(pairs):
    s, t = (np.array([f.shape[k] for f, _ in pairs], np.int64) for k in (0, 1))
    flat = [np.concatenate([p[k].ravel() for p in pairs]).astype(np.float32) for k in (0, 1)]
    return thinned(s, t, offsets_from(s * t), *flat)


def matrices(soft):
    made = []
    for n, shape in enumerate(zip(soft.source_lengths, soft.target_lengths, strict=True)):
        links = slice(soft.offsets[n], soft.offsets[n + 1])
        pair = np.zeros((2, *shape))
        pair[:, soft.source[links], soft.target[links]] = soft.forward[links], soft.reverse[links]
        made.append(pair)
    return made


def test_thinned_forgets_only_what_is_negligible():
    pairs = dense(SHAPES)
    for made, (forward, reverse) in zip(matrices(soft_of(pairs)), pairs, strict=True):
        kept = forward + reverse >= 0.02
        assert np.allclose(made, np.where(kept, [forward, reverse], 0), atol=1e-6)


def test_composed_multiplies_the_steps():
    there = [(s, s + 1) for s, _ in SHAPES]
    back = [(s + 1, t) for s, t in SHAPES]
    a, b = dense(there, 1), dense(back, 2)
    made = matrices(composed(soft_of(a), soft_of(b)))
    for got, (f1, r1), (f2, r2) in zip(made, a, b, strict=True):
        assert np.allclose(got, [f1 @ f2, r1 @ r2], atol=0.03)  # thinning takes a little


def test_averaged_is_the_mean():
    a, b = soft_of(dense(SHAPES, 1)), soft_of(dense(SHAPES, 2))
    for got, x, y in zip(
        matrices(averaged([a, b], [0.25, 0.75])), matrices(a), matrices(b), strict=True
    ):
        assert np.allclose(got, (x + 3 * y) / 4, atol=0.02)


def test_joined_and_head_undo_each_other():
    a, b = soft_of(dense(SHAPES, 1)), soft_of(dense(SHAPES, 2))
    both = joined([a, b])
    for got, want in zip(matrices(both), [*matrices(a), *matrices(b)], strict=True):
        assert np.array_equal(got, want)
    for got, want in zip(matrices(both.head(5)), matrices(a), strict=True):
        assert np.array_equal(got, want)


@pytest.mark.parametrize("method", ["union", "intersection"])
def test_each_word_votes_for_its_likeliest_partner(method):
    pairs = dense(SHAPES, 4)
    found = link_sets(decide(soft_of(pairs), method, 0.3))
    for got, (forward, reverse) in zip(found, pairs, strict=True):
        s, t = forward.shape
        one = {(int(forward[:, j].argmax()), j) for j in range(t)
               if s and forward[:, j].max() > 1 - forward[:, j].sum()}  # fmt: skip
        two = {(i, int(reverse[i].argmax())) for i in range(s)
               if t and reverse[i].max() > 1 - reverse[i].sum()}  # fmt: skip
        assert got == (one | two if method == "union" else one & two)


def test_soft_keeps_links_from_the_threshold_on():
    soft = soft_of(dense(SHAPES))
    links = decide(soft, "soft", 0.25)
    weights = (soft.forward + soft.reverse) / 2
    assert len(links.weight) == (weights >= 0.25).sum()
    assert links.weight.min() >= 0.25


ROWS = [("a b c", "x y z"), ("b a", "y x"), ("c a", "z x"), ("b c", "y z")] * 3


@pytest.fixture
def corpus():
    text = [tuple(side.split() for side in row) for row in ROWS]
    import pyarrow as pa

    columns = {"source_tokens": [s for s, _ in text], "target_tokens": [t for _, t in text]}
    return xner.Corpus.from_table(pa.table(columns))


def rows_of(linked):
    return [[tuple(x.values()) for x in row] for row in linked.table["links"].to_pylist()]


def test_a_pivot_is_averaged_in(corpus, tmp_path):
    pivot = tmp_path / "third.txt"
    pivot.write_text("".join(s.upper() + "\n" for s, _ in ROWS))
    shares = []
    linked = xner.align(
        corpus, pivot=[pivot, pivot], chains=1, effort=0.3, progress=lambda _, p: shares.append(p)
    )
    assert linked.schema.metadata[b"xner.links"].decode().count(f"+pivot({pivot})") == 2
    assert shares[-1] == 1.0
    assert {(0, 0), (1, 1), (2, 2)} == {(i, j) for i, j, _ in rows_of(linked)[0]}
    direct = xner.align(corpus, chains=1, effort=0.3)
    assert rows_of(direct) != rows_of(linked)


def test_trust_is_the_share_of_links_that_a_pivot_explains():
    direct = soft_of(dense(SHAPES, 1))
    ones, nothing = (replace(direct, forward=p, reverse=p) for p in np.float32([[1], [0]]).repeat(
        len(direct.source), axis=1))  # fmt: skip
    empty = soft_of([(np.zeros(shape), np.zeros(shape)) for shape in SHAPES])
    assert trust_of(ones, direct) > 0.9
    assert trust_of(nothing, direct) == trust_of(empty, direct) == trust_of(direct, empty) == 0
    assert 0 < trust_of(soft_of(dense(SHAPES, 2)), direct) < trust_of(ones, direct)


def test_an_unrelated_pivot_changes_little(corpus, tmp_path):
    """Its words have no counterparts, so the direct links stay."""
    pivot = tmp_path / "third.txt"
    random = np.random.default_rng(1)
    pivot.write_text("".join(f"{' '.join(random.choice(list('pqrs'), 3))}\n" for _ in ROWS))
    direct, linked = (
        xner.align(corpus, chains=4, effort=0.3, **options) for options in ({}, {"pivot": [pivot]})
    )
    found = [{(n, i, j) for n, row in enumerate(rows_of(one)) for i, j, _ in row}
             for one in (direct, linked)]  # fmt: skip
    assert len(found[0] & found[1]) >= 0.8 * len(found[0])


def test_a_pivot_without_spaces_is_aligned_by_word(corpus, tmp_path):
    """However its text is divided into tokens."""
    words = {"a": "天気", "b": "写真", "c": "予約"}
    texts = [[words[w] for w in s.split()] for s, _ in ROWS]
    found = []
    for name, between in (("words.txt", ""), ("characters.txt", " ")):
        rows = (" ".join(between.join(word) for word in row) for row in texts)
        (tmp_path / name).write_text("\n".join(rows) + "\n")
        linked = xner.align(corpus, pivot=[tmp_path / name], chains=2, effort=0.3)
        found.append(rows_of(linked))
    assert found[0] == found[1]


def test_fit_on_takes_corpora_and_files(corpus, tmp_path):
    (tmp_path / "s.txt").write_text("a c\nc b\n")
    (tmp_path / "t.txt").write_text("x z\nz y\n")
    files = (tmp_path / "s.txt", tmp_path / "t.txt")
    corpus.write(tmp_path / "both.jsonl")
    made = [
        xner.align(corpus, fit_on=fit_on, chains=1, effort=0.3)
        for fit_on in ([corpus], [tmp_path / "both.jsonl"], [corpus, files])
    ]
    assert [len(m) for m in made] == [12, 12, 12]
    assert rows_of(made[0]) == rows_of(made[1])
    assert ":2)" in made[2].schema.metadata[b"xner.links"].decode()


def test_a_pivot_needs_probabilities_and_parallel_rows(corpus, tmp_path):
    class Hard:
        signature = "hard"

        def align(self, text, progress=None):
            raise AssertionError

    pivot = tmp_path / "third.txt"
    pivot.write_text("a\n" * 12)
    with pytest.raises(xner.UsageError, match="choose aligner native"):
        xner.align(corpus, aligner=Hard(), pivot=[pivot])
    pivot.write_text("a\n")
    with pytest.raises(xner.ParallelError, match="1 rows, but table has 12"):
        xner.align(corpus, pivot=[pivot])


def test_thresholds_change_only_the_decision():
    text = bitext(*ROWS)
    few = NativeAligner(chains=1, effort=0.3, threshold=0.9).align(text)
    many = NativeAligner(chains=1, effort=0.3, threshold=0.02).align(text)
    for a, b in zip(link_sets(few), link_sets(many), strict=True):
        assert a <= b
