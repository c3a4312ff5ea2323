"""The stage `project`: source entities onto target words, batch by batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from time import perf_counter
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xner.characters import entity_types, with_entity_offsets
from xner.columns import (
    LINKS_MADE_BY,
    SOLUTION,
    TAGGED_BY,
    TRANSLATION_MADE_BY,
    replace_columns,
    types_of,
    with_columns,
)
from xner.corpus import Corpus, require
from xner.corpus.bad_rows import blanked
from xner.errors import UsageError
from xner.kernels.records import Float64, Problem, Spans
from xner.options import declare, options_of
from xner.outcomes import outcomes_of
from xner.report import Figure, Report
from xner.score.alignment import Candidates, linked_ngrams, linked_runs
from xner.score.counts import Counts
from xner.score.fill import fill_links
from xner.score.ngrams import all_ngrams, region_ngrams
from xner.score.nmt import NmtOptions, NmtScorer
from xner.score.registry import fused
from xner.score.relabel import Change, relabel
from xner.score.scene import Scene, Text
from xner.score.spans import given_spans, run_spans
from xner.solve.exact import solve_exact
from xner.solve.greedy import solve_first_fit, solve_greedy
from xner.solve.ilp import solve_ilp
from xner.solve.solution import Solution
from xner.stages.align import FittedOptions
from xner.stages.base import Columns, function_of, require_columns
from xner.stages.first_pass import (
    NEEDED,
    Alone,
    count_alone,
    count_corpus,
    counted,
    first_choice,
    is_alone,
)
from xner.stages.judging import above, likelihoods, probability_column, without
from xner.stages.kept import candidate_column
from xner.stages.large import large_rows, restored
from xner.stages.linking import linked
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
from xner.stages.work import Prepared, Work

SLICE = 4096
"""Rows that are matched at a time if there can be many candidates."""
_SHOWN = 20
"""Changed labels on the terminal; `--json` has all."""


_MADE = ("target_entities", "outcomes", "solution")
_KEPT = "scored_candidates"
_OPTIONAL = ("probabilities", _KEPT)
_NMT_LANGUAGES = {"source_language": "eng", "target_language": "deu"}


def _changes(changes: Counter[Change]) -> list[dict[str, Any]]:
    return [
        {"words": words, "from": old, "to": new, "spans": n}
        for (words, old, new), n in changes.most_common()
    ]


def _changed_rows(changes: Counter[Change]) -> list[tuple[str, str]]:
    return [
        (f"  {words!r}", f"{n:,} {old} to {new}")
        for (words, old, new), n in changes.most_common(_SHOWN)
    ]


def _expected_rows(expected: float) -> list[tuple[str, str]]:
    return [("expected correct", f"{expected:,.1f}")] if expected else []


@declare
class Project(ProjectionOptions):
    """Project the source entities of a corpus onto its target words (Politov et al. 2025).

    The corpus has both sides and `source_entities`. Without the column `links` it is aligned
    first, if candidates or scores need links. Scores that need corpus statistics read the corpus
    twice, unless `counts` are given.

    Returns:
        The corpus in memory with the columns `target_entities`, `outcomes`, `solution`
        (objective, bound, route and status of each sentence) and, with the default settings,
        `probabilities` (of each target entity to be correct). `.report` counts the outcomes of the
        source entities.

    Raises:
        InputError: a column is missing, or a row does not fit.
        UsageError: an option is unknown, out of its range or without effect.
        MissingExtraError: the package of the aligner, or OR-Tools for the ILP, is not installed.

    Example:
        >>> words, spans = ["Ada", "lives", "in", "Rome"], [(0, 1, "PER"), (3, 4, "LOC")]
        >>> pair = (words, spans, ["Ada", "wohnt", "in", "Rom"])
        >>> out = xner.project([pair])
        >>> [(entity.text, entity.label) for entity in out[0].entities]
        [('Ada', 'PER'), ('Rom', 'LOC')]
        >>> out[0].outcomes
        ['projected', 'projected']
    """

    name: ClassVar[str] = "project"
    figures: ClassVar[tuple[Figure, ...]] = (
        Figure("entities", "source entities"),
        Figure("outcomes", "", outcomes_of("project")),
        Figure("spans", "target entities"),
        Figure("relabelled", start=(), as_json=_changes, as_rows=_changed_rows),
        Figure("expected", start=0.0, as_rows=_expected_rows),
        Figure("objective", start=0.0),
        Figure("bound", start=0.0),
        Figure("routes", "", ()),
        Figure("statuses", "", ()),
        Figure("align_seconds", "seconds of aligning", 0.0),
        Figure("count_seconds", "seconds of counting", 0.0),
    )
    not_in_experiments: ClassVar[frozenset[str]] = frozenset(options_of(FittedOptions))

    @classmethod
    def stand_in(cls, settings: Mapping[str, Any]) -> Self:
        """The stage with languages for the score `nmt`, which a run fills in."""
        nmt = settings.get("nmt")
        if isinstance(nmt, Mapping):
            settings = {**settings, "nmt": {**_NMT_LANGUAGES, **nmt}}
        return super().stand_in(settings)

    @property
    def columns(self) -> Columns:
        """It needs both sides, entities, and links if anything depends on them."""
        links = ("links",) if self.linked else ()
        return Columns(
            needs=(
                "source_tokens",
                "source_entities",
                "target_tokens",
                *links,
                *self.target_columns,
            ),
            makes=(*_MADE, "target_entity_offsets", *self._optional),
            uses=(
                "target_candidates",
                "target_probabilities",
                "target_tagset",
                "target_text",
                "target_offsets",
            ),
            replaces=True,
        )

    def schema(self, corpus: Corpus) -> pa.Schema:
        links = ["links"] if self.linked else []
        columns = entity_types(corpus.schema, "target", *links, "target_entities", "outcomes")
        columns |= {"solution": SOLUTION, **types_of(*self._optional)}
        return with_columns(corpus.schema, columns, drop=_OPTIONAL)

    @property
    def _optional(self) -> tuple[str, ...]:
        """The columns that only some settings make."""
        wanted = self.judged, bool(self.keep_candidates)
        return tuple(name for name, want in zip(_OPTIONAL, wanted, strict=True) if want)

    @property
    def costly(self) -> bool:
        """Whether a pretrained aligner or the score `nmt` runs a model."""
        return self.nmt is not None or (self.linked and self.pretrained)

    def lengthy(self, corpus: Corpus) -> bool:
        aligns = self.linked and "links" not in corpus.columns
        return self.costly or (aligns and self.applies(corpus))

    def prepare(self, corpus: Corpus, work: Work) -> Prepared:
        """Align the corpus, and collect its statistics."""
        stage = self
        if self.linked and "links" not in corpus.columns:
            corpus, stage = linked(self, corpus, work), self.without_aligner()
        if self.counted:
            if self.counts is None:
                stage = replace(stage, counts=counted(stage, corpus, work))
            if self.save_counts is not None:
                stage._loaded_counts().save(self.save_counts)
                stage = replace(stage, save_counts=None)
        return Prepared(stage, corpus)

    def loaded(self) -> Self:
        """The stage with its statistics, and the model of the score `nmt`, in memory."""
        more: dict[str, Any] = {}
        if self.counts is not None:
            more["counts"] = self._loaded_counts()
        if isinstance(self.nmt, NmtOptions):
            more["nmt"] = NmtScorer(self.nmt)
        return replace(self, **more)

    def batches(self, corpus: Corpus, report: Report) -> Iterator[pa.RecordBatch]:
        linked = self._with_links(corpus, report)
        report.signature += _made_before(linked)
        pass_ = self._second_pass(linked, report)
        self.tell("project", 0.0)
        for batch in linked.batches():
            rows = max(1, batch.num_rows) if self.candidates == "links" else SLICE
            for first in range(0, max(1, batch.num_rows), rows):
                yield pass_.batch(batch.slice(first, rows))
                self.tell("project", report.sentences / max(1, len(corpus)))

    def _with_links(self, corpus: Corpus, report: Report) -> Corpus:
        """The corpus with links, if they are needed; the report names what made them."""
        if not self.linked:
            report.signature += "|aligner:none"
            return corpus
        if "links" not in corpus.columns:
            linked = self.link(corpus)
            report.signature += f"|aligner:{linked.report.signature}"
            report.add(align_seconds=linked.report.seconds)
            return linked
        if given := self.given_for_links:
            raise UsageError(
                f"the corpus has links, so {given[0]} would have no effect; leave it out, or drop "
                f"the links to align the corpus"
            )
        made_by = (corpus.schema.metadata or {}).get(LINKS_MADE_BY, b"given")
        report.signature += f"|aligner:{made_by.decode()}"
        return corpus

    def _second_pass(self, linked: Corpus, report: Report) -> Pass:
        """The second pass, after the first if there must be one."""
        if not self.counted:
            return Pass(self, report, None, self._scorer())
        if not is_alone(linked, self):
            return Pass(self, report, self._counted(linked, report), self._scorer())
        begin = perf_counter()
        require_columns(linked, *NEEDED)
        (batch,) = (batch for batch in linked.batches() if batch.num_rows)
        if len(large_rows(batch, self)):
            return Pass(self, report, self._counted(linked, report), self._scorer())
        counts, alone = count_alone(batch, self)
        report.add(count_seconds=perf_counter() - begin)
        return Pass(self, report, counts, self._scorer(), alone)

    def _counted(self, linked: Corpus, report: Report) -> Counts:
        """The corpus statistics: given, loaded from a file, or collected in a first pass."""
        begin = perf_counter()
        counts = count_corpus(linked, self) if self.counts is None else self._loaded_counts()
        if self.save_counts is not None:
            counts.save(self.save_counts)
        report.add(count_seconds=perf_counter() - begin)
        return counts

    def _loaded_counts(self) -> Counts:
        """The corpus statistics that are given."""
        assert self.counts is not None
        counts = self.counts if isinstance(self.counts, Counts) else Counts.load(self.counts)
        if counts.signature != self.first_signature:
            raise UsageError(
                f"the statistics were collected by {counts.signature!r}; these settings need "
                f"{self.first_signature!r}"
            )
        return counts

    def _scorer(self) -> NmtScorer | None:
        """The model of the score `nmt`, without scores of an earlier corpus."""
        if isinstance(self.nmt, NmtScorer):
            return self.nmt.renewed()
        return NmtScorer(self.nmt) if isinstance(self.nmt, NmtOptions) else None


project = function_of(Project)


def _made_before(corpus: Corpus) -> str:
    """The signatures of the translator and the taggers of the corpus, if they are known."""
    keys = {"translation": TRANSLATION_MADE_BY}
    keys |= {f"{side}_tagger": key for side, key in TAGGED_BY.items()}
    known = corpus.schema.metadata or {}
    return "".join(f"|{name}:{known[key].decode()}" for name, key in keys.items() if key in known)


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

    def batch(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Add the columns of a projection to a validated batch."""
        require(batch, "source_tokens", "source_entities", "target_tokens")
        if self.options.linked:
            require(batch, "links")
        if self.alone is not None and batch.num_rows:
            return self._projected(batch, self.alone)
        large = large_rows(batch, self.options)
        made = self._projected(blanked(batch, large))
        return restored(made, batch, large, self.report) if len(large) else made

    def _projected(self, batch: pa.RecordBatch, alone: Alone | None = None) -> pa.RecordBatch:
        options = self.options
        if alone is None:
            text = Text(batch)
            spans = None if self.counts is None else first_choice(text, options)
            made, chance = self._candidates(text, spans)
        else:
            text, spans = alone.text, alone.spans
            made, chance = self._alone(alone)
        keep = above(made.problem, options, chance)
        problem, chance, lost = without(made.problem, keep, chance)
        solution = self._solved(problem, made, text)
        codes = outcome_codes(made, lost, problem, solution)
        chosen = Chosen.of(problem, solution)
        entities = target_entities(batch, problem, chosen)
        if options.relabel and spans is not None and self.counts is not None:
            named = relabel(entities, text, spans, self.counts, options.relabel)
            entities = named.entities
            codes[problem.entity_offsets[named.row] + named.source] = RELABELLED
            self.report.add(relabelled=named.changes)
        self._count(codes, problem, solution)
        columns = {
            "target_entities": entities,
            "outcomes": outcome_column(codes, problem),
            "solution": solution_column(solution),
        }
        if chance is not None:
            columns["probabilities"] = probability_column(chosen, chance)
            self.report.add(expected=float(np.nansum(chance[chosen.candidate])))
        if options.keep_candidates:
            columns[_KEPT] = candidate_column(made, keep, solution, options.keep_candidates)
        metadata = {b"xner.projection": self.report.signature}
        placed = with_entity_offsets(columns, batch, "target")
        return replace_columns(batch, placed, drop=_OPTIONAL, metadata=metadata)

    def _solved(self, problem: Problem, made: Candidates, text: Text) -> Solution:
        options = self.options
        levels = levels_of(text.entities) if options.nesting == "levels" else None
        if levels is None:
            return _solve(problem, made, options)
        solve = partial(_solve, options=options)
        return solve_levels(problem, made, text.entities, levels, solve)

    def _count(self, codes: NDArray[np.uint8], problem: Problem, solution: Solution) -> None:
        self.report.add(
            sentences=problem.sentences,
            entities=problem.entities,
            spans=int(solution.chosen.sum()),
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
        return replace(made, problem=made.problem.with_scores(fused(scene, score))), chance


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
