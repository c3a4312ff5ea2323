"""The second pass of a projection: candidates of a batch, their scores, and the choice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xner.characters import with_entity_offsets
from xner.columns import (
    replace_columns,
)
from xner.corpus import require
from xner.kernels.records import Float64, Problem, Spans
from xner.report import Report
from xner.score.alignment import Candidates, linked_ngrams, linked_runs
from xner.score.counts import Counts
from xner.score.fill import fill_links
from xner.score.ngrams import all_ngrams, region_ngrams
from xner.score.nmt import NmtScorer
from xner.score.registry import fused
from xner.score.relabel import relabel
from xner.score.sample import Sample
from xner.score.scene import Scene, Text
from xner.score.spans import given_spans, run_spans
from xner.solve.exact import solve_exact
from xner.solve.greedy import solve_first_fit, solve_greedy
from xner.solve.ilp import solve_ilp
from xner.solve.solution import Solution
from xner.stages.first_pass import (
    Alone,
    first_choice,
)
from xner.stages.judging import above, likelihoods, probability_column, without
from xner.stages.kept import candidate_column
from xner.stages.large import large_rows, restored, without_large
from xner.stages.nesting import levels_of, solve_levels
from xner.stages.projection_options import ProjectionOptions
from xner.stages.solved import (
    RELABELLED,
    Chosen,
    count_outcomes,
    outcome_codes,
    outcome_column,
    solution_column,
    target_entities,
)

KEPT = "scored_candidates"
OPTIONAL = ("probabilities", KEPT)
"""Columns that a projection writes on request."""


@dataclass(frozen=True, slots=True)
class Pass:
    """The second pass over a corpus: every batch is matched.

    Attributes:
        options: how.
        report: counts what was done.
        counts: corpus statistics of the first pass, if the options need them.
        nmt: the model of the score `nmt`, if it is used.
        alone: what the first pass found, if the corpus has a single sentence.
    """

    options: ProjectionOptions
    report: Report
    counts: Counts | None = None
    nmt: NmtScorer | None = None
    alone: Alone | None = None

    @property
    def sample(self) -> Sample | None:
        """The rows of the corpus that were counted, or None for all."""
        return None if self.counts is None else self.counts.sample

    def batch(self, batch: pa.RecordBatch, first: int) -> pa.RecordBatch:
        """Add the columns of a projection to a validated batch, which begins with row `first`."""
        if self.alone is not None and batch.num_rows:
            return self._projected(self.alone.text, self.alone)
        require(batch, "source_tokens", "source_entities", "target_tokens")
        if self.options.linked:
            require(batch, "links")
        text = Text(batch, self.sample and self.sample.flags(first, batch.num_rows))
        large = large_rows(text, self.options)
        made = self._projected(without_large(text, large))
        return restored(made, batch, large, self.report) if len(large) else made

    def _projected(self, text: Text, alone: Alone | None = None) -> pa.RecordBatch:
        options, batch = self.options, text.batch
        if alone is None:
            spans = None if self.counts is None else first_choice(text, options)
            made, chance = self._candidates(text, spans)
        else:
            spans = alone.spans
            made, chance = self._alone(alone)
        keep = above(made.problem, options, chance)
        problem, chance, lost = without(made.problem, keep, chance)
        solution = self._solved(problem, made, text)
        chosen = Chosen.of(problem, solution)
        codes = outcome_codes(made, lost, problem, solution, chosen)
        entities = target_entities(text, problem, chosen)
        if options.relabel and spans is not None and self.counts is not None:
            named = relabel(entities, text, spans, self.counts, options.relabel)
            entities = named.entities
            codes[problem.entity_offsets[named.row] + named.source] = RELABELLED
            self.report.add(relabelled=named.changes)
        self._count(codes, problem, solution, chosen)
        columns: dict[str, pa.Array] = {
            "target_entities": entities,
            "outcomes": outcome_column(codes, problem),
            "solution": solution_column(solution),
        }
        if chance is not None:
            columns["probabilities"], expected = probability_column(chosen, chance)
            self.report.add(expected=expected)
        if options.keep_candidates:
            columns[KEPT] = candidate_column(made, keep, solution, options.keep_candidates)
        metadata = {b"xner.projection": self.report.signature}
        placed = with_entity_offsets(columns, batch, "target")
        return replace_columns(batch, placed, drop=OPTIONAL, metadata=metadata)

    def _solved(self, problem: Problem, made: Candidates, text: Text) -> Solution:
        options = self.options
        if options.nesting != "levels" or not text.nested:
            return _solve(problem, made, options)
        levels = levels_of(text.entities)
        solve = partial(_solve, options=options)
        return solve_levels(problem, made, text.entities, levels, solve)

    def _count(
        self, codes: NDArray[np.uint8], problem: Problem, solution: Solution, chosen: Chosen
    ) -> None:
        self.report.add(
            sentences=problem.sentences,
            entities=problem.entities,
            spans=len(chosen.candidate),
            outcomes=count_outcomes(codes),
            objective=float(solution.objective.sum()),
            bound=float(solution.bound.sum()),
            routes=solution.routes(),
            statuses=solution.statuses(),
        )

    def _candidates(self, text: Text, spans: Spans | None) -> tuple[Candidates, Float64 | None]:
        """The scored candidates, and their likelihoods if they are wanted."""
        options = self.options
        if spans is not None and self.counts is not None:
            text = fill_links(text, spans, self.counts, options.fill)
        return self._scored(text, spans, _unscored(text, options), options.score)

    def _alone(self, alone: Alone) -> tuple[Candidates, Float64 | None]:
        """The candidates of the only sentence of a corpus: without links to fill in."""
        options = self.options
        ready = options.candidates == "links" and options.method != "heuristic"
        made = alone.made if ready else _unscored(alone.text, options)
        score = dict(options.score)
        if len(score) > 1:
            score.pop("dictionary", None)  # 0
        return self._scored(alone.text, alone.spans, made, score)

    def _scored(
        self, text: Text, spans: Spans | None, made: Candidates, score: Mapping[str, float]
    ) -> tuple[Candidates, Float64 | None]:
        options = self.options
        chance = None
        if options.judged and spans is not None and self.counts is not None:
            chance = likelihoods(text, made.problem, spans, self.counts, options)
        if options.method == "heuristic":
            return made, chance
        scene = Scene(text, made.problem, spans, self.counts, self.nmt, options.ner, chance)
        problem = made.problem.with_scores(fused(scene, score))
        return Candidates(problem, made.status, made.length), chance


def _solve(problem: Problem, made: Candidates, options: ProjectionOptions) -> Solution:
    constraint = options.limits
    if options.method == "heuristic":
        return solve_first_fit(problem, made.length)
    if options.method == "greedy":
        return solve_greedy(problem, limit=constraint.at_most)
    if options.method == "exact" and constraint.always_feasible:
        return solve_exact(problem, limit=constraint.at_most)
    return solve_ilp(
        problem,
        constraint=constraint,
        backend=options.backend,
        time_limit=options.time_limit,
        gap=options.gap,
    )


def _unscored(text: Text, options: ProjectionOptions) -> Candidates:
    """The candidates, with their alignment scores."""
    limits = options.max_span, options.max_ratio
    if options.method == "heuristic":
        return linked_runs(text, options.merge_distance, options.length_ratio, options.top_k)
    if options.candidates == "spans":
        return given_spans(text, options.subspans)
    if options.candidates == "runs":
        runs = options.merge_distance, options.length_ratio, options.top_k
        return run_spans(text, *runs, options.subspans)
    if options.candidates == "ngrams":
        return all_ngrams(text, *limits, options.stop_tokens)
    if options.candidates == "region":
        return region_ngrams(text, *limits, options.stop_tokens)
    return linked_ngrams(text, *limits)
