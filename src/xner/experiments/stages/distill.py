"""A student of what one teacher or several think of unlabelled text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from xner.corpus import Corpus
from xner.errors import UsageError
from xner.experiments.learners import learner, of_text
from xner.experiments.stages import Settings, Tell
from xner.training.distill import WEIGHTINGS, distill

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


def _learn(corpus: Corpus, settings: Settings, folder: Path, tell: Tell) -> Trained:
    idle = () if _learnt(settings) else ("sources",)
    own = {name: value for name, value in settings.items() if name not in idle}
    return distill(corpus, folder, resume=True, progress=tell, **own)


def _learnt(settings: Settings) -> bool:
    """Whether the weights of teachers are learnt from text of their languages."""
    return settings.get("weights") in WEIGHTINGS[1:]


def _check(settings: Settings) -> None:
    if not settings.get("teachers"):
        raise UsageError("name its teachers: `models` of the configuration, folders, or hub ids")
    if settings.get("sources") and not _learnt(settings):
        raise UsageError(f"sources are for weights {' and '.join(WEIGHTINGS[1:])}")


STAGE = learner(
    "distill",
    _learn,
    _OWN,
    columns=of_text,
    check=_check,
    files=frozenset({"sources", "dev", "tokenizer_text"}),
    listed=frozenset({"teachers", "weights", "sources", "tokenizer_text"}),
    taggers=frozenset({"teachers", "base"}),
    texts={"sources": "teachers"},
)
