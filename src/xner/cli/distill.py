"""`xner distill`: a tagger that learns what others think of unlabelled text."""

from __future__ import annotations

import argparse
from pathlib import Path

from xner.cli.students import add_student, add_tokenizer_text, show, student_options
from xner.cli.terminal import progress
from xner.training.options import parse_weights


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add the command to the parser."""
    command = commands.add_parser(
        "distill",
        help="train a tagger on what others think of unlabelled text",
        description="Train a token classifier on the probabilities that teachers give to the "
        "words of every CORPUS.",
    )
    command.add_argument(
        "corpora", type=Path, nargs="+", metavar="CORPUS", help="text; labels are not looked at"
    )
    add_student(command, ("target", "source"))
    add_tokenizer_text(command)
    group = command.add_argument_group("teachers")
    group.add_argument(
        "--teacher", action="append", metavar="ID_OR_FOLDER",
        help="tagger; may be repeated (default: columns left by xner tag --probabilities)",
    )  # fmt: skip
    group.add_argument(
        "--weights", default="average", metavar="W",
        help="of several teachers: average, domain or sentence (by likeness of their language), "
        "or numbers: 0.5,0.3,0.2 (default: average)",
    )  # fmt: skip
    group.add_argument(
        "--source", type=Path, action="append", default=[], metavar="FILE",
        help="text of a teacher's language, for domain and sentence; once for each, in their order",
    )  # fmt: skip
    group.add_argument(
        "--features", default="ngrams", metavar="NAME",
        help="of sentences, for likeness: ngrams, or an encoder (default: ngrams)",
    )  # fmt: skip
    group.add_argument(
        "--label-set", choices=("shared", "all"), default="shared",
        help="labels that all teachers know, or any (default: shared)",
    )  # fmt: skip
    group.add_argument(
        "--agreed", choices=("hard", "only"),
        help="hard labels where all teachers agree; only: nothing elsewhere",
    )  # fmt: skip
    group.add_argument("--loss", choices=("mse", "kl"), default="mse", help="(default: mse)")
    group.add_argument(
        "--temperature", type=float, default=1.0, metavar="T",
        help="evens out probabilities if above 1 (default: 1)",
    )  # fmt: skip
    return command


def run(options: argparse.Namespace) -> None:
    """Distil, and say what was done."""
    from xner.training.distill import distill

    names = ("features", "label_set", "agreed", "loss", "temperature", "tokenizer_text")
    with progress(options.quiet or options.json) as tell:
        trained = distill(
            options.corpora,
            options.output,
            teachers=options.teacher,
            weights=parse_weights(options.weights),
            sources=options.source,
            progress=tell,
            **{name: getattr(options, name) for name in names},
            **student_options(options),
        )
    show(trained, "Distilled", options)
