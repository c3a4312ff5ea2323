"""Arguments that several commands share."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from xner.aligners import ALIGNERS
from xner.corpus import DOCSTART_CHOICES
from xner.errors import UsageError
from xner.inference.hardware import PRECISIONS
from xner.schemes import SCHEMES


def add_pairs(command: argparse.ArgumentParser) -> None:
    """SOURCE and TARGET, and how they are read."""
    command.add_argument(
        "source",
        type=Path,
        metavar="SOURCE",
        help="labelled side (.conll .jsonl .parquet), or one file with both sides",
    )
    command.add_argument(
        "target",
        type=Path,
        nargs="?",
        metavar="TARGET",
        help="its translation, parallel by row (.txt .conll .jsonl .parquet)",
    )
    add_reading(command)
    command.add_argument(
        "--docstart",
        choices=DOCSTART_CHOICES,
        default="auto",
        help="-DOCSTART- rows of .conll files: skip or keep them as sentences "
        "(default: skip, unless only keeping them lines the files up)",
    )


def add_reading(command: argparse.ArgumentParser) -> None:
    """How tags are read."""
    command.add_argument(
        "--scheme",
        choices=("auto", *SCHEMES),
        default="auto",
        help="scheme of the tags that are read; naming one enforces it (default: auto)",
    )


def add_aligner(command: argparse.ArgumentParser) -> None:
    """Which aligner, and its options."""
    command.add_argument(
        "--aligner", choices=ALIGNERS, default="native", help="word aligner (default: native)"
    )
    command.add_argument("--seed", type=int, help="seed of the native aligner (default: 1)")
    command.add_argument(
        "--symmetrisation",
        choices=("soft", "intersection", "union", "grow-diag-final-and"),
        help="how the two directions of native (default: soft) or eflomal (default: "
        "grow-diag-final-and; not soft) become one",
    )
    command.add_argument(
        "--fit-on",
        nargs="+",
        type=Path,
        action="append",
        metavar="FILE",
        help="more bitext to learn from, its source and target file, or one with both sides; "
        "may be repeated",
    )
    command.add_argument(
        "--pivot",
        type=Path,
        action="append",
        metavar="FILE",
        help="the same sentences in a further language, tokenised, parallel by row, to align "
        "through (native only); may be repeated",
    )


def aligner_options(options: argparse.Namespace) -> dict[str, Any]:
    """The aligner's options that were given.

    Raises:
        UsageError: one does not belong to the aligner.
    """
    allowed = {"native": {"seed", "symmetrisation"}, "eflomal": {"symmetrisation"}}
    given: dict[str, Any] = {
        name: getattr(options, name)
        for name in ("seed", "symmetrisation")
        if getattr(options, name) is not None
    }
    for name in given:
        if name not in allowed.get(options.aligner, set()):
            raise UsageError(f"--{name} does not go with --aligner {options.aligner}")
    for files in options.fit_on or ():
        if len(files) > 2:
            raise UsageError(
                f"--fit-on takes one or two files and got {len(files)}; write it after SOURCE "
                f"and TARGET, once for each bitext"
            )
    if options.pivot and options.aligner != "native":
        raise UsageError(f"--pivot does not go with --aligner {options.aligner}")
    if options.fit_on:
        given["fit_on"] = [tuple(files) if len(files) > 1 else files[0] for files in options.fit_on]
    if options.pivot:
        given["pivot"] = options.pivot
    return given


def add_inference(command: argparse.ArgumentParser) -> None:
    """Where and how a model runs."""
    command.add_argument(
        "--device", default="auto", metavar="NAME",
        help="auto (every GPU, else the CPU), cpu, cuda, or several: cuda:0,cuda:1 (default: auto)",
    )  # fmt: skip
    command.add_argument(
        "--precision", choices=PRECISIONS, default="auto",
        help="of the model (default: auto: 16 bit on a GPU, else float32)",
    )  # fmt: skip
    command.add_argument(
        "--batch-tokens", type=int, metavar="N",
        help="most tokens of a batch, padding included (default: what suits the device)",
    )  # fmt: skip


def inference_options(options: argparse.Namespace) -> dict[str, Any]:
    """What `add_inference` asked, as arguments."""
    return {name: getattr(options, name) for name in ("device", "precision", "batch_tokens")}


def weights_of(flag: str, given: list[str] | None) -> dict[str, float] | None:
    """The weights of `--score NAME=WEIGHT …` and the like; None if there are none.

    Raises:
        UsageError: one is not of that form.
    """
    if given is None:
        return None
    weights = {}
    for text in given:
        name, equals, number = text.partition("=")
        try:
            weights[name] = float(number) if equals else 1.0
        except ValueError:
            raise UsageError(
                f"{flag} {text}: write NAME=WEIGHT, for example {flag} {name}=1"
            ) from None
    return weights
