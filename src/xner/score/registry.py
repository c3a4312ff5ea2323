"""Matching scores by name, and their weighted sum.

Built-in scores are imported when they are first used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from math import inf
from typing import TYPE_CHECKING

from xner.errors import UsageError

if TYPE_CHECKING:
    from xner.kernels.records import Float64
    from xner.score.scene import Scene

TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Score:
    """A matching score.

    Attributes:
        of: function of a scene that returns float64 (C), at least 0, one for each candidate.
        of_links: whether it depends on the links alone. The first pass uses such scores.
        counted: whether it needs the counts of a first pass over the corpus.
    """

    of: Callable[[Scene], Float64]
    of_links: bool = False
    counted: bool = False


def _late(module: str, name: str) -> Callable[[Scene], Float64]:
    @cache
    def found() -> Callable[[Scene], Float64]:
        function: Callable[[Scene], Float64] = getattr(import_module(module), name)
        return function

    return lambda scene: found()(scene)


_SCORES = {
    "alignment": Score(_late("xner.score.alignment", "alignment"), of_links=True),
    "overlap": Score(_late("xner.score.overlap", "overlap"), of_links=True),
    "edge": Score(_late("xner.score.edge", "edge"), counted=True),
    "dictionary": Score(_late("xner.score.dictionary", "dictionary"), counted=True),
    "likelihood": Score(_late("xner.score.likelihood", "likelihood"), counted=True),
    "ner": Score(_late("xner.score.ner", "ner")),
    "ner_spans": Score(_late("xner.score.ner", "ner_spans")),
    "lexical": Score(_late("xner.score.lexical", "lexical")),
    "nmt": Score(_late("xner.score.nmt", "nmt")),
}
_BUILT_IN = frozenset(_SCORES)


def score_names() -> tuple[str, ...]:
    """Return the names of all scores, including registered ones."""
    return tuple(_SCORES)


def register(
    name: str, function: Callable[[Scene], Float64], *, counted: bool = False
) -> Callable[[Scene], Float64]:
    """Register a custom score, for use as `score={name: weight}`.

    Args:
        name: name of the score; a custom score of the same name is replaced.
        function: takes an `xner.score.scene.Scene`, returns float64 (C): for each candidate of
            `scene.problem` a score in [0, 1].
        counted: whether it uses `scene.spans` and `scene.counts`, which need a first pass.

    Raises:
        UsageError: the name is that of a built-in score, or contains one of `=*+|`.
    """
    if name in _BUILT_IN or not name or set(name) & set("=*+|"):
        raise UsageError(f"a custom score cannot be called {name!r}; choose another name")
    _SCORES[name] = Score(function, counted=counted)
    return function


def built_in(names: Iterable[str]) -> bool:
    """Return whether all scores of these names belong to xner."""
    return _BUILT_IN.issuperset(names)


def find_score(name: str) -> Score:
    """Return the score of that name.

    Raises:
        UsageError: there is none.
    """
    if name not in _SCORES:
        raise UsageError(f"unknown score {name!r}; choose from {', '.join(_SCORES)}")
    return _SCORES[name]


def link_scores(weights: Mapping[str, float]) -> dict[str, float]:
    """Return the weights of the scores that depend on the links alone; overlap if none does."""
    found = {name: weight for name, weight in weights.items() if find_score(name).of_links}
    return found or {"overlap": 1.0}


def fused(scene: Scene, weights: Mapping[str, float]) -> Float64:
    """Return float64 (C): the weighted sum of the scores, at least `TINY`, as solvers require.

    Raises:
        UsageError: the scores are not one per candidate, or are below 0, infinite or NaN.
    """
    total = None
    for name, weight in weights.items():
        part = find_score(name).of(scene)
        if weight != 1.0:
            part = part * weight
        total = part if total is None else total + part
    if total is None or total.shape != scene.problem.score.shape:
        raise UsageError(f"the scores {', '.join(weights)} do not give one value per candidate")
    if not ((total >= 0) & (total < inf)).all():
        raise UsageError(f"the scores {', '.join(weights)} give values below 0, infinite or NaN")
    return total if (total > 0).all() else total.clip(TINY)
