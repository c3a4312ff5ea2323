"""The stage `easyproject`: translation with markers, and links where markers are lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, Literal

import pyarrow as pa

from xner.aligners import ALIGNERS, Aligner
from xner.aligners.custom import as_aligner
from xner.characters import entity_types, with_entity_offsets
from xner.columns import (
    LINKS_MADE_BY,
    TOKENS,
    TRANSLATION_MADE_BY,
    replace_columns,
    with_columns,
)
from xner.corpus import Corpus
from xner.effects import when
from xner.errors import InputError
from xner.options import declare, option
from xner.report import Figure, Report
from xner.stages.base import Columns, function_of
from xner.stages.fallback import FIGURES, UNMARKED, counted, prepared
from xner.stages.marking import (
    Crossing,
    Marking,
    columns_of,
    crossings,
    markers_option,
    threshold_option,
)
from xner.stages.translate import Translating
from xner.stages.work import AllAtOnce, Prepared, Work

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

    Example:
        >>> from xner.translation.fake import FakeTranslator  # word by word, without a model
        >>> translator = FakeTranslator({"lives": "wohnt", "Rome": "Rom"})
        >>> sentence = (["Ada", "lives", "in", "Rome"], [(0, 1, "PER"), (3, 4, "LOC")])
        >>> out = xner.easyproject([sentence], "eng", "deu", translator=translator)
        >>> [(entity.text, entity.label) for entity in out[0].entities], out[0].outcomes
        ([('Ada', 'PER'), ('Rom', 'LOC')], ['marked', 'marked'])
    """

    name: ClassVar[str] = "easyproject"
    figures: ClassVar[tuple[Figure, ...]] = FIGURES

    markers: Literal["brackets", "xml"] = markers_option(("brackets", "xml"))
    threshold: float = threshold_option()
    fallback: Literal["align", "none"] = option(
        "align",
        "Entities whose markers are lost: `align` projects them along links, `none` leaves them "
        "out.",
        group="alignment",
    )
    aligner: str | Aligner = option(
        "native",
        "Word aligner of the fallback.",
        choices=ALIGNERS,
        adapt=as_aligner,
        when=when(fallback="align"),
        group="alignment",
    )
    aligner_options: Mapping[str, Any] = option(
        {},
        "Options of the aligner, such as `{'seed': 1}`.",
        flag="",
        when=when(fallback="align"),
    )

    @property
    def columns(self) -> Columns:
        """It needs labelled source text."""
        return Columns(
            needs=("source_tokens", "source_entities"),
            makes=(*MADE, "target_entity_offsets", "translation_outcome", "links"),
            uses=("source_text", "source_offsets"),
            replaces=True,
        )

    def schema(self, corpus: Corpus) -> pa.Schema:
        links = ["links"] if self.fallback == "align" else []
        columns = entity_types(corpus.schema, "target", *MADE, "translation_outcome", *links)
        metadata = {LINKS_MADE_BY: None}
        return with_columns(corpus.schema, columns, drop=("links",), metadata=metadata)

    def prepare(self, corpus: Corpus, work: Work) -> Prepared:
        """Translate and align all rows, if there is a fallback: it learns from all of them."""
        self._check_columns(corpus)
        return Prepared(self, corpus) if self.fallback == "none" else prepared(self, corpus, work)

    def batches(self, corpus: Corpus, report: Report) -> Iterator[pa.RecordBatch]:
        self._check_columns(corpus)
        if self.fallback == "align" and len(corpus):
            with TemporaryDirectory(prefix="xner-") as folder:
                made = self.prepare(corpus, AllAtOnce(Path(folder), len(corpus), self.tell))
                yield from replace(made.stage, progress=self.progress).batches(made.corpus, report)
            return
        for batch in self.marked(corpus):
            report.signature = batch.schema.metadata[TRANSLATION_MADE_BY].decode()
            yield counted(batch, report)

    def marked(self, corpus: Corpus) -> Iterator[pa.RecordBatch]:
        """Translate every batch with markers."""
        marking = Marking(*self.languages, self.make_translator(), self.markers, self.threshold)
        for batch, crossed in crossings(corpus, marking, "translate", self.tell):
            yield _with_target(batch, crossed, marking)

    def _check_columns(self, corpus: Corpus) -> None:
        if held := [name for name in MADE if name in corpus.columns]:
            raise InputError(
                f"{corpus.origin}: already has {', '.join(held)}; remove them to translate it"
            )


easyproject = function_of(EasyProject)


def _with_target(
    batch: pa.RecordBatch, crossed: list[Crossing], marking: Marking
) -> pa.RecordBatch:
    """The batch with the target side and the entities whose markers survived."""
    columns = columns_of(crossed, "target")
    columns["outcomes"] = pa.array([one.outcomes for one in crossed], TOKENS)
    columns["translation_outcome"] = pa.array([one.translation for one in crossed], pa.string())
    columns[UNMARKED] = pa.array([one.unmarked for one in crossed], pa.bool_())
    return replace_columns(
        batch,
        with_entity_offsets(columns, batch, "target"),
        drop=("links",),
        metadata={TRANSLATION_MADE_BY: marking.signature, LINKS_MADE_BY: None},
    )
