"""Files that get their final name only when they are complete and on disk."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from xner.errors import OutputError, XnerError

_UNWRITTEN = "cannot be written"
_KEPT = "finished parts are kept: the same command continues"


@contextmanager
def saving(name: str) -> Iterator[None]:
    """Turn errors of the file system into an OutputError that names the output `name`."""
    try:
        yield
    except XnerError:
        raise
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise OutputError(f"{name}: {_UNWRITTEN} ({why}); {_KEPT}") from None


@contextmanager
def written(name: str, place: Path, inside: Path) -> Iterator[Path]:
    """Yield a new folder for files; it is removed with what was not moved out of it.

    Args:
        name: of the output, for error messages.
        place: the path that messages name instead of the temporary one.
        inside: folder of the new folder.

    Raises:
        OutputError: a file cannot be written.
    """
    temporary = inside / uuid4().hex
    try:
        with saving(name):
            temporary.mkdir()
            yield temporary
    except OutputError as error:
        text = re.sub(rf"{re.escape(str(temporary))}/[^:]+", str(place), str(error))
        kept = f"; {_KEPT}" if _UNWRITTEN in text and _KEPT not in text else ""
        raise OutputError(text + kept) from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def move(made: Path, final: Path) -> None:
    """Give a complete file or folder its final name, once its content is on disk."""
    for path in [made, *made.rglob("*")] if made.is_dir() else [made]:
        _sync(path)
    try:
        made.replace(final)
    except OSError as error:
        # Another process of the same job made this part as well.
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
    _sync(final.parent)


def _sync(path: Path) -> None:
    # Some systems cannot open or sync folders; what fails to sync a file loses its content.
    with suppress(OSError) if path.is_dir() else nullcontext():
        file = os.open(path, os.O_RDONLY)
        try:
            os.fsync(file)
        finally:
            os.close(file)


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write a JSON file at once."""
    partial = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        partial.write_text(json.dumps(values, ensure_ascii=False, indent=1) + "\n", "utf-8")
        move(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def read_json(path: Path) -> dict[str, Any] | None:
    """The content of a JSON file, or None if there is no such file."""
    try:
        values: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    return values
