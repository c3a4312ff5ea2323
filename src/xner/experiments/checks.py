"""Reading a configuration: what is wrong is named with its place and what was probably meant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from xner.errors import UsageError


def unknown(kind: str, name: object, known: Iterable[str], place: str) -> UsageError:
    """The error for a name that is not one of `known`, with near matches."""
    names = list(known)
    near = get_close_matches(str(name), names, n=2, cutoff=0.7)
    hint = f"did you mean {' or '.join(repr(n) for n in near)}? " if near else ""
    return UsageError(f"{place}: unknown {kind} {name!r}; {hint}known: {', '.join(names) or '–'}")


def check_keys(given: Mapping[str, Any], known: Iterable[str], place: str) -> None:
    """Raise UsageError for the first key that is not known."""
    names = list(known)
    for key in given:
        if key not in names:
            raise unknown("key", key, names, place)


def mapping(value: Any, place: str) -> Mapping[str, Any]:
    """`value` as a mapping with text keys; None is an empty one.

    Raises:
        UsageError: it is something else.
    """
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise UsageError(f"{place}: should be keys and values, not {value!r}")
    for key in value:
        if not isinstance(key, str):
            raise UsageError(f"{place}: the key {key!r} is no text; put it in quotes")
    return value


def listed(value: Any, place: str) -> list[Any]:
    """`value` as a list; None is an empty one.

    Raises:
        UsageError: it is something else.
    """
    if value is None:
        return []
    if not isinstance(value, list | tuple):
        raise UsageError(f"{place}: should be a list, not {value!r}")
    return list(value)


def as_list(value: Any) -> list[Any]:
    """A setting that is a list by nature; one value stands for a list of it."""
    return list(value) if isinstance(value, list | tuple) else [value]


def text(value: Any, place: str) -> str:
    """`value` as text.

    Raises:
        UsageError: it is something else.
    """
    if not isinstance(value, str) or not value:
        raise UsageError(f"{place}: should be text, not {value!r}; put it in quotes")
    return value


def whole(value: Any, place: str, least: int = 0) -> int:
    """`value` as a whole number from `least`.

    Raises:
        UsageError: it is something else.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise UsageError(f"{place}: should be a whole number from {least}, not {value!r}")
    return value


def share(value: Any, place: str) -> float:
    """`value` as a number between 0 and 1.

    Raises:
        UsageError: it is something else.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise UsageError(f"{place}: should be a number from 0 to 1, not {value!r}")
    return float(value)
