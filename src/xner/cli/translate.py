"""`xner translate`: the side that a corpus lacks, by machine translation."""

from __future__ import annotations

import argparse
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from xner.cli.options import add_inference, add_reading, inference_options
from xner.cli.terminal import facts, print_json, progress

if TYPE_CHECKING:
    from xner.pipeline.translate import Summary

_TRANSLATORS = ("nllb", "ctranslate2")
_LICENCE = "NLLB-200 is licensed CC-BY-NC-4.0: not for commercial use"


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add the command to the parser."""
    command = commands.add_parser(
        "translate",
        help="translate one side of a corpus into the other",
        description="Translate FILE into the side that it lacks, split into words.",
        epilog=f"{_LICENCE}.",
    )
    command.add_argument(
        "file",
        type=Path,
        metavar="FILE",
        help="the side that is there (.conll .jsonl .parquet .txt)",
    )
    command.add_argument(
        "-o", "--output", type=Path, required=True, metavar="OUT",
        help="all columns (.jsonl .parquet), or the words of the new side (.txt)",
    )  # fmt: skip
    command.add_argument(
        "--source-language", required=True, metavar="CODE",
        help="of the labelled side: BCP-47, ISO 639-3 or FLORES-200, such as en, eng, eng_Latn",
    )  # fmt: skip
    command.add_argument(
        "--target-language", required=True, metavar="CODE", help="of the other side"
    )
    command.add_argument(
        "--fill", choices=("target", "source"), default="target",
        help="the side to make: target from a labelled FILE (default), or source from the other",
    )  # fmt: skip
    _add_model(command)
    add_inference(command)
    add_reading(command)
    return command


def _add_model(command: argparse.ArgumentParser) -> None:
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
    command.add_argument(
        "--replace", action="store_true",
        help="replace what FILE has of the side to make, and what was made from it",
    )  # fmt: skip


def run(options: argparse.Namespace) -> None:
    """Translate, write, and say what was done."""
    from xner.corpus import scan
    from xner.pipeline.translate import Summary, translate_stream
    from xner.write import check_output, write_batches

    check_output(options.output)
    begin = perf_counter()
    given = "target" if options.fill == "source" else "source"
    corpus = scan(options.file, scheme=options.scheme, side=given)
    summary = Summary()
    with progress(options.quiet or options.json) as tell:
        batches = translate_stream(
            corpus,
            options.source_language,
            options.target_language,
            summary,
            fill=options.fill,
            translator=options.translator,
            replace=options.replace,
            progress=tell,
            model=options.model,
            beams=options.beams,
            **inference_options(options),
        )
        write_batches(options.output, batches, side=options.fill)
    summary.seconds = perf_counter() - begin
    show(summary, options)


def show(summary: Summary, options: argparse.Namespace) -> None:
    """Print the summary."""
    if options.json:
        print_json({**summary.as_dict(), "output": str(options.output)})
        return
    rows = [("sentences", f"{summary.sentences:,}")]
    rows += [(f"  {name}", f"{n:,}") for name, n in summary.outcomes.items()]
    rows += [
        ("in pieces", f"{summary.split:,}"),
        ("words", f"{summary.words:,}"),
        ("seconds", f"{summary.seconds:,.2f}"),
        ("sentences/s", f"{summary.sentences_per_second:,.1f}"),
    ]
    facts(f"Translated to {options.output}", rows, f"{summary.signature}\n{_LICENCE}.")
