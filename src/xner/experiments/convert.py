"""Conversion of the content of experiment files to the types of `schema.py`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal, TypeVar, cast, get_args, get_origin, get_type_hints

import msgspec

from xner.errors import UsageError, unknown
from xner.experiments.schema import Section, Settings
from xner.hints import members

T = TypeVar("T")
Row = TypeVar("Row", bound=Section)
_PART = re.compile(r"\.(\w+)|\[(\d+|\.\.\.)\]")
"""A part of the path in a message of msgspec; `[...]` is some key of a mapping."""
_WORDS = {
    "array": "a list",
    "bool": "true or false",
    "float": "a number",
    "int": "an integer",
    "object": "a mapping",
    "str": "text",
}


def convert(value: Any, kind: type[T], origin: str, path: str = "") -> T:
    """Convert plain values to a type.

    Args:
        value: content of the file, or a part of it.
        kind: a type that msgspec supports.
        origin: name of the file.
        path: place of the value in the file, such as `pipelines[1]`.

    Raises:
        UsageError: the value does not fit; the message names the file and the path.
    """
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise _explained(str(error), value, kind, origin, path) from None
    except UnicodeEncodeError as error:
        place = f"{origin}: {path}" if path else origin
        raise UsageError(f"{place}: {error.object!r} has a half of a surrogate pair") from None


def convert_row(
    value: Settings, kind: type[Row], steps: Iterable[str], origin: str, path: str
) -> Row:
    """Convert a row or model, with the settings of each of its `steps` as an attribute.

    Raises:
        UsageError: the value does not fit, or a key is neither of `kind` nor a step.
    """
    fields = [(name, Settings | None, None) for name in steps]
    extended = msgspec.defstruct(
        kind.__name__, fields, bases=(kind,), kw_only=True, forbid_unknown_fields=True
    )
    return cast(Row, convert(value, extended, origin, path))


def _explained(message: str, value: Any, kind: Any, origin: str, path: str) -> UsageError:
    text, _, at = message.partition(" - at ")
    for name, index in _PART.findall(at):
        value, kind, part = _enter(value, kind, name, index)
        path = f"{path}{part}" if path else part.lstrip(".")
    place = f"{origin}: {path}" if path else origin
    if at.startswith("`key`"):
        key = next(key for key in value if not isinstance(key, str))
        return UsageError(f"{place}: the key {key!r} is not text; put it in quotes")
    name = text.partition("`")[2].rstrip("`")
    if "unknown field" in text:
        return unknown("key", name, _struct(kind).__struct_fields__, place)
    if "missing required field" in text:
        return UsageError(f"{place}: {name} is missing")
    if choices := [c for m in _members(kind) if get_origin(m) is Literal for c in get_args(m)]:
        return unknown("value", value, choices, place)
    wanted = re.sub("`([^`]*)`", lambda types: _described(types[1]), text.partition(", got")[0])
    quotes = isinstance(value, int | float) and "text" in wanted
    hint = "; put it in quotes" if quotes else ""
    return UsageError(f"{place}: {wanted[0].lower()}{wanted[1:]}, got {_shown(value)}{hint}")


def _enter(value: Any, kind: Any, name: str, index: str) -> tuple[Any, Any, str]:
    """Return a part of a value, its type and its place, by the field or index in a message."""
    if name:
        hints = get_type_hints(_struct(kind), include_extras=True)
        return value[name], hints[name], f".{name}"
    container = dict if index == "..." else tuple
    inner = next(get_args(m) for m in _members(kind) if get_origin(m) is container)
    if container is tuple:
        return value[int(index)], inner[0], f"[{int(index) + 1}]"
    key = next(key for key, part in value.items() if not _fits(part, inner[1]))
    return value[key], inner[1], f".{key}"


def _fits(value: Any, kind: Any) -> bool:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return True


def _members(kind: Any) -> list[Any]:
    """Return the members of a union, without their annotations."""
    bare = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    return [get_args(m)[0] if get_origin(m) is Annotated else m for m in members(bare)]


def _struct(kind: Any) -> Any:
    return next(m for m in _members(kind) if isinstance(m, type) and issubclass(m, Section))


def _described(types: str) -> str:
    names = [name for name in types.split(" | ") if name != "null"]
    return " or ".join(_WORDS.get(name, name) for name in names)


def _shown(value: Any) -> str:
    if not value or not isinstance(value, list | dict):
        return repr(value)
    return "a list" if isinstance(value, list) else "a mapping"
