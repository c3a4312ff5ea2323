"""The stages `tag` and `candidates`: entities, or their spans, on one side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import pyarrow as pa

from xner._version import __version__
from xner.characters import entity_types, with_entity_offsets
from xner.columns import TAGGED_BY, replace_columns, types_of, with_columns
from xner.corpus import Corpus, require, spans_of, with_candidates, without_bad_candidates
from xner.effects import NOTHING, Rule, rule, rules_of, when
from xner.errors import MissingExtraError, UsageError
from xner.inference.record_batches import by_batch
from xner.options import declare, option, options_of
from xner.report import Figure, Report, absent_rows
from xner.services.client import checked_address
from xner.stages.base import Columns, Stage, function_of
from xner.stages.identified import with_ids
from xner.stages.tagged import Tags, tagged_columns
from xner.stages.used import SERVICE, Used
from xner.stages.work import Prepared, Work
from xner.tagging import KINDS, TAGGERS, Found, Tagged, Tagger, kind_of, make_tagger, missing_model
from xner.tagging.custom import as_tagger, checked
from xner.tagging.labels import Relabelled
from xner.tagging.options import TaggerOptions
from xner.tagging.spacy_pipeline import check_pipeline

_INTERVAL = 64
"""Sentences between two reports of progress."""


def _sorted(found: Counter[str]) -> dict[str, int]:
    return dict(sorted(found.items()))


def _dropped_rows(dropped: Counter[str]) -> list[tuple[str, str]]:
    rows = [(f"  {label}", f"{n:,}") for label, n in dropped.most_common()]
    return [("entities of dropped labels", f"{dropped.total():,}"), *rows] if rows else []


def _malformed_rows(malformed: int) -> list[tuple[str, str]]:
    return [("sentences without a usable answer", f"{malformed:,}")] if malformed else []


@declare
class Tagging(Stage, TaggerOptions):
    """A stage that runs a tagger on one side of a corpus."""

    figures: ClassVar[tuple[Figure, ...]] = (
        Figure("words"),
        Figure("entities", "entities", (), as_json=_sorted),
        Figure("windowed", "sentences in windows"),
        Figure("unread", "words the tagger cannot see"),
        Figure("dropped", start=(), as_json=_sorted, as_rows=_dropped_rows),
        Figure("renamed", start=(), as_json=_sorted, as_rows=absent_rows),
        Figure("malformed", as_rows=_malformed_rows),
        SERVICE,
    )

    effects: ClassVar[tuple[Rule, ...]] = rules_of(
        {name: options_of(kind.options) for name, kind in KINDS.items()},
        "kind",
        title="tagger",
        custom=["labels"],
    )

    tagger: str | Tagger = option(
        "checkpoint",
        "Tagger: checkpoint, spacy, gliner, llm or module:name. `checkpoint` is a "
        "token-classification model, `spacy` a pipeline of spaCy, `llm` a language model at an "
        "address; `module:name` is your own function (docs/plugins.md).",
        choices=TAGGERS,
        adapt=as_tagger,
        group="model",
    )

    def check(self) -> None:
        super().check()
        if isinstance(self.tagger, str):
            kind, _ = kind_of(self.tagger, self.model)
            if getattr(self, "probabilities", False) and not KINDS[kind].probabilities:
                raise UsageError(
                    f"the tagger {kind} gives no probabilities; leave out probabilities, or use a "
                    f"checkpoint"
                )

    def make_tagger(self) -> Tagger:
        """The tagger with its options.

        Raises:
            UsageError: no model is named, or options are given for an object.
            InputError: the model cannot be loaded, or is not a tagger.
            MissingExtraError: torch or transformers is not installed.
        """
        given = self._given
        if isinstance(self.tagger, str):
            kind, model = kind_of(self.tagger, self.model)
            return make_tagger(kind, {**given, "model": model})
        labels = given.get("labels")
        return self.tagger if labels is None else Relabelled(self.tagger, labels)

    @property
    def kind(self) -> str:
        """The kind of the tagger, by its name or that of its model; empty for a custom one."""
        return kind_of(self.tagger, self.model)[0] if isinstance(self.tagger, str) else ""

    @property
    def _given(self) -> dict[str, Any]:
        """The options of taggers that differ from their defaults."""
        options = options_of(TaggerOptions)
        given = {name: getattr(self, name) for name in options}
        return {name: value for name, value in given.items() if value != options[name].default}

    def ready(self) -> None:
        super().ready()
        if isinstance(self.tagger, str):
            kind, model = kind_of(self.tagger, self.model)
            if model is None:
                raise missing_model(kind)
            package, extra = KINDS[kind].package
            if package and find_spec(package) is None:
                raise MissingExtraError(package, extra)
            if kind == "spacy":
                check_pipeline(str(model))
            if kind == "llm":
                checked_address(self.address)

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
        tags = Tags.of(tagger)
        if probabilities and not tags.names:
            raise UsageError(
                f"the tagger {tagger.signature} gives no probabilities; leave out probabilities, "
                f"or use a checkpoint"
            )
        if isinstance(tagger, Relabelled):
            report.add(renamed=dict.fromkeys(tagger.unchecked, 0))
        self.tell("tag", 0.0)

        def sentences(batch: pa.RecordBatch) -> list[list[str]]:
            require(batch, f"{side}_tokens")
            words: list[list[str]] = batch[f"{side}_tokens"].to_pylist()
            return words

        def results_of(items: Iterator[list[str]]) -> Iterator[Tagged | Found]:
            for done, result in enumerate(checked(tagger, items), 1):
                if done % _INTERVAL == 0:
                    self.tell("tag", done / max(1, len(corpus)))
                yield result

        found = with_ids(corpus, by_batch(corpus.batches(), sentences, results_of))
        used = Used(tagger)
        for batch, results in found:
            report.add(service=used.since())
            yield batch, tagged_columns(batch, results, tags, report, side, probabilities), tagger
        self.tell("tag", 1.0)


@declare
class Tag(Tagging):
    """Find the entities of one side of a corpus with a tagger.

    Entities that the corpus has on that side are replaced, and columns that depend on them are
    dropped (docs/data.md).

    Returns:
        The corpus in memory with the column `source_entities` or `target_entities`; the score of
        an entity is the mean probability of the tags of its words. With `probabilities` also
        `source_probabilities` and `source_tagset`. `.report` counts entities by label.

    Raises:
        InputError: a column is missing, or the model cannot be loaded or is not a tagger.
        UsageError: an option is unknown or out of its range.
        ResourceError: a sentence does not fit into the memory of the device.
        MissingExtraError: torch or transformers is not installed.

    Example:
        >>> from xner.tagging.fake import FakeTagger  # a word list; `model=` names a checkpoint
        >>> tagger = FakeTagger({"Ada": "PER", "Rome": "LOC"})
        >>> tagged = xner.tag([["Ada", "lives", "in", "Rome"]], tagger=tagger)
        >>> [(entity.text, entity.label) for entity in tagged[0].entities]
        [('Ada', 'PER'), ('Rome', 'LOC')]
    """

    name: ClassVar[str] = "tag"

    side: Literal["source", "target"] = option(
        "source",
        "Side to tag.",
        group="input",
    )
    probabilities: bool = option(False, "Keep the probabilities of all tags as columns.")

    @property
    def columns(self) -> Columns:
        """It needs the words of the side."""
        more = ("probabilities", "tagset") if self.probabilities else ()
        made = tuple(f"{self.side}_{name}" for name in ("entities", *more, "entity_offsets"))
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
            be loaded or is not a tagger.
        UsageError: an option is unknown, out of its range or without effect.
        MissingExtraError: torch or transformers is not installed.

    Example:
        >>> words, spans = ["Ada", "lives", "in", "Rome"], [(0, 1, "PER"), (3, 4, "LOC")]
        >>> pair = (words, spans, ["Ada", "wohnt", "in", "Rom"])
        >>> from xner.tagging.fake import FakeTagger
        >>> tagged = xner.candidates([pair], tagger=FakeTagger({"Ada": "PER", "Rom": "LOC"}))
        >>> tagged[0]["target_candidates"]
        [{'start': 0, 'end': 1}, {'start': 3, 'end': 4}]
        >>> out = xner.project(tagged, candidates="spans")
    """

    name: ClassVar[str] = "candidates"
    figures: ClassVar[tuple[Figure, ...]] = (*Tagging.figures, Figure("spans", "candidates"))

    effects: ClassVar[tuple[Rule, ...]] = (
        *Tagging.effects,
        rule({*options_of(Tagging), "probabilities"} - {"progress"}, when(spans_from=NOTHING)),
    )

    spans_from: Path | None = option(
        None,
        "Labelled target file to take the spans from instead of running a model. It has the same "
        "words, row by row, with entities or target_candidates (.conll .jsonl .parquet).",
        flag="--from",
        unit="FILE",
        names="file",
        group="input",
    )
    probabilities: bool = option(False, "Keep the probabilities of all tags as columns.")

    @property
    def costly(self) -> bool:
        """Whether it runs a model."""
        return self.spans_from is None

    def ready(self) -> None:
        if self.spans_from is None:
            super().ready()

    def fitting(self, corpus: Corpus) -> Corpus:
        if self.spans_from is None:
            return corpus
        return without_bad_candidates(corpus, self.spans_from)

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
        more = ("target_probabilities", "target_tagset") if self.probabilities else ()
        return Columns(("target_tokens",), ("target_candidates", *more))

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
    made = ("outcomes", "probabilities", "solution", "scored_candidates")
    stale = (*made, f"{side}_tagset", f"{side}_probabilities")
    projected = ("target_entities",) if side == "source" and "outcomes" in columns else ()
    return stale + projected
