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
from importlib import import_module
from typing import Any, Protocol

from xner._version import __version__
from xner.cli.memory import one_allocator
from xner.cli.parsing import RUNNING, CommandParser, PageFormat
from xner.errors import UsageError, XnerError, XnerWarning


class Command(Protocol):
    """The interface of a command."""

    @property
    def description(self) -> str:
        """First paragraph of `xner COMMAND --help`."""
        ...

    @property
    def example(self) -> str:
        """A command line, which ends that page."""
        ...

    def add_arguments(self, command: CommandParser) -> None:
        """Add the arguments of the command to its parser."""
        ...

    def run(self, options: argparse.Namespace) -> None:
        """Run the command."""
        ...


COMMANDS = {
    "convert": "convert a corpus to another format",
    "label": "label text in another language: tag, translate, project",
    "translate": "translate one side of a corpus",
    "tag": "find the entities of one side",
    "align": "align the words of a translation",
    "candidates": "add the entities of a tagger as target candidates",
    "project": "project entities onto a translation",
    "easyproject": "translate labelled sentences with markers around their entities",
    "back-translate": "translate the labelled source back into the target language",
    "refine": "complete links with those through a back-translation",
    "align-target": "project entities from a back-translation onto the target",
    "strip-affixes": "narrow target entities to characters without prefixes and suffixes",
    "evaluate": "score labels or links against gold",
    "report": "write a page to look at a projection and correct it",
    "apply": "apply corrections from a report or an annotation tool",
    "train": "train a tagger on labelled sentences",
    "distill": "train a tagger on the predictions of others for unlabelled text",
    "self-train": "train a tagger on its own confident predictions",
    "run": "run pipelines over languages and compare them",
    "demo": "project a small corpus and score it",
    "warmup": "compile the kernels into Numba's cache",
    "doctor": "check the installation",
    "completion": "print the completion script of a shell",
}
"""One line for each command, in the order of a pipeline."""
_STAGES = (
    "translate", "tag", "align", "candidates", "project", "easyproject", "back-translate",
    "refine", "align-target", "strip-affixes",
)  # fmt: skip
_STUDENTS = ("train", "distill", "self-train")


def find_command(name: str) -> Command:
    """The command of that name; only its module is imported."""
    if name in _STAGES:
        return _named("stages", name)
    if name in _STUDENTS:
        return _named("students", name)
    command: Command = import_module(f"{__name__}.{name}").COMMAND
    return command


def _named(module: str, name: str) -> Command:
    commands: Sequence[Any] = import_module(f"{__name__}.{module}").COMMANDS
    command: Command = next(command for command in commands if command.name == name)
    return command


def parser(chosen: str | None = None, everything: bool = False) -> argparse.ArgumentParser:
    """The parser of the command line.

    Args:
        chosen: name of the command whose arguments are added. None adds those of all commands,
            which imports every stage.
        everything: whether the help page of the command shows rare options.
    """
    top = argparse.ArgumentParser(
        prog="xner",
        description="Named-entity data for any language by annotation projection.",
        epilog="xner COMMAND --help has the options of a command. xner demo runs an example.",
        formatter_class=PageFormat,
    )
    top.add_argument("--version", action="version", version=f"xner {__version__}")
    commands = top.add_subparsers(
        title="commands, in the order of a pipeline",
        dest="command",
        metavar="COMMAND",
        required=True,
        parser_class=CommandParser,
    )
    for name, summary in COMMANDS.items():
        own = commands.add_parser(name, help=summary, everything=everything)
        if chosen in (None, name):
            _complete(own, find_command(name))
    return top


def _complete(own: CommandParser, command: Command) -> None:
    """Add the description and the arguments of a command to its parser."""
    own.description, own.example = command.description, command.example
    command.add_arguments(own)
    own.add_argument(
        "--json", action="store_true", group=RUNNING,
        help="Print one JSON object instead of a table.",
    )  # fmt: skip
    own.add_argument("--quiet", action="store_true", group=RUNNING, help="Show no progress bars.")
    own.add_argument(
        "--threads", type=int, metavar="N", group=RUNNING,
        help="Number of threads. Default: all cores.",
    )  # fmt: skip
    own.set_defaults(run=command.run)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    chosen = next((word for word in given if word in COMMANDS), "")
    _print_any_character()
    one_allocator()
    with _plain_warnings(chosen) as warned:
        options = parser(chosen, "--help-all" in given).parse_args(given)
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
