"""`xner run`: pipelines over languages, from a configuration to a table of results."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from xner.cli.terminal import grid, print_json, progress

if TYPE_CHECKING:
    from xner.experiments.results import Results


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add the command to the parser."""
    command = commands.add_parser(
        "run",
        help="run pipelines over languages and compare them",
        description="Run the pipelines of CONFIG over its languages, and score them in one table. "
        "What is there already is not made again. docs/running.md shows the configuration.",
    )
    command.add_argument("config", type=Path, metavar="CONFIG", help="YAML file")
    command.add_argument(
        "-o", "--output", type=Path, metavar="FOLDER",
        help="folder of results (default: the one that CONFIG names)",
    )  # fmt: skip
    command.add_argument(
        "--jobs", type=int, default=1, metavar="N",
        help="processes that make steps side by side (default: 1)",
    )  # fmt: skip
    command.set_defaults(left="finished steps are kept, the same command goes on with the rest")
    return command


def run(options: argparse.Namespace) -> None:
    """Run, and print the table or the object."""
    from xner.experiments.run import run as run_experiment

    with progress(options.quiet or options.json) as tell:
        results = run_experiment(
            options.config, output=options.output, jobs=options.jobs, progress=tell
        )
    if options.json:
        print_json(results.as_dict())
        return
    show(results)


def show(results: Results) -> None:
    """Print the table of F1, and where the rest is."""
    from xner.experiments.tables import (
        compared,
        fact_lines,
        head,
        lines,
        published_lines,
        question_lines,
        score,
    )

    scores = lines(results, score) + published_lines(results) + fact_lines(results)
    grid(f"{results.title}: entity F1", head(results), scores)
    if results.compared:
        grid("Comparisons", head(results), lines(results, compared, results.compared))
    if questions := question_lines(results):
        grid("Groups and divergence", questions[0], questions[1:])
    for note in results.notes:
        print(note)
    made = sum(step.made for step in results.steps)
    print(f"{made} steps made, {len(results.steps) - made} kept, {results.seconds:.1f} s")
    print(f"{results.output}: results.md, results.csv, results.json")
    print(results.signature)
