"""A student of its own sure answers to unlabelled text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from xner.corpus import Corpus
from xner.errors import UsageError
from xner.experiments.learners import learner, of_text
from xner.experiments.stages import Settings, Tell
from xner.training.self_train import check_choices, self_train

if TYPE_CHECKING:
    from xner.training.student import Trained

_CHOICES = ("confidence", "top", "rounds")


def _learn(corpus: Corpus, settings: Settings, folder: Path, tell: Tell) -> Trained:
    return self_train(corpus, folder, resume=True, progress=tell, **settings)


def _check(settings: Settings) -> None:
    if not settings.get("start"):
        raise UsageError("name what it starts from: one of `models`, a folder, or a hub id")
    check_choices(**{name: settings[name] for name in _CHOICES if name in settings})


STAGE = learner(
    "self_train",
    _learn,
    ("start", "labelled", *_CHOICES),
    columns=of_text,
    check=_check,
    files=frozenset({"labelled", "dev"}),
    listed=frozenset({"labelled"}),
    taggers=frozenset({"start", "base"}),
)
