"""Commands that are not generated from a stage."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

from xner.cli.parsing import CommandParser


@dataclass(frozen=True, slots=True)
class Command:
    """A command that is not generated from a stage.

    Attributes:
        description: first paragraph of `xner COMMAND --help`.
        example: a command line, which ends that page.
        add_arguments: adds its arguments to a parser.
        run: runs it with the parsed arguments.
    """

    description: str
    example: str
    add_arguments: Callable[[CommandParser], None]
    run: Callable[[argparse.Namespace], None]
