"""The command line: `xner COMMAND …`. One module a command; each has `add` and `run`.

Exit codes: 0 done, 1 bad input (or output, or a missing package), 2 bad usage.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from xner._version import __version__
from xner.cli import (
    align,
    demo,
    distill,
    easyproject,
    evaluate,
    project,
    run,
    self_train,
    tag,
    train,
    translate,
    warmup,
)
from xner.errors import UsageError, XnerError, XnerWarning

_COMMANDS = (
    project,
    translate,
    easyproject,
    tag,
    align,
    train,
    distill,
    self_train,
    evaluate,
    run,
    demo,
    warmup,
)


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    top = argparse.ArgumentParser(
        prog="xner",
        description="Named-entity data for any language by annotation projection.",
        epilog="xner COMMAND --help tells more; xner demo shows what it does.",
    )
    top.add_argument("--version", action="version", version=f"xner {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for module in _COMMANDS:
        command = module.add(commands)
        command.add_argument("--json", action="store_true", help="print one JSON object instead")
        command.add_argument("--quiet", action="store_true", help="no progress bar")
        command.add_argument(
            "--threads", type=int, metavar="N", help="threads to use (default: every core)"
        )
        command.set_defaults(run=module.run)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    options = parser().parse_args(arguments)
    if threading.current_thread() is threading.main_thread():
        # A killed run cleans up after itself like an interrupted one.
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
        # Whoever read our output has left; keep the interpreter from complaining at exit.
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
    with threads(options.threads), _plain_warnings(options):
        options.run(options)


@contextmanager
def _plain_warnings(options: argparse.Namespace) -> Iterator[None]:
    """Our own warnings as one line each, and in `options.warnings` for `--json`."""
    options.warnings = []
    with warnings.catch_warnings():
        warnings.simplefilter("always", XnerWarning)
        others = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *a: Any, **b: Any) -> None:
            if not issubclass(category, XnerWarning):
                others(message, category, *a, **b)
                return
            options.warnings.append(str(message))
            print(f"xner {options.command}: warning: {message}", file=sys.stderr)

        warnings.showwarning = show
        yield
