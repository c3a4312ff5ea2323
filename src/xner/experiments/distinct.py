"""Rows of one entry that do the same: a listed setting that no step of them reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xner.errors import UsageError
from xner.experiments.language import Language
from xner.experiments.plan import Planned
from xner.experiments.systems import System

Plans = Mapping[tuple[str, str, Language], Mapping[int, Sequence[Planned]]]
"""Steps by row name, aligner and language, then by seed."""


def check_distinct(systems: Sequence[System], plans: Plans) -> None:
    """Check that the listed settings of an entry make a difference.

    Raises:
        UsageError: two rows of one entry with one aligner run the same steps on all languages.
    """
    known: dict[object, System] = {}
    for system in systems:
        steps = {
            (place[2].name, seed): tuple(step.key for step in planned)
            for place, by_seed in plans.items()
            if place[:2] == (system.name, system.aligner)
            for seed, planned in by_seed.items()
        }
        if not any(steps.values()):
            continue
        same = known.setdefault((system.entry, system.aligner, frozenset(steps.items())), system)
        if same is not system:
            raise UsageError(
                f"{system.entry}: the rows {same.name!r} and {system.name!r} run the same steps, "
                f"because no step that they need reads the setting in which they differ; give one "
                f"value instead of a list"
            )
