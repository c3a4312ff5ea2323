"""Pipelines by name: steps, each a stage with settings.

The rows of Politov et al. (2025) are under `translate-test/`: heuristic projection onto the target
(`align-src`), heuristic projection from the back-translation, which is in the language of the
target (`align-tgt`), and greedy selection among candidates, n-grams or spans of a tagger, from the
translation (`ngram`, `ner`) or the back-translation (`back-ngram`, `back-ner`). In addition there
are greedy selection by the score `nmt` alone, without links (`translate-test-nmt`), and links that
are refined through the back-translation (`translate-test-refine`).

Pipelines with a student train it on the training text of a language, and tag the test text with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any

from xner.errors import unknown

TEST, TRAIN = "test", "train"


@dataclass(frozen=True, slots=True)
class Step:
    """A stage in a pipeline.

    Attributes:
        name: key of its settings in a row; unique in its pipeline.
        stage: name of the stage.
        settings: settings that the pipeline gives to the stage.
        on: text that it reads: the text to score (`test`), or the training text (`train`).
        student: it tags with the student that a previous step trained.
        optional: it is run only if a later step needs a column that it makes.
    """

    name: str
    stage: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    on: str = TEST
    student: bool = False
    optional: bool = False


_TRANSLATE = Step("translate", "translate", {"fill": "source"})
_TAG = Step("tag", "tag", {"side": "source"})
_SPANS = Step("candidates", "candidates")
_PROBABILITIES = replace(_SPANS, optional=True)
_BACK = Step("back_translate", "back_translate", {"beside": False})
_ALIGN = Step("align", "align")
_TRANSLATE_TRAIN = Step("translate", "translate", {"fill": "target"})
_EASYPROJECT = Step("easyproject", "easyproject")
_WITH_STUDENT = Step("tag", "tag", {"side": "target"}, student=True)


def _project(**settings: Any) -> Step:
    return Step("project", "project", settings)


def _student(*steps: Step) -> tuple[Step, ...]:
    """Return steps that train a student on training text, and tag the test text with it."""
    return (*(replace(step, on=TRAIN) for step in steps), _WITH_STUDENT)


_TAGGED = (_TRANSLATE, _TAG)
_RETURNED = (*_TAGGED, _BACK)
PIPELINES: dict[str, tuple[Step, ...]] = {
    # Both sides are given, and the source is labelled.
    "project": (_ALIGN, _PROBABILITIES, _project()),
    # Target text is translated and tagged; the labels are projected back onto it.
    "translate-test": (*_TAGGED, _ALIGN, _PROBABILITIES, _project()),
    "translate-test/align-src": (*_TAGGED, _ALIGN, _project(preset="paper-heuristic")),
    "translate-test/align-tgt": (*_RETURNED, _ALIGN, _project(preset="paper-heuristic")),
    "translate-test/ngram": (
        *_TAGGED,
        _ALIGN,
        _PROBABILITIES,
        _project(preset="paper-greedy"),
    ),
    "translate-test/ner": (
        *_TAGGED,
        _SPANS,
        _ALIGN,
        _project(preset="paper-greedy", candidates="spans"),
    ),
    "translate-test/back-ngram": (
        *_RETURNED,
        _ALIGN,
        _PROBABILITIES,
        _project(preset="paper-greedy"),
    ),
    "translate-test/back-ner": (
        *_RETURNED,
        _SPANS,
        _ALIGN,
        _project(preset="paper-greedy", candidates="spans"),
    ),
    # A translation model replaces the links; the setting `nmt` names it.
    "translate-test-nmt": (
        *_TAGGED,
        _project(preset="paper-greedy", candidates="ngrams", score={"nmt": 1.0}),
    ),
    # Links through the back-translation are added.
    "translate-test-refine": (
        *_TAGGED,
        Step("back_translate", "back_translate", {"beside": True, "markers": "none"}),
        _ALIGN,
        Step("refine", "refine"),
        _project(),
    ),
    # Labelled source text is translated; its labels are projected onto the translation.
    "translate-project": (_TRANSLATE_TRAIN, _ALIGN, _project()),
    # Labelled source text is translated with markers around its entities (Chen et al. 2023).
    "easyproject": (_EASYPROJECT,),
    # A tagger trained on another language tags the target directly.
    "model-transfer": (Step("tag", "tag", {"side": "target"}),),
    # A student of given labels.
    "train": _student(Step("train", "train")),
    # A student of labels from projection, or from EasyProject.
    "translate-train": _student(_TRANSLATE_TRAIN, _ALIGN, _project(), Step("train", "train")),
    "translate-train/easyproject": _student(_EASYPROJECT, Step("train", "train")),
    # A student of the predictions of teachers for unlabelled text (Wu et al. 2020).
    "distill": _student(Step("distill", "distill")),
    # A student of its own confident predictions.
    "self-train": _student(Step("self_train", "self_train")),
}


def find_pipelines(name: str, place: str) -> list[str]:
    """Return the pipelines that match a name, which may contain `*`.

    Raises:
        UsageError: no pipeline matches.
    """
    found = [known for known in PIPELINES if known == name or fnmatchcase(known, name)]
    if not found:
        raise unknown("pipeline", name, PIPELINES, place)
    return found
