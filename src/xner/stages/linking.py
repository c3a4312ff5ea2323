"""Word links as a job makes them: once, into files that all parts read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import pyarrow as pa

from xner.aligners.encode import SIDES
from xner.columns import LINKS_MADE_BY
from xner.corpus import Corpus
from xner.corpus.spilled import spill_links, with_spilled_links
from xner.options import declare
from xner.report import Figure, Progress, Report
from xner.stages.base import Columns, Stage
from xner.stages.work import Make, Work

if TYPE_CHECKING:
    from xner.stages.align import FittedOptions

FIGURES = (Figure("links"),)
_FILE = "links.arrow"
_MODEL = "model.npz"


def linked(stage: FittedOptions, corpus: Corpus, work: Work, step: str = "align") -> Corpus:
    """The corpus with links, which are kept in files.

    A pretrained encoder or a fitted model aligns each part alone. The native aligner is fitted on a
    sample of a large corpus first. Other aligners, and the native aligner of a smaller corpus,
    align all of it at once. `step` names the step.
    """
    if stage.samples(corpus):

        def fit(folder: Path) -> None:
            stage.fit(corpus).save(folder / _MODEL)

        stage = stage.with_model(work.once(f"{step}-fit", fit) / _MODEL)
    if stage.by_part:
        maker = AlignPart(replace(stage, progress=None))
        # Chosen here, so that all parts share one reader of each file.
        words = corpus.select(*SIDES) if maker.threaded else corpus
        folders = work.each(step, words, maker)
        return with_spilled_links(corpus, [f / _FILE for f in folders], work.part_rows)

    def align(folder: Path) -> None:
        spill_links(stage.link(corpus).batches(), folder / _FILE)

    return with_spilled_links(corpus, [work.once(step, align) / _FILE], len(corpus))


@dataclass(frozen=True, slots=True)
class AlignPart:
    """Aligns parts one by one.

    Attributes:
        stage: has the aligner and its options.
    """

    stage: FittedOptions

    @property
    def threaded(self) -> bool:
        """Whether the aligner is a fitted model."""
        return not self.stage.pretrained

    def load(self) -> Make:
        """Load the model of the aligner."""
        stage = self.stage.with_aligner()

        def make(part: Corpus, folder: Path, tell: Progress) -> Report:
            made = replace(stage, progress=tell).link(part)
            spill_links(made.batches(), folder / _FILE)
            return made.report

        return make


@declare
class KeepLinks(Stage):
    """Passes on a corpus with links, and counts them."""

    name: ClassVar[str] = "align"
    figures: ClassVar[tuple[Figure, ...]] = FIGURES

    @property
    def threaded(self) -> bool:
        """It only reads and counts."""
        return True

    @property
    def columns(self) -> Columns:
        """It needs links."""
        return Columns(("links",), ("links",))

    def batches(self, corpus: Corpus, report: Report) -> Iterator[pa.RecordBatch]:
        report.signature = (corpus.schema.metadata or {})[LINKS_MADE_BY].decode()
        for batch in corpus.batches():
            report.add(sentences=batch.num_rows, links=len(batch["links"].flatten()))
            yield batch
