"""Functions and objects that a user names as `module:name`."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from xner.errors import UsageError

_NAME = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")
FORM = "module:name"
T = TypeVar("T")


def is_named(text: str) -> bool:
    """Whether a text has the form `module:name`."""
    return _NAME.fullmatch(text) is not None


def load(text: str, option: str) -> Any:
    """Import what `module:name` names; the working folder is searched for the module too.

    Args:
        text: a module and a name in it, such as `my_models.french:tag`.
        option: name of the option, for messages.

    Returns:
        The function or object; an instance if it is a class.

    Raises:
        UsageError: the module or the name does not exist, or the module cannot be imported.
    """
    module_name, _, path = text.partition(":")
    folder = str(Path.cwd())
    if "" not in sys.path and folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if not module_name.startswith(str(error.name)):
            raise UsageError(
                f"{option} {text}: {module_name} imports {error.name!r}, which is not installed"
            ) from error
        raise UsageError(
            f"{option} {text}: there is no module {error.name!r} in the working folder or among "
            f"the installed packages"
        ) from None
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise UsageError(f"{option} {text}: {module_name} cannot be imported ({reason})") from error
    for name in path.split("."):
        if not hasattr(found, name):
            raise UsageError(f"{option} {text}: the module {module_name} has no {path!r}")
        found = getattr(found, name)
    return _made(found, f"{option} {text}") if isinstance(found, type) else found


def _made(kind: type[Any], named: str) -> Any:
    """An instance of a class, which is called without arguments."""
    try:
        inspect.signature(kind).bind()
    except ValueError:
        pass  # a class whose signature is unknown, such as one of C
    except TypeError as error:
        raise UsageError(
            f"{named}: the class is called without arguments ({error}); name a class that needs "
            f"none, or an object"
        ) from None
    return kind()


def name_of(function: Any) -> str:
    """Module and name of a function, as in `my_models.french:tag`."""
    kind = function if hasattr(function, "__qualname__") else type(function)
    return f"{kind.__module__}:{kind.__qualname__}"


def signature_of(function: Any) -> str:
    """Name of a function, and a digest of its source code where that can be read."""
    kind = function if hasattr(function, "__qualname__") else type(function)
    try:
        source = inspect.getsource(kind)
    except (OSError, TypeError):
        return f"function({name_of(function)})"
    return f"function({name_of(function)}#{hashlib.sha256(source.encode()).hexdigest()[:8]})"


def adapted(option: str, value: Any, adapt: Callable[[Any], Any]) -> Any:
    """Return what `module:name` names, or an object that is given, with the interface it needs.

    Args:
        option: name of the option, for messages.
        value: text, a function or an object; text of another form is returned as it is.
        adapt: converts a function or object to the interface.

    Raises:
        UsageError: the module or name does not exist, or the object does not fit.
    """
    if isinstance(value, str):
        return adapt(load(value, option)) if is_named(value) else value
    return adapt(value)


class ResultError(UsageError):
    """A result of a custom component that does not fit its input.

    Attributes:
        name: what the component is, such as `the tagger function(my_models:tag#1c9a)`.
        row: index of the sentence in the stream that the component was given.
        fault: what is wrong.
    """

    def __init__(self, name: str, row: int, fault: str) -> None:
        super().__init__(f"{name}: sentence {row + 1}: {fault}")
        self.name, self.row, self.fault = name, row, fault

    def __reduce__(self) -> tuple[type[ResultError], tuple[str, int, str]]:
        """Support pickling, so that another process can raise the error."""
        return type(self), (self.name, self.row, self.fault)


def grouped(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield consecutive items in lists of `size`; the last list may be shorter."""
    rest = iter(items)
    while group := list(islice(rest, size)):
        yield group


def listed(results: Any) -> list[Any] | None:
    """The results that a function returned as a list; None if they are not a list of items."""
    if isinstance(results, str | bytes | Mapping) or not isinstance(results, Iterable):
        return None
    return list(results)


def is_text(text: str) -> bool:
    r"""Whether a text can be stored: no character is half of a pair (a lone surrogate).

    >>> is_text("naïve"), is_text("na\ud800ve")
    (True, False)
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class Function:
    """A function of a user; the base of its adapters to the interface of a component.

    Attributes:
        kind: what the component is, such as `tagger`.
    """

    kind: ClassVar[str] = ""

    def __init__(self, function: Callable[..., Any]) -> None:
        """Call `function` for the results."""
        self.function = function

    @property
    def signature(self) -> str:
        """Name of the function, and a digest of its source code."""
        return signature_of(self.function)

    def results(self, items: Sequence[Any], row: int, *further: Any) -> list[Any]:
        """Call the function for some items.

        Args:
            items: the first argument; without items the function is not called.
            row: index of the first item in the stream, for messages.
            *further: more arguments.

        Returns:
            A result for each item.

        Raises:
            ResultError: there are too few or too many results, or no list of them.
            Exception: what the function raises, with a note that names the function.
        """
        try:
            found = listed(self.function(items, *further) if items else [])
        except Exception as error:
            error.add_note(
                f"Raised by the {self.kind} {self.signature}, called with {len(items)} inputs; the "
                f"first one is sentence {row + 1}."
            )
            raise
        if found is None or len(found) != len(items):
            count = "no list" if found is None else f"{len(found)} results"
            raise ResultError(
                f"the {self.kind} {self.signature}", row,
                f"returned {count} for {len(items)} inputs from here on",
            )  # fmt: skip
        return found


def as_component(given: Any, adapter: type[Function], interface: type[Any]) -> Any:
    """Return a component as it is, and a function through its adapter.

    Args:
        given: what a user gave.
        adapter: adapter of functions.
        interface: the protocol of components; its public attributes are needed.

    Raises:
        UsageError: `given` is neither.
    """
    needed = [name for name in vars(interface) if not name.startswith("_")]
    if all(hasattr(given, name) for name in needed):
        return given
    if callable(given):
        return adapter(given)
    raise UsageError(
        f"{adapter.kind} is {given!r:.80}; it must be a function, or an object with "
        f"{' and '.join(f'`{name}`' for name in sorted(needed))} "
        f"({interface.__module__}.{interface.__qualname__})"
    )
