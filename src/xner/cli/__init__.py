"""The command line, `xner COMMAND …`.

Exit codes: 0 success, 1 bad input or output or a missing package, 2 bad usage.
"""

from __future__ import annotations

import argparse
import io
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from xner._version import __version__
from xner.cli import (
    apply,
    convert,
    demo,
    doctor,
    evaluate,
    report,
    run,
    stage,
    students,
    warmup,
)
from xner.errors import UsageError, XnerError, XnerWarning


class Command(Protocol):
    """The interface of a command."""

    @property
    def summary(self) -> str:
        """One line for `xner --help`."""
        ...

    @property
    def description(self) -> str:
        """First paragraph of `xner COMMAND --help`."""
        ...

    def add_arguments(self, command: argparse.ArgumentParser) -> None:
        """Add the arguments of the command to its parser."""
        ...

    def run(self, options: argparse.Namespace) -> None:
        """Run the command."""
        ...


_STAGES: dict[str, Command] = {c.name or c.stage: c for c in stage.COMMANDS}
_STUDENTS: dict[str, Command] = {c.stage.replace("_", "-"): c for c in students.COMMANDS}
COMMANDS: dict[str, Command] = {
    **_STAGES,
    **_STUDENTS,
    "evaluate": evaluate.COMMAND,
    "convert": convert.COMMAND,
    "report": report.COMMAND,
    "apply": apply.COMMAND,
    "run": run.COMMAND,
    "demo": demo.COMMAND,
    "warmup": warmup.COMMAND,
    "doctor": doctor.COMMAND,
}


def parser(chosen: str | None = None) -> argparse.ArgumentParser:
    """The parser of the command line.

    Args:
        chosen: name of the command whose arguments are added. None adds those of all commands,
            which imports every stage.
    """
    top = argparse.ArgumentParser(
        prog="xner",
        description="Named-entity data for any language by annotation projection.",
        epilog="See xner COMMAND --help. xner demo runs an example.",
    )
    top.add_argument("--version", action="version", version=f"xner {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, command in COMMANDS.items():
        own = commands.add_parser(name, help=command.summary, description=command.description)
        if chosen not in (None, name):
            continue
        command.add_arguments(own)
        own.add_argument(
            "--json", action="store_true", help="Print one JSON object instead of a table."
        )
        own.add_argument("--quiet", action="store_true", help="Show no progress bars.")
        own.add_argument(
            "--threads", type=int, metavar="N", help="Number of threads. Default: all cores."
        )
        own.set_defaults(run=command.run)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    chosen = next((word for word in given if word in COMMANDS), "")
    _print_any_character()
    with _plain_warnings(chosen) as warned:
        options = parser(chosen).parse_args(given)
        options.warnings = warned
        return _main(options)


def _print_any_character() -> None:
    """Let a terminal that lacks a character show its code, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")


def _main(options: argparse.Namespace) -> int:
    if threading.current_thread() is threading.main_thread():
        # Clean up after SIGTERM like after an interrupt.
        signal.signal(signal.SIGTERM, _terminate)
    try:
        _run(options)
    except XnerError as error:
        print(f"xner {options.command}: error: {error}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    except KeyboardInterrupt:
        left = getattr(options, "left", "nothing was written")
        print(f"xner {options.command}: interrupted; {left}", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of the output is gone: keep the interpreter from reporting it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


def _terminate(number: int, frame: object) -> None:
    raise SystemExit(128 + number)


def _run(options: argparse.Namespace) -> None:
    from xner.kernels.blocks import thread_count, threads

    try:
        with threads(options.threads):
            thread_count()
    except ValueError as error:
        raise UsageError(str(error)) from None
    with threads(options.threads):
        options.run(options)


@contextmanager
def _plain_warnings(command: str) -> Iterator[list[str]]:
    """Print warnings of xner as one line each, and yield the list of them."""
    found: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("always", XnerWarning)
        others = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *a: Any, **b: Any) -> None:
            if not issubclass(category, XnerWarning):
                others(message, category, *a, **b)
                return
            found.append(str(message))
            print(f"xner {command}: warning: {message}", file=sys.stderr)

        warnings.showwarning = show
        yield found
