"""Entities by a token-classification model, on one side."""

from __future__ import annotations

from xner.corpus import Corpus
from xner.errors import UsageError
from xner.experiments.stages import Columns, Settings, Stage, Tell, streamed
from xner.pipeline.tag import Summary, find_tagger, tag_stream, tagged_schema


def _run(corpus: Corpus, settings: Settings, tell: Tell) -> Corpus:
    options = {name: value for name, value in settings.items() if name not in _OWN}
    tagger = find_tagger(options.pop("tagger", "checkpoint"), options.pop("model", None), options)
    side, probabilities = settings.get("side", "source"), settings.get("probabilities", False)
    summary = Summary()
    return streamed(
        lambda: tag_stream(corpus, tagger, summary, side, probabilities, tell),
        summary,
        corpus,
        tagged_schema(corpus.schema, side, probabilities),
    )


def _columns(settings: Settings) -> Columns:
    side = settings.get("side", "source")
    made = ("entities", "probabilities", "tagset")
    return Columns((f"{side}_tokens",), tuple(f"{side}_{name}" for name in made))


def _check(settings: Settings) -> None:
    if settings.get("side", "source") not in ("target", "source"):
        raise UsageError(f"side is {settings['side']!r}; choose source or target")


_OWN = ("side", "probabilities")
STAGE = Stage(
    name="tag",
    run=_run,
    columns=_columns,
    settings=(
        "side",
        "tagger",
        "model",
        "labels",
        "probabilities",
        "temperature",
        "device",
        "precision",
        "batch_tokens",
    ),
    taggers=frozenset({"model"}),
    check=_check,
)
