"""Arguments of the score `nmt`."""

from __future__ import annotations

import argparse
from pathlib import Path

from xner.cli.options import inference_options
from xner.errors import UsageError
from xner.score.nmt import NmtOptions

_NEEDED = ("nmt_model", "source_language", "target_language")


def add_nmt(command: argparse.ArgumentParser) -> None:
    """The translation model and what it needs to know."""
    command.add_argument(
        "--nmt-model", metavar="MODEL", help="score nmt: an NLLB checkpoint, hub id or folder"
    )
    for side in ("source", "target"):
        command.add_argument(
            f"--{side}-language", metavar="CODE",
            help=f"score nmt: language of the {side}, as in eng, deu, swh",
        )  # fmt: skip
    command.add_argument(
        "--nmt-threshold", type=float, default=0.1, metavar="P",
        help="score nmt: scores not above this count as 0 (default: 0.1)",
    )  # fmt: skip
    command.add_argument(
        "--nmt-cache", type=Path, metavar="FILE",
        help="score nmt: keep the scores of phrase pairs there for the next run",
    )  # fmt: skip


def nmt_options(options: argparse.Namespace) -> NmtOptions | None:
    """What was asked, and where models run; None if nothing was.

    Raises:
        UsageError: the model or a language is missing.
    """
    given = {name: getattr(options, name) for name in _NEEDED}
    if not any(given.values()) and options.nmt_cache is None:
        return None
    missing = [f"--{name.replace('_', '-')}" for name, value in given.items() if not value]
    if missing:
        raise UsageError(f"the score nmt also needs {' and '.join(missing)}")
    return NmtOptions(
        options.nmt_model,
        options.source_language,
        options.target_language,
        threshold=options.nmt_threshold,
        cache=options.nmt_cache,
        **inference_options(options),
    )
