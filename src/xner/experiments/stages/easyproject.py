"""Translation of labelled text with markers around its entities."""

from __future__ import annotations

import xner
from xner.corpus import Corpus
from xner.experiments.stages import Columns, Settings, Stage, Tell

_LANGUAGES = ("source_language", "target_language")


def _run(corpus: Corpus, settings: Settings, tell: Tell) -> Corpus:
    given = {k: v for k, v in settings.items() if k not in ("options", *_LANGUAGES)}
    made: Corpus = xner.easyproject(
        corpus,
        settings["source_language"],
        settings["target_language"],
        **given,
        **settings.get("options", {}),
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
    ),
    settings=(
        *_LANGUAGES,
        "translator",
        "markers",
        "threshold",
        "fallback",
        "aligner",
        "aligner_options",
        "model",
        "beams",
        "device",
        "precision",
        "batch_tokens",
        "options",
    ),
    files=frozenset({"model"}),
)
