from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.problems import assert_allowed, dense_problem, problem_of, sentence_lists
from tests.reference.exact import brute_force, optimum
from xner.kernels.blocks import over_blocks
from xner.solve.exact import solve_exact
from xner.solve.greedy import solve_greedy
from xner.solve.solution import Route, Status, candidate_edges

WORDS = 6
SCORES = st.sampled_from([0.1, 0.2, 0.3, 0.5, 2 / 3, 0.8, 1.0, 1.0 + 5e-10]) | st.floats(0.01, 1.0)


def spans(words):
    return st.integers(0, words - 1).flatmap(
        lambda i: st.tuples(st.just(i), st.integers(i + 1, words))
    )


def entities(words=WORDS, most=4, candidates=4):
    entity = st.dictionaries(spans(words), SCORES, max_size=candidates)
    return st.lists(
        entity.map(lambda held: [(i, j, x) for (i, j), x in held.items()]), max_size=most
    )


@settings(max_examples=150, deadline=None)
@given(
    st.lists(entities(), min_size=1, max_size=3),
    st.sampled_from([1, 2, 3, None]),
)
def test_objective_is_that_of_brute_force(sentences, limit):
    problem = problem_of(sentences, [WORDS] * len(sentences))
    solution = solve_exact(problem, limit=limit)
    assert_allowed(problem, solution, at_most=limit)
    best = [brute_force(sentence, at_most=limit) for sentence in sentences]
    groups = np.diff(problem.entity_offsets)
    assert np.all(np.abs(solution.objective - best) <= 1e-9 * np.maximum(1, groups) + 1e-12)
    assert solution.optimal.all()


def assert_changed_only_for_more(problem, greedy, exact):
    """Greedy's choice is kept where nothing is better by over 1e-9; returns those sentences."""
    spans = [slice(*edges) for edges in pairwise(candidate_edges(problem))]
    same = np.array([np.array_equal(greedy.chosen[i], exact.chosen[i]) for i in spans])
    assert np.array_equal(same, exact.objective <= greedy.objective + 1e-9)
    return np.flatnonzero(same)


@settings(max_examples=100, deadline=None)
@given(st.lists(entities(), min_size=1, max_size=3), st.sampled_from([1, 2, None]))
def test_greedy_stands_unless_something_is_better(sentences, limit):
    problem = problem_of(sentences, [WORDS] * len(sentences))
    greedy = solve_greedy(problem, limit=limit)
    exact = solve_exact(problem, limit=limit)
    assert_changed_only_for_more(problem, greedy, exact)
    assert np.all(greedy.bound >= exact.objective - 1e-9)


# Either B or A gets word 0, for the same sum; greedy gives it to B. Twice, in one group.
TIED = [
    [(0, 1, 0.9), (2, 3, 0.5), (9, 10, 0.1)],
    [(0, 1, 1.0), (3, 4, 0.6)],
    [(5, 6, 0.9), (7, 8, 0.5)],
    [(5, 6, 1.0), (9, 10, 0.6)],
]


def test_equal_sums_leave_greedys_choice():
    problem = problem_of([TIED], [10])
    solution = solve_exact(problem)
    assert solution.objective[0] == pytest.approx(3.0)
    assert np.array_equal(solution.chosen, solve_greedy(problem).chosen)
    assert solution.optimal[0]


@given(st.lists(entities(), min_size=1, max_size=3), st.sampled_from([1, 2, None]))
@settings(max_examples=100, deadline=None)
def test_without_a_table_the_answer_is_greedys_and_bounded(sentences, limit):
    problem = problem_of(sentences, [WORDS] * len(sentences))
    stuck = solve_exact(problem, limit=limit, table_bits=0, ilp=False)
    assert_allowed(problem, stuck, at_most=limit)
    best = solve_exact(problem, limit=limit).objective
    assert np.all(stuck.bound >= best - 1e-9)
    assert np.all(stuck.objective[stuck.optimal] >= best[stuck.optimal] - 4e-9)


@pytest.mark.parametrize("levels", [None, 4])
def test_dense_problems_match_the_twin(levels):
    rng = np.random.default_rng(7)
    problem = dense_problem(rng, [(4, 6), (5, 5), (2, 8), (6, 4), (3, 3)], span=4, levels=levels)
    solution = solve_exact(problem)
    assert_allowed(problem, solution)
    expected = [
        optimum(sentence_lists(problem, s), int(problem.target_lengths[s]))
        for s in range(problem.sentences)
    ]
    assert solution.objective == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("limit", [1, 2, None])
@pytest.mark.parametrize("levels", [None, 5])
def test_cp_sat_agrees(limit, levels):
    pytest.importorskip("ortools")
    from xner.solve.constraint import Constraint
    from xner.solve.ilp import solve_ilp

    rng = np.random.default_rng(3)
    problem = dense_problem(rng, [(3, 12), (6, 10), (9, 14)], span=5, levels=levels)
    oracle = solve_ilp(problem, constraint=Constraint(at_most=limit))
    solution = solve_exact(problem, limit=limit, ilp=False)
    assert oracle.optimal.all()
    proven = solution.optimal
    assert proven.all() or (limit == 2 and proven[:2].all())  # 9 entities of 2 bits are too many
    assert solution.objective[proven] == pytest.approx(oracle.objective[proven], abs=1e-9)
    assert np.all(solution.bound >= oracle.objective - 1e-9)


@pytest.mark.parametrize("limit", [1, 2])
@pytest.mark.parametrize("threads", [2, 5])
def test_any_number_of_threads_gives_the_same(monkeypatch, limit, threads):
    rng = np.random.default_rng(11)
    shapes = [(int(rng.integers(0, 5)), int(rng.integers(3, 7))) for _ in range(40)]

    def count(rows):
        return rows.stop if isinstance(rows, range) else rows

    problem = dense_problem(rng, shapes, span=3, levels=6)
    monkeypatch.setattr(
        "xner.solve.exact.over_blocks",
        lambda kernel, rows, *args: over_blocks(kernel, range(0, count(rows), 7), *args),
    )
    monkeypatch.setenv("XNER_THREADS", "1")
    alone = solve_exact(problem, limit=limit)
    monkeypatch.setenv("XNER_THREADS", str(threads))
    split = solve_exact(problem, limit=limit)
    for name in ("chosen", "objective", "bound", "route", "status"):
        assert np.array_equal(getattr(alone, name), getattr(split, name)), name


def test_a_sentence_is_solved_as_if_it_were_alone():
    rng = np.random.default_rng(5)
    problem = dense_problem(rng, [(3, 5), (0, 4), (4, 6), (1, 2)], span=3, levels=5)
    whole = solve_exact(problem)
    edges = problem.candidate_offsets[problem.entity_offsets]
    for s in range(problem.sentences):
        alone = solve_exact(problem.take(np.array([s])))
        assert np.array_equal(alone.chosen, whole.chosen[edges[s] : edges[s + 1]])
        assert alone.objective[0] == whole.objective[s]


def test_a_group_too_large_for_the_table_keeps_greedys_choice_with_a_bound():
    problem = dense_problem(np.random.default_rng(1), [(7, 12), (2, 30)], span=4, levels=5)
    best = solve_exact(problem)
    stuck = solve_exact(problem, table_bits=4, ilp=False)
    assert_allowed(problem, stuck)
    assert stuck.route[0] == Route.GREEDY
    assert stuck.status[0] == Status.FEASIBLE
    assert stuck.bound[0] >= best.objective[0] > stuck.objective[0]
    assert np.array_equal(stuck.chosen, solve_greedy(problem).chosen)


def test_the_ilp_solves_what_is_too_large_for_the_table(monkeypatch):
    pytest.importorskip("ortools")
    shapes = [(2, 30), (7, 12), (1, 3), (8, 10)]
    problem = dense_problem(np.random.default_rng(1), shapes, span=4, levels=5)
    best = solve_exact(problem).objective
    solution = solve_exact(problem, table_bits=4)
    assert_allowed(problem, solution)
    assert solution.route[[1, 3]].tolist() == [Route.ILP, Route.ILP]
    assert solution.optimal.all()
    assert solution.objective == pytest.approx(best, abs=1e-9)

    size = problem.end - problem.start
    words = [size[a:b].sum() for a, b in pairwise(candidate_edges(problem))]
    monkeypatch.setattr("xner.solve.exact.MOST_WORDS", min(words[1], words[3]))
    solution = solve_exact(problem, table_bits=4)
    smaller, larger = (1, 3) if words[1] < words[3] else (3, 1)
    assert solution.route[[smaller, larger]].tolist() == [Route.ILP, Route.GREEDY]
    assert solution.status[[smaller, larger]].tolist() == [Status.OPTIMAL, Status.FEASIBLE]
    assert solution.objective[smaller] == pytest.approx(best[smaller], abs=1e-9)
    assert solution.objective[larger] < best[larger]


def test_the_ilp_must_be_better_by_more_than_the_tolerance():
    pytest.importorskip("ortools")
    rng = np.random.default_rng(1)
    problem = dense_problem(rng, [(5, 6)] * 8, span=3, levels=4)
    problem = problem._replace(score=problem.score + 1e-10 * rng.random(problem.candidates))
    solution, greedy = solve_exact(problem, table_bits=0), solve_greedy(problem)
    kept = assert_changed_only_for_more(problem, greedy, solution)
    assert solution.routes() == {"ilp": 8}
    assert solution.optimal.all()
    assert kept.tolist() == [2, 6]
    assert 1e-11 < solution.gap[6] < 1e-9  # the ILP has found 5e-11 more


def test_routes_are_those_the_sentences_need():
    apart = [[(0, 1, 1.0)], [(1, 2, 1.0)]]
    clash = [[(0, 2, 1.0)], [(0, 1, 0.8), (1, 3, 0.9)]]
    tied = [[(0, 1, 1.0), (1, 2, 1.0)], [(0, 1, 1.0)]]
    problem = problem_of([apart, clash, tied, []], [4, 4, 4, 4])
    solution = solve_exact(problem)
    assert solution.objective.tolist() == [2.0, 1.0, 2.0, 0.0]
    assert solution.routes() == {"certificate": 2, "dp": 2}
    assert solution.statuses() == {"optimal": 4}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"limit": 0}, "limit"),
        ({"table_bits": 25}, "table_bits"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, says):
    with pytest.raises(ValueError, match=says):
        solve_exact(problem_of([[]], [1]), **arguments)


@pytest.mark.parametrize("available", [False, True])
def test_many_entities_are_not_claimed_solved_without_the_ilp(monkeypatch, available):
    if available:
        pytest.importorskip("ortools")
    else:
        monkeypatch.setattr("xner.solve.exact.find_spec", lambda name: None)
    problem = dense_problem(np.random.default_rng(2), [(70, 9)], span=2)
    solution = solve_exact(problem)
    assert_allowed(problem, solution)
    assert solution.routes() == ({"ilp": 1} if available else {"greedy": 1})
    assert solution.statuses() == ({"optimal": 1} if available else {"feasible": 1})
    assert available or solution.bound[0] > solution.objective[0]


def test_an_empty_problem_has_an_empty_solution():
    solution = solve_exact(problem_of([], []))
    assert len(solution.chosen) == len(solution.objective) == 0
    assert solution.routes() == {}
