"""Pipelines by name: steps, each a stage with settings.

The rows of Politov et al. (2025) stand under `translate-test/`: heuristic projection onto the
target (`align-src`), the same from the back-translation, whose language is the target's
(`align-tgt`), and greedy choice among candidates, n-grams or a tagger's spans, from the
translation (`ngram`, `ner`) and from the back-translation (`back-ngram`, `back-ner`). Beside them
stand greedy choice by the NMT score alone, without links (`translate-test-nmt`), and links mended
through the back-translation (`translate-test-refine`).

Rows that end in a student make it of training text, and tag the text that is scored with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any

from xner.experiments.checks import unknown

TEST, TRAIN = "test", "train"


@dataclass(frozen=True, slots=True)
class Step:
    """A stage in a pipeline.

    Attributes:
        name: what settings for it stand under; unique in its pipeline.
        stage: name of the stage.
        settings: for the stage.
        on: the text it works on: that which is scored (`test`), or that which is learnt (`train`).
        student: its `model` is the student that a step before it made.
    """

    name: str
    stage: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    on: str = TEST
    student: bool = False


_TRANSLATE = Step("translate", "translate", {"fill": "source"})
_TAG = Step("tag", "tag", {"side": "source"})
_SPANS = Step("candidates", "candidates")
_BACK = Step("back_translate", "back_translate", {"beside": False})
_ALIGN = Step("align", "align")


_TRANSLATE_TRAIN = Step("translate", "translate", {"fill": "target"})
_EASYPROJECT = Step("easyproject", "easyproject")
_WITH_STUDENT = Step("tag", "tag", {"side": "target"}, student=True)


def _project(**settings: Any) -> Step:
    return Step("project", "project", settings)


def _student(*steps: Step) -> tuple[Step, ...]:
    """Steps on training text, of which the last makes a student; the student tags the test."""
    return (*(replace(step, on=TRAIN) for step in steps), _WITH_STUDENT)


_TAGGED = (_TRANSLATE, _TAG)
_RETURNED = (*_TAGGED, _BACK)
PIPELINES: dict[str, tuple[Step, ...]] = {
    # Both sides are there, the source labelled.
    "project": (_ALIGN, _project()),
    # Target text is translated and tagged, its labels go back onto it.
    "translate-test": (*_TAGGED, _ALIGN, _project()),
    "translate-test/align-src": (*_TAGGED, _ALIGN, _project(preset="paper-heuristic")),
    "translate-test/align-tgt": (*_RETURNED, _ALIGN, _project(preset="paper-heuristic")),
    "translate-test/ngram": (*_TAGGED, _ALIGN, _project(preset="paper-greedy")),
    "translate-test/ner": (
        *_TAGGED,
        _SPANS,
        _ALIGN,
        _project(preset="paper-greedy", candidates="spans"),
    ),
    "translate-test/back-ngram": (*_RETURNED, _ALIGN, _project(preset="paper-greedy")),
    "translate-test/back-ner": (
        *_RETURNED,
        _SPANS,
        _ALIGN,
        _project(preset="paper-greedy", candidates="spans"),
    ),
    # By a translation model in place of links; its `nmt` names the model.
    "translate-test-nmt": (
        *_TAGGED,
        _project(preset="paper-greedy", candidates="ngrams", score={"nmt": 1.0}),
    ),
    # Links go through the back-translation as well.
    "translate-test-refine": (
        *_TAGGED,
        Step("back_translate", "back_translate", {"beside": True, "markers": "none"}),
        _ALIGN,
        Step("refine", "refine"),
        _project(),
    ),
    # Labelled source text is translated, its labels move to the translation.
    "translate-project": (_TRANSLATE_TRAIN, _ALIGN, _project()),
    # Labelled source text is translated with markers around its entities (Chen et al. 2023).
    "easyproject": (_EASYPROJECT,),
    # A tagger of another language runs on the target itself.
    "model-transfer": (Step("tag", "tag", {"side": "target"}),),
    # A student of the labels that are there.
    "train": _student(Step("train", "train")),
    # A student of projected labels, or of EasyProject's.
    "translate-train": _student(_TRANSLATE_TRAIN, _ALIGN, _project(), Step("train", "train")),
    "translate-train/easyproject": _student(_EASYPROJECT, Step("train", "train")),
    # A student of what one teacher or several think of unlabelled text (Wu et al. 2020).
    "distill": _student(Step("distill", "distill")),
    # A student of its own sure answers.
    "self-train": _student(Step("self_train", "self_train")),
}


def find_pipelines(name: str, place: str) -> list[str]:
    """The pipelines that a name stands for; `*` stands for any part of one.

    Raises:
        UsageError: none is of that name.
    """
    found = [known for known in PIPELINES if known == name or fnmatchcase(known, name)]
    if not found:
        raise unknown("pipeline", name, PIPELINES, place)
    return found
