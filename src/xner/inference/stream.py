"""Batched inference over a stream of items on several devices, with results in order.

One thread encodes a window of items, plans batches and collates them; one thread per device runs
the batches. All queues between them are bounded.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol, TypeVar

import numpy as np

from xner.errors import ResourceError
from xner.inference.batches import plan_batches

Item = TypeVar("Item", contravariant=True)
Piece = TypeVar("Piece")
Batch = TypeVar("Batch")
Result = TypeVar("Result", covariant=True)

WINDOW = 8192
"""Number of items that are sorted by length together."""
_AHEAD = 3
"""Number of prepared batches that wait for each device."""


class Engine(Protocol[Item, Piece, Batch, Result]):
    """Interface of models in a stream. An item is split into pieces: one, or more if it is long."""

    @property
    def workers(self) -> int:
        """Number of devices; each runs batches in a separate thread."""
        ...

    def encode(self, items: Sequence[Item]) -> Sequence[Sequence[Piece]]:
        """Return the pieces of every item; an item without pieces has no results."""
        ...

    def cost(self, piece: Piece) -> int:
        """Return the number of tokens of a piece."""
        ...

    def collate(self, pieces: Sequence[Piece]) -> Batch:
        """Build a batch on the host."""
        ...

    def forward(self, worker: int, batch: Batch) -> Sequence[Result]:
        """Run a batch on a device and return one result per piece, on the host."""
        ...

    def name(self, piece: Piece) -> str:
        """Return the name of a piece in error messages."""
        ...


@dataclass(slots=True)
class _Window:
    """Items that were encoded together, and their results so far."""

    counts: list[int]
    results: list[Any]
    left: int


@dataclass(slots=True)
class _Job:
    window: _Window
    places: list[int]
    pieces: list[Any]
    batch: Any


class _Done:
    """Marks the end of a queue."""


def stream(
    items: Iterable[Item],
    engine: Engine[Item, Piece, Batch, Result],
    *,
    budget: int,
    window: int = WINDOW,
) -> Iterator[list[Result]]:
    """Yield the results of every item, one per piece, in the order of the items.

    Args:
        items: the items, read up to two windows ahead in another thread.
        engine: the model.
        budget: maximum number of tokens per batch, padding included. A batch that does not fit
            into the device's memory is halved, and so is the budget of later batches.
        window: number of items that are sorted by length together.

    Raises:
        ResourceError: a single piece does not fit into the device's memory.
        Exception: any error of `items` or the engine.
    """
    run = _Run(engine, budget)
    threads = [threading.Thread(target=run.prepare, args=(iter(items), window), daemon=True)]
    threads += [
        threading.Thread(target=run.work, args=(i,), daemon=True) for i in range(engine.workers)
    ]
    for thread in threads:
        thread.start()
    try:
        while isinstance(part := run.windows.get(), _Window):
            run.wait_for(part)
            results = iter(part.results)
            for count in part.counts:
                yield list(islice(results, count))
            run.room.release()
        run.raise_failure()
    finally:
        run.stop()
        for thread in threads:
            thread.join()


class _Run:
    """State shared by the threads of one stream."""

    def __init__(self, engine: Engine[Any, Any, Any, Any], budget: int) -> None:
        self.engine = engine
        self.budget = budget
        self.jobs: queue.Queue[_Job | _Done] = queue.Queue(_AHEAD * engine.workers)
        self.windows: queue.SimpleQueue[_Window | _Done] = queue.SimpleQueue()
        self.room = threading.Semaphore(2)
        self.progress = threading.Condition()
        self.failure: BaseException | None = None
        self.stopped = False

    def prepare(self, items: Iterator[Any], window: int) -> None:
        """Encode and collate items; runs in the preparing thread."""
        try:
            # A small first window lets the devices start early.
            size = min(window, 256)
            while not self.stopped and (chunk := list(islice(items, size))):
                self._plan(chunk)
                size = window
        except BaseException as error:
            self.fail(error)
        finally:
            self.windows.put(_Done())
            for _ in range(self.engine.workers):
                self._put(_Done())

    def _plan(self, chunk: list[Any]) -> None:
        while not self.room.acquire(timeout=0.1):
            if self.stopped:
                return
        encoded = self.engine.encode(chunk)
        pieces = [piece for own in encoded for piece in own]
        part = _Window([len(own) for own in encoded], [None] * len(pieces), len(pieces))
        self.windows.put(part)
        costs = np.array([self.engine.cost(piece) for piece in pieces], np.int64)
        for places in plan_batches(costs, self.budget):
            if self.stopped:
                return
            own = [pieces[i] for i in places]
            self._put(_Job(part, places.tolist(), own, self.engine.collate(own)))

    def work(self, worker: int) -> None:
        """Run batches on a device; runs in that device's thread."""
        try:
            while not self.stopped and isinstance(job := self.jobs.get(), _Job):
                results = self._forward(worker, job.pieces, job.batch)
                with self.progress:
                    for place, result in zip(job.places, results, strict=True):
                        job.window.results[place] = result
                    job.window.left -= len(job.places)
                    self.progress.notify_all()
        except BaseException as error:
            self.fail(error)

    def _forward(self, worker: int, pieces: list[Any], batch: Any) -> Sequence[Any]:
        try:
            return self.engine.forward(worker, batch)
        except RuntimeError as error:
            if not out_of_memory(error):
                raise
            reason = str(error).splitlines()[0]
        if len(pieces) == 1:
            raise ResourceError(
                f"{self.engine.name(pieces[0])} does not fit into the device's memory even by "
                f"itself ({reason}); use a smaller model, or precision float16, or split the text"
            )
        free_memory()
        half = len(pieces) // 2
        self.budget = max(1, min(self.budget, half * max(map(self.engine.cost, pieces))))
        parts = [pieces[:half], pieces[half:]]
        return [r for own in parts for r in self._forward(worker, own, self.engine.collate(own))]

    def wait_for(self, part: _Window) -> None:
        """Wait until every result of a window is available.

        Raises:
            BaseException: the error of a thread that failed.
        """
        with self.progress:
            self.progress.wait_for(lambda: part.left == 0 or self.failure is not None)
        if part.left:
            self.raise_failure()

    def fail(self, error: BaseException) -> None:
        """Record an error and stop the run."""
        with self.progress:
            self.failure = self.failure or error
            self.stopped = True
            self.progress.notify_all()

    def raise_failure(self) -> None:
        """Raise the error of a thread that failed, if any."""
        if self.failure is not None:
            raise self.failure

    def stop(self) -> None:
        """Stop the threads."""
        self.stopped = True
        with suppress(queue.Empty):
            while True:
                self.jobs.get_nowait()
        for _ in range(self.engine.workers):
            self._put(_Done())

    def _put(self, job: _Job | _Done) -> None:
        """Put a job into the queue; give up if the run has stopped and the queue stays full."""
        while True:
            try:
                self.jobs.put(job, timeout=0.1)
                return
            except queue.Full:
                if self.stopped:
                    return


def out_of_memory(error: RuntimeError) -> bool:
    """Whether an error means that a device or the host ran out of memory."""
    import torch

    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def free_memory() -> None:
    """Release cached memory of the devices."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()
