"""How a command takes memory from the system."""

from __future__ import annotations

import os
import sys
from ctypes import CDLL

_ARENA_MAX = -8  # M_ARENA_MAX of glibc's mallopt


def one_allocator() -> None:
    """Let Arrow, before it is imported, allocate memory like the rest of the process."""
    if sys.platform == "linux":
        os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")


def one_heap() -> bool:
    """Let all threads share one heap, and return whether the C library can.

    A job starts threads for every part. What they free would stay in heaps of their own: after two
    million pairs, 280 MiB.
    """
    mallopt = getattr(CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    return mallopt is not None and mallopt(_ARENA_MAX, 1) == 1
