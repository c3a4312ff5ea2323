"""The stage `refine`: direct links completed by those through a back-translation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal, Self

import pyarrow as pa

from xner.columns import LINKS, LINKS_MADE_BY, replace_columns, with_columns
from xner.corpus import Corpus
from xner.errors import UsageError
from xner.links import average, back_off, compose
from xner.options import declare, option
from xner.report import Report
from xner.stages.align import Align, AlignerOptions, is_random, without_seed
from xner.stages.back_translate import MADE_BY
from xner.stages.base import Columns, function_of, require_columns
from xner.stages.work import Prepared, Work


@declare
class Refine(AlignerOptions):
    """Complete the links from source to target with those through the back-translation.

    The corpus has both sides and `back_tokens`. Its links are the direct ones; without the column
    `links`, it is aligned.

    Returns:
        The corpus in memory with the column `links`.

    Raises:
        InputError: a column is missing.
        UsageError: an option is unknown, out of its range or without effect.
    """

    name: ClassVar[str] = "refine"

    combine: Literal["backoff", "average"] = option(
        "backoff",
        "How direct links and links through the back-translation are combined: `backoff` uses the "
        "latter only between words without direct links, `average` takes half the sum of both "
        "weights.",
    )
    paths: Literal["noisy-or", "sum"] = option(
        "noisy-or",
        "How the weights of several paths between two words are added up (`xner.links`).",
    )

    @classmethod
    def of(cls, settings: Mapping[str, object]) -> Self:
        """The stage with settings from an experiment file (see `Align.of`)."""
        return super().of(without_seed(settings))

    @property
    def columns(self) -> Columns:
        """It needs both sides and the back-translation."""
        return Columns(
            needs=("source_tokens", "target_tokens", "back_tokens"),
            makes=("links",),
            uses=("links",),
            replaces=True,
        )

    @property
    def seeded(self) -> bool:
        """Whether another seed, or another run, gives other links."""
        return is_random(self.aligner)

    def require(self) -> None:
        """Raise MissingExtraError if the package of the aligner is not installed."""
        self.make_aligner()

    def prepare(self, corpus: Corpus, work: Work) -> Prepared:
        """Raise UsageError: it aligns three bitexts as a whole."""
        raise UsageError("refine does not run in parts; call xner.refine, or use xner run")

    def schema(self, corpus: Corpus) -> pa.Schema:
        return with_columns(corpus.schema, {"links": LINKS})

    def batches(self, corpus: Corpus, report: Report) -> Iterator[pa.RecordBatch]:
        require_columns(corpus, "source_tokens", "target_tokens", "back_tokens")
        align = Align.of(
            {"aligner": self.aligner, **self.aligner_options, "progress": self.progress}
        )
        direct = corpus if "links" in corpus.columns else align(corpus)
        there = align(_view(corpus, "source_tokens", "back_tokens"))
        onward = align(_view(corpus, "back_tokens", "target_tokens"))
        makers = [_made_by(direct, LINKS_MADE_BY), self.combine, self.paths]
        makers += [_made_by(onward, LINKS_MADE_BY), _made_by(corpus, MADE_BY)]
        report.signature = f"refine({','.join(makers)})"
        metadata = {LINKS_MADE_BY: report.signature}
        join = back_off if self.combine == "backoff" else average
        for batch, first, second in zip(
            direct.batches(), there.batches(), onward.batches(), strict=True
        ):
            around = compose(first["links"], second["links"], self.paths)
            report.add(sentences=batch.num_rows)
            links = join(batch["links"], around)
            yield replace_columns(batch, {"links": links}, metadata=metadata)


refine = function_of(Refine)


def _made_by(corpus: Corpus, key: bytes) -> str:
    """The signature of a column, by its key in the metadata of the schema."""
    made: bytes = (corpus.schema.metadata or {}).get(key, b"given")
    return made.decode()


def _view(corpus: Corpus, source: str, target: str) -> Corpus:
    """Two token columns as the sides of a corpus."""
    names = {"source_tokens": source, "target_tokens": target}

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in corpus.batches():
            yield pa.RecordBatch.from_pydict({new: batch[old] for new, old in names.items()})

    schema = pa.schema([(new, corpus.schema.field(old).type) for new, old in names.items()])
    return Corpus(batches, len(corpus), corpus.origin, schema)
