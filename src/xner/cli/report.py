"""`xner report`: an HTML page to look at a projection and to correct it."""

from __future__ import annotations

import argparse
from pathlib import Path
from time import perf_counter

from xner.cli.command import Command
from xner.cli.flags import add_flags, options_given
from xner.cli.parsing import CommandParser
from xner.cli.terminal import print_json, progress
from xner.errors import UsageError


def add_arguments(command: CommandParser) -> None:
    """Add the arguments of the command to its parser."""
    from xner.review.options import ReportOptions

    command.add_argument(
        "projected", type=Path, nargs="+", metavar="PROJECTED",
        help="Projection to show and correct, and then others of the same sentences to compare it "
        "with: .jsonl or .parquet with all columns. Each may be a folder, or a quoted pattern.",
    )  # fmt: skip
    command.add_argument(
        "-o", "--output", type=Path, required=True, metavar="REPORT",
        help="File to write, .html.",
    )  # fmt: skip
    add_flags(command, ReportOptions)


def run(options: argparse.Namespace) -> None:
    """Write the report and say what it shows."""
    from xner.review.options import ReportOptions
    from xner.review.writing import write_report

    if options.output.resolve() in [path.resolve() for path in options.projected]:
        raise UsageError(f"{options.output}: is an input file; name another output")
    begin = perf_counter()
    with progress(options.quiet or options.json) as tell:
        made = write_report(
            options.projected[0],
            options.output,
            others=options.projected[1:],
            **options_given(options, ReportOptions),
            progress=tell,
        )
    seconds = perf_counter() - begin
    if options.json:
        print_json({**made.as_dict(), "seconds": round(seconds, 3)})
        return
    print(f"{made.path}: {made.bytes / 1e6:,.1f} MB, {seconds:,.1f} s")
    if made.shown == made.sentences:
        print(f"It lists all {made.sentences:,} sentences.")
    else:
        print(
            f"It lists {made.shown:,} of {made.sentences:,} sentences (sample: {made.sample}); its "
            f"figures cover all. --limit changes the number."
        )


COMMAND = Command(
    "Write an HTML file that shows PROJECTED: both sides with entities and links, outcomes, "
    "scores, the candidates that lost, and figures. Corrections made there are put back with "
    "xner apply. The file holds all it needs and uses no network.",
    "xner report projected.parquet -o report.html",
    add_arguments,
    run,
)
