"""The stages of back-translation: the labelled source in the language of the target.

The back-translation and the original target are two texts of one language. `align_tgt` projects
the entities that crossed with their markers from one onto the other; `refine` completes the
direct links with those from the source to the back-translation and on to the target.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

import pyarrow as pa

from xner.characters import entity_types, with_entity_offsets
from xner.columns import (
    ENTITIES,
    LINKS_MADE_BY,
    SOLUTION,
    TOKENS,
    replace_columns,
    types_of,
    with_columns,
)
from xner.corpus import Batches, Corpus, rechunk, require
from xner.corpus.beside import beside
from xner.corpus.quarantine import every_row, without_same_rows
from xner.errors import InputError, UsageError
from xner.options import declare, option
from xner.outcomes import outcomes_of
from xner.report import Figure, Report
from xner.stages.base import Columns, function_of, require_columns
from xner.stages.marking import Marking, columns_of, crossings, markers_option, threshold_option
from xner.stages.project import Project
from xner.stages.translate import Translating
from xner.stages.work import Prepared, Work
from xner.translation.markers import STYLES

MADE_BY = b"xner.back_translation"
"""Key of the schema metadata that names what made the back-translation."""
MADE = ("back_tokens", "back_text", "back_offsets", "back_entities", "back_outcomes")
_WRITTEN = ("source_text", "source_offsets")


@declare
class BackTranslate(Translating):
    """Translate the labelled source back into the language of the target.

    The source usually is a translation of the target that was tagged.

    Returns:
        The corpus in memory with `back_tokens`, `back_text`, `back_offsets`, `back_entities`
        (field source: index of the source entity) and `back_outcomes`. `.report` counts outcomes.

    Raises:
        InputError: a column is missing or already there, or entities overlap.
        UsageError: a language, translator or option is unknown.
        MissingExtraError: a package of the extra `models` is not installed.

    Example:
        >>> words, spans = ["Ada", "lives", "in", "Rome"], [(0, 1, "PER"), (3, 4, "LOC")]
        >>> pair = (words, spans, ["Ada", "wohnt", "in", "Rom"])
        >>> from xner.translation.fake import FakeTranslator  # word by word, without a model
        >>> translator = FakeTranslator({"lives": "wohnt", "Rome": "Rom"})
        >>> back = xner.back_translate([pair], "eng", "deu", translator=translator)
        >>> back[0]["back_tokens"], back[0]["back_outcomes"]
        (['Ada', 'wohnt', 'in', 'Rom'], ['marked', 'marked'])
    """

    name: ClassVar[str] = "back_translate"
    figures: ClassVar[tuple[Figure, ...]] = (
        Figure("outcomes", "", outcomes_of("back_translate")),
        Figure("translations", "", ()),
    )

    markers: Literal["brackets", "xml", "none"] = markers_option(STYLES)
    threshold: float = threshold_option()
    beside: bool = option(
        True,
        "Add the back-translation next to the source. Otherwise it replaces the source, to be "
        "aligned with the target and projected.",
    )

    @property
    def columns(self) -> Columns:
        """It needs both sides and source entities."""
        return Columns(
            needs=("source_tokens", "source_entities", "target_tokens"),
            makes=MADE if self.beside else ("source_tokens", "source_entities", *_WRITTEN),
            uses=_WRITTEN,
            replaces=not self.beside,
        )

    def schema(self, corpus: Corpus) -> pa.Schema:
        schema = with_columns(corpus.schema, types_of(*MADE))
        return schema if self.beside else _view_schema(schema)

    def batches(self, corpus: Corpus, report: Report) -> Iterator[pa.RecordBatch]:
        if held := [name for name in MADE if name in corpus.columns]:
            raise InputError(
                f"{corpus.origin}: already has {', '.join(held)}; remove them to translate it back"
            )
        marking = Marking(*self.languages, self.make_translator(), self.markers, self.threshold)
        report.signature = marking.signature
        metadata = {MADE_BY: marking.signature}
        for batch, crossed in crossings(corpus, marking, "translate back", self.tell):
            report.add(
                sentences=batch.num_rows,
                outcomes=[outcome for one in crossed for outcome in one.outcomes],
                translations=[one.translation for one in crossed],
            )
            columns = columns_of(crossed, "back")
            columns["back_outcomes"] = pa.array([one.outcomes for one in crossed], TOKENS)
            made = replace_columns(batch, columns, metadata=metadata)
            yield made if self.beside else _as_source(made)


back_translate = function_of(BackTranslate)

LINKED, LINKED_BY = "xner.back_links", b"xner.back_links"
"""Column of links from back-translation to target between two steps, and key of its signature."""
_OF_TARGET = ("target_candidates", "target_probabilities", "target_tagset")
_AS_SOURCE = {
    "id": "id",
    "source_tokens": "back_tokens",
    "target_tokens": "target_tokens",
    "source_entities": "back_entities",
    "source_text": "back_text",
    "source_offsets": "back_offsets",
}


def _as_source(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The back-translation as the source side; entities without back-translation are left out."""
    require(batch, *(name for name in _AS_SOURCE.values() if name != "id"))
    columns = [batch[old] for old in _held(batch.schema).values()]
    return pa.RecordBatch.from_arrays(columns, schema=_view_schema(batch.schema))


def _held(schema: pa.Schema) -> dict[str, str]:
    names = {**_AS_SOURCE, "links": LINKED, **{name: name for name in _OF_TARGET}}
    return {new: old for new, old in names.items() if old in schema.names}


def _view_schema(schema: pa.Schema) -> pa.Schema:
    fields = [(new, schema.field(old).type) for new, old in _held(schema).items()]
    made_by = (schema.metadata or {}).get(LINKED_BY)
    return pa.schema(fields, {} if made_by is None else {LINKS_MADE_BY: made_by})


def _view(corpus: Corpus) -> Corpus:
    """The back-translation and the target as the sides of a corpus."""
    read = every_row(corpus).select(*_held(corpus.schema).values())
    schema = _view_schema(corpus.schema)
    view = Corpus(_View(read), len(read), corpus.origin, schema, first=corpus.first)
    return without_same_rows(view, corpus)


@dataclass(frozen=True)
class _View:
    """The batches of `_view`."""

    corpus: Corpus

    def __call__(self) -> Batches:
        return map(_as_source, self.corpus.batches())

    def between(self, first: int, last: int) -> Batches:
        return map(_as_source, self.corpus.part(first, last).batches())


@declare
class AlignTarget(Project):
    """Project the entities of the back-translation onto the target, within one language.

    The corpus has the columns of `back_translate` and `target_tokens`.

    Returns:
        The corpus in memory with `target_entities`, `outcomes` and `solution`. The field source
        and the outcomes refer to the source entities. An entity that was lost in back-translation
        has the outcome that it has in `back_outcomes`. `.report` counts source entities and target
        spans.

    Raises:
        InputError: a column is missing, or an entity of the back-translation has no source.
        UsageError: an option is unknown, out of its range or without effect.

    Example:
        >>> words, spans = ["Ada", "lives", "in", "Rome"], [(0, 1, "PER"), (3, 4, "LOC")]
        >>> pair = (words, spans, ["Ada", "wohnt", "in", "Rom"])
        >>> from xner.translation.fake import FakeTranslator  # word by word, without a model
        >>> translator = FakeTranslator({"lives": "wohnt", "Rome": "Rom"})
        >>> back = xner.back_translate([pair], "eng", "deu", translator=translator)
        >>> out = xner.align_tgt(back)
        >>> [(entity.text, entity.label) for entity in out[0].entities]
        [('Ada', 'PER'), ('Rom', 'LOC')]
    """

    name: ClassVar[str] = "align_tgt"

    @property
    def columns(self) -> Columns:
        """It needs the source entities, the back-translation and the target."""
        return Columns(
            needs=(*MADE, "source_entities", "target_tokens", *self.target_columns),
            makes=("target_entities", "outcomes", "solution"),
            uses=_OF_TARGET,
            replaces=True,
        )

    def schema(self, corpus: Corpus) -> pa.Schema:
        types = entity_types(corpus.schema, "target", "target_entities", "outcomes")
        types["solution"] = SOLUTION
        return with_columns(corpus.schema, types, drop=[LINKED], metadata={LINKED_BY: None})

    def check(self) -> None:
        super().check()
        if self.keep_candidates:
            raise UsageError("align_tgt keeps no candidates; leave out keep_candidates")

    def prepare(self, corpus: Corpus, work: Work) -> Prepared:
        """Align the two texts, and collect the statistics of what is to be projected."""
        require_columns(corpus, *MADE, "source_entities", "target_tokens")
        stage, view = super().prepare(_view(corpus), work)
        if not self.linked:
            return Prepared(stage, corpus)
        made_by = (view.schema.metadata or {})[LINKS_MADE_BY]
        return Prepared(stage, beside(corpus, {LINKED: view}, {LINKED_BY: made_by}))

    def batches(self, corpus: Corpus, report: Report) -> Iterator[pa.RecordBatch]:
        require_columns(corpus, *MADE, "source_entities", "target_tokens")
        made = super().batches(_view(corpus), report)
        outcomes: Counter[str] = Counter(dict.fromkeys(outcomes_of("align_tgt"), 0))
        for pair in zip(rechunk(corpus.batches()), rechunk(made), strict=True):
            batch = _brought(*pair)
            if LINKED in corpus.columns:
                batch = replace_columns(batch, {}, drop=[LINKED], metadata={LINKED_BY: None})
            outcomes.update(batch["outcomes"].flatten().to_pylist())
            yield batch
        report.replace(entities=outcomes.total(), outcomes=outcomes)
        made_by = (corpus.schema.metadata or {}).get(MADE_BY, b"given").decode()
        report.signature += f"|align_tgt({made_by})"


align_tgt = function_of(AlignTarget)


def _brought(batch: pa.RecordBatch, made: pa.RecordBatch) -> pa.RecordBatch:
    """The projection of the back-translation, in terms of the source entities."""
    entities, outcomes = [], []
    rows = zip(
        batch["back_entities"].to_pylist(),
        batch["back_outcomes"].to_pylist(),
        made["target_entities"].to_pylist(),
        made["outcomes"].to_pylist(),
        strict=True,
    )
    for back, crossed, found, reached in rows:
        if any(e["source"] is None for e in back):
            raise InputError(
                "an entity in back_entities has no source, the index of its entity in "
                "source_entities; write the column with xner.back_translate"
            )
        own = list(crossed)
        for entity, outcome in zip(back, reached, strict=True):
            own[entity["source"]] = outcome
        entities.append([{**e, "source": back[e["source"]]["source"]} for e in found])
        outcomes.append(own)
    columns = {
        "target_entities": pa.array(entities, ENTITIES),
        "outcomes": pa.array(outcomes, TOKENS),
        "solution": made["solution"],
    }
    placed = with_entity_offsets(columns, batch, "target")
    return replace_columns(batch, placed, metadata=made.schema.metadata or {})
