"""The options of a projection: declared once, with the values that presets set.

`xner.stages.projection_options` checks them and derives from them what a run needs.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

from xner.effects import NOTHING, Rule, rule, when
from xner.options import (
    declare,
    option,
    options_of,
    parse_weight,
)
from xner.score.counts import Counts
from xner.score.ngrams import STOP_TOKENS
from xner.score.nmt import NmtOptions, NmtScorer
from xner.score.registry import score_names
from xner.solve.constraint import Constraint
from xner.stages.align import FittedOptions
from xner.stages.ner_options import NerOptions

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
class MatchingOptions(FittedOptions, NerOptions):
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
        "Solver: exact, greedy, ilp or heuristic. `exact` maximises the sum of matching scores, "
        "`ilp` does so with OR-Tools, `greedy` takes the best score first, `heuristic` labels runs "
        "of linked words.",
        presets={name: name.removeprefix("paper-") for name in _PUBLISHED},
        group="solver",
        sign="method:{}",
    )
    score: Mapping[str, float] = option(
        {"likelihood": 1.0},
        "Matching score and its weight; may be repeated. Known scores: "
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
        rare=True,
        sign="min_score:{:g}",
    )
    min_precision: float = option(
        0.25,
        "Minimum probability of a candidate. The expected precision is then at least "
        "this. The default is 0 without score `likelihood`.",
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
        default_text="off",
        unit="SHARE",
        group="scoring",
        sign="relabel:>={:g}",
        rare=True,
    )
    keep_candidates: int = option(
        0,
        "Candidates per entity kept for `xner report`. The column "
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
    count_pairs: int = option(
        1_000_000,
        "Maximum number of sentence pairs that corpus statistics are collected from. Of a larger "
        "corpus, rows at up to 64 places that are spread over all of it are counted.",
        ge=1,
        unit="N",
        group="scoring",
        when=when(
            "a score, fill or relabel that needs corpus statistics, without counts or save_counts",
            counted=True,
            counts=NOTHING,
            save_counts=NOTHING,
        ),
        rare=True,
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
        "Save the corpus statistics of the first pass, of all sentence pairs.",
        unit="FILE",
        group="scoring",
        in_experiments=False,
        when=_STATISTICS,
        rare=True,
    )
