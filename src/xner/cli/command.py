"""Commands that are not generated from a stage."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Command:
    """A command that is not generated from a stage.

    Attributes:
        summary: one line for `xner --help`.
        description: first paragraph of `xner COMMAND --help`.
        add_arguments: adds its arguments to a parser.
        run: runs it with the parsed arguments.
    """

    summary: str
    description: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], None]
