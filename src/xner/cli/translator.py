"""Languages and translators, for the commands that translate."""

from __future__ import annotations

import argparse
from typing import Any

from xner.cli.options import add_inference, inference_options

LICENCE = "NLLB-200 is licensed CC-BY-NC-4.0: not for commercial use"
_TRANSLATORS = ("nllb", "ctranslate2")


def add_translator(command: argparse.ArgumentParser) -> None:
    """Both languages, the model, and where it runs."""
    command.add_argument(
        "--source-language", required=True, metavar="CODE",
        help="of the labelled side: BCP-47, ISO 639-3 or FLORES-200, such as en, eng, eng_Latn",
    )  # fmt: skip
    command.add_argument(
        "--target-language", required=True, metavar="CODE", help="of the other side"
    )
    command.add_argument(
        "--translator", choices=_TRANSLATORS, default="nllb",
        help="what runs the model: transformers (nllb, default) or ctranslate2",
    )  # fmt: skip
    command.add_argument(
        "--model", metavar="ID_OR_FOLDER",
        help="any NLLB-200 or M2M100 checkpoint (default: facebook/nllb-200-distilled-600M)",
    )  # fmt: skip
    command.add_argument(
        "--beams", type=int, metavar="N", help="of the beam search; 1 is greedy (default: 4)"
    )
    add_inference(command)


def translator_options(options: argparse.Namespace) -> dict[str, Any]:
    """What `add_translator` asked but for the languages, as arguments."""
    names = ("translator", "model", "beams")
    return {name: getattr(options, name) for name in names} | inference_options(options)
