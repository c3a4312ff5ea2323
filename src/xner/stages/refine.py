"""The stage `refine`: direct links completed by those through a back-translation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar, Literal, Self

import pyarrow as pa

from xner.columns import LINKS, LINKS_MADE_BY, replace_columns, with_columns
from xner.corpus import Batches, Corpus
from xner.corpus.beside import beside
from xner.links import average, back_off, compose
from xner.options import declare, option
from xner.report import Report
from xner.stages.align import Align
from xner.stages.aligner_options import AlignerOptions, is_random, without_seed
from xner.stages.back_translate import MADE_BY
from xner.stages.base import Columns, Stage, function_of, require_columns
from xner.stages.linking import linked
from xner.stages.work import AllAtOnce, Prepared, Work

_AROUND = ("xner.there", "xner.onward")
"""Columns of links from source to back-translation, and on to the target."""


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

    Example:
        >>> words, spans = ["Ada", "lives", "in", "Rome"], [(0, 1, "PER"), (3, 4, "LOC")]
        >>> pair = (words, spans, ["Ada", "wohnt", "in", "Rom"])
        >>> from xner.translation.fake import FakeTranslator  # word by word, without a model
        >>> translator = FakeTranslator({"lives": "wohnt", "Rome": "Rom"})
        >>> back = xner.back_translate([pair], "eng", "deu", translator=translator, markers="none")
        >>> refined = xner.refine(back)
        >>> [(link.source, link.target) for link in refined[0].links]
        [(0, 0), (1, 1), (2, 2), (3, 3)]
    """

    name: ClassVar[str] = "refine"

    combine: Literal["backoff", "average"] = option(
        "backoff",
        "How direct links and links through the back-translation are combined: `backoff` uses the "
        "latter only between words without direct links, `average` takes half the sum of both "
        "weights.",
        group="alignment",
    )
    paths: Literal["noisy-or", "sum"] = option(
        "noisy-or",
        "How the weights of several paths between two words are added up (`xner.links`).",
        group="alignment",
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

    @property
    def costly(self) -> bool:
        """Whether the aligner runs a model."""
        return self.pretrained

    def schema(self, corpus: Corpus) -> pa.Schema:
        return with_columns(corpus.schema, {"links": LINKS})

    def prepare(self, corpus: Corpus, work: Work) -> Prepared:
        """Align all rows: the aligner learns from all of them."""
        require_columns(corpus, "source_tokens", "target_tokens", "back_tokens")
        align = Align.of(
            {"aligner": self.aligner, **self.aligner_options, "progress": self.progress}
        )
        direct = corpus if "links" in corpus.columns else linked(align, corpus, work)
        there = linked(align, _view(corpus, "source_tokens", "back_tokens"), work, "align_there")
        onward = linked(align, _view(corpus, "back_tokens", "target_tokens"), work, "align_onward")
        makers = [_made_by(direct, LINKS_MADE_BY), self.combine, self.paths]
        makers += [_made_by(onward, LINKS_MADE_BY), _made_by(corpus, MADE_BY)]
        stage = CombineLinks(
            combine=self.combine, paths=self.paths, made_by=f"refine({','.join(makers)})"
        )
        around = dict(zip(_AROUND, (there, onward), strict=True))
        return Prepared(stage, beside(direct, around, {}))

    def batches(self, corpus: Corpus, report: Report) -> Iterator[pa.RecordBatch]:
        if not len(corpus):
            require_columns(corpus, "source_tokens", "target_tokens", "back_tokens")
            return
        with TemporaryDirectory(prefix="xner-") as folder:
            made = self.prepare(corpus, AllAtOnce(Path(folder), len(corpus), self.tell))
            yield from made.stage.batches(made.corpus, report)


refine = function_of(Refine)


def _made_by(corpus: Corpus, key: bytes) -> str:
    """The signature of a column, by its key in the metadata of the schema."""
    made: bytes = (corpus.schema.metadata or {}).get(key, b"given")
    return made.decode()


def _view(corpus: Corpus, source: str, target: str) -> Corpus:
    """Two token columns as the sides of a corpus."""
    corpus = corpus.select(source, target)
    names = {"source_tokens": source, "target_tokens": target}
    schema = pa.schema([(new, corpus.schema.field(old).type) for new, old in names.items()])
    return Corpus(_View(corpus, names), len(corpus), corpus.origin, schema)


@declare
class CombineLinks(Stage):
    """Combines direct links with those through the back-translation, which are columns.

    Attributes:
        combine, paths: as in `Refine`.
        made_by: signature of the result.
    """

    name: ClassVar[str] = "refine"

    combine: str = field(kw_only=True)
    paths: str = field(kw_only=True)
    made_by: str = field(kw_only=True)

    @property
    def columns(self) -> Columns:
        """It needs three columns of links."""
        return Columns(("links", *_AROUND), ("links",), replaces=True)

    def schema(self, corpus: Corpus) -> pa.Schema:
        return with_columns(corpus.schema, {"links": LINKS}, drop=_AROUND)

    def batches(self, corpus: Corpus, report: Report) -> Iterator[pa.RecordBatch]:
        report.signature = self.made_by
        metadata = {LINKS_MADE_BY: self.made_by}
        join = back_off if self.combine == "backoff" else average
        for batch in corpus.batches():
            there, onward = (batch[name] for name in _AROUND)
            around = compose(there, onward, self.paths)
            report.add(sentences=batch.num_rows)
            links = join(batch["links"], around)
            yield replace_columns(batch, {"links": links}, drop=_AROUND, metadata=metadata)


@dataclass(frozen=True)
class _View:
    """Two token columns as the sides of a corpus; columns by their new names."""

    corpus: Corpus
    names: Mapping[str, str]

    def __call__(self) -> Batches:
        return self.between(0, len(self.corpus))

    def between(self, first: int, last: int) -> Batches:
        for batch in self.corpus.part(first, last).batches():
            yield pa.RecordBatch.from_pydict({new: batch[old] for new, old in self.names.items()})
