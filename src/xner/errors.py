"""Every error that xner raises on purpose, and its warning.

XnerError
├── InputError            bad data: names the file and line, the row or the sentence id
│   ├── FormatError         a file that cannot be read as what it says it is
│   ├── ParallelError       sides or links that do not line up
│   └── SchemeError         tags that do not fit their labelling scheme
├── OutputError           a result that cannot be written
├── UsageError            an option or argument that makes no sense
├── ResourceError         a device that the work does not fit
└── MissingExtraError     an optional package that is not installed

Messages say what is wrong, where, and what to do, in one line.
"""

from __future__ import annotations


class XnerError(Exception):
    """The base of all errors of this library."""


class XnerWarning(UserWarning):
    """Something of which the result says nothing, such as words that a model cannot see."""


class InputError(XnerError, ValueError):
    """Bad data."""


class FormatError(InputError):
    """A file that cannot be read as its suffix says."""


class ParallelError(InputError):
    """Two sides, or their links, that do not line up."""


class SchemeError(InputError):
    """Tags that do not fit their labelling scheme."""


class OutputError(XnerError, OSError):
    """A result that cannot be written."""


class UsageError(XnerError, ValueError):
    """An option or argument that makes no sense."""


class ResourceError(XnerError, RuntimeError):
    """A device that the work does not fit."""


class MissingExtraError(XnerError, ImportError):
    """An optional package that is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        """Name the missing `package` and the `extra` of xner that brings it."""
        super().__init__(
            f"the package {package!r} is not installed; run: pip install 'xner[{extra}]'"
        )
        self.package = package
        self.extra = extra

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str, str]]:
        """So that another process can raise it."""
        return type(self), (self.package, self.extra)
