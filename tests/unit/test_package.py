"""The package as a whole: what importing costs, and which way imports point."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import xner

SOURCE = Path(xner.__file__).parent
ROOT = SOURCE.parents[1]

# Each layer may import from those before it, and from itself.
LAYERS = [
    {"_version", "errors"},
    {"kernels"},
    {"schemes", "columns", "outcomes", "validate", "links", "languages", "formats"}
    | {"corpus", "labels", "write"},
    {"inference"},
    {"score", "solve", "aligners", "evaluation", "translation", "tagging"},
    {"training"},
    {"pipeline"},
    {"experiments"},
    {"cli"},
]


def imports(path):
    package = path.relative_to(SOURCE.parent).with_suffix("").parts
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{package}: use absolute imports"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def layer(module):
    name = module.split(".")[1] if "." in module else ""
    return next((i for i, names in enumerate(LAYERS) if name in names), None)


FILES = [p for p in sorted(SOURCE.rglob("*.py")) if p.name not in ("__init__.py", "__main__.py")
         or p.parent != SOURCE]  # fmt: skip


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_imports_point_one_way(path):
    own = layer(".".join(path.relative_to(SOURCE.parent).with_suffix("").parts))
    assert own is not None, "a new top-level module must be given its layer"
    for module in imports(path):
        if module.startswith("xner."):
            assert (layer(module) or 0) <= own, f"{path.name} imports {module}"
        if own == 1 and not module.startswith("xner."):
            top = module.split(".")[0]
            assert top in {"numpy", "numba"} or top in sys.stdlib_module_names, module


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


@pytest.mark.skipif(not (ROOT / "README.md").is_file(), reason="not a checkout")
def test_ci_runs_the_command_of_the_readme():
    readme, ci = (ROOT / "README.md").read_text(), (ROOT / ".ci" / "run").read_text()
    command = next(line for line in readme.splitlines() if "&& pytest" in line).strip()
    assert command in ci.splitlines()
