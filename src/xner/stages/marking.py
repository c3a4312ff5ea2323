"""Translation with markers around entities, sentence by sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import count, pairwise
from typing import Any

import pyarrow as pa

from xner._version import __version__
from xner.columns import ENTITIES, OFFSETS, TOKENS
from xner.corpus import Corpus, require
from xner.effects import when
from xner.errors import InputError
from xner.languages import Language
from xner.options import option
from xner.outcomes import Outcome
from xner.report import Progress
from xner.translation.base import Translator
from xner.translation.custom import checked
from xner.translation.markers import (
    Marked,
    Recovered,
    Span,
    mark_text,
    place_words,
    recover_entities,
    words_of_span,
)
from xner.words import find_words

Row = dict[str, Any]
KNOWN = 200_000
"""Entities whose own translations are remembered; with more, all are forgotten."""


@dataclass(frozen=True, slots=True)
class Marking:
    """How markers are inserted and recovered.

    Attributes:
        source, target: languages.
        translator: translates the marked sentences.
        style: `brackets`, `xml` or `none`.
        threshold: least similarity of a marked span to the translation of its entity.
    """

    source: Language
    target: Language
    translator: Translator
    style: str = "brackets"
    threshold: float = 0.5

    @property
    def signature(self) -> str:
        """Everything that decides a marked span."""
        return (
            f"xner:{__version__}|{self.source.flores}>{self.target.flores}|"
            f"{self.translator.signature}|markers:{self.style}|threshold:{self.threshold:g}"
        )


def markers_option(styles: tuple[str, ...]) -> Any:
    """The option `markers`."""
    return option(
        "brackets",
        "Markers around entities: `brackets` ([ ]), or `xml` (<a> </a>)"
        + (", or `none` to translate without markers." if "none" in styles else "."),
        choices=styles,
        group="translation",
    )


def threshold_option() -> Any:
    """The option `threshold`."""
    return option(
        0.5,
        "Minimum similarity of a marked span to the translation of its entity. XML markers name "
        "their entity, so they need none.",
        ge=0,
        lt=1,
        unit="SIMILARITY",
        group="translation",
        when=when(markers="brackets"),
        rare=True,
    )


@dataclass(frozen=True, slots=True)
class Crossing:
    """The translation of one sentence.

    Attributes:
        text: the translation, without markers.
        offsets: half-open character offsets of its words.
        entities: entities whose markers survived, by start, as rows of `xner.columns.ENTITIES`.
        outcomes: for each source entity `marked`, `marker_lost` or `empty_target`.
        translation: outcome of the translation.
        unmarked: the sentence has entities, but its text contains characters like the markers,
            so that none were inserted.
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
        batch: has source_tokens and source_entities.
        marking: markers, languages and translator.
        known: translations of entities alone; new ones are added.
        crossed_one: called after each sentence.

    Raises:
        InputError: two entities of a sentence overlap.
    """
    marked = _marked(batch, marking)
    source, target = marking.source, marking.target
    translate = partial(checked, marking.translator)
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
                    f"entities that do not overlap: remove one, or use xner project"
                )
        marked.append(mark_text(text, offsets, spans, marking.style))
    return marked


def _texts(batch: pa.RecordBatch, language: Language) -> Iterator[tuple[str, list[Span]]]:
    """The text of every row and the offsets of its words: as given, or joined from the words."""
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
    """The name of a row in messages."""
    if "id" in batch.schema.names:
        return f"sentence {batch['id'][row].as_py()!r}"
    return f"row {row + 1}"


def _entities(
    labels: list[str], recovered: Recovered, offsets: list[Span]
) -> tuple[list[Row], list[str]]:
    """Target entities by start, and the outcome of every source entity.

    Of two spans that share a word, the more similar one is kept.
    """
    outcomes = [Outcome.MARKER_LOST if offsets else Outcome.EMPTY_TARGET] * len(labels)
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
            outcomes[i] = Outcome.MARKED
    return sorted(found, key=lambda e: e["start"]), [outcome.value for outcome in outcomes]


def crossings(
    corpus: Corpus, marking: Marking, stage: str, tell: Progress
) -> Iterator[tuple[pa.RecordBatch, list[Crossing]]]:
    """Every batch with the translations of its sentences; `tell` is called after each sentence.

    Raises:
        InputError: a column is missing, or two entities of a sentence overlap.
    """
    known: dict[str, str] = {}
    done = count(1)
    tell(stage, 0.0)
    for batch in corpus.batches():
        require(batch, "source_tokens", "source_entities")
        if len(known) > KNOWN:
            known.clear()
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
