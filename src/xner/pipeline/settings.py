"""What a projection is made with: one value object, checked, with its signature."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from xner._version import __version__
from xner.errors import UsageError
from xner.score.ngrams import STOP_TOKENS
from xner.score.nmt import NmtOptions
from xner.score.registry import find_score, link_scores
from xner.solve.constraint import Constraint

METHODS = ("heuristic", "greedy", "exact", "ilp")
BACKENDS = ("cp-sat", "highs", "scip")
FILLS = ("lexicon", "adjacent")
CANDIDATES = ("links", "ngrams", "region", "runs", "spans")
_PARTED = ("runs", "spans")
_UNLINKED = ("ngrams", "spans")
_ALIGNMENT = {"score": {"alignment": 1.0}, "fill": {}}
PRESETS: dict[str, dict[str, Any]] = {
    "default": {
        "method": "exact",
        "score": {"overlap": 1.0, "edge": 0.5, "dictionary": 0.25},
        "fill": {"lexicon": 1.0, "adjacent": 1.0},
        "max_ratio": 2.0,
    },
    "paper-heuristic": {"method": "heuristic", **_ALIGNMENT},
    "paper-greedy": {"method": "greedy", **_ALIGNMENT},
    "paper-ilp": {"method": "ilp", **_ALIGNMENT},
}
"""Settings by name: the best single one for every language, and the published ones."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How entities are projected.

    Attributes:
        method: `exact` (default) matches n-grams so that the sum of scores is largest;
            `greedy` matches them best score first; `heuristic` labels runs of linked words;
            `ilp` is `exact` by OR-Tools.
        score: weight of each matching score in their sum.
        fill: weight of links that are filled in where words have none, by what makes them
            (`lexicon`, `adjacent`).
        candidates: `links` (default), n-grams that start and end on a word linked to the
            entity; `ngrams`, all of them; `region`, those between the first and the last word
            linked to it; `runs`, the heuristic's; `spans`, those of the column
            target_candidates.
        stop_tokens: words that no n-gram holds (`ngrams`, `region`), default `!` and `?`.
        subspans: every span within one of the candidates is one too (`spans`, `runs`).
        max_span: longest target n-gram, in words (not for `heuristic`).
        max_ratio: an n-gram for a long entity may have up to so many times its words, if that
            is more than `max_span`; 0 for no more.
        min_score: candidates that score less are not used; their entities are counted as
            `below_threshold`.
        relabel: share of other sentences in which the words of a span must have another label to
            get it here, above 0.5 (`xner.score.relabel`); None, the default, leaves labels alone.
        constraint: how many spans each entity may or must get: `<=n` (default `<=1`),
            `unlimited`; with `exact` and `ilp` also `==n`, `>=n` (not for `heuristic`).
        backend: of the ILP, `cp-sat`, `highs` or `scip`.
        time_limit: of the ILP, seconds a sentence; None for no limit.
        gap: of the ILP, relative; 0 proves the optimum.
        merge_distance: runs with at most this many words between them become one
            (`heuristic`, `runs`).
        length_ratio: runs must be longer than this share of the entity (`heuristic`, `runs`).
        top_k: only the longest `top_k` runs of an entity; None for all (`heuristic`, `runs`).
        nmt: the model and languages of the score `nmt`; `preset` takes a mapping too.
    """

    method: str = "exact"
    score: Mapping[str, float] = field(default_factory=lambda: {"alignment": 1.0})
    fill: Mapping[str, float] = field(default_factory=dict)
    candidates: Literal["links", "ngrams", "region", "runs", "spans"] = "links"
    stop_tokens: Collection[str] = STOP_TOKENS
    subspans: bool = False
    max_span: int = 10
    max_ratio: float = 0.0
    min_score: float = 0.0
    relabel: float | None = None
    constraint: Constraint = field(default_factory=Constraint)
    backend: Literal["cp-sat", "highs", "scip"] = "cp-sat"
    time_limit: float | None = None
    gap: float = 0.0
    merge_distance: int = 1
    length_ratio: float = 0.8
    top_k: int | None = None
    nmt: NmtOptions | None = None

    def __post_init__(self) -> None:
        self._check_method()
        self._check_candidates()
        self._check_nmt()
        self._check_numbers()

    def _check_method(self) -> None:
        if self.method not in METHODS:
            raise UsageError(f"unknown method {self.method!r}; choose one of {', '.join(METHODS)}")
        for name, weight in self.score.items():
            find_score(name)
            if not 0 < weight < float("inf"):
                raise UsageError(f"the weight of score {name!r} is {weight}; it must be above 0")
        if not self.score:
            raise UsageError("no score is named; give at least one, such as alignment=1")
        for name, weight in self.fill.items():
            if name not in FILLS:
                raise UsageError(f"unknown fill {name!r}; choose from {', '.join(FILLS)}")
            if not 0 < weight <= 1:
                raise UsageError(f"the weight of fill {name!r} is {weight}; it must be in (0, 1]")
        if self.backend not in BACKENDS:
            raise UsageError(f"unknown backend {self.backend!r}; choose one of {BACKENDS}")
        if self.method == "greedy" and not self.constraint.always_feasible:
            raise UsageError(f"greedy cannot promise {self.constraint}; use exact or ilp")
        if self.method == "heuristic" and self.constraint != Constraint():
            raise UsageError("heuristic takes no constraint; see top_k")

    def _check_candidates(self) -> None:
        if self.candidates not in CANDIDATES:
            known = ", ".join(CANDIDATES)
            raise UsageError(f"unknown candidates {self.candidates!r}; choose one of {known}")
        if self.method == "heuristic" and self.candidates not in ("links", "runs"):
            raise UsageError(
                f"heuristic labels runs of linked words; candidates {self.candidates!r} go with "
                f"exact, greedy and ilp"
            )
        if isinstance(self.stop_tokens, str):
            raise UsageError(f"stop_tokens is {self.stop_tokens!r}; give a list of words")
        if self._stopped != STOP_TOKENS and not self._of_ngrams:
            raise UsageError(
                f"candidates {self.candidates!r} have no stop tokens; leave them out, or choose "
                f"ngrams or region"
            )
        if self.subspans and (self.method == "heuristic" or self.candidates not in _PARTED):
            raise UsageError(
                "subspans go with the candidates spans and runs, by exact, greedy and ilp; every "
                "n-gram is a candidate by itself"
            )

    @property
    def _stopped(self) -> tuple[str, ...]:
        return tuple(sorted(set(self.stop_tokens)))

    @property
    def _of_ngrams(self) -> bool:
        return self.candidates in ("ngrams", "region")

    def _check_nmt(self) -> None:
        used = "nmt" in self.score and self.method != "heuristic"
        if used and self.nmt is None:
            raise UsageError(
                "the score nmt needs a model and both languages; give nmt=NmtOptions(…) "
                "(nmt: {model: …} in a file, --nmt-model, --source-language, --target-language)"
            )
        if not used and self.nmt is not None:
            raise UsageError(
                "a model for the score nmt is given, but that score is not used; add score nmt=1 "
                "(--score nmt=1), or leave the model out"
            )

    def _check_numbers(self) -> None:
        if self.max_span < 1:
            raise UsageError(f"max_span is {self.max_span}; it must be at least 1")
        if not 0 <= self.max_ratio < float("inf"):
            raise UsageError(f"max_ratio is {self.max_ratio}; it must be at least 0")
        if self.relabel is not None and not 0.5 < self.relabel <= 1:
            raise UsageError(f"relabel is {self.relabel}; it must be above 0.5, and at most 1")
        if self.merge_distance < 0:
            raise UsageError(f"merge_distance is {self.merge_distance}; it cannot be negative")
        if self.top_k is not None and self.top_k < 1:
            raise UsageError(f"top_k is {self.top_k}; it must be at least 1, or None for all")

    @classmethod
    def preset(cls, name: str | None = None, **given: Any) -> Settings:
        """The settings of a preset, default `default`, but for those that are given (not None).

        Naming a method `heuristic` or scores of your own also clears `fill`, and naming
        `max_span` or other candidates clears `max_ratio`, unless they are given.

        Raises:
            UsageError: there is no such preset, or a setting makes no sense.
        """
        if name is not None and name not in PRESETS:
            raise UsageError(f"unknown preset {name!r}; choose one of {', '.join(PRESETS)}")
        given = {key: value for key, value in given.items() if value is not None}
        if isinstance(given.get("nmt"), Mapping):
            given["nmt"] = NmtOptions.of(given["nmt"])
        if given.get("method") == "heuristic" or "score" in given:
            given.setdefault("fill", {})
        if "max_span" in given or given.get("candidates", "links") != "links":
            given.setdefault("max_ratio", 0.0)
        return cls(**{**PRESETS[name or "default"], **given})

    @property
    def counted(self) -> bool:
        """Whether a first pass over the corpus is needed."""
        if self.relabel:
            return True
        if self.method == "heuristic":
            return bool(self.fill)
        return bool(self.fill) or any(find_score(name).counted for name in self.score)

    @property
    def linked(self) -> bool:
        """Whether links are needed, for the candidates or for a score."""
        of_links = any(find_score(name).of_links for name in self.score)
        return self.candidates not in _UNLINKED or of_links or self.counted

    @property
    def first_signature(self) -> str:
        """What makes the choice of the first pass, and so its counts."""
        labels = "|labels" if self.relabel else ""
        scores = _sum(link_scores(self.score))
        return f"xner:{__version__}|score:{scores}|{self._spans}{labels}"

    @property
    def _spans(self) -> str:
        ratio = f"|max_ratio:{self.max_ratio:g}" if self.max_ratio else ""
        return f"max_span:{self.max_span}{ratio}"

    @property
    def _runs(self) -> list[str]:
        return [
            f"merge_distance:{self.merge_distance}",
            f"length_ratio:{self.length_ratio:g}",
            f"top_k:{self.top_k or 'all'}",
        ]

    @property
    def _chosen_from(self) -> list[str]:
        """The candidates, where they are not those of the default."""
        if self.candidates == "links":
            return []
        parts = [f"candidates:{self.candidates}{'+subspans' if self.subspans else ''}"]
        if self.candidates == "runs":
            parts += self._runs
        if self._stopped != STOP_TOKENS:
            parts.append(f"stop_tokens:{' '.join(self._stopped) or 'none'}")
        return parts

    @property
    def signature(self) -> str:
        """What made the numbers, but for the links."""
        parts = [f"xner:{__version__}", f"method:{self.method}"]
        if self.method == "heuristic":
            parts += self._runs
        else:
            parts += [f"score:{_sum(self.score)}", self._spans, f"constraint:{self.constraint}"]
            parts += self._chosen_from
        if self.fill:
            parts.append(f"fill:{_sum(self.fill)}")
        if self.method == "ilp":
            limit = "none" if self.time_limit is None else f"{self.time_limit:g}s"
            parts += [f"backend:{self.backend}", f"time_limit:{limit}", f"gap:{self.gap:g}"]
        if self.nmt is not None:
            parts.append(self.nmt.signature)
        if self.min_score > 0:
            parts.append(f"min_score:{self.min_score:g}")
        if self.relabel:
            parts.append(f"relabel:>={self.relabel:g}")
        return "|".join(parts)


def _sum(weights: Mapping[str, float]) -> str:
    return "+".join(f"{name}*{weight:g}" for name, weight in weights.items())
