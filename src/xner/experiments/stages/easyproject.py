"""Translation of labelled text with markers around its entities."""

from __future__ import annotations

from xner.corpus import Corpus
from xner.experiments.stages import (
    LANGUAGES,
    TRANSLATOR,
    Columns,
    Settings,
    Stage,
    Tell,
    translator_options,
)
from xner.pipeline.easyproject import easyproject


def _run(corpus: Corpus, settings: Settings, tell: Tell) -> Corpus:
    made: Corpus = easyproject(
        corpus,
        settings["source_language"],
        settings["target_language"],
        **translator_options(settings),
        progress=tell,
    )
    return made


STAGE = Stage(
    name="easyproject",
    run=_run,
    columns=lambda settings: Columns(
        needs=("source_tokens", "source_entities"),
        makes=(
            "target_tokens",
            "target_text",
            "target_offsets",
            "target_entities",
            "outcomes",
            "translation_outcome",
            "links",
        ),
        uses=("source_text", "source_offsets"),
        replaces=True,
    ),
    settings=(
        *LANGUAGES,
        "markers",
        "threshold",
        "fallback",
        "aligner",
        "aligner_options",
        *TRANSLATOR,
    ),
    files=frozenset({"model"}),
)
