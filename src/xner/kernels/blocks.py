"""Run a kernel over blocks of sentences on several threads; any split gives the same result.

Kernels release the GIL, so plain threads are enough. They avoid Numba's parallel transform, which
would triple the time of a cold start, and its threading layers, which do not survive a fork.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import Any, Concatenate, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

BLOCK = 8192

P = ParamSpec("P")
T = TypeVar("T")


_requested: list[int] = []
_called: set[Callable[..., Any]] = set()
"""Kernels that have run in this process, so that they are compiled."""


@contextmanager
def threads(count: int | None) -> Iterator[None]:
    """Use `count` threads inside the `with` block; None changes nothing.

    Raises:
        ValueError: `count` is below 1.
    """
    if count is not None and count < 1:
        raise ValueError(f"the number of threads is {count}; it must be at least 1")
    _requested.extend([] if count is None else [count])
    try:
        yield
    finally:
        if count is not None:
            _requested.pop()


def wanted_threads() -> int | None:
    """Return the number of threads set by `threads` or `XNER_THREADS`, or None.

    Raises:
        ValueError: `XNER_THREADS` is not a positive integer.
    """
    if _requested:
        return _requested[-1]
    setting = os.environ.get("XNER_THREADS")
    if setting is None:
        return None
    if not setting.isdecimal() or int(setting) < 1:
        raise ValueError(f"XNER_THREADS is {setting!r}; it must be an integer of at least 1")
    return int(setting)


def thread_count() -> int:
    """Return the number of threads to use: the one that was set, else the available CPUs.

    Raises:
        ValueError: `XNER_THREADS` is not a positive integer.
    """
    if (wanted := wanted_threads()) is not None:
        return wanted
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else (os.cpu_count() or 1)


@cache
def _pool(workers: int, pid: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(workers, thread_name_prefix=f"xner-{pid}")


def over_blocks(
    kernel: Callable[Concatenate[int, int, P], T],
    rows: int | range,
    *args: P.args,
    **kwargs: P.kwargs,
) -> list[T]:
    """Call `kernel(lo, hi, *args)` for consecutive blocks of rows.

    The kernel must write only what belongs to its own rows, or return it. The first call in a
    process runs alone, so that compilation happens once and not in every thread.

    Args:
        kernel: the kernel.
        rows: number of rows, in blocks of 8,192; or `range(0, rows, block)`.
        *args: further arguments of the kernel.
        **kwargs: the same by name.

    Returns:
        What the calls returned, in the order of the blocks; one empty block for no rows.
    """
    blocks = rows if isinstance(rows, range) else range(0, rows, BLOCK)
    if len(blocks) <= 1 or (workers := thread_count()) == 1:
        return [kernel(0, blocks.stop, *args, **kwargs)]
    bounds = [(lo, min(lo + blocks.step, blocks.stop)) for lo in blocks]
    results = []
    if kernel not in _called:
        results = [kernel(*bounds.pop(0), *args, **kwargs)]
        _called.add(kernel)
    pool = _pool(workers, os.getpid())
    jobs = [pool.submit(kernel, *bound, *args, **kwargs) for bound in bounds]
    return results + [job.result() for job in jobs]


def frozen(array: Any, dtype: type) -> NDArray[Any]:
    """Return a read-only, contiguous view of `array` as `dtype`; copy only if necessary.

    Arrow returns read-only arrays and NumPy writable ones, and Numba would compile a kernel
    again for each mixture of the two.
    """
    fits = type(array) is np.ndarray and array.dtype == dtype and array.flags.c_contiguous
    view: NDArray[Any] = array if fits else np.ascontiguousarray(array, dtype=dtype)
    if view.flags.writeable:
        view = view.view()
        view.setflags(write=False)
    return view
