"""`xner easyproject`: labelled sentences in, labelled translations out, by markers."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from xner.aligners import ALIGNERS
from xner.cli.options import add_inference, add_reading, inference_options
from xner.cli.terminal import facts, print_json, progress

if TYPE_CHECKING:
    from xner.pipeline.easyproject import Summary

_TRANSLATORS = ("nllb", "ctranslate2")
_LICENCE = "NLLB-200 is licensed CC-BY-NC-4.0: not for commercial use"


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add the command to the parser."""
    command = commands.add_parser(
        "easyproject",
        help="translate labelled sentences with markers around their entities",
        description="Translate FILE; entities cross between markers, or along links where lost.",
        epilog=f"{_LICENCE}.",
    )
    command.add_argument(
        "file", type=Path, metavar="FILE", help="labelled sentences (.conll .jsonl .parquet)"
    )
    command.add_argument(
        "-o", "--output", type=Path, required=True, metavar="OUT",
        help="labelled translation: .conll, or all columns: .jsonl .parquet",
    )  # fmt: skip
    for side in ("source", "target"):
        command.add_argument(
            f"--{side}-language", required=True, metavar="CODE",
            help="BCP-47, ISO 639-3 or FLORES-200, such as sw, swh, swh_Latn",
        )  # fmt: skip
    _add_markers(command)
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
    add_reading(command)
    return command


def _add_markers(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--markers", choices=("brackets", "xml"), default="brackets",
        help="[ ] around entities (default), or <a> </a>",
    )  # fmt: skip
    command.add_argument(
        "--threshold", type=float, default=0.5, metavar="R",
        help="least likeness of a marked span to its entity's translation (default: 0.5)",
    )  # fmt: skip
    command.add_argument(
        "--fallback", choices=("align", "none"), default="align",
        help="where markers are lost: project along links (default), or leave the entity out",
    )  # fmt: skip
    command.add_argument(
        "--aligner", choices=ALIGNERS, default="native", help="of the fall-back (default: native)"
    )


def run(options: argparse.Namespace) -> None:
    """Translate, write, and say what was done."""
    from xner.corpus import scan
    from xner.pipeline.easyproject import easyproject
    from xner.write import check_output

    check_output(options.output)
    corpus = scan(options.file, scheme=options.scheme, side="source")
    with progress(options.quiet or options.json) as tell:
        made = easyproject(
            corpus,
            options.source_language,
            options.target_language,
            translator=options.translator,
            markers=options.markers,
            threshold=options.threshold,
            fallback=options.fallback,
            aligner=options.aligner,
            progress=tell,
            model=options.model,
            beams=options.beams,
            **inference_options(options),
        )
        made.write(options.output)
    show(made.summary, options)


def show(summary: Summary, options: argparse.Namespace) -> None:
    """Print the summary."""
    if options.json:
        print_json({**summary.as_dict(), "output": str(options.output)})
        return
    rows = [("sentences", f"{summary.sentences:,}")]
    rows += [(f"  {name}", f"{n:,}") for name, n in summary.translations.items()]
    rows += [("  without markers", f"{summary.unmarked:,}")]
    rows += [("source entities", f"{summary.entities:,}")]
    rows += [(f"  {name}", f"{n:,}") for name, n in summary.outcomes.items()]
    rows += [("target entities", f"{summary.spans:,}"), ("seconds", f"{summary.seconds:,.2f}")]
    facts(f"Translated to {options.output}", rows, f"{summary.signature}\n{_LICENCE}.")
