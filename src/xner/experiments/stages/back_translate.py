"""The labelled source translated back into the target's language, in the source's place."""

from __future__ import annotations

import xner
from xner.corpus import Corpus
from xner.experiments.stages import Columns, Settings, Stage, Tell
from xner.pipeline.back import back_as_source

_LANGUAGES = ("source_language", "target_language")


def _run(corpus: Corpus, settings: Settings, tell: Tell) -> Corpus:
    given = {k: v for k, v in settings.items() if k not in ("options", *_LANGUAGES)}
    back = xner.back_translate(
        corpus,
        settings["source_language"],
        settings["target_language"],
        **given,
        **settings.get("options", {}),
        progress=tell,
    )
    made = back_as_source(back)
    made.summary = back.summary  # type: ignore[attr-defined]
    return made


STAGE = Stage(
    name="back_translate",
    run=_run,
    columns=lambda settings: Columns(
        needs=("source_tokens", "source_entities", "target_tokens"),
        makes=("source_tokens", "source_entities", "source_text", "source_offsets"),
        uses=("source_text", "source_offsets"),
        replaces=True,
    ),
    settings=(
        *_LANGUAGES,
        "translator",
        "markers",
        "threshold",
        "model",
        "beams",
        "device",
        "precision",
        "batch_tokens",
        "options",
    ),
    files=frozenset({"model"}),
)
