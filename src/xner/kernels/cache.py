"""Numba's cache of compiled kernels on disk, made safe against damage.

Numba trusts the files of its cache: a truncated one ends in a traceback, a flipped bit in machine
code in a crash, and two processes that compile at the same time can exchange their entries. Here
each entry holds a digest and the signature that it is for; an entry that does not fit is compiled
again. So is every kernel if any file beside its own changes: Numba watches that of the kernel, and
not those of the functions that it contains. If no folder can be written to, kernels are kept in a
temporary folder, or not at all.
"""

from __future__ import annotations

import os
import pickle
import tempfile
import warnings
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from numba import config
from numba.core.caching import FunctionCache, IndexDataCacheFile

from xner.errors import XnerWarning

_DIGEST = 32
_ADVICE = "set NUMBA_CACHE_DIR to a folder that can be written to"


class _CheckedFiles(IndexDataCacheFile):  # type: ignore[misc, unused-ignore]
    """The index and the entries of one kernel; an entry names its key and begins with a digest."""

    def save(self, key: Any, data: Any) -> None:
        super().save(key, (key, data))

    def load(self, key: Any) -> Any:
        held, data = super().load(key) or (None, None)
        return data if held == key else None

    def _save_data(self, name: str, data: Any) -> None:
        content = self._dump(data)
        with self._open_for_write(self._data_path(name)) as file:
            file.write(sha256(content).digest() + content)

    def _load_data(self, name: str) -> Any:
        stored = Path(self._data_path(name)).read_bytes()
        if sha256(stored[_DIGEST:]).digest() != stored[:_DIGEST]:
            raise pickle.UnpicklingError(f"{name} is damaged")
        return pickle.loads(stored[_DIGEST:])


class KernelCache(FunctionCache):  # type: ignore[misc, unused-ignore]
    """The cache of one kernel: what is damaged is compiled again, what cannot be kept is not."""

    def __init__(self, function: Any) -> None:
        super().__init__(function)
        self._cache_file.__class__ = _CheckedFiles
        self._cache_file._source_stamp = _sources(Path(function.__code__.co_filename).parent)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The compiled kernel for a signature, or None."""
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # unpickling a damaged file can raise anything
            self._discard()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Save a compiled kernel, unless the folder cannot be written to any more."""
        try:
            super().save_overload(sig, data)
        except OSError as error:
            _warn(f"compiled kernels cannot be saved ({error.strerror}); {_ADVICE}")
            self.disable()

    def _discard(self) -> None:
        try:
            self.flush()
        except OSError:
            self.disable()


def cache_of(function: Any) -> KernelCache | None:
    """The cache of a kernel in Numba's folder, or else in a temporary one; None without either."""
    try:
        return KernelCache(function)
    except RuntimeError:  # Numba finds no folder
        pass
    folder, chosen = _temporary_folder(), config.CACHE_DIR
    if folder is None:
        _warn(f"no folder for compiled kernels can be written to; every run compiles; {_ADVICE}")
        return None
    _warn(f"compiled kernels are kept in {folder}, because Numba's folder is read-only; {_ADVICE}")
    config.CACHE_DIR = folder
    try:
        return KernelCache(function)
    except RuntimeError:
        return None
    finally:
        config.CACHE_DIR = chosen


@cache
def _sources(folder: Path) -> bytes:
    """A digest of all modules of a folder."""
    digest = sha256()
    for path in sorted(folder.glob("*.py")):
        content = path.read_bytes()
        digest.update(b"%s %d\n" % (path.name.encode(), len(content)) + content)
    return digest.digest()


@cache
def _temporary_folder() -> str | None:
    """A folder of this user alone: Numba runs what it finds there."""
    user = os.getuid()
    try:
        folder = Path(tempfile.gettempdir(), f"xner-numba-{user}")
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
    except OSError:
        return None
    private = status.st_uid == user and status.st_mode & 0o7777 == 0o700
    return str(folder) if private and folder.is_dir() else None


@cache
def _warn(message: str) -> None:
    """Warn once."""
    warnings.warn(message, XnerWarning, stacklevel=2)
