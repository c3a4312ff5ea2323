"""Load the unmodified published code from two separate checkouts.

* Cross-Lingual-NER/Projection-Data-Transfer-Cross-Lingual-NER (Politov et al. 2025)
* ShkalikovOleh/master-thesis (Shkalikov 2025)

Both name their package `src`, so each is imported separately and then removed from `sys.modules`.
Imports that are not installed are replaced by empty modules; checks that would call them are left
out.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

# Packages that may be missing, and their modules that are imported by name.
REPLACEABLE = {
    "datasets": (),
    "nmtscore": (),
    "cvxpy": (),
    "nltk": ("nltk.tokenize", "nltk.tokenize.treebank"),
}
PAPER = (
    "src.pipelines.align.matching",
    "src.pipelines.candidates.evaluators",
    "src.pipelines.candidates.extractors",
    "src.pipelines.candidates.projection",
)
EASYPROJECT = ("src.pipelines.easy_project.matching",)
THESIS = (
    "src.ilp.costs",
    "src.pipeline.projection",
    "src.pipeline.cand_evaluator",
    "src.pipeline.cand_extractor",
)


class Stub(ModuleType):
    """A module in which every name is `object`."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return object


@dataclass
class Code:
    """Imported modules, by the last part of their name.

    Attributes:
        missing: packages replaced by empty modules.
    """

    modules: dict[str, ModuleType] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["modules"][name]
        except KeyError:
            raise AttributeError(name) from None


def load(checkout: Path, names: Sequence[str]) -> Code:
    """Import the modules of a checkout."""
    code = Code(missing=[name for name in REPLACEABLE if find_spec(name) is None])
    with _alone(checkout), _stubs(code.missing):
        for name in names:
            code.modules[name.rpartition(".")[2]] = import_module(name)
    return code


@contextmanager
def _alone(checkout: Path) -> Iterator[None]:
    """Make the checkout the only package named `src`, and remove it afterwards."""
    if not (checkout / "src").is_dir():
        raise SystemExit(f"{checkout} has no folder src; pass a checkout of the published code")
    sys.path.insert(0, str(checkout))
    try:
        yield
    finally:
        sys.path.remove(str(checkout))
        for name in [name for name in sys.modules if name.split(".")[0] == "src"]:
            del sys.modules[name]


@contextmanager
def _stubs(missing: Sequence[str]) -> Iterator[None]:
    names = [name for package in missing for name in (package, *REPLACEABLE[package])]
    sys.modules.update({name: Stub(name) for name in names})
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]
