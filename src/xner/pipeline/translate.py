"""The translation stage: a corpus gets the side that it lacks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np
import pyarrow as pa

from xner._version import __version__
from xner.columns import LINKS_MADE_BY, OFFSETS, TOKENS, TRANSLATION_MADE_BY
from xner.corpus import Corpus
from xner.errors import InputError, UsageError
from xner.inference.record_batches import by_batch
from xner.languages import Language, find_language
from xner.translation.base import OUTCOMES, Translated, Translator
from xner.translation.registry import make_translator
from xner.translation.text import find_words, join_words

Tell = Callable[[str, float], None]
FILLS = ("target", "source")


@dataclass
class Summary:
    """What a translation did, and what made it.

    Attributes:
        sentences: rows seen.
        outcomes: rows by what became of them (docs/data.md).
        split: rows that were translated in pieces, whatever their outcome.
        words: words of the new side.
        seconds: wall time, reading, loading the model and writing included.
        signature: version, languages, translator with its model, settings and hardware.
    """

    signature: str = ""
    sentences: int = 0
    outcomes: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(OUTCOMES, 0)))
    split: int = 0
    words: int = 0
    seconds: float = 0.0

    @property
    def sentences_per_second(self) -> float:
        """Rows per second of wall time."""
        return self.sentences / self.seconds if self.seconds else 0.0

    def as_dict(self) -> dict[str, Any]:
        """The summary as it stands in `--json`."""
        return {
            "sentences": self.sentences,
            "outcomes": dict(self.outcomes),
            "split": self.split,
            "words": self.words,
            "seconds": round(self.seconds, 4),
            "sentences_per_second": round(self.sentences_per_second, 1),
            "signature": self.signature,
        }


class Translation(Corpus):
    """A corpus with both sides, one of them translated, and the summary of its making."""

    summary: Summary


def translate(
    corpus: Corpus,
    source_language: str,
    target_language: str,
    *,
    fill: str = "target",
    translator: str | Translator = "nllb",
    replace: bool = False,
    progress: Tell | None = None,
    **options: Any,
) -> Translation:
    """Translate one side of a corpus into the other.

    The column source_text (or target_text) is translated where it is there, else the words, put
    together as they are written.

    Args:
        corpus: with source_tokens, or with target_tokens where `fill` is `source`.
        source_language: of the labelled side: BCP-47, ISO 639-3 or FLORES-200 code.
        target_language: of the other side.
        fill: the side to make: `target` from the source, for training on it, or `source` from
            the target, for tagging it.
        translator: `nllb`, `ctranslate2`, or any object with `translate` and `signature`
            (`xner.translation.base.Translator`).
        replace: drop what the corpus has of the side to make, and what was made from it.
        progress: called with the name of the stage and the share that is done.
        **options: for the translator, such as `model`, `beams`, `device`, `precision` and
            `batch_tokens` (`xner.translation.nllb.NllbTranslator`).

    Returns:
        The corpus in memory with tokens, text and offsets of the new side, and
        translation_outcome; `.summary` says what was done.

    Raises:
        InputError: a column is missing or already there, or the model cannot be loaded.
        UsageError: an unknown language, translator or option, or one that makes no sense.
        MissingExtraError: a package of the extra `models` or `ctranslate2` is not installed.
        ResourceError: a sentence does not fit into the device's memory.
    """
    begin = perf_counter()
    summary = Summary()
    stream = translate_stream(
        corpus,
        source_language,
        target_language,
        summary,
        fill=fill,
        translator=translator,
        replace=replace,
        progress=progress,
        **options,
    )
    made = Translation.from_batches(list(stream), corpus.origin)
    summary.seconds = perf_counter() - begin
    made.summary = summary
    return made


def translate_stream(
    corpus: Corpus,
    source_language: str,
    target_language: str,
    summary: Summary,
    *,
    fill: str = "target",
    translator: str | Translator = "nllb",
    replace: bool = False,
    progress: Tell | None = None,
    **options: Any,
) -> Iterator[pa.RecordBatch]:
    """Yield the batches of `translate`, one at a time; `summary` grows as they come."""
    if fill not in FILLS:
        raise UsageError(f"fill is {fill!r}; choose target or source")
    languages = find_language(source_language), find_language(target_language)
    given, start, end = "source", *languages
    if fill == "source":
        given, start, end = "target", *reversed(languages)
    if start == end:
        raise UsageError(f"both languages are {start.name} ({start.flores}); name two")
    _check_columns(corpus, given, fill, replace)
    maker = _maker(translator, options)
    # Where the package for it is missing, tell before the first batch and not after.
    find_words("", end)
    summary.signature = f"xner:{__version__}|{start.flores}>{end.flores}|{maker.signature}"
    tell = progress or (lambda stage, share: None)
    tell("translate", 0.0)

    def run(texts: Iterator[str]) -> Iterator[Translated]:
        for done, result in enumerate(maker.translate(texts, start, end), 1):
            tell("translate", done / max(1, len(corpus)))
            yield result

    batches = corpus.batches()
    for batch, found in by_batch(batches, lambda b: texts_of(b, given, start), run):
        _count(summary, found)
        yield _filled(batch, fill, found, end, summary)


def _maker(translator: str | Translator, options: dict[str, Any]) -> Translator:
    if isinstance(translator, str):
        return make_translator(translator, options)
    if options:
        raise UsageError(
            f"a translator is given, so {next(iter(options))} would change nothing; leave it out"
        )
    return translator


def _stale(fill: str) -> tuple[str, ...]:
    """Columns that say something about the words of the side to make."""
    own = tuple(f"{fill}_{name}" for name in ("tokens", "entities", "text", "offsets"))
    return (*own, "translation_outcome", "links", "outcomes", "solution")


def _check_columns(corpus: Corpus, given: str, fill: str, replace: bool) -> None:
    names = corpus.columns
    if names and f"{given}_tokens" not in names and f"{given}_text" not in names:
        raise InputError(
            f"{corpus.origin}: there is no column {given}_tokens to translate from; it has "
            f"{', '.join(names)}"
        )
    held = [name for name in _stale(fill) if name in names]
    if held and not replace:
        raise InputError(
            f"{corpus.origin}: already has {', '.join(held)}, which would not fit a new "
            f"translation; leave them out of the file, or have them replaced (--replace)"
        )


def texts_of(batch: pa.RecordBatch, side: str, language: Language) -> Iterable[str]:
    """The text of every row of one side: its own, or its words put together."""
    rows = batch.num_rows
    names = batch.schema.names
    written = batch[f"{side}_text"].to_pylist() if f"{side}_text" in names else [None] * rows
    if f"{side}_tokens" not in names:
        return [text or "" for text in written]
    words = batch[f"{side}_tokens"]
    return (
        text if text is not None else join_words(own.as_py(), language)
        for text, own in zip(written, words, strict=True)
    )


def _count(summary: Summary, found: list[Translated]) -> None:
    summary.sentences += len(found)
    summary.outcomes.update(one.outcome for one in found)
    summary.split += sum(one.pieces > 1 for one in found)


def _filled(
    batch: pa.RecordBatch, fill: str, found: list[Translated], language: Language, summary: Summary
) -> pa.RecordBatch:
    """The batch with the columns of the new side."""
    held = zip(batch.schema.names, batch.columns, strict=True)
    columns = {name: column for name, column in held if name not in _stale(fill)}
    texts = [one.text for one in found]
    spans = [find_words(text, language) for text in texts]
    tokens = [
        [text[start:end] for start, end in own] for text, own in zip(texts, spans, strict=True)
    ]
    columns[f"{fill}_tokens"] = pa.array(tokens, TOKENS)
    columns[f"{fill}_text"] = pa.array(texts, pa.string())
    columns[f"{fill}_offsets"] = _offset_column(spans)
    columns["translation_outcome"] = pa.array([one.outcome for one in found], pa.string())
    summary.words += sum(map(len, spans))
    metadata = dict(batch.schema.metadata or {})
    metadata.pop(LINKS_MADE_BY, None)
    metadata[TRANSLATION_MADE_BY] = summary.signature.encode()
    return pa.RecordBatch.from_pydict(columns).replace_schema_metadata(metadata)


def _offset_column(spans: list[list[tuple[int, int]]]) -> pa.ListArray:
    offsets = np.cumsum([0, *map(len, spans)]).astype(np.int32)
    flat = np.array([span for own in spans for span in own], np.int32).reshape(-1, 2)
    values = pa.StructArray.from_arrays(
        [pa.array(flat[:, 0]), pa.array(flat[:, 1])], fields=list(OFFSETS.value_type)
    )
    return pa.ListArray.from_arrays(pa.array(offsets), values)
