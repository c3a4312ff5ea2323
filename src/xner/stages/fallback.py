"""The fallback of `easyproject`: entities whose markers are lost are projected along links.

The aligner and the projection learn from all rows. So all rows are translated first, and kept in
files: neither translating nor aligning is repeated for the passes over them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import pyarrow as pa
import pyarrow.compute as pc

from xner.characters import with_entity_offsets
from xner.columns import (
    ENTITIES,
    LINKS,
    LINKS_MADE_BY,
    TOKENS,
    TRANSLATION_MADE_BY,
    replace_columns,
)
from xner.corpus import Batches, Corpus
from xner.corpus.spooled import from_spool, spool
from xner.options import declare
from xner.outcomes import Outcome, outcomes_of
from xner.report import Figure, Progress, Report
from xner.stages.align import Align
from xner.stages.base import Columns, Stage
from xner.stages.linking import linked
from xner.stages.marking import Row
from xner.stages.project import Project
from xner.stages.work import Make, Prepared, Work

if TYPE_CHECKING:
    from xner.stages.easyproject import EasyProject

UNMARKED = "xner.unmarked"
"""Column of the rows in files: whether no markers were inserted although there are entities."""
FIGURES: tuple[Figure, ...] = (
    Figure("translations", "", ()),
    Figure("unmarked", "sentences without markers"),
    Figure("entities", "source entities"),
    Figure("outcomes", "", outcomes_of("easyproject")),
    Figure("spans", "target entities"),
)
_FILE = "rows.arrow"
_REST = ("source_tokens", "target_tokens", "source_entities", "links")


def prepared(stage: EasyProject, corpus: Corpus, work: Work) -> Prepared:
    """Translate and align all rows, and collect the statistics of what remains to be projected."""
    folders = work.each("translate", corpus, MarkPart(replace(stage, progress=None)))
    files = [folder / _FILE for folder in folders]
    marked = from_spool(files, work.part_rows, len(corpus), corpus.origin)
    align = Align.of(
        {"aligner": stage.aligner, **stage.aligner_options, "progress": stage.progress}
    )
    aligned = linked(align, marked, work)
    project = Project(progress=stage.progress).prepare(_remaining(aligned), work).stage
    return Prepared(FallBack(project=replace(project, progress=None)), aligned)


@dataclass(frozen=True, slots=True)
class MarkPart:
    """Translates parts one by one.

    Attributes:
        stage: how.
    """

    stage: EasyProject

    threaded: ClassVar[bool] = False

    def load(self) -> Make:
        """Load the model."""
        stage = self.stage.loaded()

        def make(part: Corpus, folder: Path, tell: Progress) -> None:
            spool(replace(stage, progress=tell).marked(part), folder / _FILE)

        return make


@declare
class FallBack(Stage):
    """Projects entities whose markers are lost along links, onto words that are free.

    Attributes:
        project: with the statistics of all rows.
    """

    name: ClassVar[str] = "easyproject"
    figures: ClassVar[tuple[Figure, ...]] = FIGURES

    project: Stage = field(kw_only=True)

    @property
    def columns(self) -> Columns:
        """It needs rows that were translated with markers, and links."""
        made = ("target_entities", "outcomes")
        return Columns((*_REST, *made, UNMARKED), made)

    def schema(self, corpus: Corpus) -> pa.Schema:
        return corpus.schema.remove(corpus.schema.get_field_index(UNMARKED))

    def loaded(self) -> Self:
        return replace(self, project=self.project.loaded())

    def batches(self, corpus: Corpus, report: Report) -> Iterator[pa.RecordBatch]:
        projected = replace(self.project, progress=self.progress).stream(_remaining(corpus))
        for batch, made in zip(corpus.batches(), projected.batches(), strict=True):
            report.signature = batch.schema.metadata[TRANSLATION_MADE_BY].decode()
            report.signature += f"|fallback({projected.report.signature})"
            yield counted(_merged(batch, made), report)


def counted(batch: pa.RecordBatch, report: Report) -> pa.RecordBatch:
    """Count finished rows, and drop the column that is not part of the result."""
    outcomes = batch["outcomes"].flatten().to_pylist()
    report.add(
        sentences=batch.num_rows,
        entities=len(outcomes),
        spans=len(batch["target_entities"].flatten()),
        outcomes=outcomes,
        unmarked=pc.sum(batch[UNMARKED], min_count=0).as_py(),
        translations=batch["translation_outcome"].to_pylist(),
    )
    return batch.drop_columns([UNMARKED])


def _remaining(corpus: Corpus) -> Corpus:
    """The rows as they remain to be projected."""
    schema = _rest_schema(corpus.schema)
    return Corpus(_Rest(corpus), len(corpus), corpus.origin, schema, first=corpus.first)


@dataclass(frozen=True)
class _Rest:
    """Entities whose markers are lost, and links to words outside marked spans."""

    linked: Corpus

    def __call__(self) -> Batches:
        return map(_lost, self.linked.batches())

    def between(self, first: int, last: int) -> Batches:
        return map(_lost, self.linked.part(first, last).batches())


def _rest_schema(schema: pa.Schema) -> pa.Schema:
    made_by = {LINKS_MADE_BY: schema.metadata[LINKS_MADE_BY]}
    return pa.schema([schema.field(name) for name in _REST], made_by)


def _lost(batch: pa.RecordBatch) -> pa.RecordBatch:
    entities, links = [], []
    names = ("source_entities", "outcomes", "target_entities", "links")
    for sources, outcomes, found, pairs in _rows(batch, names):
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
    return replace_columns(batch, with_entity_offsets(columns, batch, "target"))
