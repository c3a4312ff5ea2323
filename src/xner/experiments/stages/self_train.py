"""A student of its own confident predictions on unlabelled text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from xner.corpus import Corpus
from xner.experiments.learners import learner, of_text
from xner.experiments.stages import Settings, Tell
from xner.training.options import SelfTrainOptions
from xner.training.self_train import self_train

if TYPE_CHECKING:
    from xner.training.student import Trained


def _learn(corpus: Corpus, settings: Settings, folder: Path, tell: Tell) -> Trained:
    return self_train(corpus, folder, resume=True, progress=tell, **settings)


STAGE = learner("self_train", SelfTrainOptions, _learn, columns=of_text)
