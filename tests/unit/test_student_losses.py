"""Losses and weights of teachers against reference implementations, and their properties."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import xner

torch = pytest.importorskip("torch")

from tests.reference import students as twin  # noqa: E402 - needs torch
from xner.options import build  # noqa: E402
from xner.training import similarity  # noqa: E402
from xner.training.losses import hard_loss, hidden_loss, soft_loss  # noqa: E402
from xner.training.options import DistillOptions  # noqa: E402
from xner.training.teachers import (  # noqa: E402
    Predictions,
    agreement,
    combine,
    common_tagset,
    harden,
)


def draw(seed, words=7, tags=5):
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 3, (words, tags))
    teacher = rng.dirichlet(np.full(tags, 0.5), words)
    weights = rng.uniform(0.1, 2, words)
    return logits, teacher, weights, rng.integers(0, tags, words)


def tensors(*arrays):
    return [torch.from_numpy(np.asarray(a)) for a in arrays]


@given(st.integers(0, 10**6), st.sampled_from([0.5, 1.0, 2.0, 4.0]))
def test_losses_equal_the_equations(seed, temperature):
    logits, teacher, weights, tags = draw(seed)
    z, p, w, y = tensors(logits, teacher, weights, tags)
    assert soft_loss(z, p, w).item() == pytest.approx(twin.mse(logits, teacher, weights), abs=1e-5)
    found = soft_loss(z, p, w, "kl", temperature).item()
    assert found == pytest.approx(
        twin.kl(logits, teacher, weights, temperature), rel=1e-4, abs=1e-5
    )
    found = hard_loss(z, y, w).item()
    assert found == pytest.approx(twin.cross_entropy(logits, tags, weights), rel=1e-5)
    states = np.random.default_rng(seed).normal(0, 2, (2, len(tags), 3, 4))
    found = hidden_loss(*tensors(*states), w).item()
    assert found == pytest.approx(twin.hidden(*states, weights), rel=1e-5)


def test_fixed_tensors():
    # softmax of (0, 0) is (1/2, 1/2); of (log 3, 0) it is (3/4, 1/4).
    z = torch.tensor([[0.0, 0.0], [float(np.log(3)), 0.0]])
    p = torch.tensor([[1.0, 0.0], [0.5, 0.5]])
    w = torch.ones(2)
    assert soft_loss(z, p, w).item() == pytest.approx((0.25 + 0.0625) / 2)
    assert hard_loss(z, torch.tensor([0, 1]), w).item() == pytest.approx(
        (np.log(2) + np.log(4)) / 2
    )
    # KL of a certain teacher and a uniform student is log 2; the weights ignore the other word.
    assert soft_loss(z, p, torch.tensor([1.0, 0.0]), "kl").item() == pytest.approx(np.log(2))


def test_words_without_weight_have_no_gradient():
    logits, teacher, weights, tags = draw(3)
    weights[2:] = 0
    z, p, w, y = tensors(logits, teacher, weights, tags)
    z.requires_grad_()
    for loss in (soft_loss(z, p, w), soft_loss(z, p, w, "kl", 2.0), hard_loss(z, y, w)):
        z.grad = None
        loss.backward()
        assert z.grad[:2].abs().sum() > 0
        assert not z.grad[2:].any()
    assert hard_loss(z, y, w * 0).item() == 0


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"loss": "l1"}, "loss is 'l1'; choose one of mse, kl"),
        ({"loss": "kl", "temperature": 0}, "temperature is 0; it must be above 0"),
        ({"label_set": "some"}, "label_set is 'some'"),
        ({"teachers": []}, "teachers is empty"),
        ({"weights": [-1.0]}, r"weights is \[-1.0\]; give one number of at least 0"),
    ],
)
def test_bad_options_of_distillation(options, match):
    with pytest.raises(xner.UsageError, match=match):
        build(DistillOptions, {"from_scratch": "small", **options})


@given(st.integers(0, 10**6))
def test_teachers_are_combined_as_in_the_equation(seed):
    rng = np.random.default_rng(seed)
    offsets = np.array([0, 2, 2, 5])
    teachers = [rng.dirichlet(np.ones(3), 5).astype(np.float32) for _ in range(3)]
    for alpha in (rng.dirichlet(np.ones(3)), rng.dirichlet(np.ones(3), 3)):
        made = combine(teachers, alpha, offsets)
        np.testing.assert_allclose(made, twin.combine(teachers, alpha, offsets), atol=1e-6)
        np.testing.assert_allclose(made.sum(1), 1, atol=1e-6)


@given(st.integers(0, 10**6))
def test_language_identifier_equals_the_equations(seed):
    rng = np.random.default_rng(seed)
    g, u, v, mu = (rng.normal(size=s) for s in ((5, 6), (2, 6), (2, 6), (3, 6)))
    true = rng.integers(0, 3, 5)
    scores = similarity.bilinear(*tensors(g, u, v, mu))
    wanted = twin.score(g, u, v, mu)
    np.testing.assert_allclose(scores.numpy(), wanted, rtol=1e-5, atol=1e-8)
    loss = similarity.identifier_loss(scores, *tensors(true, mu), 0.01)
    assert loss.item() == pytest.approx(twin.identifier_loss(wanted, true, mu, 0.01), rel=1e-5)
    each, domain, tau = similarity.weights_of(np.array(wanted))
    one, mean, variance = twin.weights(wanted)
    np.testing.assert_allclose(each, one, atol=1e-5)
    np.testing.assert_allclose(domain, mean, atol=1e-5)
    assert tau == pytest.approx(variance, rel=1e-9)


def test_equal_scores_give_equal_weights():
    each, domain, tau = similarity.weights_of(np.full((4, 3), 2.0))
    np.testing.assert_allclose(each, 1 / 3)
    np.testing.assert_allclose(domain, 1 / 3)
    assert tau == 0


ALPHABETS = ("abcde", "klmno", "pqrst")


def written(letters, count, seed):
    rng = np.random.default_rng(seed)
    return [["".join(rng.choice(list(letters), 4)) for _ in range(6)] for _ in range(count)]


def test_similarity_finds_the_language():
    sources = [similarity.sentence_features(written(a, 80, i)) for i, a in enumerate(ALPHABETS)]
    target = similarity.sentence_features(written("klmno", 20, 9) + written("abcdek", 10, 8))
    how = similarity.IdentifierSettings(rank=64, gamma=0.01, epochs=3, seed=1)
    found = similarity.learn_similarity(sources, target, how)
    assert found.accuracy > 0.99
    np.testing.assert_allclose(found.sentence.sum(1), 1, atol=1e-5)
    assert (found.sentence[:20].argmax(1) == 1).all()
    assert (found.sentence[20:].argmax(1) == 0).all()
    assert found.domain.argmax() == 1
    again = similarity.learn_similarity(sources, target, how)
    np.testing.assert_array_equal(found.sentence, again.sentence)
    other = similarity.learn_similarity(sources, target, replace(how, seed=2))
    assert not np.array_equal(found.sentence, other.sentence)


def test_features_are_square_roots_of_the_shares_of_ngrams():
    made = similarity.sentence_features([["ab"], ["Bremen", "boats"]])
    np.testing.assert_allclose(np.linalg.norm(made, axis=1), 1, atol=1e-6)
    # " ab " has two spaces, and a, b, three bigrams and two trigrams once each
    counts = np.sort(9 * made[0][made[0] > 0] ** 2)
    np.testing.assert_allclose(counts, [1] * 7 + [2], atol=1e-5)


P = np.array([[0.6, 0.3, 0.1], [0.1, 0.2, 0.7]], np.float32)


def test_tags_are_mapped():
    teacher = Predictions("t", ("B-PERSON", "O", "S-MISC"), P)
    assert teacher.labels({"PERSON": "PER"}) == {"PER", "MISC"}
    made = teacher.mapped(("O", "B-PER", "I-PER"), {"PERSON": "PER"})
    np.testing.assert_allclose(made, [[0.4, 0.6, 0], [0.9, 0.1, 0]], atol=1e-6)
    bilou = Predictions("t", ("O", "U-LOC", "L-LOC"), P)
    np.testing.assert_allclose(bilou.mapped(("O", "B-LOC", "I-LOC")), P, atol=1e-6)


def test_common_tagset_of_teachers_with_different_labels():
    one = Predictions("one", ("O", "B-PER", "I-PER", "B-MISC"), P)
    other = Predictions("other", ("O", "B-PER", "B-LOC"), P)
    assert common_tagset([one, other]) == (("O", "B-PER", "I-PER"), {"MISC", "LOC"})
    every, left_out = common_tagset([one, other], label_set="all")
    assert (len(every), left_out) == (7, set())
    with pytest.raises(xner.InputError, match="share no label"):
        common_tagset([one, other], {"PER": None})


def test_agreement_and_hard_labels():
    other = np.array([[0.5, 0.4, 0.1], [0.5, 0.1, 0.4]], np.float32)
    same = agreement([P, other])
    assert same.tolist() == [True, False]
    mean = (P + other) / 2
    soft, weights = harden(mean, same, "hard")
    assert soft[0].tolist() == [1, 0, 0]
    np.testing.assert_array_equal(soft[1], mean[1])
    assert weights.tolist() == [1, 1]
    assert harden(mean, same, "only")[1].tolist() == [1, 0]
    np.testing.assert_array_equal(harden(mean, same, None)[0], mean)
