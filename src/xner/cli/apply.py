"""`xner apply`: put corrections made in a report back into their corpus."""

from __future__ import annotations

import argparse
from pathlib import Path
from time import perf_counter

from xner.cli.command import Command
from xner.cli.parsing import CommandParser
from xner.cli.terminal import facts, print_json
from xner.errors import UsageError


def add_arguments(command: CommandParser) -> None:
    """Add the arguments of the command to its parser."""
    command.add_argument(
        "changes", type=Path, metavar="CHANGES",
        help="List of changes that was downloaded from a report (.jsonl), or a corrected file from "
        "an annotation tool, such as tasks.json of Label Studio.",
    )  # fmt: skip
    command.add_argument(
        "corpus", type=Path, metavar="CORPUS",
        help="The projection that was corrected (.jsonl .parquet), a folder, or a quoted pattern.",
    )  # fmt: skip
    command.add_argument(
        "-o", "--output", type=Path, required=True, metavar="OUT",
        help="Corrected corpus: .jsonl or .parquet for all columns, or .conll.",
    )  # fmt: skip


def run(options: argparse.Namespace) -> None:
    """Apply the changes, write the corpus and count them."""
    from xner.corpus import scan
    from xner.corpus.inputs import expand
    from xner.review.changes import changing
    from xner.write import check_output

    read = [options.changes, *expand(options.corpus)]
    if options.output.resolve() in [path.resolve() for path in read]:
        raise UsageError(f"{options.output}: is an input file; name another output")
    check_output(options.output)
    begin = perf_counter()
    made = changing(scan(options.corpus), options.changes)
    made.write(options.output)
    report = made.report
    report.seconds = perf_counter() - begin
    if options.json:
        print_json({**report.as_dict(), "output": str(options.output)})
        return
    facts(f"Applied {options.changes} to {options.output}", report.rows(), report.signature)


COMMAND = Command(
    "Write CORPUS with the corrections of CHANGES. Sentences are found by their id and target "
    "words; a correction whose sentence is missing or has other words or entities than when it was "
    "corrected is an error, and nothing is written.",
    "xner apply changes.jsonl projected.parquet -o corrected.parquet",
    add_arguments,
    run,
)
