"""What a projection is made with: one value object, checked, with its signature."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from xner._version import __version__
from xner.errors import UsageError

METHODS = ("heuristic", "greedy")
SCORES = ("alignment",)


@dataclass(frozen=True, slots=True)
class Settings:
    """How entities are projected.

    Attributes:
        method: `heuristic` labels runs of linked words; `greedy` matches n-grams, best score
            first.
        score: weight of each matching score in their sum.
        max_span: longest target n-gram, in words (not for `heuristic`).
        min_score: candidates that score less are not used; their entities are counted as
            `below_threshold`.
        merge_distance: runs with at most this many words between them become one
            (`heuristic`).
        length_ratio: runs must be longer than this share of the entity (`heuristic`).
        top_k: project an entity to its longest `top_k` runs; None for all (`heuristic`).
    """

    method: str = "greedy"
    score: Mapping[str, float] = field(default_factory=lambda: {"alignment": 1.0})
    max_span: int = 10
    min_score: float = 0.0
    merge_distance: int = 1
    length_ratio: float = 0.8
    top_k: int | None = None

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise UsageError(f"unknown method {self.method!r}; choose one of {', '.join(METHODS)}")
        for name, weight in self.score.items():
            if name not in SCORES:
                raise UsageError(f"unknown score {name!r}; choose from {', '.join(SCORES)}")
            if not 0 < weight < float("inf"):
                raise UsageError(f"the weight of score {name!r} is {weight}; it must be above 0")
        if not self.score:
            raise UsageError("no score is named; give at least one, such as alignment=1")
        if self.max_span < 1:
            raise UsageError(f"max_span is {self.max_span}; it must be at least 1")
        if self.merge_distance < 0:
            raise UsageError(f"merge_distance is {self.merge_distance}; it cannot be negative")
        if self.top_k is not None and self.top_k < 1:
            raise UsageError(f"top_k is {self.top_k}; it must be at least 1, or None for all")

    @property
    def signature(self) -> str:
        """What made the numbers, but for the links."""
        parts = [f"xner:{__version__}", f"method:{self.method}"]
        if self.method == "heuristic":
            parts += [
                f"merge_distance:{self.merge_distance}",
                f"length_ratio:{self.length_ratio:g}",
                f"top_k:{self.top_k or 'all'}",
            ]
        else:
            scores = "+".join(f"{name}*{weight:g}" for name, weight in self.score.items())
            parts += [f"score:{scores}", f"max_span:{self.max_span}"]
        if self.min_score > 0:
            parts.append(f"min_score:{self.min_score:g}")
        return "|".join(parts)
