"""The stage `easyproject`: translation with markers, and links where markers are lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

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
from xner.corpus.spooled import spooled
from xner.errors import InputError, UsageError
from xner.options import declare, option
from xner.outcomes import Outcome, outcomes_of
from xner.report import Figure, Report
from xner.stages.align import Align
from xner.stages.base import Columns, function_of
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
from xner.stages.work import Prepared, Work

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

    @property
    def costly(self) -> bool:
        """Whether parts can be finished one by one: the fallback aligns all of them together."""
        return self.fallback == "none"

    def prepare(self, corpus: Corpus, work: Work) -> Prepared:
        """Raise UsageError if there is a fallback."""
        if self.fallback == "align":
            raise UsageError(
                "easyproject with a fallback writes one file, on this machine; name a file, or "
                "choose fallback none"
            )
        return super().prepare(corpus, work)

    def schema(self, corpus: Corpus) -> pa.Schema:
        links = ["links"] if self.fallback == "align" else []
        columns = types_of(*MADE, "translation_outcome", *links)
        metadata = {LINKS_MADE_BY: None}
        return with_columns(corpus.schema, columns, drop=("links",), metadata=metadata)

    def batches(self, corpus: Corpus, report: Report) -> Iterator[pa.RecordBatch]:
        if held := [name for name in MADE if name in corpus.columns]:
            raise InputError(
                f"{corpus.origin}: already has {', '.join(held)}; remove them to translate it"
            )
        marking = Marking(*self.languages, self.make_translator(), self.markers, self.threshold)
        report.signature = marking.signature
        batches: Iterator[pa.RecordBatch] = (
            _with_target(batch, crossed, marking, report)
            for batch, crossed in crossings(corpus, marking, "translate", self.tell)
        )
        if self.fallback == "align":
            batches = self._fall_back(batches, corpus, report)
        for batch in batches:
            outcomes = batch["outcomes"].flatten().to_pylist()
            report.add(
                sentences=batch.num_rows,
                entities=len(outcomes),
                spans=len(batch["target_entities"].flatten()),
                outcomes=outcomes,
            )
            yield batch

    def _fall_back(
        self, batches: Iterator[pa.RecordBatch], corpus: Corpus, report: Report
    ) -> Iterator[pa.RecordBatch]:
        """Project entities whose markers are lost along links, onto words that are free.

        The aligner and the projection learn from all rows, so these are in a file meanwhile:
        neither translating nor aligning is repeated for the passes over them.
        """
        options = {"aligner": self.aligner, **self.aligner_options, "progress": self.tell}
        origin, schema = corpus.origin, self.schema(corpus)
        with (
            spooled(batches, origin, schema.remove(schema.get_field_index("links"))) as made,
            spooled(Align.of(options)(made).batches(), origin, schema) as linked,
        ):
            rest = Corpus(_Rest(linked), len(linked), origin, _rest_schema(linked.schema))
            projected = Project(progress=self.tell).stream(rest)
            for pair in zip(linked.batches(), projected.batches(), strict=True):
                yield _merged(*pair)
            report.signature += f"|fallback({projected.report.signature})"


easyproject = function_of(EasyProject)


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
