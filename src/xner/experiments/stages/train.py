"""A student of labelled sentences."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from xner.corpus import Corpus
from xner.experiments.learners import learner
from xner.experiments.stages import MODEL, Columns, Settings, Tell
from xner.training.finetune import train
from xner.training.gather import Choice

if TYPE_CHECKING:
    from xner.training.student import Trained

_CHOICE = ("max_unprojected", "min_score", "weight_by", "class_weight_by")


def _learn(corpus: Corpus, settings: Settings, folder: Path, tell: Tell) -> Trained:
    own = {name: value for name, value in settings.items() if name != "also"}
    given = [corpus, *settings.get("also", ())]
    return train(given, folder, resume=True, progress=tell, **own)


def _check(settings: Settings) -> None:
    Choice(**{name: settings[name] for name in ("side", *_CHOICE) if name in settings}).check()


def _columns(settings: Settings) -> Columns:
    side = settings.get("side", "target")
    sides = ("source", "target") if side == "both" else (side,)
    needs = tuple(f"{side}_{name}" for side in sides for name in ("tokens", "entities"))
    return Columns(needs, (MODEL,), ("outcomes",) if "target" in sides else ())


STAGE = learner(
    "train",
    _learn,
    (*_CHOICE, "also", "tokenizer_text"),
    columns=_columns,
    check=_check,
    files=frozenset({"also", "dev", "tokenizer_text"}),
    listed=frozenset({"also", "tokenizer_text"}),
    taggers=frozenset({"base"}),
)
