"""A student of labelled sentences."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from xner.corpus import Corpus
from xner.experiments.learners import learner
from xner.experiments.stages import MODEL, Columns, Settings, Tell
from xner.training.finetune import train
from xner.training.options import TrainOptions

if TYPE_CHECKING:
    from xner.training.student import Trained


def _learn(corpus: Corpus, settings: Settings, folder: Path, tell: Tell) -> Trained:
    return train(corpus, folder, resume=True, progress=tell, **settings)


def _columns(settings: Settings) -> Columns:
    side = settings.get("side", "target")
    sides = ("source", "target") if side == "both" else (side,)
    needs = tuple(f"{side}_{name}" for side in sides for name in ("tokens", "entities"))
    return Columns(needs, (MODEL,), ("outcomes",) if "target" in sides else ())


STAGE = learner("train", TrainOptions, _learn, columns=_columns)
