"""`xner evaluate`: entity F1 of predicted against gold labels."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from xner.cli.options import add_reading
from xner.cli.terminal import grid, print_json

if TYPE_CHECKING:
    from xner.evaluation.entities import LabelScores


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add the command to the parser."""
    command = commands.add_parser(
        "evaluate",
        help="score labels against gold labels",
        description="Score PREDICTED against GOLD with seqeval, strictly: span and label count.",
    )
    for name in ("gold", "predicted"):
        command.add_argument(
            name, type=Path, metavar=name.upper(), help="labelled file (.conll .jsonl .parquet)"
        )
    add_reading(command)
    command.add_argument(
        "--ignore", action="append", default=[], metavar="LABEL",
        help="leave this label out on both sides; may be repeated",
    )  # fmt: skip
    return command


def run(options: argparse.Namespace) -> None:
    """Score, and print the table or the object."""
    from xner.evaluation.entities import evaluate

    result = evaluate(options.gold, options.predicted, ignore=options.ignore, scheme=options.scheme)
    if options.json:
        print_json(result.as_dict())
        return

    def row(name: str, s: LabelScores) -> list[str]:
        shares = [f"{100 * value:.1f}" for value in (s.precision, s.recall, s.f1)]
        return [name, *shares, f"{s.gold:,}", f"{s.predicted:,}", f"{s.correct:,}"]

    rows = [row(label, scores) for label, scores in result.labels.items()]
    rows.append(row("all (micro)", result.overall))
    grid(
        f"{options.predicted} against {options.gold}, {result.sentences:,} sentences",
        ["label", "precision", "recall", "F1", "gold", "predicted", "correct"],
        rows,
    )
    print(result.signature)
