"""Pipelines by name: steps, each a stage with settings.

The rows of Politov et al. (2025) stand under `translate-test/`: heuristic projection onto the
target (`align-src`), the same from the back-translation, whose language is the target's
(`align-tgt`), and greedy choice among candidates, n-grams or a tagger's spans, from the
translation (`ngram`, `ner`) and from the back-translation (`back-ngram`, `back-ner`). Beside them
stand greedy choice by the NMT score alone, without links (`translate-test-nmt`), and links mended
through the back-translation (`translate-test-refine`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from xner.experiments.checks import unknown


@dataclass(frozen=True, slots=True)
class Step:
    """A stage in a pipeline.

    Attributes:
        name: what settings for it stand under; unique in its pipeline.
        stage: name of the stage.
        settings: for the stage.
    """

    name: str
    stage: str
    settings: Mapping[str, Any] = field(default_factory=dict)


_TRANSLATE = Step("translate", "translate", {"fill": "source"})
_TAG = Step("tag", "tag", {"side": "source"})
_SPANS = Step("candidates", "candidates")
_BACK = Step("back_translate", "back_translate")
_ALIGN = Step("align", "align")


def _project(**settings: Any) -> Step:
    return Step("project", "project", settings)


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
    "translate-train": (
        Step("translate", "translate", {"fill": "target"}),
        _ALIGN,
        _project(),
    ),
    # The tagger runs on the target itself.
    "model-transfer": (Step("tag", "tag", {"side": "target"}),),
    # Labelled source text is translated with markers around its entities (Chen et al. 2023).
    "easyproject": (Step("easyproject", "easyproject"),),
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
