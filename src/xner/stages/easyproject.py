"""The stage `easyproject`: translation with markers, and links where markers are lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import pyarrow as pa

from xner.aligners import ALIGNERS, Aligner
from xner.columns import (
    ENTITIES,
    LINKS,
    LINKS_MADE_BY,
    TOKENS,
    TRANSLATION_MADE_BY,
    replace_columns,
    types_of,
    with_columns,
)
from xner.corpus import Batches, Corpus
from xner.corpus.spilled import spill, spilled
from xner.corpus.spooled import spooled
from xner.errors import InputError, UsageError
from xner.options import declare, option, required
from xner.outcomes import Outcome, outcomes_of
from xner.report import Figure, Progress, Report
from xner.stages.align import Align
from xner.stages.base import Columns, Stage, function_of
from xner.stages.linking import linked as with_links
from xner.stages.marking import (
    Crossing,
    Marking,
    Row,
    columns_of,
    crossings,
    markers_option,
    threshold_option,
)
from xner.stages.project import Project
from xner.stages.translate import Translating
from xner.stages.work import Make, Prepared, Work

_ROWS = "rows.arrow"
_REST = ("source_tokens", "target_tokens", "source_entities", "links")
MADE = ("target_tokens", "target_text", "target_offsets", "target_entities", "outcomes")


@declare
class EasyProject(Translating):
    """Translate labelled sentences with markers around their entities (Chen et al. 2023).

    Entities are also translated alone: a marked span of the translation belongs to the entity
    whose own translation is most similar to it, above the threshold, one to one. An entity whose
    markers are lost is projected along word links instead, onto words outside marked spans.

    Returns:
        The corpus in memory with `target_tokens`, `target_text`, `target_offsets`,
        `target_entities` (score: similarity, or matching score if links were used), `outcomes`
        and `translation_outcome`, and `links` if they were needed. `.report` counts outcomes.

    Raises:
        InputError: a column is missing or already there, or entities overlap.
        UsageError: a language, translator or option is unknown.
        MissingExtraError: a package of the extra `models` is not installed.
    """

    name: ClassVar[str] = "easyproject"
    figures: ClassVar[tuple[Figure, ...]] = (
        Figure("translations", "", ()),
        Figure("unmarked", "sentences without markers"),
        Figure("entities", "source entities"),
        Figure("outcomes", "", outcomes_of("easyproject")),
        Figure("spans", "target entities"),
    )

    markers: Literal["brackets", "xml"] = markers_option(("brackets", "xml"))
    threshold: float = threshold_option()
    fallback: Literal["align", "none"] = option(
        "align",
        "What to do with entities whose markers are lost: `align` projects them along word links, "
        "`none` leaves them out.",
    )
    aligner: str | Aligner = option("native", "Word aligner of the fallback.", choices=ALIGNERS)
    aligner_options: Mapping[str, Any] = option(
        {}, "Options of the aligner, such as `{'seed': 1}`.", flag=""
    )

    def check(self) -> None:
        if self.fallback == "none" and self.aligner_options:
            raise UsageError(
                "fallback is none, so aligner_options would have no effect; leave it out"
            )

    @property
    def columns(self) -> Columns:
        """It needs labelled source text."""
        return Columns(
            needs=("source_tokens", "source_entities"),
            makes=(*MADE, "translation_outcome", "links"),
            uses=("source_text", "source_offsets"),
            replaces=True,
        )

    def prepare(self, corpus: Corpus, work: Work) -> Prepared:
        """Translate every part, then align all of them, and count their entities."""
        if self.fallback == "none":
            return Prepared(self, corpus)
        folders = work.each("translate", corpus, TranslatePart(replace(self, progress=None)))
        files = [folder / _ROWS for folder in folders]
        made = spilled(files, work.part_rows, len(corpus), corpus.origin)
        linked = with_links(self._align, made, work)
        project = Project(progress=self.progress).prepare(_rest(linked), work).stage
        assert isinstance(project, Project)
        project = replace(project, progress=None)
        return Prepared(FallBack(project=project), linked, counted=("translate",))

    def schema(self, corpus: Corpus) -> pa.Schema:
        links = ["links"] if self.fallback == "align" else []
        columns = types_of(*MADE, "translation_outcome", *links)
        metadata = {LINKS_MADE_BY: None}
        return with_columns(corpus.schema, columns, drop=("links",), metadata=metadata)

    def batches(self, corpus: Corpus, report: Report) -> Iterator[pa.RecordBatch]:
        batches = self.translated(corpus, report)
        if self.fallback == "align":
            batches = self._fall_back(batches, corpus, report)
        for batch in batches:
            _count(batch, report)
            yield batch

    def translated(self, corpus: Corpus, report: Report) -> Iterator[pa.RecordBatch]:
        """Yield every batch with its translation, and the entities whose markers survived."""
        if held := [name for name in MADE if name in corpus.columns]:
            raise InputError(
                f"{corpus.origin}: already has {', '.join(held)}; remove them to translate it"
            )
        marking = Marking(*self.languages, self.make_translator(), self.markers, self.threshold)
        report.signature = marking.signature
        for batch, crossed in crossings(corpus, marking, "translate", self.tell):
            yield _with_target(batch, crossed, marking, report)

    @property
    def _align(self) -> Align:
        """The stage that aligns the translations."""
        options = {"aligner": self.aligner, **self.aligner_options, "progress": self.progress}
        return Align.of(options)

    def _fall_back(
        self, batches: Iterator[pa.RecordBatch], corpus: Corpus, report: Report
    ) -> Iterator[pa.RecordBatch]:
        """Project entities whose markers are lost along links, onto words that are free.

        The aligner and the projection learn from all rows, so these are in a file meanwhile:
        neither translating nor aligning is repeated for the passes over them.
        """
        origin, schema = corpus.origin, self.schema(corpus)
        with (
            spooled(batches, origin, schema.remove(schema.get_field_index("links"))) as made,
            spooled(self._align(made).batches(), origin, schema) as linked,
        ):
            yield from _completed(linked, Project(progress=self.progress), report)


easyproject = function_of(EasyProject)


@dataclass(frozen=True, slots=True)
class TranslatePart:
    """Translates parts one by one.

    Attributes:
        stage: how.
    """

    stage: EasyProject

    def load(self) -> Make:
        """Load the model."""
        stage = self.stage.loaded()

        def make(part: Corpus, folder: Path, tell: Progress) -> Report:
            report = Report(EasyProject.figures)
            spill(replace(stage, progress=tell).translated(part, report), folder / _ROWS)
            return report

        return make


@declare
class FallBack(Stage):
    """Completes translations that have links: see `EasyProject`."""

    name: ClassVar[str] = "easyproject"
    figures: ClassVar[tuple[Figure, ...]] = EasyProject.figures

    project: Project = required("Projects the entities whose markers are lost.")

    def loaded(self) -> Self:
        """The stage with its statistics in memory."""
        return replace(self, project=self.project.loaded())

    def batches(self, corpus: Corpus, report: Report) -> Iterator[pa.RecordBatch]:
        metadata = corpus.schema.metadata or {}
        report.signature = metadata[TRANSLATION_MADE_BY].decode()
        project = replace(self.project, progress=self.progress)
        for batch in _completed(corpus, project, report):
            _count(batch, report)
            yield batch


def _completed(linked: Corpus, project: Project, report: Report) -> Iterator[pa.RecordBatch]:
    """Yield the rows with the entities that were projected along links."""
    projected = project.stream(_rest(linked))
    for pair in zip(linked.batches(), projected.batches(), strict=True):
        yield _merged(*pair)
    report.signature += f"|fallback({projected.report.signature})"


def _count(batch: pa.RecordBatch, report: Report) -> None:
    outcomes = batch["outcomes"].flatten().to_pylist()
    report.add(
        sentences=batch.num_rows,
        entities=len(outcomes),
        spans=len(batch["target_entities"].flatten()),
        outcomes=outcomes,
    )


def _with_target(
    batch: pa.RecordBatch, crossed: list[Crossing], marking: Marking, report: Report
) -> pa.RecordBatch:
    """The batch with the target side and the entities whose markers survived."""
    columns = columns_of(crossed, "target")
    columns["outcomes"] = pa.array([one.outcomes for one in crossed], TOKENS)
    columns["translation_outcome"] = pa.array([one.translation for one in crossed], pa.string())
    report.add(
        unmarked=sum(one.unmarked for one in crossed),
        translations=[one.translation for one in crossed],
    )
    return replace_columns(
        batch,
        columns,
        drop=("links",),
        metadata={TRANSLATION_MADE_BY: marking.signature, LINKS_MADE_BY: None},
    )


@dataclass(frozen=True)
class _Rest:
    """The rows of a corpus as they remain to be projected."""

    linked: Corpus

    def __call__(self) -> Batches:
        return map(_lost, self.linked.batches())

    def between(self, first: int, last: int) -> Batches:
        return map(_lost, self.linked.part(first, last).batches())


def _rest(linked: Corpus) -> Corpus:
    """The entities whose markers are lost, as a corpus to project."""
    return Corpus(_Rest(linked), len(linked), linked.origin, _rest_schema(linked.schema))


def _rest_schema(schema: pa.Schema) -> pa.Schema:
    metadata = schema.metadata or {}
    made_by = {key: metadata[key] for key in [LINKS_MADE_BY] if key in metadata}
    return pa.schema([schema.field(name) for name in _REST], made_by)


def _lost(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The entities whose markers are lost, and links to words outside marked spans."""
    entities, links = [], []
    columns = ("source_entities", "outcomes", "target_entities", "links")
    for sources, outcomes, found, pairs in _rows(batch, columns):
        own = zip(sources, outcomes, strict=True)
        entities.append([entity for entity, outcome in own if outcome == Outcome.MARKER_LOST])
        taken = _words(found)
        links.append([pair for pair in pairs if pair["target"] not in taken])
    changed = {"source_entities": pa.array(entities, ENTITIES), "links": pa.array(links, LINKS)}
    kept = {name: changed.get(name, batch[name]) for name in _REST}
    return pa.RecordBatch.from_pydict(kept, _rest_schema(batch.schema))


def _rows(batch: pa.RecordBatch, columns: tuple[str, ...]) -> Iterator[tuple[Any, ...]]:
    return zip(*(batch[name].to_pylist() for name in columns), strict=True)


def _words(entities: list[Row]) -> set[int]:
    return {word for e in entities for word in range(e["start"], e["end"])}


def _merged(batch: pa.RecordBatch, projected: pa.RecordBatch) -> pa.RecordBatch:
    """The marked entities and the projected ones that share no word with them."""
    entities, outcomes = [], []
    more = projected["target_entities"].to_pylist()
    rows = _rows(batch, ("outcomes", "target_entities"))
    for (own, found), projections in zip(rows, more, strict=True):
        lost = [i for i, outcome in enumerate(own) if outcome == Outcome.MARKER_LOST]
        taken = _words(found)
        for entity in projections:
            if taken.isdisjoint(_words([entity])):
                source = lost[entity["source"]]
                found.append({**entity, "source": source})
                own[source] = Outcome.PROJECTED.value
        entities.append(sorted(found, key=lambda e: e["start"]))
        outcomes.append(own)
    columns = {
        "target_entities": pa.array(entities, ENTITIES),
        "outcomes": pa.array(outcomes, TOKENS),
    }
    return replace_columns(batch, columns)
