"""Sentences across a translation with markers around their entities, row by row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count, pairwise
from typing import Any

import pyarrow as pa

from xner._version import __version__
from xner.columns import ENTITIES, OFFSETS, TOKENS
from xner.corpus import Corpus, require
from xner.errors import InputError, UsageError
from xner.languages import Language, find_language
from xner.translation.base import Translator
from xner.translation.markers import (
    STYLES,
    Marked,
    Recovered,
    Span,
    mark_text,
    place_words,
    recover_entities,
    words_of_span,
)
from xner.translation.registry import make_translator
from xner.translation.text import find_words

Row = dict[str, Any]
Tell = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Marking:
    """How markers are put and found again.

    Attributes:
        source, target: languages.
        translator: what translates.
        style: `brackets`, `xml` or `none`.
        threshold: least likeness of a marked span to its entity's translation.
    """

    source: Language
    target: Language
    translator: Translator
    style: str = "brackets"
    threshold: float = 0.5

    def __post_init__(self) -> None:
        if self.style not in STYLES:
            raise UsageError(f"markers is {self.style!r}; choose one of {', '.join(STYLES)}")
        if not 0 <= self.threshold < 1:
            raise UsageError(f"threshold is {self.threshold}; it must be in [0, 1)")

    @property
    def signature(self) -> str:
        """Everything that can change a marked span."""
        return (
            f"xner:{__version__}|{self.source.flores}>{self.target.flores}|"
            f"{self.translator.signature}|markers:{self.style}|threshold:{self.threshold:g}"
        )


def make_marking(
    source: str,
    target: str,
    translator: str | Translator,
    style: str,
    threshold: float,
    options: Mapping[str, Any],
) -> Marking:
    """Look languages up and load the translator, unless it is one.

    Raises:
        UsageError: one is unknown, or options are given for an object.
    """
    languages = find_language(source), find_language(target)
    if isinstance(translator, str):
        maker = make_translator(translator, options)
    elif options:
        raise UsageError(
            f"a translator is given, so {next(iter(options))} would change nothing; leave it out"
        )
    else:
        maker = translator
    return Marking(*languages, maker, style, threshold)


@dataclass(frozen=True, slots=True)
class Crossing:
    """One sentence on the other side.

    Attributes:
        text: the translation, without markers.
        offsets: half-open character offsets of its words.
        entities: those whose markers survived, by start, as rows of `xner.columns.ENTITIES`.
        outcomes: for each source entity `marked`, `marker_lost` or `empty_target`.
        translation: what became of the translation.
        unmarked: there are entities, but no markers could be put.
    """

    text: str
    offsets: list[Span]
    entities: list[Row]
    outcomes: list[str]
    translation: str
    unmarked: bool


def cross(
    batch: pa.RecordBatch,
    marking: Marking,
    known: dict[str, str],
    crossed_one: Callable[[], None] = lambda: None,
) -> list[Crossing]:
    """Translate the source side of a batch with markers.

    Args:
        batch: with source_tokens and source_entities.
        marking: how.
        known: translations of entities by themselves, added to.
        crossed_one: called after each sentence.

    Raises:
        InputError: two entities of a sentence overlap.
    """
    marked = _marked(batch, marking)
    source, target, translate = marking.source, marking.target, marking.translator.translate
    new = list(dict.fromkeys(t for one in marked for t in one.entities if t and t not in known))
    if new:
        own = translate(new, source, target)
        known.update(zip(new, (one.text for one in own), strict=True))
    found = translate([one.text for one in marked], source, target) if marked else iter(())
    crossed = []
    labels = [[e["label"] for e in row] for row in batch["source_entities"].to_pylist()]
    for one, here, translated in zip(marked, labels, found, strict=True):
        own_texts = [known.get(text, "") for text in one.entities]
        there = recover_entities(translated.text, one, own_texts, marking.threshold)
        offsets = find_words(there.text, target)
        entities, outcomes = _entities(here, there, offsets)
        unmarked = bool(here) and not any(one.entities)
        crossed.append(
            Crossing(there.text, offsets, entities, outcomes, translated.outcome, unmarked)
        )
        crossed_one()
    return crossed


def _marked(batch: pa.RecordBatch, marking: Marking) -> list[Marked]:
    marked = []
    entities = batch["source_entities"].to_pylist()
    for row, (found, (text, offsets)) in enumerate(
        zip(entities, _texts(batch, marking.source), strict=True)
    ):
        spans = [(e["start"], e["end"]) for e in found]
        for (_, end), (start, _) in pairwise(sorted(spans)):
            if start < end:
                raise InputError(
                    f"{_name(batch, row)}: two entities share the word {start}; markers need "
                    f"entities side by side: remove one, or project along links"
                )
        marked.append(mark_text(text, offsets, spans, marking.style))
    return marked


def _texts(batch: pa.RecordBatch, language: Language) -> Iterator[tuple[str, list[Span]]]:
    """The text of every row and where its words stand: as written, or put together."""
    words = batch["source_tokens"].to_pylist()
    if not {"source_text", "source_offsets"} <= set(batch.schema.names):
        yield from (place_words(own, language) for own in words)
        return
    written = zip(
        batch["source_text"].to_pylist(), batch["source_offsets"].to_pylist(), strict=True
    )
    for own, (text, offsets) in zip(words, written, strict=True):
        if text is None:
            yield place_words(own, language)
        else:
            yield text, [(place["start"], place["end"]) for place in offsets]


def _name(batch: pa.RecordBatch, row: int) -> str:
    """What a message calls a row."""
    if "id" in batch.schema.names:
        return f"sentence {batch['id'][row].as_py()!r}"
    return f"row {row + 1}"


def _entities(
    labels: list[str], recovered: Recovered, offsets: list[Span]
) -> tuple[list[Row], list[str]]:
    """Target entities by start, and the outcome of every source entity.

    Of two spans that share a word the likelier one stands.
    """
    outcomes = ["marker_lost" if offsets else "empty_target"] * len(labels)
    order = sorted(range(len(labels)), key=lambda i: -recovered.similarity[i])
    taken: set[int] = set()
    found = []
    for i in order:
        span = recovered.spans[i]
        if span is None:
            continue
        start, end = words_of_span(span, offsets)
        if start < end and taken.isdisjoint(range(start, end)):
            taken.update(range(start, end))
            found.append({"start": start, "end": end, "label": labels[i], "source": i})
            found[-1]["score"] = recovered.similarity[i]
            outcomes[i] = "marked"
    return sorted(found, key=lambda e: e["start"]), outcomes


def crossings(
    corpus: Corpus, marking: Marking, stage: str, tell: Tell
) -> Iterator[tuple[pa.RecordBatch, list[Crossing]]]:
    """Every batch with its sentences on the other side; `tell` hears of each sentence.

    Raises:
        InputError: a column is missing, or two entities of a sentence overlap.
    """
    known: dict[str, str] = {}
    done = count(1)
    tell(stage, 0.0)
    for batch in corpus.batches():
        require(batch, "source_tokens", "source_entities")
        yield batch, cross(batch, marking, known, lambda: tell(stage, next(done) / len(corpus)))


def columns_of(crossed: list[Crossing], side: str) -> dict[str, pa.Array]:
    """The columns `{side}_tokens`, `{side}_text`, `{side}_offsets` and `{side}_entities`."""
    words = [[one.text[start:end] for start, end in one.offsets] for one in crossed]
    bounds = [[{"start": start, "end": end} for start, end in one.offsets] for one in crossed]
    return {
        f"{side}_tokens": pa.array(words, TOKENS),
        f"{side}_text": pa.array([one.text for one in crossed], pa.string()),
        f"{side}_offsets": pa.array(bounds, OFFSETS),
        f"{side}_entities": pa.array([one.entities for one in crossed], ENTITIES),
    }
