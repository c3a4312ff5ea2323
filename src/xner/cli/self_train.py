"""`xner self-train`: a tagger that learns from its own sure answers."""

from __future__ import annotations

import argparse
from pathlib import Path

from xner.cli.students import add_student, show, student_options
from xner.cli.terminal import progress


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add the command to the parser."""
    command = commands.add_parser(
        "self-train",
        help="train a tagger on its own sure answers",
        description="Train a token classifier, in rounds, on what it is sure of in every CORPUS.",
    )
    command.add_argument(
        "corpora", type=Path, nargs="+", metavar="CORPUS", help="text; labels are not looked at"
    )
    add_student(command, ("target", "source"))
    command.add_argument("--start", required=True, metavar="ID_OR_FOLDER", help="the first tagger")
    command.add_argument(
        "--rounds", type=int, default=3, metavar="N", help="most rounds (default: 3)"
    )
    command.add_argument(
        "--confidence", type=float, metavar="P",
        help="learn words whose likeliest tag has this probability (default: 0.9)",
    )  # fmt: skip
    command.add_argument(
        "--top", type=float, metavar="SHARE",
        help="or learn this share of each label's words, the surest",
    )  # fmt: skip
    command.add_argument(
        "--labelled", type=Path, action="append", default=[], metavar="FILE",
        help="labelled sentences learnt beside in every round; may be repeated",
    )  # fmt: skip
    return command


def run(options: argparse.Namespace) -> None:
    """Train in rounds, and say what was done."""
    from xner.training.self_train import self_train

    names = ("start", "rounds", "confidence", "top", "labelled")
    with progress(options.quiet or options.json) as tell:
        trained = self_train(
            options.corpora,
            options.output,
            progress=tell,
            **{name: getattr(options, name) for name in names},
            **student_options(options),
        )
    show(trained, "Self-trained", options)
