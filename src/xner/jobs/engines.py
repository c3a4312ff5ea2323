"""What runs the parts of a job."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from xner.report import Progress

RunPart = Callable[[int, Progress], None]
"""Makes the part of a number, and tells which share of the part is done."""


class Task(Protocol):
    """One step of a job. It is pickled for other processes."""

    @property
    def name(self) -> str:
        """Name of the step."""
        ...

    @property
    def costly(self) -> bool:
        """Whether loading it takes long, so that few processes should do it once each."""
        ...

    def load(self) -> RunPart:
        """Load models and statistics."""
        ...


class Engine(Protocol):
    """What runs the parts of a job."""

    @property
    def name(self) -> str:
        """Name on the command line."""
        ...

    def run(self, task: Task, parts: Sequence[int], total: int, tell: Progress) -> None:
        """Make parts.

        Args:
            task: makes them.
            parts: numbers of the parts that are missing.
            total: number of all parts.
            tell: hears of progress.
        """
        ...

    def close(self) -> None:
        """Stop what the engine started."""
        ...


class Local:
    """Makes the parts in this process, one after the other."""

    name = "local"

    def run(self, task: Task, parts: Sequence[int], total: int, tell: Progress) -> None:
        """Make parts in the order of their rows."""
        run = task.load() if parts else None
        for part in parts:
            assert run is not None
            run(part, partial(_tell, tell, part, total))
        tell(task.name, 1.0)

    def close(self) -> None:
        """There is nothing to stop."""


def _tell(tell: Progress, done: int, total: int, stage: str, share: float) -> None:
    tell(stage, (done + share) / total)
