"""Types of options and arguments: whether a value fits a type hint, and hints in words."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cache, wraps
from numbers import Integral, Real
from os import PathLike
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, ParamSpec, TypeVar, Union, get_args, get_origin, get_type_hints

from xner.errors import UsageError

P = ParamSpec("P")
T = TypeVar("T")


def checked(function: Callable[P, T]) -> Callable[P, T]:
    """Check the arguments of a function against its type hints before each call.

    The function raises UsageError for the first argument that does not fit.
    """
    hints = cache(lambda: get_type_hints(function))
    signature = inspect.signature(function)

    @wraps(function)
    def call(*args: P.args, **given: P.kwargs) -> T:
        for name, value in signature.bind(*args, **given).arguments.items():
            if not fits(value, hints().get(name, Any)):
                raise UsageError(f"{name} is {value!r}; it must be {describe_type(hints()[name])}")
        return function(*args, **given)

    return call


def is_optional(hint: Any) -> bool:
    """Whether None fits a type."""
    return hint is Any or NoneType in members(hint)


def members(hint: Any) -> tuple[Any, ...]:
    """The members of a union type, or the type itself."""
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def fits(value: Any, hint: Any) -> bool:
    """Whether a value is of a type; classes other than plain values are not looked into."""
    return any(_is(value, member) for member in members(hint))


def _is(value: Any, hint: Any) -> bool:
    kind = get_origin(hint) or hint
    if kind is Any:
        return True
    if kind is Literal:
        return value in get_args(hint)
    if kind in (int, float):
        return not isinstance(value, bool) and isinstance(
            value, Real if kind is float else Integral
        )
    if kind in (bool, str, NoneType):
        return isinstance(value, kind)
    if kind in (Path, PathLike):
        return isinstance(value, str | PathLike)
    if isinstance(kind, type) and issubclass(kind, Mapping):
        return isinstance(value, Mapping) and _all_fit(value.values(), get_args(hint)[1:])
    if isinstance(kind, type) and issubclass(kind, Collection):
        return _is_collection(value) and _items_fit(value, hint)
    if kind is Callable or not isinstance(kind, type):
        return callable(value)
    if getattr(kind, "_is_protocol", False):
        return not isinstance(value, type) and all(hasattr(value, name) for name in _parts(kind))
    return isinstance(value, kind)


def _parts(protocol: type) -> set[str]:
    """Names of the attributes and methods of a protocol."""
    own = [vars(base) for base in protocol.__mro__ if getattr(base, "_is_protocol", False)]
    names = {name for members in own for name in (*members, *members.get("__annotations__", ()))}
    return {name for name in names if not name.startswith("_")}


def _is_collection(value: Any) -> bool:
    return isinstance(value, list | tuple | set | frozenset) or hasattr(value, "tolist")


def _items_fit(values: Any, hint: Any) -> bool:
    kinds = get_args(hint)
    if get_origin(hint) is tuple and ... not in kinds:
        return len(values) == len(kinds) and all(map(fits, values, kinds))
    return _all_fit(values, kinds[:1])


def _all_fit(values: Iterable[Any], hints: tuple[Any, ...]) -> bool:
    return not hints or all(fits(value, hints[0]) for value in values)


_NOUNS = {
    int: "an integer",
    float: "a number",
    bool: "true or false",
    str: "text",
    Path: "a path",
    PathLike: "a path",
}


def describe_type(hint: Any) -> str:
    """A type in words, such as `an integer` or `a list`."""
    words = []
    for member in members(hint):
        kind = get_origin(member) or member
        if kind is NoneType:
            continue
        if kind is Literal:
            words.append("one of " + ", ".join(map(str, get_args(member))))
        elif kind in _NOUNS:
            words.append(_NOUNS[kind])
        elif isinstance(kind, type) and issubclass(kind, Mapping):
            words.append(f"a mapping{_of(' of text to ', get_args(member)[1:])}")
        elif isinstance(kind, type) and issubclass(kind, Collection):
            words.append(f"a list{_of(' of ', get_args(member)[:1])}")
        elif kind is Callable:
            words.append("a function")
        else:
            words.append(f"an object ({getattr(kind, '__name__', kind)})")
    return " or ".join(dict.fromkeys(words))


_PLURALS = {int: "integers", float: "numbers", bool: "true or false", str: "text", Path: "paths"}


def _of(link: str, kinds: tuple[Any, ...]) -> str:
    """What the items of a list or mapping are, in words; nothing for other items."""
    return f"{link}{_PLURALS[kinds[0]]}" if kinds and kinds[0] in _PLURALS else ""


def is_listed(hint: Any) -> bool:
    """Whether an option is a list by its type."""
    kinds = [get_origin(member) or member for member in members(hint)]
    return any(
        isinstance(kind, type) and issubclass(kind, Collection) and not issubclass(kind, str)
        and not issubclass(kind, Mapping)
        for kind in kinds
    )  # fmt: skip


def wrapped(value: Any, hint: Any) -> Any:
    """A list of the value if the option is a list and the value is an item of it."""
    one = is_listed(hint) and not fits(value, hint) and fits([value], hint)
    return [value] if one else value
