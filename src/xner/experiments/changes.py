"""Changes to the content of an experiment file: values by their path in the file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from xner.errors import UsageError

_PATH = re.compile(r"[^.\[\]]+(?:\[\d+\])*(?:\.[^.\[\]]+(?:\[\d+\])*)*")
_PART = re.compile(r"[^.\[\]]+|\[\d+\]")


def changed(content: Any, changes: Mapping[str, Any], origin: str) -> Any:
    """Return the content of an experiment file with other values.

    Args:
        content: what the file has; it stays as it is.
        changes: values by path, such as `stages.tag.model` or `pipelines[2].name`. Items of lists
            are counted from 1. Mappings that are missing are added.
        origin: name of the file, for messages.

    Raises:
        UsageError: a path has not this form, or leads through something else.
    """
    for path, value in changes.items():
        if not _PATH.fullmatch(path):
            raise UsageError(
                f"{origin}: {path!r} is not a path in the file; write KEY.KEY, or KEY[1] for the "
                f"first item of a list"
            )
        content = _with(content, _PART.findall(path), value, f"{origin}: {path}")
    return content


def _with(content: Any, parts: list[str], value: Any, place: str) -> Any:
    if not parts:
        return value
    part, *rest = parts
    if not part.startswith("["):
        if not isinstance(content, Mapping | None):
            raise UsageError(f"{place}: {part!r} is not a key of {content!r}")
        known = dict(content or {})
        return {**known, part: _with(known.get(part), rest, value, place)}
    i = int(part[1:-1])
    if not isinstance(content, list | tuple) or not 1 <= i <= len(content):
        size = len(content) if isinstance(content, list | tuple) else "no"
        raise UsageError(
            f"{place}: there is no item {part}; the list has {size} items, and [1] is the first"
        )
    return [*content[: i - 1], _with(content[i - 1], rest, value, place), *content[i:]]
