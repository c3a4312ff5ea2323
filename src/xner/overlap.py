"""Reading ahead and writing behind: threads that overlap files with computation."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")
DEPTH = 2
"""Items that are ready in advance, or wait to be written; it bounds the memory."""


def ahead(items: Iterator[T], depth: int = DEPTH) -> Iterator[T]:
    """Yield items in order; a thread makes up to `depth` of them in advance.

    An exception of the thread is raised in the place of its item. The thread ends with the
    generator.
    """
    waiting: deque[Future[list[T]]] = deque()
    with ThreadPoolExecutor(1, "xner-read") as thread:
        try:
            while True:
                while len(waiting) < depth:
                    waiting.append(thread.submit(lambda: list(islice(items, 1))))
                if not (item := waiting.popleft().result()):
                    return
                yield item[0]
        finally:
            _cancel(waiting)


def in_order(function: Callable[[T], R], items: Iterable[T], workers: int) -> Iterator[R]:
    """Yield `function(item)` for every item, in their order, computed by several threads.

    Only a few results wait to be taken, which bounds the memory.
    """
    waiting: deque[Future[R]] = deque()
    with ThreadPoolExecutor(workers, "xner-work") as threads:
        try:
            for item in items:
                waiting.append(threads.submit(function, item))
                if len(waiting) > workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            _cancel(waiting)


def behind(consume: Callable[[T], object], items: Iterable[T], depth: int = DEPTH) -> None:
    """Pass items in order to `consume`, in a thread; up to `depth` further ones are made meanwhile.

    An exception of `consume` ends the loop over the items.
    """
    waiting: deque[Future[object]] = deque()
    with ThreadPoolExecutor(1, "xner-write") as thread:
        try:
            for item in items:
                waiting.append(thread.submit(consume, item))
                if len(waiting) > depth:
                    waiting.popleft().result()
            while waiting:
                waiting.popleft().result()
        finally:
            _cancel(waiting)


def _cancel(waiting: Iterable[Future[T]]) -> None:
    for future in waiting:
        future.cancel()
