"""Back-translation: the labelled source goes into the target's language, and helps from there.

The back-translation and the original target are two texts of one language. `align_tgt` projects
the entities that crossed with their markers from the one onto the other; `refine` goes along its
links, from the source to the back-translation and on to the target, to mend the direct ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import pyarrow as pa

from xner.aligners import Aligner
from xner.columns import COLUMNS, ENTITIES, LINKS_MADE_BY, TOKENS, replace_columns
from xner.corpus import Corpus, require
from xner.errors import InputError, UsageError
from xner.links import average, back_off, compose
from xner.pipeline.align import Tell, align, align_stage
from xner.pipeline.marking import Marking, columns_of, crossings, make_marking
from xner.pipeline.outcome import OUTCOMES
from xner.pipeline.project import Projection, project
from xner.translation.base import Translator

MADE_BY = b"xner.back_translation"
"""Key of the schema metadata that tells what made the back-translation."""
MADE = ("back_tokens", "back_text", "back_offsets", "back_entities", "back_outcomes")
COMBINE = ("backoff", "average")


@dataclass
class Summary:
    """What a back-translation did, and what made it.

    Attributes:
        sentences: rows seen.
        outcomes: source entities by what became of their markers: `marked`, `marker_lost`,
            `empty_target`.
        translations: rows by what became of their translation.
        seconds: wall time.
        signature: version, languages, translator and markers.
    """

    signature: str = ""
    sentences: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    translations: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """The summary as plain values."""
        return {
            "sentences": self.sentences,
            "outcomes": dict(self.outcomes),
            "translations": dict(self.translations),
            "seconds": round(self.seconds, 4),
            "signature": self.signature,
        }


class BackTranslation(Corpus):
    """A corpus with a back-translation, and the summary of its making."""

    summary: Summary


def back_translate(
    corpus: Corpus,
    source_language: str,
    target_language: str,
    *,
    translator: str | Translator = "nllb",
    markers: str = "brackets",
    threshold: float = 0.5,
    progress: Tell | None = None,
    **options: Any,
) -> BackTranslation:
    """Translate the labelled source back into the language of the target.

    Args:
        corpus: with source_tokens and source_entities, no two of which overlap; the source
            usually is a translation of the target that was tagged.
        source_language: BCP-47, ISO 639-3 or FLORES-200 code.
        target_language: likewise.
        translator: as for `xner.easyproject`.
        markers: `brackets`, `xml`, or `none` where no entities need to cross (`refine`).
        threshold: as for `xner.easyproject`.
        progress: called with the name of the stage and the share that is done.
        **options: for the translator, such as `model`.

    Returns:
        The corpus in memory with back_tokens, back_text, back_offsets, back_entities (field
        source: which source entity) and back_outcomes; `.summary` counts.

    Raises:
        InputError: a column is missing or already there, or entities overlap.
        UsageError: an unknown language, translator, option or style.
        MissingExtraError: a package of the extra `models` is not installed.
    """
    begin = perf_counter()
    if held := [name for name in MADE if name in corpus.columns]:
        raise InputError(
            f"{corpus.origin}: already has {', '.join(held)}; leave them out of the corpus to "
            f"translate it back"
        )
    marking = make_marking(
        source_language, target_language, translator, markers, threshold, options
    )
    summary = Summary(signature=marking.signature)
    batches = list(_back_batches(corpus, marking, summary, progress or (lambda stage, share: None)))
    made = BackTranslation.from_batches(batches, corpus.origin)
    summary.seconds = perf_counter() - begin
    made.summary = summary
    return made


def _back_batches(
    corpus: Corpus, marking: Marking, summary: Summary, tell: Tell
) -> Iterator[pa.RecordBatch]:
    for batch, crossed in crossings(corpus, marking, "translate back", tell):
        summary.sentences += batch.num_rows
        summary.outcomes.update(outcome for one in crossed for outcome in one.outcomes)
        summary.translations.update(one.translation for one in crossed)
        columns = columns_of(crossed, "back")
        columns["back_outcomes"] = pa.array([one.outcomes for one in crossed], TOKENS)
        yield replace_columns(batch, columns, metadata={MADE_BY: marking.signature})


def _made_by(corpus: Corpus, key: bytes = MADE_BY) -> str:
    """What made a column, by its key in the schema's metadata."""
    made: bytes = (corpus.schema.metadata or {}).get(key, b"given")
    return made.decode()


def _view(corpus: Corpus, source: str, target: str, **more: str) -> Corpus:
    """Two of the texts as the sides of a corpus, without links; more columns by their new name."""
    columns = {"source_tokens": source, "target_tokens": target, **more}

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in corpus.batches():
            require(batch, *columns.values())
            ids = {"id": batch["id"]} if "id" in batch.schema.names else {}
            yield pa.RecordBatch.from_pydict(
                ids | {new: batch[old] for new, old in columns.items()}
            )

    ids = {"id": pa.string()} if "id" in corpus.columns else {}
    schema = pa.schema(ids | {new: COLUMNS[old] for new, old in columns.items()})
    return Corpus(batches, len(corpus), corpus.origin, schema)


def back_as_source(corpus: Corpus) -> Corpus:
    """The back-translation as the source side, to be aligned with the target and projected.

    Entities that did not cross are not in it; `align_tgt` keeps account of them.

    Raises:
        InputError: a column is missing (when it is read).
    """
    texts = {f"source_{name}": f"back_{name}" for name in ("text", "offsets")}
    return _view(corpus, "back_tokens", "target_tokens", source_entities="back_entities", **texts)


def align_tgt(corpus: Corpus, *, progress: Tell | None = None, **options: Any) -> Projection:
    """Project the entities of the back-translation onto the target, in one language.

    Args:
        corpus: with the columns of `back_translate` and target_tokens.
        progress: called with the name of the stage and the share that is done.
        **options: for `xner.project`: method, scores, aligner and its options.

    Returns:
        The corpus with target_entities, outcomes and solution; field source and outcomes are
        those of the source entities: one that did not cross has its outcome of back_outcomes.
        `.summary` counts source entities, and spans on the target.

    Raises:
        InputError: a column is missing, or an entity of the back-translation has no source.
        UsageError: an option makes no sense.
    """
    for batch in corpus.batches():
        require(batch, "back_entities", "back_outcomes", "source_entities")
    made = project(back_as_source(corpus), progress=progress, **options)
    pairs = list(zip(corpus.batches(), made.batches(), strict=True))
    result = Projection.from_batches([_brought(*pair) for pair in pairs], corpus.origin)
    summary = made.summary
    summary.signature += f"|align_tgt({_made_by(corpus)})"
    outcomes = [o for batch in result.batches() for o in batch["outcomes"].flatten().to_pylist()]
    summary.entities = len(outcomes)
    summary.outcomes = Counter(dict.fromkeys(OUTCOMES.values(), 0))
    summary.outcomes.update(outcomes)
    result.summary = summary
    return result


def _brought(batch: pa.RecordBatch, made: pa.RecordBatch) -> pa.RecordBatch:
    """What was projected from the back-translation, told of the source entities."""
    entities, outcomes = [], []
    rows = zip(
        batch["back_entities"].to_pylist(),
        batch["back_outcomes"].to_pylist(),
        made["target_entities"].to_pylist(),
        made["outcomes"].to_pylist(),
        strict=True,
    )
    for back, crossed, found, reached in rows:
        if any(e["source"] is None for e in back):
            raise InputError(
                "an entity in back_entities has no source, the number of its entity in "
                "source_entities; make the column with xner.back_translate"
            )
        own = list(crossed)
        for entity, outcome in zip(back, reached, strict=True):
            own[entity["source"]] = outcome
        entities.append([{**e, "source": back[e["source"]]["source"]} for e in found])
        outcomes.append(own)
    columns = {
        "target_entities": pa.array(entities, ENTITIES),
        "outcomes": pa.array(outcomes, TOKENS),
        "solution": made["solution"],
    }
    return replace_columns(batch, columns, metadata=made.schema.metadata)


def refine(
    corpus: Corpus,
    *,
    combine: str = "backoff",
    paths: str = "noisy-or",
    aligner: str | Aligner = "native",
    aligner_options: Mapping[str, Any] | None = None,
    progress: Tell | None = None,
) -> Corpus:
    """Mend the links from source to target by those through the back-translation.

    Args:
        corpus: with source_tokens, target_tokens and back_tokens. Links it has are the direct
            ones; without, they are made.
        combine: `backoff` (default) uses links through the back-translation only between words
            that have no direct one; `average` takes half the sum of both weights.
        paths: how the paths between two words add up, `noisy-or` (default) or `sum`
            (`xner.links`).
        aligner: of all links that are made, as for `xner.align`.
        aligner_options: for the aligner.
        progress: called with the name of the stage and the share that is done.

    Returns:
        The corpus in memory with the column links.

    Raises:
        InputError: a column is missing.
        UsageError: an unknown aligner, option, way to combine or to add up.
    """
    if combine not in COMBINE:
        raise UsageError(f"combine is {combine!r}; choose one of {', '.join(COMBINE)}")
    tell, options = progress or (lambda stage, share: None), dict(aligner_options or {})
    given = "links" in corpus.columns
    direct, made_by = align_stage(corpus, aligner, {} if given else options, tell)
    there = align(
        _view(corpus, "source_tokens", "back_tokens"), aligner=aligner, progress=tell, **options
    )
    onward = align(
        _view(corpus, "back_tokens", "target_tokens"), aligner=aligner, progress=tell, **options
    )
    around_by = _made_by(onward, LINKS_MADE_BY)
    signature = f"refine({made_by},{combine},{paths},{around_by},{_made_by(corpus)})"
    batches = []
    for batch, first, second in zip(
        direct.batches(), there.batches(), onward.batches(), strict=True
    ):
        around = compose(first["links"], second["links"], paths)
        joined = (back_off if combine == "backoff" else average)(batch["links"], around)
        metadata = {LINKS_MADE_BY: signature}
        batches.append(replace_columns(batch, {"links": joined}, metadata=metadata))
    return Corpus.from_batches(batches, corpus.origin)
