"""A student of what one teacher or several think of unlabelled text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from xner.corpus import Corpus
from xner.errors import UsageError
from xner.experiments.checks import as_list
from xner.experiments.learners import learner, of_text
from xner.experiments.stages import Columns, Settings, Tell
from xner.training.distill import WEIGHTINGS, check_choices, distill

if TYPE_CHECKING:
    from xner.training.student import Trained

_OWN = (
    "teachers",
    "weights",
    "sources",
    "features",
    "label_set",
    "agreed",
    "loss",
    "temperature",
    "tokenizer_text",
)
_CHOICES = ("weights", "agreed", "label_set", "loss", "temperature")


def _learn(corpus: Corpus, settings: Settings, folder: Path, tell: Tell) -> Trained:
    own = dict(settings)
    if not _learnt(settings) or _alone(settings):
        own.pop("sources", None)
    if _learnt(settings) and _alone(settings):  # whatever it learns, one weight is 1
        own.pop("weights")
    return distill(corpus, folder, resume=True, progress=tell, **own)


def _learnt(settings: Settings) -> bool:
    """Whether the weights of teachers are learnt from text of their languages."""
    return settings.get("weights") in WEIGHTINGS[1:]


def _alone(settings: Settings) -> bool:
    """Whether there is one teacher; of several, those of other languages are left."""
    return len(as_list(settings["teachers"])) == 1


def _check(settings: Settings) -> None:
    if not settings.get("teachers"):
        raise UsageError("name its teachers: `models` of the configuration, folders, or hub ids")
    teachers = len(as_list(settings["teachers"]))
    texts = teachers if _learnt(settings) else 0  # of `models`; others are asked for below
    if "sources" in settings:
        texts = len(as_list(settings["sources"]))
    chosen = {name: settings[name] for name in _CHOICES if name in settings}
    check_choices(teachers, texts, **chosen)


def _columns(settings: Settings) -> Columns:
    if _learnt(settings) and "sources" not in settings and not _alone(settings):
        raise UsageError(
            f"weights {settings['weights']!r} needs sources, text of each teacher's language, as "
            f"not every teacher is one of `models`"
        )
    return of_text(settings)


STAGE = learner(
    "distill",
    _learn,
    _OWN,
    columns=_columns,
    check=_check,
    files=frozenset({"sources", "dev", "tokenizer_text"}),
    listed=frozenset({"teachers", "weights", "sources", "tokenizer_text"}),
    taggers=frozenset({"teachers", "base"}),
    texts={"sources": "teachers"},
    each={"sources": "teachers", "weights": "teachers"},
)
