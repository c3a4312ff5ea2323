"""The package as a whole: the order of imports, what importing costs, the files around the code."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

import xner

SOURCE = Path(xner.__file__).parent
ROOT = SOURCE.parents[1]
CONTRIBUTING = ROOT / "CONTRIBUTING.md"

in_checkout = pytest.mark.skipif(not CONTRIBUTING.is_file(), reason="not a checkout")


def drawn_order():
    """Return the packages in the drawing of CONTRIBUTING.md, from the lowest to the highest."""
    if not CONTRIBUTING.is_file():
        return []
    section = CONTRIBUTING.read_text("utf-8").split("## Layers\n")[1]
    drawing = section.split("```")[1].strip().splitlines()
    return [name for line in drawing for name in line.partition(":")[2].split()]


ORDER = drawn_order()


def files_of(package):
    module = SOURCE / f"{package}.py"
    return [module] if module.is_file() else sorted((SOURCE / package).rglob("*.py"))


def imported(path):
    """Yield the full names of the modules and names that a file imports."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: use absolute imports"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@in_checkout
def test_the_drawing_names_every_package():
    modules = {p.stem for p in SOURCE.glob("*.py")} - {"__init__", "__main__"}
    packages = {p.parent.name for p in SOURCE.glob("*/__init__.py")}
    assert sorted(ORDER) == sorted(modules | packages)


@in_checkout
@pytest.mark.parametrize("package", ORDER)
def test_a_package_imports_only_those_drawn_before_it(package):
    allowed = ORDER[: ORDER.index(package) + 1]
    for path in files_of(package):
        for name in imported(path):
            root, _, rest = name.partition(".")
            if root == "xner":  # `import xner` is refused too: it would reach any package
                assert rest.partition(".")[0] in allowed, f"{path} imports {name}"


@in_checkout
def test_kernels_import_numpy_and_numba_alone():
    allowed = {"numpy", "numba", "xner", *sys.stdlib_module_names}
    for path in files_of("kernels"):
        for name in imported(path):
            assert name.partition(".")[0] in allowed, f"{path} imports {name}"


def test_import_loads_nothing_heavy():
    code = "import xner, sys; print(*{m.split('.')[0] for m in sys.modules})"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    heavy = {"numpy", "numba", "pyarrow", "torch", "ortools", "ray", "rich", "seqeval", "sklearn"}
    assert not heavy & set(loaded.stdout.split())


def test_every_public_name_is_there():
    for name in xner.__all__:
        assert getattr(xner, name) is not None
    assert callable(xner.align)
    assert callable(xner.evaluate)
    assert set(xner.__all__) <= set(dir(xner))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        xner.nothing  # noqa: B018 - the access is the test


def test_missing_extra_prints_the_pip_line():
    error = xner.MissingExtraError("eflomal", "eflomal")
    assert str(error).endswith("run: pip install 'xner[eflomal]'")
    assert isinstance(error, ImportError)


@in_checkout
def test_ci_runs_the_command_of_the_readme():
    readme, ci = (ROOT / "README.md").read_text("utf-8"), (ROOT / ".ci" / "run").read_text("utf-8")
    command = next(line for line in readme.splitlines() if "&& pytest" in line).strip()
    assert command in (line.strip() for line in ci.splitlines())
    hosted = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8"))
    assert ".ci/run" in (step.get("run") for step in hosted["jobs"]["checks"]["steps"])


@in_checkout
def test_hosted_ci_runs_the_pythons_of_the_classifiers():
    hosted = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    prefix = "Programming Language :: Python :: 3."
    versions = [c.rpartition(" ")[2] for c in project["classifiers"] if c.startswith(prefix)]
    assert hosted["jobs"]["checks"]["strategy"]["matrix"]["python"] == versions


@in_checkout
@pytest.mark.parametrize("workflow", ["ci", "nightly"])
def test_jobs_that_run_pytest_install_what_its_options_need(workflow):
    """`addopts` in pyproject.toml names options of pytest-xdist."""
    path = ROOT / ".github" / "workflows" / f"{workflow}.yml"
    runs = [
        [step.get("run", "") for step in job["steps"]]
        for job in yaml.safe_load(path.read_text("utf-8"))["jobs"].values()
    ]
    tested = [steps for steps in runs if any(step.startswith("pytest") for step in steps)]
    assert tested
    for steps in tested:
        installed = " ".join(step for step in steps if step.startswith("pip install"))
        assert "pytest-xdist" in installed or ",test]" in installed


@in_checkout
def test_the_version_is_the_same_everywhere():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert citation["version"] == xner.__version__
    assert f"\n## {xner.__version__}" in changelog
