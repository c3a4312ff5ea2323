"""The commands that train a student: `train`, `distill` and `self-train`."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xner.cli.flags import add_flags, build_from_flags, options_given
from xner.cli.parsing import CommandParser
from xner.cli.reading import add_encoding
from xner.cli.terminal import facts, print_json, progress
from xner.errors import UsageError
from xner.stages import Learner, find_stage

if TYPE_CHECKING:
    from xner.corpus import Corpus
    from xner.training.student import Trained


@dataclass(frozen=True, slots=True)
class Command:
    """A command that trains a student.

    Attributes:
        name: name of the command.
        description: first paragraph of `xner COMMAND --help`.
        example: a command line, which ends that page.
        title: heading of the printed report.
        corpus: help text of CORPUS.
    """

    name: str
    description: str
    example: str
    title: str
    corpus: str

    @property
    def stage(self) -> str:
        """Name of the stage."""
        return self.name.replace("-", "_")

    def add_arguments(self, command: CommandParser) -> None:
        """Add the arguments of the command to its parser."""
        command.add_argument("corpora", type=Path, nargs="+", metavar="CORPUS", help=self.corpus)
        command.add_argument(
            "-o", "--output", type=Path, required=True, metavar="MODEL",
            help="Folder to write the student to.",
        )  # fmt: skip
        add_encoding(command)
        add_flags(command, find_stage(self.stage))

    def run(self, options: argparse.Namespace) -> None:
        """Train the student and print what it was trained on."""
        kind = find_stage(self.stage)
        with progress(options.quiet or options.json) as tell:
            given = {**options_given(options, kind), "progress": tell}
            stage = build_from_flags(kind, given)
            assert isinstance(stage, Learner)
            trained = stage.learn(_corpora(options), options.output)
        show(trained, self.title, options)


def _corpora(options: argparse.Namespace) -> list[Path] | list[Corpus]:
    """The files, or what is in them if their encoding is given."""
    from xner.corpus import read_as_is

    paths: list[Path] = options.corpora
    if options.encoding is None:
        return paths
    one = isinstance(options.encoding, str)
    encodings = [options.encoding] * len(paths) if one else options.encoding
    if len(encodings) != len(paths):
        raise UsageError(f"there are {len(encodings)} encodings for {len(paths)} files")
    return [read_as_is(path, encoding=own) for path, own in zip(paths, encodings, strict=True)]


COMMANDS = (
    Command(
        "train",
        "Train a token classifier on the labelled sentences of all files, mixed.",
        "xner train de.conll -o tagger --base xlm-roberta-base --dev dev.conll",
        "Trained",
        "Labelled sentences (.conll .jsonl .parquet).",
    ),
    Command(
        "distill",
        "Train a token classifier on the probabilities that teachers assign to the words of all "
        "files.",
        "xner distill de.txt -o tagger --teacher en-tagger --base xlm-roberta-base",
        "Distilled",
        "Text (.txt .conll .jsonl .parquet); its labels are ignored.",
    ),
    Command(
        "self-train",
        "Train a token classifier in rounds on its own confident predictions for all files.",
        "xner self-train de.txt -o tagger --start first-tagger",
        "Self-trained",
        "Text (.txt .conll .jsonl .parquet); its labels are ignored.",
    ),
)


def show(trained: Trained, title: str, options: argparse.Namespace) -> None:
    """Print what the student was trained on, and how well it does."""
    if options.json:
        print_json(trained.as_dict())
        return
    counts = trained.counts
    rows = [
        (name.replace("_", " "), f"{counts[name]:,}") for name in ("sentences", "kept", "words")
    ]
    for name in ("doubtful", "dropped_labels"):
        rows += [(f"  {name.replace('_', ' ')}: {key}", f"{n:,}")
                 for key, n in counts.get(name, {}).items()]  # fmt: skip
    rows += [(f"  {label}", f"{n:,}") for label, n in counts.get("entities", {}).items()]
    rows += [(name, f"{counts[name]:,}") for name in ("empty", "split", "unseen")]
    names = ("teacher_weights", "tau", "agreed_words", "left_out", "start_f1")
    rows += [(n.replace("_", " "), str(trained.details[n])) for n in names if n in trained.details]
    for each in trained.details.get("rounds", []):
        words = " ".join(f"{label} {n:,}" for label, n in each["words"].items())
        rows.append((f"round {each['number']}", f"{words}; score {each['score']:.4f}"))
    rows += [("epochs", f"{len(trained.history)}")]
    if trained.f1 is not None:
        rows.append(("dev F1", f"{100 * trained.f1:.1f}"))
    rows.append(("seconds", f"{trained.seconds:,.1f}"))
    facts(f"{title} {trained.folder}", rows, trained.signature)
