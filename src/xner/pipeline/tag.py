"""The tagging stage: the words of one side get entities."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xner._version import __version__
from xner.columns import ENTITIES, PROBABILITIES, TAGGED_BY, lengths_of
from xner.corpus import Corpus, require
from xner.errors import SchemeError, UsageError
from xner.inference.record_batches import by_batch
from xner.schemes import Spans, decode, parse_tag
from xner.tagging import Floats, Tagged, Tagger, make_tagger

Int32 = NDArray[np.int32]
_TELL = 64
"""Sentences between two reports of progress."""


@dataclass
class Summary:
    """What tagging did, and what made it.

    Attributes:
        signature: version, tagger and its settings.
        sentences: rows seen.
        words: words seen.
        entities: entities found, by label.
        windowed: sentences that were read in several windows.
        unread: words that the tagger could not see; they have the tag O.
        seconds: wall time, loading the model, reading and writing included.
    """

    signature: str = ""
    sentences: int = 0
    words: int = 0
    entities: Counter[str] = field(default_factory=Counter)
    windowed: int = 0
    unread: int = 0
    seconds: float = 0.0

    @property
    def sentences_per_second(self) -> float:
        """Rows per second of wall time."""
        return self.sentences / self.seconds if self.seconds else 0.0

    def as_dict(self) -> dict[str, Any]:
        """The summary as it stands in `--json`."""
        return {
            "sentences": self.sentences,
            "words": self.words,
            "entities": dict(sorted(self.entities.items())),
            "windowed": self.windowed,
            "unread": self.unread,
            "seconds": round(self.seconds, 4),
            "sentences_per_second": round(self.sentences_per_second, 1),
            "signature": self.signature,
        }


class Tagging(Corpus):
    """A corpus with the entities of one side, and the summary of their making."""

    summary: Summary


def tag(
    corpus: Corpus,
    *,
    side: str = "source",
    tagger: str | Tagger = "checkpoint",
    model: str | None = None,
    labels: Mapping[str, str | None] | None = None,
    probabilities: bool = False,
    temperature: float = 1.0,
    device: str = "auto",
    precision: str = "auto",
    batch_tokens: int | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> Tagging:
    """Find the entities of one side of a corpus.

    Args:
        corpus: with the words of that side; entities it has are replaced, and with them what
            was made from them (docs/data.md).
        side: `source` or `target`.
        tagger: `checkpoint`, or any object with `tag(sentences)`, `tags` and `signature`
            (`xner.tagging.Tagger`); the options below but `probabilities` are for the former.
        model: hub id or folder of a token classifier.
        labels: labels to rename, or to drop (None): `{"PERSON": "PER", "MISC": None}`. Merged
            labels' probabilities add up; those of dropped ones go to O.
        probabilities: keep those of every tag, as columns.
        temperature: logits are divided by it before the softmax, default 1.
        device: `auto` (every GPU, else the CPU), or names with commas between them.
        precision: `auto` (16 bit on a GPU), `float32`, `bfloat16` or `float16`.
        batch_tokens: most tokens of a batch, padding included.
        progress: called with the name of the stage and the share that is done.

    Returns:
        The corpus in memory with the column source_entities (or target_entities), each scored
        with the mean probability of its words' tags, and on request source_probabilities and
        source_tagset; `.summary` says what was done.

    Raises:
        InputError: a column is missing, or the model cannot be loaded or is no tagger.
        UsageError: an option makes no sense.
        ResourceError: a sentence does not fit into the device's memory.
        MissingExtraError: torch or transformers is not installed.
    """
    begin = perf_counter()
    given = {
        "labels": labels,
        "temperature": temperature,
        "device": device,
        "precision": precision,
        "batch_tokens": batch_tokens,
    }
    maker = find_tagger(tagger, model, given)
    summary = Summary()
    batches = list(tag_stream(corpus, maker, summary, side, probabilities, progress))
    summary.seconds = perf_counter() - begin
    made = Tagging(lambda: iter(batches), len(corpus), corpus.origin)
    made.summary = summary
    return made


_DEFAULTS = {"temperature": 1.0, "device": "auto", "precision": "auto"}


def find_tagger(tagger: str | Tagger, model: str | None, options: Mapping[str, Any]) -> Tagger:
    """The tagger of that name and options, or the object itself.

    Raises:
        UsageError: a name without a model, or an object with options.
    """
    if isinstance(tagger, str):
        return make_tagger(tagger, {"model": model, **options})
    given = {"model": model, **options}
    idle = [name for name, value in given.items() if value and value != _DEFAULTS.get(name)]
    if idle:
        raise UsageError(f"the tagger is given, so {idle[0]} would change nothing; leave it out")
    return tagger


def tag_stream(
    corpus: Corpus,
    tagger: Tagger,
    summary: Summary,
    side: str = "source",
    probabilities: bool = False,
    progress: Callable[[str, float], None] | None = None,
) -> Iterator[pa.RecordBatch]:
    """Yield the batches of `tag`, one at a time; `summary` grows as they come.

    Raises:
        UsageError: no such side, or the tagger names tags that no scheme has.
    """
    if side not in TAGGED_BY:
        raise UsageError(f"side is {side!r}; choose source or target")
    summary.signature = f"xner:{__version__}|tagger:{tagger.signature}"
    tags = _Tags.of(tagger)
    tell = progress or (lambda stage, share: None)
    tell("tag", 0.0)

    def sentences(batch: pa.RecordBatch) -> list[list[str]]:
        require(batch, f"{side}_tokens")
        found: list[list[str]] = batch[f"{side}_tokens"].to_pylist()
        return found

    def results_of(items: Iterator[list[str]]) -> Iterator[Tagged]:
        for done, result in enumerate(tagger.tag(items), 1):
            if done % _TELL == 0:
                tell("tag", done / max(1, len(corpus)))
            yield result

    for batch, results in by_batch(corpus.batches(), sentences, results_of):
        made = _tagged(batch, results, tags, summary, side, probabilities)
        yield _replaced(batch, made, side, tagger.signature)
    tell("tag", 1.0)


@dataclass(frozen=True, slots=True)
class _Tags:
    """A tagger's tags, read.

    Attributes:
        names: as the tagger has them.
        codes: uint8 (tags), position codes of `xner.schemes`.
        label: int32 (tags), index into `labels`; -1 for O.
        labels: each once.
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
    summary: Summary,
    side: str,
    probabilities: bool,
) -> dict[str, pa.Array]:
    """The new columns of a batch, and its counts added to `summary`."""
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
    summary.sentences += batch.num_rows
    summary.words += int(offsets[-1])
    summary.entities.update(names.to_pylist())
    summary.windowed += sum(result.windows > 1 for result in results)
    summary.unread += sum(result.unread for result in results)
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


def _replaced(
    batch: pa.RecordBatch, made: dict[str, pa.Array], side: str, signature: str
) -> pa.RecordBatch:
    """The batch with new columns for old, and without what was made from the old ones."""
    columns = dict(zip(batch.schema.names, batch.columns, strict=True))
    stale = {"outcomes", "solution", f"{side}_tagset", f"{side}_probabilities"}
    if side == "source" and "outcomes" in columns:
        stale.add("target_entities")
    metadata = dict(batch.schema.metadata or {})
    metadata.pop(b"xner.projection", None)
    metadata[TAGGED_BY[side]] = signature.encode()
    kept = {name: column for name, column in columns.items() if name not in stale}
    return pa.RecordBatch.from_pydict({**kept, **made}).replace_schema_metadata(metadata)
