"""`xner completion`: the script that lets a shell complete commands, flags and files."""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from pathlib import Path

from xner.cli.command import Command
from xner.cli.parsing import CommandParser, shortened
from xner.errors import MissingExtraError

SHELLS = ("bash", "zsh", "fish")


def add_arguments(command: CommandParser) -> None:
    """Add the arguments of the command to its parser."""
    command.add_argument("shell", choices=SHELLS, metavar="SHELL", help="bash, zsh or fish.")


def run(options: argparse.Namespace) -> None:
    """Print the script."""
    print(script(options.shell), end="")


def script(shell: str) -> str:
    """The completion script of a shell; it completes without starting Python.

    Raises:
        MissingExtraError: shtab is not installed.
    """
    if find_spec("shtab") is None:
        raise MissingExtraError("shtab", "completion")
    import shtab

    from xner.cli import parser

    top = parser(everything=True)
    for own in _parsers(top):
        for action in own._actions:
            action.help = shortened(action.help) if action.help else None
            if _takes_files(action):
                action.complete = shtab.FILE  # type: ignore[attr-defined]
    made: str = shtab.complete(top, shell)
    return made.rstrip("\n") + "\n"


def _parsers(top: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    """The parser and those of its commands."""
    commands = [a for a in top._actions if isinstance(a, argparse._SubParsersAction)]
    return [top, *(own for action in commands for own in action.choices.values())]


def _takes_files(action: argparse.Action) -> bool:
    named = ("FILE", "FOLDER", "MODEL", "OUT")
    return not action.choices and (action.type is Path or action.metavar in named)


COMMAND = Command(
    "Print the script that lets SHELL complete the commands, flags, choices and files of xner. It "
    "needs the extra completion, only to be printed: pip install 'xner[completion]'. For zsh, save "
    "it as _xner in a folder of $fpath; for fish, as ~/.config/fish/completions/xner.fish.",
    'eval "$(xner completion bash)"',
    add_arguments,
    run,
)
