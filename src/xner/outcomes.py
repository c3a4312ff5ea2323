"""What becomes of a source entity: the values of the columns outcomes and back_outcomes."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

_PROJECTION = ("project", "align_tgt")
_MARKERS = ("easyproject", "back_translate")


class Outcome(StrEnum):
    """The outcome of one source entity, in the order in which outcomes are displayed.

    Columns hold the plain strings. Of `back_outcomes`, only `marked` and the unlabelled outcomes
    occur; labelled there refers to the back-translation.

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
    PROJECTED = "projected", True, (*_PROJECTION, "easyproject"), "it labels a target span"
    RELABELLED = (
        "relabelled",
        True,
        _PROJECTION,
        "it labels a target span, with the label that the words of the span have elsewhere",
    )
    MARKER_LOST = (
        "marker_lost",
        False,
        (*_MARKERS, "align_tgt"),
        "its markers did not survive the translation, and no links led to free target words",
    )
    UNALIGNED = "unaligned", False, _PROJECTION, "none of its words is linked"
    TOO_SHORT = (
        "too_short",
        False,
        _PROJECTION,
        "no run of linked words is long enough (method `heuristic`, candidates `runs`)",
    )
    BELOW_THRESHOLD = (
        "below_threshold",
        False,
        _PROJECTION,
        "every candidate scores 0 or less than `min_score`",
    )
    CONFLICT = (
        "conflict",
        False,
        _PROJECTION,
        "it has candidates, but other entities take their words",
    )
    INFEASIBLE = (
        "infeasible",
        False,
        _PROJECTION,
        "no choice in its sentence meets the constraint, so the whole sentence stays unlabelled",
    )
    UNSOLVED = (
        "unsolved",
        False,
        _PROJECTION,
        "the ILP solver found no allowed choice within the time limit",
    )
    EMPTY_TARGET = (
        "empty_target",
        False,
        (*_PROJECTION, *_MARKERS),
        "the target sentence has no words",
    )
    NO_CANDIDATE = (
        "no_candidate",
        False,
        _PROJECTION,
        "its sentence or region has no n-gram or given span "
        "(candidates `ngrams`, `region`, `spans`)",
    )


_LABELLED = frozenset(outcome.value for outcome in Outcome if outcome.labelled)


def is_labelled(outcome: str | None) -> bool:
    """Whether an entity with this outcome labels a target span; False for unknown outcomes."""
    return outcome in _LABELLED


def outcomes_of(stage: str) -> list[str]:
    """Names of the outcomes that a stage gives, in the order of display."""
    return [outcome.value for outcome in Outcome if stage in outcome.stages]


def outcome_table() -> str:
    """The outcomes as a Markdown table with the columns outcome, labelled, stages and meaning."""
    lines = ["| outcome | labelled | stages | when |", "|---|---|---|---|"]
    for outcome in Outcome:
        stages = ", ".join(f"`{name}`" for name in outcome.stages)
        labelled = "yes" if outcome.labelled else "no"
        lines.append(f"| `{outcome.value}` | {labelled} | {stages} | {outcome.meaning} |")
    return "\n".join(lines)
