"""Entities by a token-classification model, on one side."""

from __future__ import annotations

import xner
from xner.corpus import Corpus
from xner.errors import UsageError
from xner.experiments.stages import Columns, Settings, Stage, Tell


def _run(corpus: Corpus, settings: Settings, tell: Tell) -> Corpus:
    made: Corpus = xner.tag(corpus, **settings, progress=tell)
    return made


def _columns(settings: Settings) -> Columns:
    side = settings.get("side", "source")
    made = ("entities", "probabilities", "tagset")
    return Columns((f"{side}_tokens",), tuple(f"{side}_{name}" for name in made))


def _check(settings: Settings) -> None:
    if settings.get("side", "source") not in ("target", "source"):
        raise UsageError(f"side is {settings['side']!r}; choose source or target")


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
    files=frozenset({"model"}),
    check=_check,
)
