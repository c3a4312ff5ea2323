"""The stage `project`: source entities onto target words, batch by batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from time import perf_counter
from typing import Any, ClassVar, Self

import pyarrow as pa

from xner.characters import entity_types
from xner.columns import (
    LINKS_MADE_BY,
    SOLUTION,
    TAGGED_BY,
    TRANSLATION_MADE_BY,
    types_of,
    with_columns,
)
from xner.corpus import Corpus
from xner.errors import UsageError
from xner.options import UNSET, declare, options_of
from xner.outcomes import outcomes_of
from xner.report import Figure, Report
from xner.score.counts import Counts
from xner.score.nmt import NmtOptions, NmtScorer
from xner.score.registry import built_in
from xner.score.relabel import Change
from xner.score.scene import Text
from xner.stages.align import FittedOptions
from xner.stages.base import Columns, function_of, require_columns
from xner.stages.first_pass import (
    NEEDED,
    count_alone,
    count_corpus,
    counted,
    is_alone,
    sample_of,
)
from xner.stages.large import large_rows
from xner.stages.linking import linked
from xner.stages.projection_options import ProjectionOptions
from xner.stages.second_pass import OPTIONAL, Pass
from xner.stages.work import Prepared, Work

SLICE = 4096
"""Rows that are matched at a time if there can be many candidates."""
_SHOWN = 20
"""Changed labels on the terminal; `--json` has all."""


_SIDES = ("source_tokens", "source_entities", "target_tokens")
_MADE = ("target_entities", "outcomes", "solution")
_MADE_BY = {"translation": TRANSLATION_MADE_BY} | {
    f"{side}_tagger": key for side, key in TAGGED_BY.items()
}
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
        `probabilities` (that each target entity is correct). `.report` counts the outcomes of the
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
            needs=(*_SIDES, *links, *self.target_columns),
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
        return with_columns(corpus.schema, columns, drop=OPTIONAL)

    @property
    def _optional(self) -> tuple[str, ...]:
        """The columns that only some settings make."""
        wanted = self.judged, bool(self.keep_candidates)
        return tuple(name for name, want in zip(OPTIONAL, wanted, strict=True) if want)

    @property
    def costly(self) -> bool:
        """Whether a pretrained aligner or the score `nmt` runs a model."""
        return self.nmt is not None or (self.linked and self.pretrained)

    @property
    def threaded(self) -> bool:
        """Kernels can run at the same time; custom scores may not be made for it."""
        return not self.costly and built_in(self.score)

    def takes_dictionaries(self, corpus: Corpus) -> bool:
        return self.threaded and ("links" in corpus.columns or not self.linked)

    def lengthy(self, corpus: Corpus) -> bool:
        aligns = self.linked and "links" not in corpus.columns
        return self.costly or (aligns and self.applies(corpus))

    def prepare(self, corpus: Corpus, work: Work) -> Prepared:
        """Align the corpus, and collect its statistics."""
        require_columns(corpus, *_SIDES)
        stage = self
        if self.linked and "links" not in corpus.columns:
            corpus, stage = linked(self, corpus, work), self.without_aligner()
        if self.counted:
            if self.counts is None:
                found: dict[str, Any] = {"counts": counted(stage, corpus, work)}
                found["count_pairs"] = UNSET  # it would have no effect
                stage = replace(stage, **found)
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
        require_columns(corpus, *_SIDES)
        linked = self._with_links(corpus, report)
        report.signature += _made_before(linked)
        pass_ = self._second_pass(linked, report)
        if pass_.sample is not None:
            report.signature += f"|counted:{pass_.sample.taken}/{pass_.sample.block}"
        self.tell("project", 0.0)
        row = linked.first
        for batch in linked.batches():
            rows = max(1, batch.num_rows) if self.candidates == "links" else SLICE
            for first in range(0, max(1, batch.num_rows), rows):
                part = batch.slice(first, rows)
                yield pass_.batch(part, row)
                row += part.num_rows
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
        (text,) = (Text(batch) for batch in linked.batches() if batch.num_rows)
        if len(large_rows(text, self)):
            return Pass(self, report, self._counted(linked, report), self._scorer())
        counts, alone = count_alone(text, self)
        report.add(count_seconds=perf_counter() - begin)
        return Pass(self, report, counts, self._scorer(), alone)

    def _counted(self, linked: Corpus, report: Report) -> Counts:
        """The corpus statistics: given, loaded from a file, or collected in a first pass."""
        begin = perf_counter()
        if self.counts is not None:
            counts = self._loaded_counts()
        else:
            counts = count_corpus(linked, self, sample_of(linked, self))
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
    known = corpus.schema.metadata or {}
    made = ((name, known[key].decode()) for name, key in _MADE_BY.items() if key in known)
    return "".join(f"|{name}:{signature}" for name, signature in made)
