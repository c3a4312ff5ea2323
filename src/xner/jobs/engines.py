"""What runs the parts of a job."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial
from threading import Event, Lock
from typing import Protocol

from xner.kernels.blocks import thread_count
from xner.report import Progress

RunPart = Callable[[int, Progress, Callable[[], object]], None]
"""Makes the part of a number, tells which share of it is done, and calls the last argument when its
rows were read."""
AT_ONCE = 2
"""Parts that threads of a process make at the same time; more would take more memory."""


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

    @property
    def threaded(self) -> bool:
        """Whether several threads can make parts at the same time."""
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
    """Makes the parts in this process, in the order of their rows.

    While one part is computed, a second thread reads the next or writes the last one, if the task
    allows it.
    """

    name = "local"

    def run(self, task: Task, parts: Sequence[int], total: int, tell: Progress) -> None:
        """Make parts."""
        if parts:
            run, shares = task.load(), _Shares(tell, total - len(parts), total)
            at_once = min(AT_ONCE, thread_count()) if task.threaded else 1
            _overlapped(run, parts, shares, at_once)
        tell(task.name, 1.0)

    def close(self) -> None:
        """There is nothing to stop."""


def _overlapped(run: RunPart, parts: Sequence[int], shares: _Shares, at_once: int) -> None:
    """Make up to `at_once` parts at the same time; a part is begun when the last one was read.

    Of several parts that fail, the error of the first is raised.
    """
    running: list[Future[None]] = []
    with ThreadPoolExecutor(at_once, "xner-part") as threads:
        for part in parts:
            if len(running) == at_once:
                wait(running, return_when=FIRST_COMPLETED)
            running = _unfinished(running)
            was_read = Event()
            made = threads.submit(run, part, shares.of_one(), was_read.set)
            made.add_done_callback(partial(_set, was_read))  # also if it failed before
            running.append(made)
            was_read.wait()
        wait(running)
        _unfinished(running)


def _unfinished(running: list[Future[None]]) -> list[Future[None]]:
    """The parts in work, in their order; raises the error of the first part that failed."""
    done = [future for future in running if future.done()]
    if any(future.exception() for future in done):
        wait(running)  # a part before it may fail too
        done = running
    for future in done:
        future.result()
    return [future for future in running if future not in done]


def _set(event: Event, _: Future[None]) -> None:
    event.set()


class _Shares:
    """Adds up the shares of parts that are made at the same time."""

    def __init__(self, tell: Progress, finished: int, total: int) -> None:
        self._tell, self._done, self._total = tell, float(finished), total
        self._lock = Lock()

    def of_one(self) -> Progress:
        """What hears of the progress of one part."""
        known = 0.0

        def hear(stage: str, share: float) -> None:
            nonlocal known
            with self._lock:
                self._done += share - known
                known = share
                self._tell(stage, self._done / self._total)

        return hear
