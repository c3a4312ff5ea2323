"""Projection: source entities onto target words, batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xner.columns import TAGGED_BY, TRANSLATION_MADE_BY
from xner.corpus import Corpus, require
from xner.errors import UsageError
from xner.kernels.records import Problem, Spans
from xner.pipeline.align import align_stage
from xner.pipeline.first_pass import count_corpus, first_choice
from xner.pipeline.outcome import (
    OUTCOMES,
    RELABELLED,
    outcome_column,
    outcomes,
    solution_column,
    target_entities,
)
from xner.pipeline.settings import Settings
from xner.pipeline.summary import Summary
from xner.score.alignment import Candidates, linked_ngrams, linked_runs
from xner.score.counts import Counts
from xner.score.fill import fill_links
from xner.score.ngrams import all_ngrams, region_ngrams
from xner.score.nmt import NmtOptions, NmtScorer
from xner.score.registry import TINY, fused
from xner.score.relabel import relabel
from xner.score.scene import Scene, Text
from xner.score.spans import given_spans, run_spans
from xner.solve.constraint import Constraint
from xner.solve.exact import solve_exact
from xner.solve.greedy import solve_first_fit, solve_greedy
from xner.solve.ilp import solve_ilp
from xner.solve.solution import Solution

SLICE = 4096
"""Rows that are matched at a time where candidates may be many."""


class Projection(Corpus):
    """A corpus with target_entities, outcomes and solution, and the summary of its making."""

    summary: Summary


def project(
    pairs: Corpus,
    *,
    preset: str | None = None,
    method: str | None = None,
    score: Mapping[str, float] | None = None,
    fill: Mapping[str, float] | None = None,
    candidates: Literal["links", "ngrams", "region", "runs", "spans"] = "links",
    stop_tokens: Collection[str] | None = None,
    subspans: bool = False,
    max_span: int | None = None,
    max_ratio: float | None = None,
    relabel: float | None = None,
    min_score: float = 0.0,
    constraint: str | Constraint = "<=1",
    backend: Literal["cp-sat", "highs", "scip"] = "cp-sat",
    time_limit: float | None = None,
    gap: float = 0.0,
    merge_distance: int = 1,
    length_ratio: float = 0.8,
    top_k: int | None = None,
    counts: Counts | None = None,
    nmt: NmtOptions | Mapping[str, Any] | None = None,
    aligner: str = "native",
    progress: Callable[[str, float], None] | None = None,
    **aligner_options: Any,
) -> Projection:
    """Project the source entities of a corpus onto its target words.

    Args:
        pairs: a corpus with both sides and source_entities; without the column links it is
            aligned first, if candidates or scores need links.
        preset: `default`, or a published setting: `paper-heuristic`, `paper-greedy`,
            `paper-ilp`. The arguments below override it.
        method: `exact`, `greedy`, `heuristic` or `ilp`, default `exact`.
        score: weight of each matching score, default
            `{"overlap": 1.0, "edge": 0.5, "dictionary": 0.25}`.
        fill: weight of links that are filled in where words have none, default
            `{"lexicon": 1.0, "adjacent": 1.0}`, and nothing where `score` is given or the
            method is heuristic.
        candidates: `links` (default), n-grams that start and end on a linked word; `ngrams`,
            all; `region`, those between the first and the last linked word; `runs`, the
            heuristic's; `spans`, those of the column target_candidates.
        stop_tokens: words that no n-gram holds (`ngrams`, `region`), default `!` and `?`.
        subspans: every span within one of the candidates is one too (`spans`, `runs`).
        max_span: longest target n-gram, in words, default 10.
        max_ratio: n-grams for an entity may have up to so many times its words, if that is
            more; default 2, and 0 where `max_span` is given and in the published presets.
        relabel: give a span the label that its words get in this share of other sentences,
            above 0.5, such as 0.95; default None: labels stay. `.summary.relabelled` tells.
        min_score: candidates that score less are not used, default 0.
        constraint: `<=n`, `==n`, `>=n` or `unlimited` spans an entity, default `<=1`.
        backend: of the ILP: `cp-sat` (default), `highs` or `scip`.
        time_limit: of the ILP, seconds a sentence, default none.
        gap: of the ILP, relative, default 0: proven optimal.
        merge_distance: gap between runs that is closed, in words, default 1.
        length_ratio: least length of a run as a share of the entity's, default 0.8.
        top_k: most runs per entity, default all.
        counts: of a first pass over a corpus that includes this one, instead of a first pass
            here (`xner.pipeline.first_pass.count_corpus`).
        nmt: model and languages of the score `nmt` (`xner.score.nmt.NmtOptions`).
        aligner: `native` or another of `xner.align`, where there are no links.
        progress: called with the name of the stage and the share that is done.
        **aligner_options: for the aligner, such as `seed`.

    Returns:
        The corpus in memory with the columns target_entities, outcomes and solution (objective,
        bound, route and status of each sentence); `.summary` says what was done.

    Raises:
        InputError: a column is missing or a row does not fit.
        UsageError: an option makes no sense.
        MissingExtraError: the aligner's package, or OR-Tools for the ILP, is not installed.
    """
    settings = Settings.preset(
        preset,
        method=method,
        score=None if score is None else dict(score),
        fill=None if fill is None else dict(fill),
        candidates=candidates,
        stop_tokens=stop_tokens,
        subspans=subspans,
        max_span=max_span,
        max_ratio=max_ratio,
        relabel=relabel,
        min_score=min_score,
        constraint=Constraint.parse(str(constraint)),
        backend=backend,
        time_limit=time_limit,
        gap=gap,
        merge_distance=merge_distance,
        length_ratio=length_ratio,
        top_k=top_k,
        nmt=nmt,
    )
    begin = perf_counter()
    summary = Summary()
    stream = project_stream(pairs, settings, summary, aligner, aligner_options, progress, counts)
    batches = list(stream)
    summary.seconds = perf_counter() - begin
    projection = Projection(lambda: iter(batches), len(pairs), pairs.origin)
    projection.summary = summary
    return projection


def project_stream(
    pairs: Corpus,
    settings: Settings,
    summary: Summary,
    aligner: str = "native",
    aligner_options: Mapping[str, Any] | None = None,
    progress: Callable[[str, float], None] | None = None,
    counts: Counts | None = None,
    save_counts: Path | None = None,
) -> Iterator[pa.RecordBatch]:
    """Yield the batches of `project`, one at a time; `summary` grows as they come.

    Scores that need counts of the corpus read it twice, unless `counts` are given.

    Raises:
        UsageError: the counts given were made with other settings.
    """
    tell = progress or (lambda stage, share: None)
    begin = perf_counter()
    linked, made_by = _linked(pairs, settings, aligner, aligner_options or {}, tell)
    summary.align_seconds = perf_counter() - begin if linked is not pairs else 0.0
    summary.signature = f"{settings.signature}|aligner:{made_by}{_made_before(linked)}"
    if settings.counted:
        begin = perf_counter()
        counts = _counted(linked, settings, counts, tell)
        if save_counts is not None:
            counts.save(save_counts)
        summary.count_seconds = perf_counter() - begin
    elif counts is not None or save_counts is not None:
        raise UsageError("these settings need no counts; leave them out, or name a score that does")
    scorer = None if settings.nmt is None else NmtScorer(settings.nmt)
    tell("project", 0.0)
    for batch in linked.batches():
        rows = max(1, batch.num_rows) if settings.candidates == "links" else SLICE
        for first in range(0, max(1, batch.num_rows), rows):
            yield project_batch(batch.slice(first, rows), settings, summary, counts, scorer)
            tell("project", summary.sentences / max(1, len(pairs)))


def _made_before(pairs: Corpus) -> str:
    """What translated and tagged the sides, as far as that is known, for the signature."""
    keys = {"translation": TRANSLATION_MADE_BY}
    keys |= {f"{side}_tagger": key for side, key in TAGGED_BY.items()}
    known = pairs.schema.metadata or {}
    return "".join(f"|{name}:{known[key].decode()}" for name, key in keys.items() if key in known)


def _linked(
    pairs: Corpus, settings: Settings, aligner: str, options: Mapping[str, Any], tell: Any
) -> tuple[Corpus, str]:
    """The corpus with links, and what made them, if they are needed."""
    if settings.linked:
        return align_stage(pairs, aligner, options, tell)
    if idle := [name for name, value in options.items() if value not in (None, (), [])]:
        raise UsageError(f"these settings need no links, so {idle[0]} would change nothing")
    return pairs, "none"


def _counted(
    linked: Corpus,
    settings: Settings,
    counts: Counts | None,
    tell: Callable[[str, float], None],
) -> Counts:
    """The counts of the first pass: those given, or made here."""
    if counts is None:
        return count_corpus(linked, settings, lambda share: tell("count", share))
    if counts.signature != settings.first_signature:
        raise UsageError(
            f"the counts were made by {counts.signature!r}; these settings need "
            f"{settings.first_signature!r}"
        )
    return counts


def project_batch(
    batch: pa.RecordBatch,
    settings: Settings,
    summary: Summary,
    counts: Counts | None = None,
    nmt: NmtScorer | None = None,
) -> pa.RecordBatch:
    """Add the columns of a projection to a checked batch, and its counts to `summary`.

    counts: of the first pass, where the settings need one. nmt: the model, likewise.
    """
    require(batch, "source_tokens", "source_entities", "target_tokens")
    if settings.linked:
        require(batch, "links")
    text = Text(batch)
    spans = None if counts is None else first_choice(text, settings)
    made = _candidates(text, settings, spans, counts, nmt)
    problem, dropped = _above(made.problem, settings.min_score)
    solution = _solve(problem, made, settings)
    codes = outcomes(made, dropped, problem, solution)
    columns = dict(zip(batch.schema.names, batch.columns, strict=True))
    columns["target_entities"] = target_entities(batch, problem, solution)
    if settings.relabel and spans is not None and counts is not None:
        named = relabel(columns["target_entities"], text, spans, counts, settings.relabel)
        columns["target_entities"] = named.entities
        codes[problem.entity_offsets[named.row] + named.source] = RELABELLED
        summary.relabelled.update(named.changes)
    columns["outcomes"] = outcome_column(codes, problem)
    columns["solution"] = solution_column(solution)
    summary.sentences += batch.num_rows
    summary.entities += problem.entities
    summary.spans += int(solution.chosen.sum())
    for code, n in zip(*np.unique(codes, return_counts=True), strict=True):
        summary.outcomes[OUTCOMES[int(code)]] += int(n)
    summary.objective += float(solution.objective.sum())
    summary.bound += float(solution.bound.sum())
    summary.routes.update(solution.routes())
    summary.statuses.update(solution.statuses())
    metadata = {**(batch.schema.metadata or {}), b"xner.projection": summary.signature.encode()}
    return pa.RecordBatch.from_pydict(columns).replace_schema_metadata(metadata)


def _solve(problem: Problem, made: Candidates, settings: Settings) -> Solution:
    constraint = settings.constraint
    if settings.method == "heuristic":
        return solve_first_fit(problem, made.length)
    if settings.method == "greedy":
        return solve_greedy(problem, limit=constraint.at_most)
    if settings.method == "exact" and constraint.always_feasible:
        return solve_exact(problem, limit=constraint.at_most)
    return solve_ilp(
        problem,
        constraint=constraint,
        backend=settings.backend,
        time_limit=settings.time_limit,
        gap=settings.gap,
    )


def _candidates(
    text: Text,
    settings: Settings,
    spans: Spans | None,
    counts: Counts | None,
    nmt: NmtScorer | None,
) -> Candidates:
    if spans is not None and counts is not None:
        text = fill_links(text, spans, counts, settings.fill)
    if settings.method == "heuristic":
        return linked_runs(text, settings.merge_distance, settings.length_ratio, settings.top_k)
    made = _unscored(text, settings)
    score = fused(Scene(text, made.problem, spans, counts, nmt), settings.score)
    return replace(made, problem=made.problem.with_scores(score))


def _unscored(text: Text, settings: Settings) -> Candidates:
    """The candidates, with no score but that of their links."""
    limits = settings.max_span, settings.max_ratio
    if settings.candidates == "spans":
        return given_spans(text, settings.subspans)
    if settings.candidates == "runs":
        runs = settings.merge_distance, settings.length_ratio, settings.top_k
        return run_spans(text, *runs, settings.subspans)
    if settings.candidates == "ngrams":
        return all_ngrams(text, *limits, settings.stop_tokens)
    if settings.candidates == "region":
        return region_ngrams(text, *limits, settings.stop_tokens)
    return linked_ngrams(text, *limits)


def _above(problem: Problem, min_score: float) -> tuple[Problem, NDArray[np.bool_]]:
    """The problem without candidates that score 0 or below `min_score`, and who lost all."""
    had = np.diff(problem.candidate_offsets) > 0
    keep = (problem.score > TINY) & (problem.score >= min_score)
    if keep.all():
        return problem, np.zeros(problem.entities, bool)
    before = np.concatenate([[0], np.cumsum(keep)])
    offsets = before[problem.candidate_offsets]
    part = Problem(
        problem.entity_offsets,
        offsets,
        problem.start[keep],
        problem.end[keep],
        problem.score[keep],
        problem.target_lengths,
    )
    return part, had & (np.diff(offsets) == 0)
