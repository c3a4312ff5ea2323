"""`xner train`: a tagger from labelled or projected sentences."""

from __future__ import annotations

import argparse
from pathlib import Path

from xner.cli.students import add_student, add_tokenizer_text, show, student_options
from xner.cli.terminal import progress


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add the command to the parser."""
    command = commands.add_parser(
        "train",
        help="train a tagger on labelled sentences",
        description="Train a token classifier on the sentences of every CORPUS, mixed.",
    )
    command.add_argument(
        "corpora", type=Path, nargs="+", metavar="CORPUS",
        help="labelled sentences (.conll .jsonl .parquet)",
    )  # fmt: skip
    add_student(command, ("target", "source", "both"))
    add_tokenizer_text(command)
    group = command.add_argument_group("doubtful projections")
    group.add_argument(
        "--max-unprojected", type=float, metavar="SHARE",
        help="drop sentences if a larger share of their source entities was not projected",
    )  # fmt: skip
    group.add_argument(
        "--min-score",
        type=float,
        metavar="S",
        help="drop sentences with an entity that scores less",
    )
    group.add_argument(
        "--weight-by", choices=("score",), help="weigh sentences by the score of their entities"
    )
    group.add_argument(
        "--class-weight-by", choices=("score",), help="weigh labels by the score of their entities"
    )
    return command


def run(options: argparse.Namespace) -> None:
    """Train, and say what was done."""
    from xner.training.finetune import train

    names = ("max_unprojected", "min_score", "weight_by", "class_weight_by", "tokenizer_text")
    with progress(options.quiet or options.json) as tell:
        trained = train(
            options.corpora,
            options.output,
            progress=tell,
            **{name: getattr(options, name) for name in names},
            **student_options(options),
        )
    show(trained, "Trained", options)
