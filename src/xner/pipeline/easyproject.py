"""EasyProject: entities cross into a translation between markers, or along links where lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import pyarrow as pa

from xner.aligners import Aligner
from xner.columns import (
    ENTITIES,
    LINKS,
    LINKS_MADE_BY,
    TOKENS,
    TRANSLATION_MADE_BY,
    replace_columns,
)
from xner.corpus import Corpus
from xner.errors import InputError, UsageError
from xner.pipeline.align import Tell, align_stage
from xner.pipeline.marking import Crossing, Marking, Row, columns_of, crossings, make_marking
from xner.pipeline.project import project
from xner.translation.base import Translator

OUTCOMES = ("marked", "projected", "marker_lost", "empty_target")
FALLBACKS = ("align", "none")
MADE = ("target_tokens", "target_text", "target_offsets", "target_entities", "outcomes")


@dataclass
class Summary:
    """What became of the entities, and what made it.

    Attributes:
        sentences: rows seen.
        entities: source entities seen; every one has an outcome.
        spans: target entities written.
        outcomes: source entities by outcome: `marked`, the markers survived; `projected`, they
            did not and links found it; `marker_lost`, neither; `empty_target`, the translation
            has no words.
        unmarked: rows with entities whose text holds signs like the markers, so that none
            were put.
        translations: rows by what became of their translation.
        seconds: wall time.
        signature: version, languages, translator, markers, threshold and fall-back.
    """

    signature: str = ""
    sentences: int = 0
    entities: int = 0
    spans: int = 0
    outcomes: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(OUTCOMES, 0)))
    unmarked: int = 0
    translations: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """The summary as it stands in `--json`."""
        return {
            "sentences": self.sentences,
            "entities": self.entities,
            "spans": self.spans,
            "outcomes": dict(self.outcomes),
            "unmarked": self.unmarked,
            "translations": dict(self.translations),
            "seconds": round(self.seconds, 4),
            "signature": self.signature,
        }


class MarkedTranslation(Corpus):
    """A corpus whose target side was translated with markers, and the summary of its making."""

    summary: Summary


def easyproject(
    corpus: Corpus,
    source_language: str,
    target_language: str,
    *,
    translator: str | Translator = "nllb",
    markers: str = "brackets",
    threshold: float = 0.5,
    fallback: str = "align",
    aligner: str | Aligner = "native",
    aligner_options: Mapping[str, Any] | None = None,
    progress: Tell | None = None,
    **options: Any,
) -> MarkedTranslation:
    """Translate labelled sentences with markers around their entities (Chen et al. 2023).

    Entities are also translated by themselves; a marked span of the translation belongs to the
    entity whose own translation it is most like, above the threshold, one to one. An entity
    whose markers are lost is projected along word links instead, onto words without markers.

    Args:
        corpus: with source_tokens and source_entities, no two of which overlap.
        source_language: BCP-47, ISO 639-3 or FLORES-200 code.
        target_language: likewise.
        translator: `nllb`, `ctranslate2`, or an object (`xner.translation.base.Translator`).
        markers: `brackets` (default), `[ ]`, or `xml`, `<a> </a>`.
        threshold: of likeness, default 0.5 (brackets; a tag names its entity).
        fallback: `align` (default) or `none`.
        aligner: for the fall-back, as for `xner.align`.
        aligner_options: for the aligner, such as `{"seed": 1}`.
        progress: called with the name of the stage and the share that is done.
        **options: for the translator, such as `model`.

    Returns:
        The corpus in memory with target_tokens, target_text, target_offsets, target_entities
        (score: likeness, or matching score where links were used), outcomes and
        translation_outcome, and links where they were made; `.summary` counts.

    Raises:
        InputError: a column is missing or already there, or entities overlap.
        UsageError: an unknown language, translator, option or style.
        MissingExtraError: a package of the extra `models` is not installed.
    """
    begin = perf_counter()
    if markers == "none":
        raise UsageError("markers is 'none'; choose brackets or xml, or xner.translate for a text")
    if fallback not in FALLBACKS:
        raise UsageError(f"fallback is {fallback!r}; choose one of {', '.join(FALLBACKS)}")
    if fallback == "none" and aligner_options:
        raise UsageError("fallback is none, so aligner_options would change nothing; leave it out")
    marking = make_marking(
        source_language, target_language, translator, markers, threshold, options
    )
    tell = progress or (lambda stage, share: None)
    summary = Summary(signature=marking.signature)
    batches = list(marked_batches(corpus, marking, summary, tell))
    made = Corpus.from_batches(batches, corpus.origin)
    if fallback == "align":
        made = _fall_back(made, aligner, aligner_options or {}, summary, tell)
    _count(made, summary)
    summary.seconds = perf_counter() - begin
    result = MarkedTranslation.from_batches(list(made.batches()), corpus.origin)
    result.summary = summary
    return result


def marked_batches(
    corpus: Corpus, marking: Marking, summary: Summary, tell: Tell
) -> Iterator[pa.RecordBatch]:
    """The batches with the target side and the entities whose markers survived."""
    if held := [name for name in MADE if name in corpus.columns]:
        raise InputError(
            f"{corpus.origin}: already has {', '.join(held)}; leave them out of the corpus to "
            f"translate it"
        )
    for batch, crossed in crossings(corpus, marking, "translate", tell):
        yield _with_target(batch, crossed, marking, summary)


def _with_target(
    batch: pa.RecordBatch, crossed: list[Crossing], marking: Marking, summary: Summary
) -> pa.RecordBatch:
    columns = columns_of(crossed, "target")
    columns["outcomes"] = pa.array([one.outcomes for one in crossed], TOKENS)
    columns["translation_outcome"] = pa.array([one.translation for one in crossed], pa.string())
    summary.unmarked += sum(one.unmarked for one in crossed)
    summary.translations.update(one.translation for one in crossed)
    metadata = {TRANSLATION_MADE_BY: marking.signature, LINKS_MADE_BY: None}
    return replace_columns(batch, columns, drop=["links"], metadata=metadata)


def _fall_back(
    made: Corpus, aligner: str | Aligner, options: Mapping[str, Any], summary: Summary, tell: Tell
) -> Corpus:
    """Entities whose markers are lost, projected along links onto words that are free."""
    linked = align_stage(made, aligner, options, tell)[0].collect()
    rest = Corpus.from_batches([_lost(batch) for batch in linked.batches()], made.origin)
    projected = project(rest, progress=tell)
    summary.signature += f"|fallback({projected.summary.signature})"
    pairs = zip(linked.batches(), projected.batches(), strict=True)
    return Corpus.from_batches([_merged(*pair) for pair in pairs], made.origin)


def _lost(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Only the entities whose markers are lost, and links to words without markers."""
    entities, links = [], []
    columns = ("source_entities", "outcomes", "target_entities", "links")
    for sources, outcomes, found, pairs in _rows(batch, columns):
        own = zip(sources, outcomes, strict=True)
        entities.append([entity for entity, outcome in own if outcome == "marker_lost"])
        taken = _words(found)
        links.append([pair for pair in pairs if pair["target"] not in taken])
    kept = {name: batch[name] for name in ("source_tokens", "target_tokens")}
    kept |= {"source_entities": pa.array(entities, ENTITIES), "links": pa.array(links, LINKS)}
    made_by = (batch.schema.metadata or {})[LINKS_MADE_BY]
    return pa.RecordBatch.from_pydict(kept).replace_schema_metadata({LINKS_MADE_BY: made_by})


def _rows(batch: pa.RecordBatch, columns: tuple[str, ...]) -> Iterator[tuple[Any, ...]]:
    return zip(*(batch[name].to_pylist() for name in columns), strict=True)


def _words(entities: list[Row]) -> set[int]:
    return {word for e in entities for word in range(e["start"], e["end"])}


def _merged(batch: pa.RecordBatch, projected: pa.RecordBatch) -> pa.RecordBatch:
    """The marked entities and the projected ones that share no word with them."""
    entities, outcomes = [], []
    more = projected["target_entities"].to_pylist()
    rows = _rows(batch, ("outcomes", "target_entities"))
    for (own, found), projections in zip(rows, more, strict=True):
        lost = [i for i, outcome in enumerate(own) if outcome == "marker_lost"]
        taken = _words(found)
        for entity in projections:
            if taken.isdisjoint(_words([entity])):
                source = lost[entity["source"]]
                found.append({**entity, "source": source})
                own[source] = "projected"
        entities.append(sorted(found, key=lambda e: e["start"]))
        outcomes.append(own)
    columns = {
        "target_entities": pa.array(entities, ENTITIES),
        "outcomes": pa.array(outcomes, TOKENS),
    }
    return replace_columns(batch, columns)


def _count(made: Corpus, summary: Summary) -> None:
    for batch in made.batches():
        summary.sentences += batch.num_rows
        summary.spans += len(batch["target_entities"].flatten())
        own = batch["outcomes"].flatten().to_pylist()
        summary.entities += len(own)
        summary.outcomes.update(own)
