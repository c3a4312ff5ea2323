"""`xner run`: run the pipelines of an experiment file and tabulate their scores."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from xner.cli.command import Command
from xner.cli.parsing import RUNNING, CommandParser
from xner.cli.terminal import grid, print_json, progress

if TYPE_CHECKING:
    from xner.experiments.results import Results


def add_arguments(command: CommandParser) -> None:
    """Add the arguments of the command to its parser."""
    command.add_argument("config", type=Path, metavar="CONFIG", help="YAML file (docs/running.md).")
    command.add_argument(
        "-o", "--output", type=Path, metavar="FOLDER",
        help="Folder of results. Default: the folder that CONFIG names.",
    )  # fmt: skip
    command.add_argument(
        "--set", type=_change, action="append", default=[], metavar="KEY=VALUE", dest="changes",
        help="Replace a value of CONFIG, such as models.tagger=./my-tagger or seeds=[1,2]. KEY is "
        "its path in the file, with [1] for the first item of a list; VALUE is YAML. May be "
        "repeated.",
    )  # fmt: skip
    command.add_argument(
        "--jobs", type=int, default=1, metavar="N", group=RUNNING,
        help="Number of processes that run steps in parallel. Default: 1.",
    )  # fmt: skip
    command.set_defaults(left="finished steps are kept; run the same command again to resume")


def _change(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise argparse.ArgumentTypeError(f"{text}: write KEY=VALUE")
    return key, value


def run(options: argparse.Namespace) -> None:
    """Run the experiment and print its table."""
    from xner.experiments.run import run as run_experiment
    from xner.experiments.yaml_files import parse

    changes = {key: parse(value, f"--set {key}") for key, value in options.changes}

    with progress(options.quiet or options.json) as tell:
        results = run_experiment(
            options.config, output=options.output, jobs=options.jobs, changes=changes,
            progress=tell,
        )  # fmt: skip
    if options.json:
        print_json(results.as_dict())
        return
    show(results)


def show(results: Results) -> None:
    """Print the table of F1 scores and the names of the result files."""
    from xner.experiments.tables import (
        compared,
        fact_lines,
        gap_lines,
        head,
        lines,
        question_lines,
        score_lines,
    )

    scores = score_lines(results) + fact_lines(results)
    grid(f"{results.title}: entity F1", head(results), scores)
    if results.compared:
        grid("Comparisons", head(results), lines(results, compared, results.compared))
    if gaps := gap_lines(results):
        grid("F1 less the published figure", head(results), gaps)
    if questions := question_lines(results):
        grid("Groups and divergence", questions[0], questions[1:])
    for note in results.notes:
        print(note)
    made = sum(step.made for step in results.steps)
    print(f"{made} steps run, {len(results.steps) - made} kept, {results.seconds:.1f} s")
    print(f"{results.output}: results.md, results.csv, results.json")
    print(results.signature)


COMMAND = Command(
    "Run the pipelines of CONFIG on its languages and write their scores to one table. Steps "
    "whose results exist are skipped. See docs/running.md for the format of CONFIG.",
    "xner run experiment.yaml --jobs 2",
    add_arguments,
    run,
)
