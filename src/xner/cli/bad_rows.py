"""Arguments about rows that cannot be read or do not fit, and the file that lists them."""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xner.cli.parsing import CommandParser
from xner.errors import UsageError, XnerWarning

if TYPE_CHECKING:
    from xner.corpus import Corpus

CHOICES = ("fail", "quarantine")
Bad = list[dict[str, Any]]


def add_bad_rows(
    command: CommandParser, default: str = "OUT.bad.jsonl", *, rare: bool = False
) -> None:
    """Add what becomes of bad rows; `default` names the file that lists them by default."""
    command.add_argument(
        "--on-bad-row", choices=CHOICES, default="fail", group="input", rare=rare,
        help="Bad rows: fail or quarantine. A bad row cannot be read or does not "
        "fit, such as a link out of bounds. fail ends the run; quarantine leaves bad rows out of "
        "all files, lists them in --bad-rows, and reads the input once more. Default: fail.",
    )  # fmt: skip
    command.add_argument(
        "--bad-rows", type=Path, metavar="FILE", group="input", rare=True,
        help=f"File that lists bad rows, as JSON lines. Default: {default}.",
    )  # fmt: skip


def leaves_out(options: argparse.Namespace) -> bool:
    """Whether bad rows are left out.

    Raises:
        UsageError: a file for them is named, but bad rows are errors.
    """
    if options.on_bad_row == "fail" and options.bad_rows is not None:
        raise UsageError("--bad-rows needs --on-bad-row quarantine")
    return bool(options.on_bad_row != "fail")


def list_bad_rows(
    options: argparse.Namespace,
    bad: Bad,
    output: Path,
    further: Mapping[str, Bad] | None = None,
    read: Sequence[Path] = (),
) -> dict[str, Any]:
    """Write the rows that were left out to a file; returns its entries of `--json`.

    Args:
        options: of the command.
        bad: bad rows of its corpus.
        output: what it writes.
        further: bad rows of files that options name, by flag.
        read: files that the command reads.

    Raises:
        UsageError: a file for them is named, but bad rows are errors, or it is one that is read.
        OutputError: it cannot be written.
    """
    from xner.corpus.quarantine import write_bad_rows

    if not leaves_out(options):
        return {}
    more = {flag: rows for flag, rows in (further or {}).items() if rows}
    path = options.bad_rows or output.with_name(f"{output.name}.bad.jsonl")
    if path.resolve() in [file.resolve() for file in read]:
        raise UsageError(f"--bad-rows {path}: is an input file; name another file")
    if options.bad_rows is None:
        with suppress(OSError):  # students create the folders above their own as well
            path.parent.mkdir(parents=True, exist_ok=True)
    write_bad_rows(path, [*bad, *({**row, "of": flag} for flag in more for row in more[flag])])
    counts = {flag: len(rows) for flag, rows in more.items()}
    if total := len(bad) + sum(counts.values()):
        rows = "1 bad row is" if total == 1 else f"{total:,} bad rows are"
        warnings.warn(f"{rows} left out; see {path}", XnerWarning, stacklevel=2)
    made = {"bad_rows": len(bad), "bad_rows_file": str(path)}
    return {**made, "bad_rows_of": counts} if counts else made


def shown_bad_rows(left_out: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What the summary says of bad rows, given what `list_bad_rows` returned."""
    if not left_out:
        return []
    counts = {"": left_out["bad_rows"], **left_out.get("bad_rows_of", {})}
    return [(f"bad rows{flag and f' of {flag}'}, left out", f"{n:,}") for flag, n in counts.items()]


def open_named(
    given: Mapping[str, Any], flags: Mapping[str, str], read: Callable[[Any], Corpus]
) -> tuple[dict[str, Any], dict[str, Bad]]:
    """Open the files that options name, without their bad rows.

    Args:
        given: options of a stage by name.
        flags: the flag of each option that names files.
        read: opens what one value names.

    Returns:
        The options with corpora in place of files, and the bad rows by flag.
    """
    opened: dict[str, Any] = dict(given)
    bad: dict[str, Bad] = {}
    for name, flag in flags.items():
        if name not in given:
            continue
        value = given[name]
        corpora = [read(one) for one in (value if isinstance(value, list) else [value])]
        opened[name] = corpora if isinstance(value, list) else corpora[0]
        bad[flag] = [row for corpus in corpora for row in corpus.bad]
    return opened, bad


def open_fit_on(given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Bad]]:
    """Open the files of --fit-on without their bad rows, as `open_named` does."""
    return open_named(given, {"fit_on": "--fit-on"}, _scan_spared)


def _scan_spared(files: Any) -> Corpus:
    """Open the file, or the files of both sides, without bad rows."""
    from xner.corpus import scan

    both = files if isinstance(files, tuple) else (files,)
    if len(both) > 2:
        raise UsageError(f"--fit-on has {len(both)} files; give a source and a target file")
    return scan(*both, on_bad_row="quarantine")


def files_to_fit_on(options: argparse.Namespace) -> list[Path]:
    """Files of --fit-on, whose changes a job notices also if they are opened without bad rows."""
    from xner.corpus.inputs import expand

    names = ("option_fit_on", "project_fit_on")  # of stages, and of xner label
    groups = [group for name in names for group in getattr(options, name, [])]
    if not leaves_out(options):
        return []
    return [file for group in groups for path in group for file in expand(path)]
