"""What word parts tell: spelling, evidence of classes, and weights learned from them."""

from itertools import pairwise

import numpy as np
import pytest

from tests.reference import local as twin
from tests.unit.test_native_aligner import bitext
from xner.aligners import parts, sampling, shards
from xner.aligners.native import NativeAligner
from xner.kernels import parts as kernels


def letters(word):
    return np.array([ord(c) for c in word], np.uint32)


@pytest.mark.parametrize(
    ("a", "b", "distance", "stretch"),
    [
        ("same", "same", 0, 4),
        ("abc", "xyz", 3, 0),
        ("kitten", "sitting", 3, 3),
        ("", "ab", 2, 0),
        ("kashmir", "lwasekashmir", 5, 7),
        ("x" * 80, "x" * 70, 0, kernels.COMPARED),
    ],
)
def test_compare(a, b, distance, stretch):
    scratch = np.empty((2, kernels.COMPARED), np.uint64)
    assert kernels.compare(letters(a), letters(b), *scratch) == (distance, stretch)


def shard_of(*pairs):
    return shards.make_shard(bitext(*pairs))


def codes(source, target):
    features = parts.Prior(shard_of((source, target))).features
    return int(features.similar[0]), int(features.shared[0])


@pytest.mark.parametrize(
    ("source", "target", "similar", "shared"),
    [
        ("Paris", "PARIS", 8, 3),
        ("Kashmir", "lwaseKashmir", 3, 5),
        ("EU", "I-EU", 3, 0),
        ("Portland", "yasePortland", 4, 7),
        ("nationally", "international", 2, 8),
        ("cat", "hippopotamus", 0, 0),
    ],
)
def test_spelling(source, target, similar, shared):
    assert codes(source, target) == (similar, shared)


def test_evidence_leaves_the_entry_itself_out():
    shard = shard_of(("walking walked talking", "gehende gehendes x"), ("walked dog", "gehendes y"))
    prior = parts.Prior(shard)
    random = np.random.default_rng(3)
    linked = random.random(len(shard.source_types)).astype(np.float32)
    prior.learn(linked)
    source, target = shard.source.words, shard.target.words
    met = np.bincount(shard.cells)
    rate = linked.sum(dtype=np.float64) / len(shard.cells)

    def part(word):
        return word[:5] if len(word) >= 5 else f"{word} "

    for e, (s, t) in enumerate(zip(shard.source_types, shard.target_types, strict=True)):
        like = [
            k
            for k in range(len(linked))
            if k != e
            and part(source[shard.source_types[k]]) == part(source[s])
            and part(target[shard.target_types[k]]) == part(target[t])
        ]
        n = met[like].sum() + parts.STRENGTH
        p = (linked[like].sum() + parts.STRENGTH * rate) / n
        expected = np.log(p / (1 - p)) - np.log(rate / (1 - rate))
        assert prior.features.evidence[0, e] == pytest.approx(expected, abs=1e-4)


def test_the_fit_is_that_of_dense_features():
    shard = shard_of(("walking walked talking", "gehende gehendes x"), ("walked dog", "gehendes y"))
    prior = parts.Prior(shard)
    random = np.random.default_rng(4)
    linked = random.random(len(shard.source_types)).astype(np.float32)
    prior.learn(linked)
    features = prior.features
    sample = prior._sample(linked)
    weights, offset = random.normal(size=len(parts.USUAL)), -0.5
    error, curve = np.empty((2, len(linked)))
    gradient, hessian = np.empty_like(weights), np.empty((len(weights), len(weights)))
    value = kernels.log_likelihood(sample, offset, weights, error, curve)
    kernels.derivatives(sample, error, curve, gradient, hessian)

    source, target = shard.source_types, shard.target_types
    counts = [np.bincount(side.ids) for side in (shard.source, shard.target)]
    n = prior._cells / np.minimum(counts[0][source], counts[1][target])
    c = np.minimum(n, n / prior._cells * linked)
    x = np.zeros((len(linked), len(weights)))
    x[:, 0] = 1
    x[:, 1] = np.abs(features.source_frequency[source] - features.target_frequency[target])
    x[:, 2] = np.abs(features.source_length[source] - features.target_length[target])
    x[:, 3:9] = features.evidence.T
    rows = np.arange(len(linked))
    x[rows, 9 + features.similar] = x[rows, 18 + features.shared] = 1
    z = offset + x @ weights
    p = 1 / (1 + np.exp(-z))
    assert value == pytest.approx((c * np.log(p) + (n - c) * np.log(1 - p)).sum())
    assert gradient == pytest.approx(x.T @ (c - n * p))
    assert hessian == pytest.approx((x.T * (n * p * (1 - p))) @ x)
    prior.weights = weights
    expected = parts.BASE * np.exp(np.clip(z - offset, parts.LEAST, parts.MOST))
    assert prior.mass() == pytest.approx(expected)


def test_a_corpus_that_teaches_nothing_keeps_the_usual_weights():
    shard = shard_of(("", ""))
    prior = parts.Prior(shard)
    prior.learn(np.zeros(0, np.float32))
    assert np.array_equal(prior.weights, parts.USUAL)


def test_spelling_weights_follow_the_corpus():
    """Where words spelt alike are never linked, spelling loses its weight."""
    rows = [(f"{w}one {w}two", f"{w}one {w}two") for w in ("alpha", "gamma", "delta", "kappa")]
    shard = shard_of(*rows * 5)
    alike = shard.source_types == shard.target_types
    learned = []
    for linked in (alike, ~alike):
        prior = parts.Prior(shard)
        prior.learn(5 * linked.astype(np.float32))
        learned.append(prior.mass())
    assert learned[0][alike].mean() > 3 * learned[1][alike].mean()


def test_the_prior_is_bounded():
    prior = parts.Prior(shard_of(("Washington", "Washington x")))
    prior.weights = parts.USUAL * 100
    wild = prior.mass()
    assert wild.min() >= parts.BASE * np.exp(parts.LEAST) * 0.999
    assert wild.max() <= parts.BASE * np.exp(parts.MOST) * 1.001


@pytest.mark.parametrize("front", [True, False])
def test_an_unseen_form_borrows_from_its_parts(front):
    """A form that is seen once is linked like others with its beginning or end."""
    stems = [("water", "βαβββ"), ("horse", "γδγγγ"), ("stone", "ζηζζζ")]
    affixes = ["κλ", "μν", "πρ", "στ", "φχ"]

    def form(stem, affix):
        return affix + stem if front else stem + affix

    rows = [
        (f"{s} {other}", f"{form(t, a)} {form(u, b)}" if swap else f"{form(u, b)} {form(t, a)}")
        for swap in (True, False)
        for s, t in stems
        for other, u in stems
        if s != other
        for a, b in pairwise(affixes)
    ]
    rows.append(("horse water", f"{form('βαβββ', 'ψψ')} {form('γδγγγ', 'ψω')}"))
    links = NativeAligner(chains=4).align(bitext(*rows))
    first = int(links.offsets[-2])
    found = set(zip(links.source[first:].tolist(), links.target[first:].tolist(), strict=True))
    assert {(1, 0), (0, 1)} <= found


def test_a_name_inside_a_word_is_linked():
    text = bitext(("the town of Kashmir is old", "umhlaba lwaseKashmir mdala kakhulu"))
    links = NativeAligner(chains=4).align(text)
    weights = dict(zip(zip(links.source, links.target, strict=True), links.weight, strict=True))
    assert weights[3, 1] > 0.5


def test_the_learned_prior_does_not_depend_on_threads(monkeypatch):
    rows = [(f"w{k % 7}abc v{k % 5}", f"x{k % 7}abc y{k % 5}") for k in range(60)]
    made = []
    for threads in ("1", "3"):
        monkeypatch.setenv("XNER_THREADS", threads)
        shard = shard_of(*rows)
        prior = parts.Prior(shard)
        prior.learn(np.linspace(0, 1, len(shard.source_types)).astype(np.float32))
        made.append(prior.mass())
    assert np.array_equal(*made)
    for way in sampling.ways_of(shard):
        assert sampling._lexicon(way, made[0]).given_prior.min() > 0


def test_compare_like_the_twin():
    scratch = np.empty((2, kernels.COMPARED), np.uint64)
    random = np.random.default_rng(1)
    for size in (2, 9, 40, 80):
        for _ in range(30):
            a, b = ("".join(random.choice(list("abc"), random.integers(size))) for _ in range(2))
            first, second = a[: kernels.COMPARED], b[: kernels.COMPARED]
            wanted = twin.distance(first, second), twin.stretch(first, second)
            assert kernels.compare(letters(a), letters(b), *scratch) == wanted
