"""Keys of steps: hashes of everything that determines the result of a step.

A key covers the stage, its settings, the contents of the files that they name, and the keys of the
columns that it reads. Pipelines therefore share steps, and a changed setting gives new keys to that
step and to those that depend on it only.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from xner._version import __version__
from xner.callables import signature_of
from xner.errors import InputError, UsageError


def step_key(stage: str, settings: Mapping[str, Any], inputs: Mapping[str, str]) -> str:
    """Return the key of a step.

    Args:
        stage: name of the stage.
        settings: its settings. A `Path` counts by its content, an object by its `signature`, a
            function by its name and source code.
        inputs: by column that it reads, the key of the step that wrote it.

    Raises:
        UsageError: an object among the settings has no signature.
        InputError: a file cannot be read.
    """
    content = {
        "xner": __version__,
        "stage": stage,
        "settings": plain(settings),
        "inputs": dict(inputs),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def plain(value: Any) -> Any:
    """Return a setting as JSON: files by name and content, objects by their signature.

    Raises:
        UsageError: an object has no signature.
    """
    if isinstance(value, Mapping):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, Path):
        return f"{value.name}:sha256:{digest(value)}"
    if value is None or isinstance(value, bool | int | float | str):
        return value
    signature = getattr(value, "signature", None)
    if signature is None and callable(value):
        return signature_of(value)
    if not isinstance(signature, str):
        raise UsageError(
            f"a setting is an object ({type(value).__name__}) without a `signature` (text), "
            f"which the key of its results needs"
        )
    return f"{type(value).__name__}:{signature}"


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, or of all files of a folder with their names.

    Raises:
        InputError: the file cannot be read.
    """
    try:
        if not path.is_dir():
            return _file_digest(path, path.stat().st_mtime_ns, path.stat().st_size)
        combined = hashlib.sha256()
        for file in sorted(p for p in path.rglob("*") if p.is_file()):
            combined.update(f"{file.relative_to(path).as_posix()} {digest(file)}\n".encode())
        return combined.hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path") from None


@lru_cache(4096)
def _file_digest(path: Path, changed: int, size: int) -> str:
    """Hash a file; time and size are arguments so that a changed file is read again."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
