import builtins
import subprocess
import sys

import numpy as np
import pytest

from tests.problems import assert_allowed, dense_problem, problem_of
from xner.errors import MissingExtraError
from xner.kernels.matching import CERTIFICATE, DP, GREEDY, HEURISTIC
from xner.solve.constraint import Constraint
from xner.solve.exact import solve_exact
from xner.solve.ilp import _scale, solve_ilp
from xner.solve.solution import Route, Status

BACKENDS = ["cp-sat", "highs", "scip"]


def test_importing_the_module_leaves_ortools_alone():
    code = "import sys, xner.solve.ilp; sys.exit('ortools' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("backend", BACKENDS)
def test_missing_ortools_names_the_extra(monkeypatch, backend):
    real = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name.startswith("ortools"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    for name in [name for name in sys.modules if name.startswith("ortools")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr("xner.solve.ilp.import_module", refuse)
    with pytest.raises(MissingExtraError, match=r"pip install 'xner\[ilp\]'"):
        solve_ilp(problem_of([[]], [1]), backend=backend)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [({"backend": "cbc"}, "cp-sat"), ({"gap": -1.0}, "gap"), ({"time_limit": 0}, "time_limit")],
)
def test_arguments_out_of_range_are_refused(arguments, says):
    with pytest.raises(ValueError, match=says):
        solve_ilp(problem_of([[]], [1]), **arguments)


@pytest.fixture
def solved(monkeypatch):
    """The solvers that run, with their thread counts, seeds and gaps, one for each sentence."""
    cp_model = pytest.importorskip("ortools.sat.python.cp_model")
    mathopt = pytest.importorskip("ortools.math_opt.python.mathopt")
    names = {mathopt.SolverType.HIGHS: "highs", mathopt.SolverType.GSCIP: "scip"}
    runs, cp_sat, mip = [], cp_model.CpSolver.solve, mathopt.solve

    def by_cp_sat(self, model):
        set_to = self.parameters
        gaps = set_to.relative_gap_limit, set_to.absolute_gap_limit
        runs.append(("cp-sat", set_to.num_workers, set_to.random_seed, *gaps))
        return cp_sat(self, model)

    def by_mip(model, kind, *, params):
        gaps = params.relative_gap_tolerance, params.absolute_gap_tolerance
        runs.append((names[kind], params.threads, params.random_seed, *gaps))
        return mip(model, kind, params=params)

    monkeypatch.setattr(cp_model.CpSolver, "solve", by_cp_sat)
    monkeypatch.setattr(mathopt, "solve", by_mip)
    return runs


@pytest.mark.parametrize("backend", BACKENDS)
def test_backends_reach_the_same_proven_optimum(backend, solved):
    problem = dense_problem(np.random.default_rng(0), [(4, 10), (6, 8), (1, 3)], span=5)
    solution = solve_ilp(problem, backend=backend, seed=5)
    threads = None if backend == "highs" else 1  # HiGHS refuses a number of threads
    assert solved == [(backend, threads, 5, 0.0, 0.0)] * 3
    assert_allowed(problem, solution)
    assert solution.statuses() == {"optimal": 3}
    assert solution.routes() == {"ilp": 3}
    assert solution.objective == pytest.approx(solve_exact(problem).objective, abs=1e-9)


@pytest.mark.parametrize("backend", BACKENDS)
def test_small_differences_are_not_lost_to_a_gap(backend):
    pytest.importorskip("ortools")
    near = [[(0, 2, 1.0)], [(0, 1, 0.50001), (1, 2, 0.4)], [(1, 2, 0.50000001)]]
    solution = solve_ilp(problem_of([near], [2]), backend=backend)
    assert solution.objective[0] == pytest.approx(1.00001001, abs=1e-12)
    assert solution.optimal[0]


@pytest.mark.parametrize("backend", BACKENDS)
def test_sentences_without_candidates_need_no_solver(backend):
    pytest.importorskip("ortools")
    solution = solve_ilp(problem_of([[], [[], []]], [3, 0]), backend=backend)
    assert solution.routes() == {"certificate": 2}
    assert solution.statuses() == {"optimal": 2}
    assert solution.objective.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_time_limit_is_reported_and_never_claims_a_proof_it_lacks(backend):
    pytest.importorskip("ortools")
    problem = dense_problem(np.random.default_rng(1), [(12, 30)], levels=7)
    best = solve_exact(problem).objective[0]
    solution = solve_ilp(problem, backend=backend, time_limit=1e-3)
    assert_allowed(problem, solution)
    assert solution.status[0] in (Status.OPTIMAL, Status.FEASIBLE)
    assert solution.objective[0] <= best + 1e-9 <= solution.bound[0] + 2e-9
    assert not solution.optimal[0] or solution.objective[0] >= best - 1e-6
    assert solve_ilp(problem, backend=backend, time_limit=1e-9).statuses() == {"feasible": 1}
    one_each = Constraint(at_least=1, at_most=1)
    late = solve_ilp(problem, constraint=one_each, backend=backend, time_limit=1e-9)
    assert late.statuses() == {"unknown": 1}
    if backend == "cp-sat":
        assert solve_ilp(problem, effort=1e-9).statuses() == {"feasible": 1}


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_gap_stops_early_and_is_not_called_optimal_unless_it_is(backend):
    pytest.importorskip("ortools")
    problem = dense_problem(np.random.default_rng(2), [(8, 20)] * 3, span=6)
    best = solve_exact(problem).objective
    solution = solve_ilp(problem, backend=backend, gap=20.0)
    assert_allowed(problem, solution)
    assert np.all((best - 1e-9 <= solution.bound) & (solution.bound <= problem.score.sum()))
    assert np.all(21 * solution.objective >= best)
    assert np.all(~solution.optimal | (solution.objective >= best - 1e-9))
    assert not solution.optimal.all()


@pytest.mark.parametrize(("score", "length"), [(1e-6, 1), (1.0, 60), (0.3, 1000), (1e6, 7)])
def test_scaling_keeps_the_objective_exact_and_within_range(score, length):
    scale = _scale([score], length)
    assert scale * score * length <= 2.0**50
    assert 0.5 * length / scale <= 1e-9 * max(1.0, score * length)


def test_routes_have_names():
    names = [route.name.lower() for route in Route]
    assert names == ["certificate", "dp", "ilp", "greedy", "heuristic"]
    assert [code.value for code in Route] == [CERTIFICATE, DP, 2, GREEDY, HEURISTIC]
