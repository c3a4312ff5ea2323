"""A student of its own sure answers to unlabelled text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from xner.corpus import Corpus
from xner.errors import UsageError
from xner.experiments.learners import learner, of_text
from xner.experiments.stages import Settings, Tell
from xner.training.self_train import self_train

if TYPE_CHECKING:
    from xner.training.student import Trained


def _learn(corpus: Corpus, settings: Settings, folder: Path, tell: Tell) -> Trained:
    return self_train(corpus, folder, resume=True, progress=tell, **settings)


def _check(settings: Settings) -> None:
    if not settings.get("start"):
        raise UsageError("name what it starts from: one of `models`, a folder, or a hub id")


STAGE = learner(
    "self_train",
    _learn,
    ("start", "rounds", "confidence", "top", "labelled"),
    columns=of_text,
    check=_check,
    files=frozenset({"labelled", "dev"}),
    listed=frozenset({"labelled"}),
    taggers=frozenset({"start", "base"}),
)
