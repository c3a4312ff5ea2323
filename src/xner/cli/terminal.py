"""Output of commands: progress bars on standard error, tables or JSON on standard output."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich import progress as rich_progress
from rich.console import Console
from rich.table import Table
from rich.text import Text

from xner.report import Progress


def print_json(values: dict[str, Any]) -> None:
    """Print one JSON object, with escapes where the terminal lacks a character."""
    unicode = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().startswith("utf")
    print(json.dumps(values, ensure_ascii=not unicode))


@contextmanager
def progress(quiet: bool) -> Iterator[Progress]:
    """Show a progress bar per stage, if standard error is a terminal."""
    if quiet:
        # huggingface_hub and transformers read this when they are first imported.
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    console = Console(stderr=True)
    bars = rich_progress.Progress(
        rich_progress.TextColumn("{task.description:8}"),
        rich_progress.BarColumn(),
        rich_progress.TaskProgressColumn(),
        rich_progress.TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=quiet or not console.is_terminal,
    )
    tasks: dict[str, Any] = {}

    def tell(stage: str, share: float) -> None:
        if stage not in tasks:
            tasks[stage] = bars.add_task(stage, total=1.0)
        bars.update(tasks[stage], completed=share)

    with bars:
        yield tell


def _as_it_is(text: str) -> Text:
    """Text without markup; labels may hold brackets and control characters."""
    return Text("".join(c if c.isprintable() else repr(c)[1:-1] for c in text))


def facts(
    title: str, rows: Sequence[tuple[str, str]], signature: str, *, text: bool = False
) -> None:
    """Print a two-column table and the signature of its figures.

    Args:
        title: heading of the table.
        rows: names and values.
        signature: last line.
        text: the values are text, not figures.
    """
    table = Table(
        title=_as_it_is(title), title_justify="left", show_header=False, box=None, pad_edge=False
    )
    table.add_column(style="bold")
    table.add_column(justify="left" if text else "right")
    for row in rows:
        table.add_row(*map(_as_it_is, row))
    console = Console()
    console.print(table)
    console.print(signature, style="dim", soft_wrap=True, highlight=False, markup=False)


def grid(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table with a header; the first column is text, the others are numbers."""
    table = Table()
    for i, name in enumerate(head):
        table.add_column(_as_it_is(name), justify="left" if i == 0 else "right")
    for row in rows:
        table.add_row(*map(_as_it_is, row))
    console = Console()
    console.print(title, style="bold", soft_wrap=True, highlight=False, markup=False)
    console.print(table)
