"""The score likelihood is its plain twin, sums to at most 1, and gives every span its column."""

import json
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import example, given, settings

from tests.property.test_scores import DEFAULT, ROWS, candidates, first, made, quick
from tests.reference import likelihood as twin
from xner.kernels.evidence import FEATURES, INPUTS
from xner.score import likelihood as likelihood_module
from xner.score.fill import fill_links
from xner.score.likelihood import OF_ENTITY, inputs, likelihood
from xner.score.scene import Scene
from xner.stages.project import project

NETWORK = json.loads((files("xner.score") / "likelihood.json").read_text("utf-8"))


BRACKETS = [(["Ann", "says", "Oh"], ["Ann", "(", "Anna", ")", "sagt"], [(0, 1, "A"), (0, 3, "B")],
             [(0, 0, 1.0), (0, 2, 1.0), (0, 1, 0.5), (1, 4, 1.0), (2, 3, 0.5)])]  # fmt: skip


@settings(quick, max_examples=30)
@given(ROWS)
@example(BRACKETS)
def test_likelihoods_are_their_twins(rows):
    scene, chosen = first(rows)
    found = inputs(scene)
    problem = scene.problem
    sizes = np.diff(problem.candidate_offsets)
    many = np.repeat(sizes, sizes)
    expected = [
        twin.features(rows, chosen, s, e, p, many[c], rows[s][3])
        for c, (s, e, p) in enumerate(candidates(rows, problem))
    ]
    for c, values in enumerate(expected):
        got = dict(zip(FEATURES, found[c], strict=False))
        assert got == pytest.approx(dict(zip(FEATURES, values, strict=True)), abs=1e-6)
    score = likelihood(scene)
    of_entity = [INPUTS.index(name) for name in OF_ENTITY]
    for e in range(problem.entities):
        own = slice(problem.candidate_offsets[e], problem.candidate_offsets[e + 1])
        if own.start < own.stop:
            spans = list(candidates(rows, problem))[own]
            s, (first_word, last_word, _), _ = spans[0]
            free = not twin.is_balanced(rows[s][0][first_word:last_word])
            whole = [free or twin.is_balanced(rows[s][1][i:j]) for _, _, (i, j) in spans]
            told = twin.probabilities(found[own].tolist(), NETWORK, of_entity, whole)
            assert score[own] == pytest.approx(told)
            assert (score[own] >= 0).all()
            assert score[own].sum() <= 1


@settings(quick, max_examples=15)
@given(ROWS)
def test_every_span_has_its_probability(rows):
    pairs = made(rows)
    scene, _ = first(rows)
    text = fill_links(scene.text, scene.spans, scene.counts, DEFAULT.fill)
    chance = likelihood(Scene(text, scene.problem, scene.spans, scene.counts))
    for options in ({}, {"min_precision": 0.0}, {"preset": "paper-greedy", "probabilities": True}):
        out = project(pairs, **options)
        table = out.table
        spans, told = table["target_entities"].to_pylist(), table["probabilities"].to_pylist()
        assert [len(row) for row in spans] == [len(row) for row in told]
        flat = [(e, p) for row, values in zip(spans, told, strict=True)
                for e, p in zip(row, values, strict=True)]  # fmt: skip
        assert out.report.expected == pytest.approx(sum(p for _, p in flat), abs=1e-5)
        if options == {"min_precision": 0.0} and len(text.links.source) == len(
            scene.text.links.source
        ):
            assert all(p == pytest.approx(e["score"]) and p in chance.astype(np.float32)
                       for e, p in flat)  # fmt: skip
        if not options:
            assert all(p >= DEFAULT.min_precision for _, p in flat)


def test_what_is_improbable_has_no_counterpart(monkeypatch):
    pairs = made([(["Anna"], ["Anna"], [(0, 1, "A")], [(0, 0, 1.0)])])
    ((probability,),) = project(pairs).table["probabilities"].to_pylist()
    assert probability > 0.5
    strict = project(pairs, min_precision=min(0.999, probability + 0.001))
    assert strict.table["outcomes"].to_pylist() == [["below_threshold"]]
    assert strict.table["probabilities"].to_pylist() == [[]]
    without = likelihood_module.network()._replace(missing=12.0)
    monkeypatch.setattr(likelihood_module, "network", lambda: without)
    out = project(pairs)
    assert out.table["outcomes"].to_pylist() == [["no_counterpart"]]
    assert out.report.outcomes["no_counterpart"] == 1
    kept = project(pairs, min_precision=0.0)
    ((probability,),) = kept.table["probabilities"].to_pylist()
    assert 0 < probability < 0.25


def test_the_heuristic_can_have_probabilities():
    links = [(i, i, 1.0) for i in range(12)]
    words = [f"w{i}" for i in range(12)]
    short, long = (0, 1, "A"), (0, 12, "A")
    pairs = made([(words, words, [short], links), (words, words, [long], links)])
    out = project(pairs, preset="paper-heuristic", probabilities=True)
    (first_row,), second = out.table["probabilities"].to_pylist()
    assert 0 < first_row < 1
    assert second == [None]  # longer than max_span: no n-gram
    assert "probabilities" not in project(pairs, preset="paper-heuristic").columns
    assert "probabilities" not in project(out, preset="paper-heuristic").columns
