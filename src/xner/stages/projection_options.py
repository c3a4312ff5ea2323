"""What follows from the options of a projection: checks, what a run needs, and its signature."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from xner._version import __version__
from xner.errors import UsageError
from xner.options import declare, is_given, refuse_idle, settle, signed
from xner.score.ngrams import STOP_TOKENS
from xner.score.nmt import NmtOptions, NmtScorer
from xner.score.registry import find_score, link_scores
from xner.solve.constraint import Constraint
from xner.stages.matching_options import COUNTED, FILLS, MatchingOptions
from xner.stages.ner_options import COLUMNS, SCORES


@declare
class ProjectionOptions(MatchingOptions):
    """How source entities are matched with target candidates.

    What follows from the options is computed once: a call of one sentence takes as long.
    """

    def __post_init__(self) -> None:
        implied = self._implied()
        changed = settle(self, self.preset, implied)
        if isinstance(self.nmt, Mapping):
            object.__setattr__(self, "nmt", NmtOptions.of(self.nmt))
        if isinstance(self.constraint, str):
            object.__setattr__(self, "constraint", Constraint.parse(self.constraint))
        stop = tuple(sorted(set(self.stop_tokens) - {""}))
        object.__setattr__(self, "stop_tokens", stop)
        self.check()
        refuse_idle(self, changed)

    def _implied(self) -> dict[str, Any]:
        """Defaults that follow from options that were given."""
        implied: dict[str, Any] = {}
        of_links = self.candidates in ("links", None)
        if self.preset == "default" and not of_links:
            implied["score"] = COUNTED
        score: object = self.score  # `check` has not seen it
        scored = not is_given(score) or (isinstance(score, Mapping) and "likelihood" in score)
        if self.method == "heuristic" or not of_links or not scored:
            implied["min_precision"] = 0.0
        if self.method == "heuristic" or is_given(self.score):
            implied["fill"] = {}
        if is_given(self.max_span) or self.candidates not in ("links", None):
            implied["max_ratio"] = 0.0
        return implied

    def check(self) -> None:
        self._check_fitted()
        self._check_weights()
        self._check_method()
        self._check_nmt()

    def _check_weights(self) -> None:
        for name, weight in self.score.items():
            find_score(name)
            if not 0 < weight < float("inf"):
                raise UsageError(f"the weight of score {name!r} is {weight}; it must be above 0")
        if not self.score:
            raise UsageError("score is empty; give at least one, such as alignment=1")
        for name, weight in self.fill.items():
            if name not in FILLS:
                raise UsageError(f"unknown fill {name!r}; choose from {', '.join(FILLS)}")
            if not 0 < weight <= 1:
                raise UsageError(f"the weight of fill {name!r} is {weight}; it must be in (0, 1]")

    def _check_method(self) -> None:
        if self.method == "greedy" and not self.limits.always_feasible:
            raise UsageError(f"method greedy cannot guarantee {self.limits}; use exact or ilp")

    def _check_nmt(self) -> None:
        used = "nmt" in self.score and self.method != "heuristic"
        if used and self.nmt is None:
            raise UsageError(
                "score nmt needs a model and both languages; give nmt=NmtOptions(…) "
                "(nmt: {model: …} in a file, --nmt-model, --source-language, --target-language)"
            )
        if not used and self.nmt is not None:
            raise UsageError(
                "a model for score nmt is given, but the score is not used; add score nmt=1 "
                "(--score nmt=1), or leave the model out"
            )

    @cached_property
    def limits(self) -> Constraint:
        """How many spans each entity may or must get."""
        assert isinstance(self.constraint, Constraint)
        return self.constraint

    @cached_property
    def counted(self) -> bool:
        """Whether a first pass must collect corpus statistics."""
        if self.relabel or self.fill or self.judged:
            return True
        scored = self.method != "heuristic"
        return scored and any(find_score(name).counted for name in self.score)

    @property
    def unsure(self) -> bool:
        """Whether the constraint may have no solution, so that only the ILP can handle it."""
        return not self.limits.always_feasible

    @cached_property
    def judged(self) -> bool:
        """Whether the probability of every candidate is needed."""
        scored = self.method != "heuristic" and "likelihood" in self.score
        wanted = scored or self.probabilities or self.min_precision > 0
        return self.candidates == "links" and wanted

    @cached_property
    def of_links(self) -> bool:
        """Whether candidates or scores use links directly."""
        of_links = any(find_score(name).of_links for name in self.score)
        return self.candidates not in ("ngrams", "spans") or of_links

    @cached_property
    def linked(self) -> bool:
        """Whether candidates, scores or statistics need links."""
        return self.of_links or self.counted

    @cached_property
    def tagged(self) -> bool:
        """Whether a score reads the probabilities of tags."""
        return self.method != "heuristic" and not self.score.keys().isdisjoint(SCORES)

    @cached_property
    def target_columns(self) -> tuple[str, ...]:
        """Columns of the target that candidates and scores need."""
        spans = ("target_candidates",) if self.candidates == "spans" else ()
        return (*spans, *(COLUMNS if self.tagged else ()))

    @cached_property
    def first_signature(self) -> str:
        """Everything that decides the choice of the first pass, and so its statistics."""
        labels = ["labels"] if self.relabel else []
        parts = [f"xner:{__version__}", f"score:{_sum(link_scores(self.score))}"]
        return "|".join(parts + self._spans + labels)

    @property
    def _spans(self) -> list[str]:
        return signed(self, ["max_span", *(["max_ratio"] if self.max_ratio else [])])

    @property
    def _runs(self) -> list[str]:
        return [*signed(self, ["merge_distance", "length_ratio"]), f"top_k:{self.top_k or 'all'}"]

    @property
    def _candidates(self) -> list[str]:
        """The candidates, if they are not the default ones."""
        if self.candidates == "links":
            return []
        parts = [f"candidates:{self.candidates}{'+subspans' if self.subspans else ''}"]
        if self.candidates == "runs":
            parts += self._runs
        if self.stop_tokens != STOP_TOKENS:
            parts.append(f"stop_tokens:{' '.join(self.stop_tokens) or 'none'}")
        return parts

    # mypy allows no such override of a property.
    @cached_property
    def signature(self) -> str:  # type: ignore[override, unused-ignore]
        """Everything that decides the projection, except the links."""
        parts = [f"xner:{__version__}", *signed(self, ["method"])]
        if self.method == "heuristic":
            parts += self._runs
        else:
            parts += [f"score:{_sum(self.score)}", *self._spans, *signed(self, ["constraint"])]
            parts += self._candidates
        if self.nesting != "levels":
            parts.append(f"nesting:{self.nesting}")
        if self.fill:
            parts.append(f"fill:{_sum(self.fill)}")
        if self.method == "ilp":
            limit = "none" if self.time_limit is None else f"{self.time_limit:g}s"
            parts += [*signed(self, ["backend"]), f"time_limit:{limit}", *signed(self, ["gap"])]
        if isinstance(self.nmt, NmtScorer):
            parts.append(self.nmt.options.signature)
        elif isinstance(self.nmt, NmtOptions):
            parts.append(self.nmt.signature)
        if self.tagged:
            parts += signed(self, self.changed_ner)
        for name in ("min_score", "min_precision"):
            if getattr(self, name) > 0:
                parts += signed(self, [name])
        if self.relabel:
            parts += signed(self, ["relabel"])
        return "|".join(parts)


def _sum(weights: Mapping[str, float]) -> str:
    return "+".join(f"{name}*{weight:g}" for name, weight in weights.items())
