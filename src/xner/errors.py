"""The errors that xner raises on purpose, and its warning.

XnerError
├── InputError            invalid data; names the file and line, the row or the sentence id
│   ├── FormatError         a file that cannot be read in the format of its suffix
│   ├── ParallelError       sides or links that differ in rows
│   ├── SchemeError         tags that are invalid in their labelling scheme
│   └── ChangeError         a correction that does not fit its corpus
├── OutputError           a result that cannot be written
├── UsageError            an invalid option or argument
│   └── NoEffectError       an option that changes nothing beside the other options
├── ResourceError         a device with too little memory
├── ServiceError          a service that refuses requests, or cannot be reached
└── MissingExtraError     an optional package that is not installed

Messages say what is wrong, where, and what to do, in one line.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class XnerError(Exception):
    """Base class of all errors of this library."""


class XnerWarning(UserWarning):
    """A problem that the result does not show, such as words that a model cannot see."""


class InputError(XnerError, ValueError):
    """Invalid data."""


class FormatError(InputError):
    """A file that cannot be read in the format of its suffix."""


class ParallelError(InputError):
    """Two sides, or their links, that differ in rows."""


class SchemeError(InputError):
    """Tags that are invalid in their labelling scheme."""


class ChangeError(InputError):
    """A correction that does not fit its corpus."""


class OutputError(XnerError, OSError):
    """A result that cannot be written."""


class UsageError(XnerError, ValueError):
    """An invalid option or argument."""


class NoEffectError(UsageError):
    """An option that has no effect together with the other options."""

    def __init__(self, option: str, message: str) -> None:
        """Name the `option`; the `message` says why, and what to do."""
        super().__init__(message)
        self.option = option

    def __reduce__(self) -> tuple[type[NoEffectError], tuple[str, str]]:
        """Support pickling, so that another process can raise the error."""
        return type(self), (self.option, str(self))


class ResourceError(XnerError, RuntimeError):
    """Too little memory, a lost process, or a Ray cluster that does not answer."""


class ServiceError(XnerError, RuntimeError):
    """A service that refuses requests, or cannot be reached."""


class MissingExtraError(XnerError, ImportError):
    """An optional package that is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        """Name the missing `package` and the `extra` of xner that installs it."""
        super().__init__(
            f"the package {package!r} is not installed; run: pip install 'xner[{extra}]'"
        )
        self.package = package
        self.extra = extra

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str, str]]:
        """Support pickling, so that another process can raise the error."""
        return type(self), (self.package, self.extra)


def unknown(kind: str, name: object, known: Iterable[str], place: str = "") -> UsageError:
    """The error for a name that is not known, with near matches."""
    names = list(known)
    near = get_close_matches(str(name), names, n=2, cutoff=0.7)
    hint = f"did you mean {' or '.join(repr(n) for n in near)}? " if near else ""
    where = f"{place}: " if place else ""
    return UsageError(f"{where}unknown {kind} {name!r}; {hint}known: {', '.join(names) or 'none'}")
