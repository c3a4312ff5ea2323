"""The commands that train a student: `train`, `distill` and `self-train`."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xner.cli.bad_rows import (
    add_bad_rows,
    leaves_out,
    list_bad_rows,
    open_named,
    shown_bad_rows,
)
from xner.cli.flags import add_flags, build_from_flags, flag_of, options_given
from xner.cli.parsing import CommandParser
from xner.cli.reading import add_encoding
from xner.cli.terminal import facts, print_json, progress
from xner.errors import UsageError
from xner.options import options_of
from xner.report import absent_rows
from xner.stages import Learner, Stage, find_stage

if TYPE_CHECKING:
    from xner.cli.bad_rows import Bad
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
        add_bad_rows(command, "MODEL.bad.jsonl", rare=True)
        add_flags(command, find_stage(self.stage))

    def run(self, options: argparse.Namespace) -> None:
        """Train the student and print what it was trained on."""
        kind = find_stage(self.stage)
        with progress(options.quiet or options.json) as tell:
            given = options_given(options, kind)
            further: dict[str, Bad] = {}
            if leaves_out(options):
                given, further = open_named(given, _texts_of(kind), _read_spared)
            stage = build_from_flags(kind, {**given, "progress": tell})
            assert isinstance(stage, Learner)
            corpora = _corpora(options)
            bad = [row for corpus in corpora for row in getattr(corpus, "bad", ())]
            left_out = list_bad_rows(options, bad, options.output, further, read=options.corpora)
            trained = stage.learn(corpora, options.output)
        show(trained, self.title, options, left_out)


def _corpora(options: argparse.Namespace) -> list[Path] | list[Corpus]:
    """The files, or what is in them if their encoding is given, or bad rows are left out."""
    from xner.corpus import read_as_is

    paths: list[Path] = options.corpora
    if options.encoding is None and not leaves_out(options):
        return paths
    several = isinstance(options.encoding, tuple)
    encodings = options.encoding if several else [options.encoding] * len(paths)
    if len(encodings) != len(paths):
        raise UsageError(f"there are {len(encodings)} encodings for {len(paths)} files")
    return [
        read_as_is(path, encoding=own, on_bad_row=options.on_bad_row)
        for path, own in zip(paths, encodings, strict=True)
    ]


def _texts_of(kind: type[Stage]) -> dict[str, str]:
    """The flags of options that name files with sentences."""
    flags = {name: flag_of(name, o) for name, o in options_of(kind).items() if o.names == "file"}
    return {name: flag for name, flag in flags.items() if flag}


def _read_spared(path: Path) -> Corpus:
    from xner.corpus import read_as_is

    return read_as_is(path, on_bad_row="quarantine")


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


def show(
    trained: Trained, title: str, options: argparse.Namespace, left_out: dict[str, Any]
) -> None:
    """Print what the student was trained on, and how well it does."""
    if options.json:
        print_json({**trained.as_dict(), **left_out})
        return
    counts = trained.counts
    rows = [
        (name.replace("_", " "), f"{counts[name]:,}") for name in ("sentences", "kept", "words")
    ]
    for name in ("doubtful", "dropped_labels"):
        rows += [(f"  {name.replace('_', ' ')}: {key}", f"{n:,}")
                 for key, n in counts.get(name, {}).items()]  # fmt: skip
    rows += [(f"  {label}", f"{n:,}") for label, n in counts.get("entities", {}).items()]
    rows += absent_rows(counts.get("renamed", {}))
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
    rows[1:1] = shown_bad_rows(left_out)
    facts(f"{title} {trained.folder}", rows, trained.signature)
