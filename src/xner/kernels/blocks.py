"""Run a kernel over blocks of sentences, on every core, with one answer for any split.

The kernels release the GIL, so plain threads are enough. That spares Numba's parallel
transform, which would triple the time of a cold start, and its threading layers, which
do not survive a fork.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import TypeVar

import numpy as np

BLOCK = 8192

T = TypeVar("T")


_wanted: list[int] = []


@contextmanager
def threads(count: int | None) -> Iterator[None]:
    """Use `count` threads inside the block; None changes nothing.

    Raises:
        ValueError: `count` is below 1.
    """
    if count is not None and count < 1:
        raise ValueError(f"the number of threads is {count}; it must be at least 1")
    _wanted.extend([] if count is None else [count])
    try:
        yield
    finally:
        if count is not None:
            _wanted.pop()


def wanted_threads() -> int | None:
    """Number of threads that was asked for, by `threads` or else by `XNER_THREADS`.

    Raises:
        ValueError: `XNER_THREADS` is not a positive whole number.
    """
    if _wanted:
        return _wanted[-1]
    wanted = os.environ.get("XNER_THREADS")
    if wanted is None:
        return None
    if not wanted.isdecimal() or int(wanted) < 1:
        raise ValueError(f"XNER_THREADS is {wanted!r}; set it to a whole number above 0")
    return int(wanted)


def thread_count() -> int:
    """Number of threads: what was asked for, else the CPUs at hand.

    Raises:
        ValueError: `XNER_THREADS` is not a positive whole number.
    """
    if (wanted := wanted_threads()) is not None:
        return wanted
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else (os.cpu_count() or 1)


@cache
def _pool(workers: int, pid: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(workers, thread_name_prefix=f"xner-{pid}")


def over_blocks(kernel: Callable[..., T], n: int, *args: object, block: int = BLOCK) -> list[T]:
    """Call `kernel(lo, hi, *args)` for consecutive blocks that cover `range(n)`.

    The kernel must write only what belongs to its own rows, or return it. The first call
    runs alone, so that compilation happens once and not in every thread.

    Returns:
        What the calls returned, in the order of the blocks; one empty block for `n` = 0.
    """
    workers = thread_count()
    if workers == 1 or n <= block:
        return [kernel(0, n, *args)]
    done = [kernel(0, block, *args)]
    pool = _pool(workers, os.getpid())
    jobs = [pool.submit(kernel, lo, min(lo + block, n), *args) for lo in range(block, n, block)]
    return done + [job.result() for job in jobs]


def frozen(array: np.ndarray, dtype: type) -> np.ndarray:
    """A read-only, contiguous view of `array` as `dtype`; copies only where it must.

    Arrow hands out read-only arrays and NumPy writable ones, and Numba would compile a
    kernel again for each mixture of the two.
    """
    view: np.ndarray = np.ascontiguousarray(array, dtype=dtype).view()
    view.flags.writeable = False
    return view
