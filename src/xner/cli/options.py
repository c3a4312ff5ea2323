"""Arguments that several commands share."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from xner.aligners import ALIGNERS
from xner.corpus import DOCSTART_CHOICES
from xner.errors import UsageError
from xner.inference.options import PRECISIONS
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
    command.add_argument(
        "--model",
        metavar="ID",
        help="encoder of simalign or awesome: hub id or folder (default: "
        "bert-base-multilingual-cased)",
    )
    command.add_argument("--layer", type=int, help="layer that is compared (default: 8)")
    command.add_argument(
        "--matching", choices=("argmax", "itermax", "match"), help="of simalign (default: argmax)"
    )
    command.add_argument(
        "--token-type",
        choices=("bpe", "word"),
        help="what simalign compares: subwords or words (default: bpe)",
    )
    command.add_argument(
        "--extraction", choices=("softmax", "entmax15"), help="of awesome (default: softmax)"
    )
    add_inference(command)


_INFERENCE = ("device", "precision", "batch_tokens")


def add_inference(command: argparse.ArgumentParser) -> None:
    """Where a model runs, and how much at a time."""
    command.add_argument(
        "--device",
        default="auto",
        metavar="NAMES",
        help="auto (every GPU, else the CPU), or names such as cpu or cuda:0,cuda:1",
    )
    command.add_argument(
        "--precision",
        default="auto",
        choices=PRECISIONS,
        help="of the model (default: 16 bit on a GPU, else float32)",
    )
    command.add_argument(
        "--batch-tokens",
        type=int,
        metavar="N",
        help="most tokens of a batch, padding and beams included (default: by device)",
    )


def inference_options(options: argparse.Namespace) -> dict[str, Any]:
    """The options of `add_inference`; those that were not given are left out."""
    given = {name: getattr(options, name) for name in _INFERENCE}
    return {name: value for name, value in given.items() if value is not None}


_PRETRAINED = {"model", "layer", *_INFERENCE}
_OWN = {
    "native": {"seed", "symmetrisation"},
    "eflomal": {"symmetrisation"},
    "simalign": {"matching", "token_type"} | _PRETRAINED,
    "awesome": {"extraction"} | _PRETRAINED,
}
"""Options of each aligner."""


def aligner_options(options: argparse.Namespace, scores_run_models: bool = False) -> dict[str, Any]:
    """The aligner's options that were given.

    Args:
        options: of the command.
        scores_run_models: whether those of `add_inference` also go to a matching score, so that
            an aligner without a model need not know them.

    Raises:
        UsageError: one does not belong to the aligner.
    """
    names = sorted(set().union(*_OWN.values()))
    given = {name: value for name in names if (value := getattr(options, name)) is not None}
    given = {name: value for name, value in given.items() if value != "auto"}
    own = _OWN.get(options.aligner, set())
    if scores_run_models:
        given = {n: v for n, v in given.items() if n in own or n not in _INFERENCE}
    for name in given:
        if name not in own:
            flag = name.replace("_", "-")
            raise UsageError(f"--{flag} does not go with --aligner {options.aligner}")
    for files in options.fit_on or ():
        if len(files) > 2:
            raise UsageError(
                f"--fit-on takes one or two files and got {len(files)}; write it after SOURCE "
                f"and TARGET, once for each bitext"
            )
    if options.pivot and options.aligner != "native":
        raise UsageError(f"--pivot does not go with --aligner {options.aligner}")
    if options.fit_on and options.aligner in ("simalign", "awesome"):
        raise UsageError(f"--fit-on does not go with --aligner {options.aligner}: it is not fitted")
    if options.fit_on:
        given["fit_on"] = [tuple(files) if len(files) > 1 else files[0] for files in options.fit_on]
    if options.pivot:
        given["pivot"] = options.pivot
    return given


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
