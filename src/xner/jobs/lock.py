"""A lock that the operating system releases when its process ends, however it ends."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from xner.errors import OutputError
from xner.jobs.files import saving

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


@contextmanager
def locked(path: Path, what: str) -> Iterator[None]:
    """Hold the lock in the file `path`.

    Raises:
        OutputError: another process holds it; the message names the process and `what`.
    """
    with saving(what):
        opened = path.open("a+", encoding="utf-8")
    with opened as file:
        if fcntl is not None:
            _acquire(file, path, what)
        file.seek(0)
        file.truncate()
        file.write(f"process {os.getpid()} on {platform.node()}")
        file.flush()
        yield


def _acquire(file: TextIO, path: Path, what: str) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.seek(0)
        holder = file.read() or "another process"
        raise OutputError(f"{what}: {holder} is writing it; wait until it ends") from None
    if not (path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat())):
        raise OutputError(f"{what}: another process has just finished it; run the command again")


@contextmanager
def waiting(path: Path) -> Iterator[None]:
    """Hold the lock in the file `path`, once no other process holds it."""
    with path.open("a") as file:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
