"""A student of the predictions of teachers on unlabelled text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from xner.corpus import Corpus
from xner.errors import UsageError
from xner.experiments.checks import as_list
from xner.experiments.learners import learner, of_text
from xner.experiments.stages import Columns, Settings, Tell
from xner.training.distill import distill
from xner.training.options import LEARNED_WEIGHTS, DistillOptions

if TYPE_CHECKING:
    from xner.training.student import Trained


def _learn(corpus: Corpus, settings: Settings, folder: Path, tell: Tell) -> Trained:
    own = dict(settings)
    if not _learned(settings) or _alone(settings):
        own.pop("sources", None)
    if _learned(settings) and _alone(settings):  # the learned weight of one teacher is always 1
        own.pop("weights")
    return distill(corpus, folder, resume=True, progress=tell, **own)


def _learned(settings: Settings) -> bool:
    """Whether the weights of teachers are learned from text of their languages."""
    return settings.get("weights") in LEARNED_WEIGHTS


def _alone(settings: Settings) -> bool:
    """Whether there is one teacher; of several, only those of other languages are used."""
    return len(as_list(settings["teachers"])) == 1


def _filled(settings: Settings) -> Settings:
    if not settings.get("teachers"):
        raise UsageError("name its teachers: `models` of the configuration, folders, or hub ids")
    if _learned(settings) and "sources" not in settings:
        # Text of `models`; that of other teachers is required when columns are known.
        return {**settings, "sources": as_list(settings["teachers"])}
    return settings


def _columns(settings: Settings) -> Columns:
    if _learned(settings) and "sources" not in settings and not _alone(settings):
        raise UsageError(
            f"weights {settings['weights']!r} needs sources, text of each teacher's language, as "
            f"not every teacher is one of `models`"
        )
    return of_text(settings)


STAGE = learner("distill", DistillOptions, _learn, columns=_columns, filled=_filled)
