"""Outcomes of source entities: the values of the columns outcomes and back_outcomes."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

_LINKS = ("project", "align_tgt")
_BY_HAND = ("apply_changes",)
_MARKERS = ("easyproject", "back_translate")


class Outcome(StrEnum):
    """The outcome of one source entity, in the order in which outcomes are displayed.

    Columns hold the plain strings. docs/data.md describes each outcome in detail.

    Attributes:
        meaning: when an entity has this outcome, in one line of Markdown.
        labelled: whether the entity labels at least one span of the target sentence.
        stages: names of the stages that give it.
    """

    meaning: str
    labelled: bool
    stages: tuple[str, ...]

    def __new__(cls, value: str, labelled: bool, stages: tuple[str, ...], meaning: str) -> Self:
        """Attach what follows from an outcome to its name."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.labelled, member.stages, member.meaning = labelled, stages, meaning
        return member

    MARKED = "marked", True, _MARKERS, "its markers survived the translation"
    PROJECTED = "projected", True, (*_LINKS, "easyproject"), "it labels a target span"
    RELABELLED = "relabelled", True, _LINKS, "it labels a target span, with another label"
    CORRECTED = "corrected", True, _BY_HAND, "a person gave it its target span or label"
    MARKER_LOST = "marker_lost", False, (*_MARKERS, "align_tgt"), "its markers were lost"
    UNALIGNED = "unaligned", False, _LINKS, "none of its words is linked"
    TOO_SHORT = "too_short", False, _LINKS, "no run of linked words is long enough"
    BELOW_THRESHOLD = "below_threshold", False, _LINKS, "all candidates score below `min_score`"
    CONFLICT = "conflict", False, _LINKS, "other entities took the words of its candidates"
    INFEASIBLE = "infeasible", False, _LINKS, "no choice in its sentence meets the constraint"
    UNSOLVED = "unsolved", False, _LINKS, "the ILP solver reached its time limit"
    REMOVED = "removed", False, _BY_HAND, "a person removed its target span"
    EMPTY_TARGET = "empty_target", False, (*_LINKS, *_MARKERS), "the target has no words"
    TOO_LARGE = "too_large", False, _LINKS, "its sentence is too large to project"
    NO_COUNTERPART = "no_counterpart", False, _LINKS, "probably, no words of the target mean it"
    NO_CANDIDATE = "no_candidate", False, _LINKS, "no n-gram or given span can stand for it"


_LABELLED = frozenset(outcome.value for outcome in Outcome if outcome.labelled)


def is_labelled(outcome: str | None) -> bool:
    """Whether an entity with this outcome labels a target span; False for unknown outcomes."""
    return outcome in _LABELLED


def outcomes_of(stage: str) -> list[str]:
    """Names of the outcomes that a stage gives, in the order of display."""
    return [outcome.value for outcome in Outcome if stage in outcome.stages]
