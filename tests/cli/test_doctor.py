"""`xner doctor`: what is installed, and a self-test that fails if a solver is wrong."""

import json
import tomllib
from pathlib import Path

import pytest
from numba import config

import xner
from xner.cli import environment, main
from xner.kernels.records import Choice
from xner.solve import exact

PROJECT = Path(xner.__file__).parents[2] / "pyproject.toml"


def test_all_checks_pass(capsys):
    assert main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["versions"]["xner"] == xner.__version__
    assert None not in found["versions"].values()
    assert found["threads"] >= 1
    assert found["memory"] is None or found["memory"] > 1 << 28
    assert found["devices"][0] == "cpu"
    assert found["self_test"]["passed"]
    names = [check["name"] for check in found["self_test"]["checks"]]
    assert {"heuristic", "greedy", "exact", "exact against every choice"} <= set(names)


def test_a_wrong_solver_is_found(capsys, monkeypatch):
    def wrong(problem, **options):
        made = solve(problem, **options)
        return type(made).unproven(
            Choice(made.chosen, made.objective * 0.9, made.bound, made.route)
        )

    solve = exact.solve_exact
    monkeypatch.setattr(exact, "solve_exact", wrong)
    monkeypatch.setattr("xner.stages.second_pass.solve_exact", wrong)
    assert main(["doctor"]) == 1
    out = capsys.readouterr()
    assert "exact is below greedy" in out.out
    assert "FAILED" in out.out
    assert "the self-test failed: exact against greedy" in out.err
    assert out.err.count("\n") == 1


def test_missing_extras_have_their_pip_line(monkeypatch):
    versions = {"ortools": "9.15", "torch": "2.3.1+cpu", "transformers": "5.2"}
    monkeypatch.setattr(environment, "version_of", lambda package: versions.get(package))
    found = environment.extras()
    assert found["ilp"]["installed"]
    assert found["models"] == {
        "installed": False,
        "packages": {"torch": None, "transformers": "5.2"},
        "install": "pip install 'xner[models]'",
    }
    assert {"accelerate", "torch"} <= set(found["train"]["packages"])
    assert "dev" not in found


@pytest.mark.skipif(not PROJECT.is_file(), reason="not a checkout")
def test_extras_of_an_installed_package_are_those_of_the_checkout(monkeypatch):
    declared = tomllib.loads(PROJECT.read_text("utf-8"))["project"]["optional-dependencies"]
    listed = [f'{p}; extra == "{extra}"' for extra, own in declared.items() for p in own]
    own = environment.extras()
    monkeypatch.setattr(environment, "_CHECKOUT", Path("none"))
    monkeypatch.setattr(environment.metadata, "requires", lambda name: ["numpy>=1", *listed])
    assert environment.extras() == own


def test_the_folder_of_kernels(capsys, monkeypatch):
    class NoFolder:
        _cache = None

    if not config.DISABLE_JIT:
        assert environment.kernel_cache()["folder"]
    monkeypatch.setattr("xner.kernels.matching.match_greedily", NoFolder)
    found = environment.kernel_cache()
    assert found == {"folder": None, "writable": False, "files": 0, "bytes": 0}
