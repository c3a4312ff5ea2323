"""The options of a projection: declared once, with the values that presets set."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

from xner._version import __version__
from xner.effects import Rule, rule, when
from xner.errors import UsageError
from xner.options import (
    declare,
    is_given,
    option,
    options_of,
    parse_weight,
    refuse_idle,
    settle,
    signed,
)
from xner.score.counts import Counts
from xner.score.ngrams import STOP_TOKENS
from xner.score.nmt import NmtOptions, NmtScorer
from xner.score.registry import find_score, link_scores, score_names
from xner.solve.constraint import Constraint
from xner.stages.align import FittedOptions
from xner.stages.ner_options import COLUMNS, SCORES, NerOptions

Method = Literal["heuristic", "greedy", "exact", "ilp"]
METHODS: tuple[Method, ...] = get_args(Method)
FILLS = ("lexicon", "adjacent")
COUNTED = {"overlap": 1.0, "edge": 0.5, "dictionary": 0.25}
"""Scores by default for candidates other than `links`, which `likelihood` was not fitted on."""
PRESETS = ("default", "paper-heuristic", "paper-greedy", "paper-ilp")
_PUBLISHED = PRESETS[1:]
_MATCHED = METHODS[1:]
_STATISTICS = when("a score, fill or relabel that needs corpus statistics", counted=True)
_OF_SCORES = (when(method=_MATCHED), when("fill or relabel", counted=True))
_OF_NGRAMS = (when(method=_MATCHED, candidates=("links", "ngrams", "region")), _STATISTICS)
_OF_RUNS = (when(method="heuristic"), when(candidates="runs"))
_OF_ILP = (
    when(method="ilp"),
    when("a constraint that needs OR-Tools, such as ==1", method="exact", unsure=True),
)


def _published(value: Any) -> dict[str, Any]:
    return dict.fromkeys(_PUBLISHED, value)


@declare
class ProjectionOptions(FittedOptions, NerOptions):
    """How source entities are matched with target candidates."""

    effects: ClassVar[tuple[Rule, ...]] = (
        rule(
            options_of(FittedOptions).keys() - {"progress"},
            when("candidates or scores that need links", linked=True),
        ),
    )

    preset: str = option(
        "default",
        "Set of option values: default, paper-heuristic, paper-greedy or paper-ilp. Options that "
        "are given override it. `default` is the best single setting for all languages, the others "
        "are the published methods.",
        choices=PRESETS,
        group="scoring",
    )
    method: Method = option(
        "exact",
        "How candidates are chosen: exact, greedy, ilp or heuristic. `exact` maximises the sum of "
        "matching scores, `ilp` does so with OR-Tools, `greedy` takes the best score first, "
        "`heuristic` labels runs of linked words.",
        presets={name: name.removeprefix("paper-") for name in _PUBLISHED},
        group="scoring",
        sign="method:{}",
    )
    score: Mapping[str, float] = option(
        {"likelihood": 1.0},
        "Matching score and its weight in the sum; may be repeated. Known scores: "
        f"{', '.join(score_names())}.",
        presets=_published({"alignment": 1.0}),
        unit="NAME=WEIGHT",
        parse=parse_weight,
        repeat=True,
        group="scoring",
        when=_OF_SCORES,
    )
    fill: Mapping[str, float] = option(
        {"lexicon": 1.0, "adjacent": 1.0},
        "Links to add for words without links, and their weight; may be repeated. `lexicon` links "
        "words that are linked elsewhere in the corpus, `adjacent` links words next to spans. "
        "Nothing is added by default if you give `score` or choose method `heuristic`.",
        presets=_published({}),
        unit="NAME=WEIGHT",
        parse=parse_weight,
        repeat=True,
        group="scoring",
        when=when("candidates or scores that use links", of_links=True),
        rare=True,
    )
    candidates: Literal["links", "ngrams", "region", "runs", "spans"] = option(
        "links",
        "Target candidates: links, ngrams, region, runs or spans. `links` are n-grams that start "
        "and end on a word linked to the entity; `ngrams` are all n-grams; `region` are n-grams "
        "between the first and the last linked word; `runs` are runs of linked words; `spans` are "
        "those of the column target_candidates, from `xner candidates`.",
        group="scoring",
        when=when(method=_MATCHED),
    )
    stop_tokens: Collection[str] = option(
        STOP_TOKENS,
        "Exclude candidates that contain this word; may be repeated. Pass '' to allow every word.",
        flag="--stop-token",
        unit="WORD",
        repeat=True,
        group="scoring",
        when=when(candidates=("ngrams", "region"), method=_MATCHED),
        rare=True,
    )
    subspans: bool = option(
        False,
        "Also use every span within a candidate as a candidate.",
        group="scoring",
        when=when(candidates=("runs", "spans"), method=_MATCHED),
        rare=True,
    )
    max_span: int = option(
        10,
        "Longest target n-gram in words.",
        ge=1,
        presets=_published(10),
        unit="WORDS",
        group="scoring",
        sign="max_span:{}",
        when=_OF_NGRAMS,
    )
    max_ratio: float = option(
        2.0,
        "Allow n-grams of up to this many times the words of the entity, if that is more than "
        "max_span. The default is 0 if you give max_span or choose other candidates than `links`.",
        ge=0,
        presets=_published(0.0),
        unit="RATIO",
        group="scoring",
        sign="max_ratio:{:g}",
        when=_OF_NGRAMS,
        rare=True,
    )
    min_score: float = option(
        0.0,
        "Discard candidates with a lower score.",
        unit="SCORE",
        group="scoring",
        sign="min_score:{:g}",
    )
    min_precision: float = option(
        0.25,
        "Discard candidates whose probability of being correct is lower, so that the expected "
        "precision is at least this. The default is 0 without score `likelihood`.",
        ge=0,
        lt=1,
        presets=_published(0.0),
        unit="P",
        group="scoring",
        sign="min_precision:{:g}",
        when=when(candidates="links"),
    )
    probabilities: bool = option(
        False,
        "Write the column probabilities: how probable it is that each target entity is correct. "
        "Always written with the score `likelihood` or min_precision.",
        group="scoring",
        when=when(candidates="links"),
        rare=True,
    )
    merge_distance: int = option(
        1,
        "Merge runs of linked words with at most this many words between them.",
        ge=0,
        unit="WORDS",
        group="scoring",
        sign="merge_distance:{}",
        when=_OF_RUNS,
        rare=True,
    )
    length_ratio: float = option(
        0.8,
        "Drop runs that are not longer than this share of the words of the entity.",
        unit="SHARE",
        group="scoring",
        sign="length_ratio:{:g}",
        when=_OF_RUNS,
        rare=True,
    )
    top_k: int | None = option(
        None,
        "Keep only the longest runs of each entity.",
        ge=1,
        default_text="all",
        unit="N",
        group="scoring",
        when=_OF_RUNS,
        rare=True,
    )
    relabel: float | None = option(
        None,
        "Give a span the label that its words have in at least this share of other sentences, "
        "such as 0.95.",
        gt=0.5,
        le=1,
        default_text="labels stay",
        unit="SHARE",
        group="scoring",
        sign="relabel:>={:g}",
        rare=True,
    )
    keep_candidates: int = option(
        0,
        "Number of candidates of each entity to keep for `xner report`. The column "
        "scored_candidates has them, each with its score and the reason why it lost.",
        ge=0,
        unit="N",
        group="scoring",
    )
    nesting: Literal["levels", "none"] = option(
        "levels",
        "Source entities that share words: `levels` projects outer entities first, and inner ones "
        "may share their target words; with `none` no two spans share a word, as published.",
        presets=_published("none"),
        group="scoring",
        rare=True,
    )
    constraint: str | Constraint = option(
        "<=1",
        "Target spans per entity: `<=n`, `==n`, `>=n` or `unlimited`.",
        unit="BOUND",
        group="solver",
        sign="constraint:{}",
        when=when(method=_MATCHED),
    )
    backend: Literal["cp-sat", "highs", "scip"] = option(
        "cp-sat",
        "OR-Tools solver of the ILP.",
        group="solver",
        sign="backend:{}",
        when=_OF_ILP,
        rare=True,
    )
    time_limit: float | None = option(
        None,
        "Time limit of the ILP solver in seconds per sentence.",
        gt=0,
        default_text="none",
        unit="SECONDS",
        group="solver",
        when=_OF_ILP,
        rare=True,
    )
    gap: float = option(
        0.0,
        "Relative gap at which the ILP solver may stop; 0 proves the optimum.",
        ge=0,
        unit="GAP",
        group="solver",
        sign="gap:{:g}",
        when=_OF_ILP,
        rare=True,
    )
    nmt: NmtOptions | NmtScorer | Mapping[str, Any] | None = option(
        None,
        "Model and languages of the score `nmt`.",
        flag="",
        names="settings",
    )
    counts: Counts | Path | None = option(
        None,
        "Use corpus statistics from this file, written by save_counts, instead of a first pass. "
        "In Python also a `Counts` object.",
        unit="FILE",
        group="scoring",
        in_experiments=False,
        when=_STATISTICS,
        rare=True,
    )
    save_counts: Path | None = option(
        None,
        "Save the corpus statistics of the first pass.",
        unit="FILE",
        group="scoring",
        in_experiments=False,
        when=_STATISTICS,
        rare=True,
    )

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
        scored = not is_given(self.score) or "likelihood" in self.score
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

    @property
    def limits(self) -> Constraint:
        """How many spans each entity may or must get."""
        assert isinstance(self.constraint, Constraint)
        return self.constraint

    @property
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

    @property
    def judged(self) -> bool:
        """Whether the probability of every candidate is needed."""
        scored = self.method != "heuristic" and "likelihood" in self.score
        wanted = scored or self.probabilities or self.min_precision > 0
        return self.candidates == "links" and wanted

    @property
    def of_links(self) -> bool:
        """Whether candidates or scores use links directly."""
        of_links = any(find_score(name).of_links for name in self.score)
        return self.candidates not in ("ngrams", "spans") or of_links

    @property
    def linked(self) -> bool:
        """Whether candidates, scores or statistics need links."""
        return self.of_links or self.counted

    @property
    def tagged(self) -> bool:
        """Whether a score reads the probabilities of tags."""
        return self.method != "heuristic" and not self.score.keys().isdisjoint(SCORES)

    @property
    def target_columns(self) -> tuple[str, ...]:
        """Columns of the target that candidates and scores need."""
        spans = ("target_candidates",) if self.candidates == "spans" else ()
        return (*spans, *(COLUMNS if self.tagged else ()))

    @property
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

    @property
    def signature(self) -> str:
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
