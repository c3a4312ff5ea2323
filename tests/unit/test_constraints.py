import numpy as np
import pytest

from tests.problems import assert_allowed, dense_problem, problem_of, sentence_lists
from tests.reference.exact import brute_force
from xner.kernels.records import Choice
from xner.solve.constraint import Constraint
from xner.solve.exact import covers, solve_exact
from xner.solve.solution import Solution, Status

FORMS = {
    "<=1": Constraint(),
    "<=3": Constraint(at_most=3),
    "==1": Constraint(at_least=1, at_most=1),
    "==2": Constraint(at_least=2, at_most=2),
    ">=1": Constraint(at_least=1, at_most=None),
    "unlimited": Constraint(at_most=None),
}


@pytest.mark.parametrize("text", FORMS)
def test_text_and_constraint_are_inverses(text):
    assert Constraint.parse(text) == FORMS[text]
    assert str(FORMS[text]) == text
    assert Constraint.parse(f"  {text} ") == FORMS[text]


@pytest.mark.parametrize(
    "text", ["", "1", "=1", "<=0", "==0", ">=0", "<1", "<=-1", "<=1.5", "none"]
)
def test_other_text_is_refused_with_what_to_write(text):
    with pytest.raises(ValueError, match="write '<=n'"):
        Constraint.parse(text)


@pytest.mark.parametrize(("at_least", "at_most"), [(-1, 1), (0, 0), (3, 2), (1, 2)])
def test_other_limits_are_refused(at_least, at_most):
    with pytest.raises(ValueError, match=r"at_least|at_most|choose one"):
        Constraint(at_least, at_most)


def test_exact_covers_what_has_no_lower_limit():
    assert {text for text, form in FORMS.items() if covers(form)} == {"<=1", "<=3", "unlimited"}


@pytest.fixture
def ilp():
    pytest.importorskip("ortools")
    from xner.solve.ilp import solve_ilp

    return solve_ilp


BACKENDS = ["cp-sat", "highs", "scip"]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("text", FORMS)
def test_every_constraint_matches_brute_force(ilp, backend, text):
    constraint = FORMS[text]
    rng = np.random.default_rng(4)
    problem = dense_problem(rng, [(2, 5), (3, 3), (3, 4), (0, 2)], span=2)
    solution = ilp(problem, constraint=constraint, backend=backend)
    assert_allowed(problem, solution, constraint.at_least, constraint.at_most)
    for s in range(problem.sentences):
        best = brute_force(sentence_lists(problem, s), constraint.at_least, constraint.at_most)
        if best is None:
            assert solution.status[s] == Status.INFEASIBLE
        else:
            assert solution.status[s] == Status.OPTIMAL
            assert solution.objective[s] == pytest.approx(best, abs=1e-9)


# Sentences that cannot give each entity one candidate, and why.
IMPOSSIBLE = {
    "an entity without candidates (all its pairs score 0)": [[(0, 1, 1.0)], []],
    "one word wanted by two": [[(0, 1, 1.0)], [(0, 1, 0.5)]],
    "three entities, two places": [[(0, 1, 1.0), (1, 2, 1.0)]] * 3,
}
FINE = [[(0, 1, 1.0)], [(0, 2, 0.9), (1, 2, 0.2)]]


@pytest.mark.parametrize("why", IMPOSSIBLE)
@pytest.mark.parametrize("text", ["==1", ">=1"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_constraint_that_cannot_be_met_is_reported_and_nothing_chosen(ilp, backend, text, why):
    problem = problem_of([FINE, IMPOSSIBLE[why], FINE], [3, 3, 3])
    solution = ilp(problem, constraint=Constraint.parse(text), backend=backend)
    assert_allowed(problem, solution, at_least=1, at_most=1)
    assert solution.statuses() == {"optimal": 2, "infeasible": 1}
    assert solution.status[1] == Status.INFEASIBLE
    assert solution.objective == pytest.approx([1.2, 0.0, 1.2])
    assert not solution.optimal[1]


@pytest.mark.parametrize("why", IMPOSSIBLE)
def test_at_most_never_fails_on_the_same_sentences(ilp, why):
    problem = problem_of([IMPOSSIBLE[why]], [3])
    for solution in (ilp(problem), solve_exact(problem)):
        assert solution.statuses() == {"optimal": 1}
        assert solution.objective[0] >= 1.0


def test_too_few_disjoint_candidates_for_exactly_two(ilp):
    crossing = [[(0, 2, 1.0), (1, 3, 1.0)]]
    apart = [[(0, 2, 1.0), (2, 3, 1.0)]]
    solution = ilp(problem_of([crossing, apart], [3, 3]), constraint=Constraint.parse("==2"))
    assert solution.status.tolist() == [Status.INFEASIBLE, Status.OPTIMAL]
    assert solution.objective.tolist() == [0.0, 2.0]


def test_an_unproven_choice_is_optimal_where_it_meets_its_bound():
    chosen = np.array([1, 0, 1, 0, 1, 0], np.uint8)
    choice = Choice(
        chosen, np.array([1.2, 0.9, 0]), np.array([1.9, 1.9, 0]), np.full(3, 3, np.uint8)
    )
    solution = Solution.unproven(choice)
    assert solution.gap == pytest.approx([0.7, 1.0, 0.0])
    assert solution.optimal.tolist() == [False, False, True]
    assert solution.statuses() == {"optimal": 1, "feasible": 2}
    assert solution.routes() == {"greedy": 3}
