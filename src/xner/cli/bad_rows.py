"""Arguments about rows that cannot be read or do not fit, and the file that lists them."""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xner.cli.parsing import CommandParser
from xner.errors import UsageError, XnerWarning

if TYPE_CHECKING:
    from xner.corpus import Corpus

CHOICES = ("fail", "quarantine")


def add_bad_rows(command: CommandParser) -> None:
    """Add what becomes of bad rows."""
    command.add_argument(
        "--on-bad-row", choices=CHOICES, default="fail", group="input",
        help="What to do with rows that cannot be read or do not fit: fail or quarantine. An "
        "example is a link out of bounds. With fail the run ends; quarantine leaves such rows out "
        "of all files and lists them in --bad-rows, and reads the input once more. Default: fail.",
    )  # fmt: skip
    command.add_argument(
        "--bad-rows", type=Path, metavar="FILE", group="input", rare=True,
        help="File that lists bad rows, as JSON lines. Default: OUT.bad.jsonl.",
    )  # fmt: skip


def list_bad_rows(options: argparse.Namespace, corpus: Corpus, output: Path) -> dict[str, Any]:
    """Write the rows that were left out of a corpus to a file; returns its entries of `--json`.

    Raises:
        UsageError: a file is named, but bad rows are errors.
        OutputError: it cannot be written.
    """
    from xner.corpus.bad_rows import write_bad_rows

    if options.on_bad_row == "fail":
        if options.bad_rows is not None:
            raise UsageError("--bad-rows needs --on-bad-row quarantine")
        return {}
    path = options.bad_rows or output.with_name(f"{output.name}.bad.jsonl")
    write_bad_rows(path, corpus.bad)
    if corpus.bad:
        warnings.warn(
            f"{len(corpus.bad):,} bad rows are left out; see {path}", XnerWarning, stacklevel=2
        )
    return {"bad_rows": len(corpus.bad), "bad_rows_file": str(path)}
