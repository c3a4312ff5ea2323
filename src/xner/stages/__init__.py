"""Stages of a pipeline and their registry.

A stage is a frozen dataclass: its fields are its options, and calling it on a corpus runs it. The
public functions (`xner.project`), the commands (`xner project`) and experiments (`xner run`) all
run the same class.
"""

from __future__ import annotations

from importlib import import_module

from xner.errors import UsageError, unknown
from xner.stages.base import MODEL as MODEL
from xner.stages.base import Columns as Columns
from xner.stages.base import Learner as Learner
from xner.stages.base import Stage as Stage

_BUILT_IN = {
    "align": "align.Align",
    "align_tgt": "back_translate.AlignTarget",
    "back_translate": "back_translate.BackTranslate",
    "candidates": "tag.Candidates",
    "distill": "students.Distill",
    "easyproject": "easyproject.EasyProject",
    "project": "project.Project",
    "refine": "refine.Refine",
    "self_train": "students.SelfTrain",
    "strip_affixes": "strip_affixes.StripAffixes",
    "tag": "tag.Tag",
    "train": "students.Train",
    "translate": "translate.Translate",
}
_REGISTERED: dict[str, type[Stage]] = {}


def register(stage: type[Stage]) -> type[Stage]:
    """Make a custom stage known by its name; it replaces a stage that has the same name.

    Raises:
        UsageError: the class has no name.
    """
    if not stage.name:
        raise UsageError(f"the stage {stage.__name__} has no name; set the class attribute `name`")
    _REGISTERED[stage.name] = stage
    return stage


def registered() -> list[str]:
    """Names of the custom stages of this process."""
    return sorted(_REGISTERED)


def stage_names() -> list[str]:
    """Names of all stages."""
    return sorted({*_REGISTERED, *_BUILT_IN})


def find_stage(name: str) -> type[Stage]:
    """The stage of that name.

    Raises:
        UsageError: there is no such stage.
    """
    if name in _REGISTERED:
        return _REGISTERED[name]
    if name not in _BUILT_IN:
        raise unknown("stage", name, stage_names())
    module, _, class_name = _BUILT_IN[name].partition(".")
    stage: type[Stage] = getattr(import_module(f"{__name__}.{module}"), class_name)
    return stage
