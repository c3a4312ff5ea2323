"""Machine translation of one side into the language of the other."""

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
    streamed,
    translator_options,
)
from xner.pipeline.translate import Summary, translate_stream, translated_schema


def _run(corpus: Corpus, settings: Settings, tell: Tell) -> Corpus:
    options = translator_options(settings)
    languages = settings["source_language"], settings["target_language"]
    summary = Summary()
    return streamed(
        lambda: translate_stream(corpus, *languages, summary, **options, progress=tell),
        summary,
        corpus,
        translated_schema(corpus.schema, settings.get("fill", "target")),
    )


def _columns(settings: Settings) -> Columns:
    fill = settings.get("fill", "target")
    other = {"target": "source", "source": "target"}[fill]
    made = ("tokens", "text", "offsets")
    return Columns(
        (f"{other}_tokens",),
        (*(f"{fill}_{name}" for name in made), "translation_outcome"),
        (f"{other}_text",),
    )


def _check(settings: Settings) -> None:
    if settings.get("fill", "target") not in ("target", "source"):
        raise UsageError(f"fill is {settings['fill']!r}; choose target or source")


STAGE = Stage(
    name="translate",
    run=_run,
    columns=_columns,
    settings=(*LANGUAGES, "fill", *TRANSLATOR),
    files=frozenset({"model"}),
    check=_check,
)
