import os
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.corpora import corpus, long_sentences, sentences
from tests.reference import dense, greedy, heuristic
from xner.kernels import blocks
from xner.score.alignment import linked_ngrams
from xner.score.scene import Text
from xner.solve.greedy import solve_greedy
from xner.stages.nesting import levels_of
from xner.stages.project import project

ALIGNMENT = {"alignment": 1.0}
quick = settings(max_examples=150)
few = settings(max_examples=5)


def projected(rows, **options):
    """Spans `(start, end, entity)` of each row, and its outcomes."""
    scored = {} if options.get("method") == "heuristic" else {"score": ALIGNMENT}
    table = project(corpus(rows), **{**scored, "nesting": "none", **options}).table
    spans = [
        [(e["start"], e["end"], e["source"]) for e in entities]
        for entities in table["target_entities"].to_pylist()
    ]
    return spans, table["outcomes"].to_pylist()


def check_greedy(rows, max_span):
    spans, outcomes = projected(rows, method="greedy", max_span=max_span)
    for (_, target, entities, links), got, outcome in zip(rows, spans, outcomes, strict=True):
        expected, _ = greedy.project(entities, links, target, max_span)
        assert got == expected
        scores = greedy.alignment_scores(entities, links, target, max_span)
        scored = {e for e, _, _ in scores}
        for e, name in enumerate(outcome):
            if e in {entity for _, _, entity in expected}:
                assert name == "projected"
            elif e in scored:
                assert name == "conflict"
            else:
                assert name == ("unaligned" if target else "empty_target")


def check_heuristic(rows, **options):
    spans, outcomes = projected(rows, method="heuristic", **options)
    for (_, target, entities, links), got, outcome in zip(rows, spans, outcomes, strict=True):
        expected, expected_outcomes = heuristic.project(entities, links, **options)
        assert got == expected
        if target:
            assert outcome == expected_outcomes
        else:
            assert outcome == ["empty_target"] * len(entities)


@quick
@given(st.lists(sentences(), min_size=1, max_size=6), st.integers(1, 10))
def test_greedy_is_its_twin(rows, max_span):
    check_greedy(rows, max_span)


@quick
@given(sentences(), st.integers(1, 10))
def test_the_twin_is_the_published_procedure(row, max_span):
    _, target, entities, links = row
    binary = [(i, j, 1.0) for i, j, _ in links]
    assert greedy.project(entities, binary, target, max_span) == dense.project(
        entities, binary, target, max_span
    )


@quick
@given(
    st.lists(sentences(), min_size=1, max_size=6),
    st.integers(0, 3),
    st.sampled_from([0.0, 0.5, 0.8, 1.0]),
    st.sampled_from([None, 1, 2]),
)
def test_heuristic_is_its_twin(rows, merge_distance, length_ratio, top_k):
    check_heuristic(rows, merge_distance=merge_distance, length_ratio=length_ratio, top_k=top_k)


@few
@given(long_sentences())
def test_long_sentences_are_their_twins(row):
    check_heuristic([row])
    if not os.environ.get("NUMBA_DISABLE_JIT"):
        check_greedy([row], 10)


@quick
@given(st.lists(sentences(), min_size=1, max_size=4), st.integers(0, 3))
def test_greedy_respects_any_limit(rows, limit):
    pairs = corpus(rows)
    problem = linked_ngrams(Text(next(pairs.batches()))).problem
    solution = solve_greedy(problem, limit=limit or None)
    expected = [
        sum(scores[c] for c in greedy.match(scores, limit))
        for scores in (greedy.alignment_scores(r[2], r[3], r[1], 10) for r in rows)
    ]
    assert solution.objective == pytest.approx(expected)


@settings(max_examples=50)
@given(st.lists(sentences(), min_size=3, max_size=12))
def test_blocks_and_threads_change_nothing(rows):
    pairs = corpus(rows)
    methods = ("greedy", "heuristic", "exact")
    whole = [project(pairs, method=method).table for method in methods]
    cut = blocks.over_blocks

    def cut_by(block):
        return lambda kernel, n, *args: cut(kernel, range(0, n, block), *args)

    with (
        mock.patch.dict(os.environ, {"XNER_THREADS": "2"}),
        mock.patch("xner.score.alignment.over_blocks", cut_by(2)),
        mock.patch("xner.solve.greedy.over_blocks", cut_by(1)),
    ):
        split = [project(pairs, method=method).table for method in methods]
    assert whole == split


def test_threshold_drops_candidates_and_says_so():
    rows = [(2, 4, [(0, 1), (1, 2)], [(0, 0, 1.0), (1, 2, 0.25)])]
    spans, outcomes = projected(rows, min_score=0.5)
    assert spans == [[(0, 1, 0)]]
    assert outcomes == [["projected", "below_threshold"]]


def test_score_weight_scales_the_objective_only():
    rows = [(3, 3, [(0, 2)], [(0, 0, 1.0), (1, 1, 1.0)])]
    plain, half = (project(corpus(rows), score={"alignment": w}) for w in (1.0, 0.5))
    assert half.report.objective == 0.5 * plain.report.objective
    assert np.array_equal(half.table["outcomes"], plain.table["outcomes"])


METHODS = ["heuristic", "greedy", "exact", "ilp"]


@settings(max_examples=60)
@given(st.lists(sentences(), min_size=1, max_size=4), st.sampled_from(["<=1", "<=2", "unlimited"]))
@pytest.mark.parametrize("method", METHODS)
def test_no_method_overlaps_invents_or_exceeds(method, rows, constraint):
    if method == "ilp":
        pytest.importorskip("ortools")
    if method == "heuristic":
        constraint = "<=1"  # takes none: it may label several runs
    limits = {} if method == "heuristic" else {"constraint": constraint}
    out = project(corpus(rows), method=method, nesting="none", **limits)
    table = out.table
    for row, made, outcomes, solution in zip(
        rows,
        table["target_entities"].to_pylist(),
        table["outcomes"].to_pylist(),
        table["solution"].to_pylist(),
        strict=True,
    ):
        _, target, entities, _ = row
        words = [w for e in made for w in range(e["start"], e["end"])]
        assert len(words) == len(set(words))
        assert all(0 <= w < target for w in words)
        used = [e["source"] for e in made]
        assert set(used) == {e for e, name in enumerate(outcomes) if name == "projected"}
        assert len(outcomes) == len(entities)
        limit = {"<=1": 1, "<=2": 2, "unlimited": len(used)}[constraint]
        if method != "heuristic":
            assert all(used.count(e) <= limit for e in used)
        assert sum(e["score"] for e in made) == pytest.approx(solution["objective"], abs=1e-4)
        assert solution["objective"] <= solution["bound"] + 1e-9


def shares(one, other):
    return one[0] < other[1] and other[0] < one[1]


def inside(one, other):
    return other[0] <= one[0] and one[1] <= other[1]


@settings(max_examples=60)
@given(st.lists(sentences(), min_size=1, max_size=4), st.sampled_from(METHODS[:3]))
def test_entities_that_share_words_are_projected_level_by_level(rows, method):
    spans, _ = projected(rows, method=method, nesting="levels")
    outer, expected = [], []
    for (_, _, entities, _), found in zip(rows, spans, strict=True):
        longest_first = ((start - end, start, e) for e, (start, end) in enumerate(entities))
        order = [e for *_, e in sorted(longest_first)]
        before = {e: order[: order.index(e)] for e in order}
        level = {}
        for e in order:
            above = [level[o] + 1 for o in before[e] if shares(entities[e], entities[o])]
            level[e] = max(above, default=0)
        expected += [level[e] for e in range(len(entities))]
        outer.append([e for e in order if not level[e]])
        for start, end, e in found:
            for i, j, other in found:
                if other not in before[e]:
                    continue
                one, around = entities[e], entities[other]
                if not shares(one, around):
                    assert not shares((start, end), (i, j))
                elif inside(one, around):
                    assert inside((start, end), (i, j)) or not shares((start, end), (i, j))
    assert levels_of(Text(next(corpus(rows).batches())).entities).tolist() == expected
    # The outermost entities do not depend on those inside them.
    alone = [
        (source, target, [entities[e] for e in sorted(kept)], links)
        for (source, target, entities, links), kept in zip(rows, outer, strict=True)
    ]
    expected, _ = projected(alone, method=method)
    for kept, found, own in zip(outer, spans, expected, strict=True):
        known = sorted(kept)
        assert [s for s in found if s[2] in kept] == [(i, j, known[e]) for i, j, e in own]


ALONE = [
    {},
    {"method": "greedy"},
    {"candidates": "ngrams", "stop_tokens": [""]},
    {"candidates": "runs", "score": {"dictionary": 1.0}},
    {"method": "heuristic", "fill": {"lexicon": 1.0, "adjacent": 0.5}},
    {"score": {"lexical": 1.0, "edge": 0.5}, "fill": {"adjacent": 1.0}},
]


@quick
@given(sentences(), st.sampled_from(ALONE))
def test_one_sentence_takes_a_shorter_way_to_the_same_result(row, options):
    pairs = corpus([row])
    short = project(pairs, **options)
    with mock.patch("xner.stages.project.is_alone", return_value=False):
        whole = project(pairs, **options)
    assert short.table.equals(whole.table, check_metadata=True)
    figures, expected = short.report.as_dict(), whole.report.as_dict()
    for name in ("seconds", "sentences_per_second", "align_seconds", "count_seconds"):
        del figures[name], expected[name]
    assert figures == expected
