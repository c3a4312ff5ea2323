"""The labelled source translated back into the target's language, in its place or beside it."""

from __future__ import annotations

from xner.corpus import Corpus
from xner.errors import UsageError
from xner.experiments.stages import (
    LANGUAGES,
    TRANSLATOR,
    Columns,
    Settings,
    Stage,
    Tell,
    translator_options,
)
from xner.pipeline.back import MADE, back_as_source, back_translate


def _run(corpus: Corpus, settings: Settings, tell: Tell) -> Corpus:
    back = back_translate(
        corpus,
        settings["source_language"],
        settings["target_language"],
        **translator_options(settings, "beside"),
        progress=tell,
    )
    if settings.get("beside", False):
        return back
    made = back_as_source(back)
    made.summary = back.summary
    return made


def _columns(settings: Settings) -> Columns:
    beside = settings.get("beside", False)
    return Columns(
        needs=("source_tokens", "source_entities", "target_tokens"),
        makes=MADE if beside else ("source_tokens", "source_entities", *_WRITTEN),
        uses=_WRITTEN,
        replaces=not beside,
    )


def _check(settings: Settings) -> None:
    if not isinstance(settings.get("beside", False), bool):
        raise UsageError(f"beside is {settings['beside']!r}; choose true or false")


_WRITTEN = ("source_text", "source_offsets")
STAGE = Stage(
    name="back_translate",
    run=_run,
    columns=_columns,
    settings=(*LANGUAGES, "beside", "markers", "threshold", *TRANSLATOR),
    files=frozenset({"model"}),
    check=_check,
)
