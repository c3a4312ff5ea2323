"""What `train`, `distill` and `self-train` share: options of a student, and what is shown."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xner.cli.tag import labels_of
from xner.cli.terminal import facts, print_json
from xner.inference.hardware import PRECISIONS
from xner.options import options_of
from xner.training.options import SIZES, StudentOptions

if TYPE_CHECKING:
    from xner.training.student import Trained

_NUMBERS = (
    ("--epochs", int, "most passes over the sentences"),
    ("--batch-size", int, "sentences of a step"),
    (
        "--learning-rate",
        float,
        "at its peak (default: 5e-5; from scratch 2e-3 for small, 5e-4 for medium)",
    ),
    ("--masked", float, "share of subwords hidden in training (default: 0; 0.2 from scratch)"),
    ("--patience", int, "epochs without a better F1 on the dev set before training ends"),
    ("--window", int, "most subwords read at once"),
    ("--vocabulary", int, "subwords of a tokenizer made from scratch"),
    ("--seed", int, "of weights, order, dropout and masking"),
)


def add_student(command: argparse.ArgumentParser, sides: tuple[str, ...]) -> None:
    """OUTPUT, where the student starts, how it is trained."""
    command.add_argument(
        "-o", "--output", type=Path, required=True, metavar="MODEL", help="folder for the student"
    )
    command.add_argument(
        "--side", choices=sides, default="target",
        help="of corpora that have two sides (default: target)",
    )  # fmt: skip
    command.add_argument(
        "--dev", type=Path, metavar="FILE", help="labelled sentences to choose by, and stop early"
    )
    command.add_argument(
        "--label", action="append", default=[], metavar="OLD=NEW",
        help="rename a label; an empty NEW drops it; may be repeated",
    )  # fmt: skip
    command.add_argument(
        "--resume", action="store_true", help="go on from the last epoch of an interrupted run"
    )
    group = command.add_argument_group("student")
    group.add_argument("--base", metavar="ID_OR_FOLDER", help="encoder or tagger to start from")
    group.add_argument(
        "--from-scratch", choices=tuple(SIZES), help="make tokenizer and model anew, of this size"
    )
    defaults = {name: option.default for name, option in options_of(StudentOptions).items()}
    for flag, kind, text in _NUMBERS:
        default = defaults[flag[2:].replace("-", "_")]
        shown = "" if default is None else f" (default: {default})"
        group.add_argument(flag, type=kind, metavar="N", help=text + shown)
    group.add_argument("--device", default="auto", metavar="NAME", help="auto, cpu, cuda, …")
    group.add_argument(
        "--precision", choices=PRECISIONS, default="auto",
        help="auto: 16 bit on a GPU, else float32 (default: auto)",
    )  # fmt: skip


def add_tokenizer_text(command: argparse.ArgumentParser) -> None:
    """More text for a tokenizer made from scratch."""
    command.add_argument(
        "--tokenizer-text", type=Path, action="append", default=[], metavar="FILE",
        help="more text for a tokenizer made from scratch; may be repeated",
    )  # fmt: skip


def student_options(options: argparse.Namespace) -> dict[str, Any]:
    """What `add_student` asked, as arguments."""
    names = [flag[2:].replace("-", "_") for flag, _, _ in _NUMBERS]
    names += ["base", "from_scratch", "device", "precision", "side", "dev", "resume"]
    return {
        **{name: getattr(options, name) for name in names},
        "labels": labels_of(options.label) or None,
    }


def show(trained: Trained, title: str, options: argparse.Namespace) -> None:
    """Print what was made."""
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
    details, names = (
        trained.details,
        ("teacher_weights", "tau", "agreed_words", "left_out", "start_f1"),
    )
    rows += [(n.replace("_", " "), str(details[n])) for n in names if n in details]
    for each in details.get("rounds", []):
        words = " ".join(f"{label} {n:,}" for label, n in each["words"].items())
        rows.append((f"round {each['number']}", f"{words}; score {each['score']:.4f}"))
    rows += [("epochs", f"{len(trained.history)}")]
    if trained.f1 is not None:
        rows.append(("dev F1", f"{100 * trained.f1:.1f}"))
    rows.append(("seconds", f"{trained.seconds:,.1f}"))
    facts(f"{title} {trained.folder}", rows, trained.signature)
