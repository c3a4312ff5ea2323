"""The stages `tag` and `candidates`: entities, or their spans, on one side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xner._version import __version__
from xner.characters import entity_types, with_entity_offsets
from xner.columns import (
    ENTITIES,
    PROBABILITIES,
    TAGGED_BY,
    lengths_of,
    replace_columns,
    types_of,
    with_columns,
)
from xner.corpus import Corpus, require, spans_of, with_candidates
from xner.errors import SchemeError, UsageError
from xner.inference.record_batches import by_batch
from xner.options import declare, option, options_of
from xner.report import Figure, Report
from xner.schemes import Spans, decode, parse_tag
from xner.stages.base import Columns, Stage, function_of
from xner.stages.work import Prepared, Work
from xner.tagging import TAGGERS, Floats, Tagged, Tagger, make_tagger
from xner.tagging.options import TaggerOptions

Int32 = NDArray[np.int32]
_INTERVAL = 64
"""Sentences between two reports of progress."""


@declare
class Tagging(Stage, TaggerOptions):
    """A stage that runs a tagger on one side of a corpus."""

    figures: ClassVar[tuple[Figure, ...]] = (
        Figure("words"),
        Figure("entities", "entities", (), as_json=lambda found: dict(sorted(found.items()))),
        Figure("windowed", "sentences in windows"),
        Figure("unread", "words the tagger cannot see"),
    )

    tagger: str | Tagger = option(
        "checkpoint",
        "Tagger: `checkpoint`, a token-classification model. In Python also an object with "
        "`tag(sentences)`, `tags` and `signature` (`xner.tagging.Tagger`).",
        choices=TAGGERS,
        flag="",
    )

    def make_tagger(self) -> Tagger:
        """The tagger with its options.

        Raises:
            UsageError: no model is named, or options are given for an object.
            InputError: the model cannot be loaded, or is no tagger.
            MissingExtraError: torch or transformers is not installed.
        """
        options = options_of(TaggerOptions)
        given = {name: getattr(self, name) for name in options}
        if isinstance(self.tagger, str):
            if self.model is None:
                raise UsageError("model is missing; give a hub id or a folder")
            return make_tagger(self.tagger, given)
        if idle := [name for name, value in given.items() if value != options[name].default]:
            raise UsageError(
                f"tagger is an object, so {idle[0]} would have no effect; leave it out"
            )
        return self.tagger

    @property
    def costly(self) -> bool:
        """It runs a model."""
        return True

    def loaded(self) -> Self:
        """The stage with its model in memory."""
        defaults = {name: o.default for name, o in options_of(TaggerOptions).items()}
        return replace(self, **defaults, tagger=self.make_tagger())

    def _tag(
        self, corpus: Corpus, report: Report, side: str, probabilities: bool
    ) -> Iterator[tuple[pa.RecordBatch, dict[str, pa.Array], Tagger]]:
        """Yield every batch with its new columns, and fill the report."""
        tagger = self.make_tagger()
        report.signature = f"xner:{__version__}|tagger:{tagger.signature}"
        tags = _Tags.of(tagger)
        self.tell("tag", 0.0)

        def sentences(batch: pa.RecordBatch) -> list[list[str]]:
            require(batch, f"{side}_tokens")
            words: list[list[str]] = batch[f"{side}_tokens"].to_pylist()
            return words

        def results_of(items: Iterator[list[str]]) -> Iterator[Tagged]:
            for done, result in enumerate(tagger.tag(items), 1):
                if done % _INTERVAL == 0:
                    self.tell("tag", done / max(1, len(corpus)))
                yield result

        for batch, results in by_batch(corpus.batches(), sentences, results_of):
            yield batch, _tagged(batch, results, tags, report, side, probabilities), tagger
        self.tell("tag", 1.0)


@declare
class Tag(Tagging):
    """Find the entities of one side of a corpus with a token-classification model.

    Entities that the corpus has on that side are replaced, and columns that depend on them are
    dropped (docs/data.md).

    Returns:
        The corpus in memory with the column `source_entities` or `target_entities`; the score of
        an entity is the mean probability of the tags of its words. With `probabilities` also
        `source_probabilities` and `source_tagset`. `.report` counts entities by label.

    Raises:
        InputError: a column is missing, or the model cannot be loaded or is no tagger.
        UsageError: an option is unknown or out of its range.
        ResourceError: a sentence does not fit into the memory of the device.
        MissingExtraError: torch or transformers is not installed.
    """

    name: ClassVar[str] = "tag"

    side: Literal["source", "target"] = option("source", "Side to tag.")
    probabilities: bool = option(False, "Keep the probabilities of all tags as columns.")

    @property
    def columns(self) -> Columns:
        """It needs the words of the side."""
        made = tuple(
            f"{self.side}_{name}"
            for name in ("entities", "probabilities", "tagset", "entity_offsets")
        )
        return Columns((f"{self.side}_tokens",), made)

    def schema(self, corpus: Corpus) -> pa.Schema:
        more = ["tagset", "probabilities"] if self.probabilities else []
        made = (f"{self.side}_{name}" for name in ["entities", *more])
        columns = entity_types(corpus.schema, self.side, *made)
        return with_columns(corpus.schema, columns, drop=_stale(self.side, corpus.columns))

    def batches(self, corpus: Corpus, report: Report) -> Iterator[pa.RecordBatch]:
        for batch, made, tagger in self._tag(corpus, report, self.side, self.probabilities):
            yield replace_columns(
                batch,
                with_entity_offsets(made, batch, self.side),
                drop=_stale(self.side, batch.schema.names),
                metadata={TAGGED_BY[self.side]: tagger.signature, b"xner.projection": None},
            )


@declare
class Candidates(Tagging):
    """Add spans of the target side as candidates, for `xner.project` with candidates `spans`.

    The spans are those that a tagger finds, or those of the entities in a file.

    Returns:
        The corpus with the column `target_candidates`; with `probabilities` also
        `target_probabilities` and `target_tagset`. `.report` counts spans by label.

    Raises:
        InputError: a column is missing, the file is bad or has other words, or the model cannot
            be loaded or is no tagger.
        UsageError: an option is unknown, out of its range or without effect.
        MissingExtraError: torch or transformers is not installed.
    """

    name: ClassVar[str] = "candidates"
    figures: ClassVar[tuple[Figure, ...]] = (*Tagging.figures, Figure("spans", "candidates"))

    spans_from: Path | None = option(
        None,
        "Take the spans from this labelled file instead of running a model: the target words, "
        "row by row, with entities or target_candidates (.conll .jsonl .parquet).",
        flag="--from",
        unit="FILE",
        names="file",
    )
    probabilities: bool = option(False, "Keep the probabilities of all tags as columns.")

    def check(self) -> None:
        if self.spans_from is not None and (self.tagger != "checkpoint" or self.probabilities):
            idle = "probabilities" if self.probabilities else "tagger"
            raise UsageError(f"spans are read from a file, so {idle} would have no effect")

    @property
    def costly(self) -> bool:
        """Whether it runs a model."""
        return self.spans_from is None

    def loaded(self) -> Self:
        return self if self.spans_from is not None else super().loaded()

    def prepare(self, corpus: Corpus, work: Work) -> Prepared:
        """Open the file, if spans are read from one."""
        if self.spans_from is None:
            return Prepared(self, corpus)
        return Prepared(KeepCandidates(), with_candidates(corpus, self.spans_from))

    def stream(self, corpus: Corpus) -> Corpus:
        if self.spans_from is None:
            return super().stream(corpus)
        stage = KeepCandidates(progress=self.progress)
        return stage.stream(with_candidates(corpus, self.spans_from))

    @property
    def columns(self) -> Columns:
        """It needs the words of the target."""
        made = ("target_candidates", "target_probabilities", "target_tagset")
        return Columns(("target_tokens",), made)

    def schema(self, corpus: Corpus) -> pa.Schema:
        more = ["target_tagset", "target_probabilities"] if self.probabilities else []
        return with_columns(corpus.schema, types_of("target_candidates", *more))

    def batches(self, corpus: Corpus, report: Report) -> Iterator[pa.RecordBatch]:
        for batch, made, tagger in self._tag(corpus, report, "target", self.probabilities):
            spans = spans_of(made.pop("target_entities"))
            report.add(spans=len(spans.flatten()))
            columns = {"target_candidates": spans, **made}
            metadata = {TAGGED_BY["target"]: tagger.signature}
            yield replace_columns(batch, columns, metadata=metadata)


@declare
class KeepCandidates(Stage):
    """Passes on a corpus with target candidates, and counts them."""

    name: ClassVar[str] = "candidates"
    figures: ClassVar[tuple[Figure, ...]] = Candidates.figures

    @property
    def columns(self) -> Columns:
        """It needs candidates."""
        return Columns(("target_tokens", "target_candidates"), ("target_candidates",))

    def batches(self, corpus: Corpus, report: Report) -> Iterator[pa.RecordBatch]:
        made_by = (corpus.schema.metadata or {})[TAGGED_BY["target"]].decode()
        report.signature = f"xner:{__version__}|candidates:{made_by}"
        for batch in corpus.batches():
            words, spans = (len(batch[name].flatten()) for name in self.columns.needs)
            report.add(sentences=batch.num_rows, words=words, spans=spans)
            yield batch


tag = function_of(Tag)
candidates = function_of(Candidates)


def _stale(side: str, columns: Sequence[str]) -> tuple[str, ...]:
    """Columns that depend on the entities that are replaced."""
    stale = ("outcomes", "solution", "scored_candidates", f"{side}_tagset", f"{side}_probabilities")
    projected = ("target_entities",) if side == "source" and "outcomes" in columns else ()
    return stale + projected


@dataclass(frozen=True, slots=True)
class _Tags:
    """The parsed tags of a tagger.

    Attributes:
        names: names of the tags.
        codes: uint8 (tags), position codes of `xner.schemes`.
        label: int32 (tags), index into `labels`; -1 for O.
        labels: distinct labels.
    """

    names: Sequence[str]
    codes: NDArray[np.uint8]
    label: Int32
    labels: list[str]

    @classmethod
    def of(cls, tagger: Tagger) -> _Tags:
        try:
            parsed = [parse_tag(name) for name in tagger.tags]
        except SchemeError as error:
            raise UsageError(f"the tagger {tagger.signature}: {error}") from None
        labels = sorted({label for _, label in parsed if label})
        index = {label: i for i, label in enumerate(labels)}
        return cls(
            list(tagger.tags),
            np.array([code for code, _ in parsed], np.uint8),
            np.array([index.get(label, -1) for _, label in parsed], np.int32),
            labels,
        )


def _tagged(
    batch: pa.RecordBatch,
    results: list[Tagged],
    tags: _Tags,
    report: Report,
    side: str,
    probabilities: bool,
) -> dict[str, pa.Array]:
    """The new columns of a batch; its counts are added to the report."""
    lengths = lengths_of(batch[f"{side}_tokens"])
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    found = _numbers(results, lengths, len(tags.names))
    chosen = found.argmax(axis=1)
    spans = decode(tags.codes[chosen], tags.label[chosen], offsets)
    names = pa.array(tags.labels, pa.string()).take(pa.array(spans.label))
    made = {f"{side}_entities": _entities(spans, offsets, found.max(axis=1, initial=0.0), names)}
    if probabilities:
        made[f"{side}_tagset"] = _repeated(tags.names, batch.num_rows)
        made[f"{side}_probabilities"] = _nested(found, offsets)
    report.add(
        sentences=batch.num_rows,
        words=int(offsets[-1]),
        entities=names.to_pylist(),
        windowed=sum(result.windows > 1 for result in results),
        unread=sum(result.unread for result in results),
    )
    return made


def _numbers(results: list[Tagged], lengths: Int32, tags: int) -> Floats:
    """float32 (words x tags) of all sentences.

    Raises:
        UsageError: a tagger gave too few or too many.
    """
    for result, length in zip(results, lengths, strict=True):
        if result.probabilities.shape != (length, tags):
            raise UsageError(
                f"the tagger gave probabilities of shape {result.probabilities.shape} for "
                f"{length} words and {tags} tags"
            )
    return np.concatenate([result.probabilities for result in results]).astype(np.float32)


def _entities(spans: Spans, offsets: Int32, likely: Floats, labels: pa.Array) -> pa.ListArray:
    """The entities, each scored with the mean of its words' probabilities."""
    base = np.repeat(offsets[:-1], np.diff(spans.offsets))
    sums = np.concatenate([[0.0], np.cumsum(likely, dtype=np.float64)])
    score = (sums[base + spans.end] - sums[base + spans.start]) / (spans.end - spans.start)
    values = pa.StructArray.from_arrays(
        [
            pa.array(spans.start),
            pa.array(spans.end),
            labels,
            pa.array(score.astype(np.float32)),
            pa.nulls(len(score), pa.int32()),
        ],
        fields=list(ENTITIES.value_type),
    )
    return pa.ListArray.from_arrays(pa.array(spans.offsets), values)


def _repeated(names: Sequence[str], rows: int) -> pa.ListArray:
    return pa.array([list(names)], pa.list_(pa.string())).take(pa.array([0] * rows, pa.int32()))


def _nested(found: Floats, offsets: Int32) -> pa.ListArray:
    """Words x tags of every row, as lists of lists."""
    words, tags = found.shape
    edges = np.arange(words + 1, dtype=np.int64) * tags
    inner = pa.ListArray.from_arrays(pa.array(edges, pa.int32()), pa.array(found.reshape(-1)))
    return pa.ListArray.from_arrays(pa.array(offsets), inner).cast(PROBABILITIES)
