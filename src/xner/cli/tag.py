"""`xner tag`: entities for text, by a model."""

from __future__ import annotations

import argparse
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from xner.cli.options import add_inference, add_reading, inference_options
from xner.cli.terminal import facts, print_json, progress
from xner.errors import UsageError
from xner.schemes import SCHEMES

if TYPE_CHECKING:
    from xner.pipeline.tag import Summary


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add the command to the parser."""
    command = commands.add_parser(
        "tag",
        help="find the entities of one side",
        description="Find the entities of one side of FILE with a token-classification model.",
    )
    command.add_argument(
        "file", type=Path, metavar="FILE", help="one side (.txt .conll .jsonl .parquet) or both"
    )
    add_reading(command)
    command.add_argument(
        "-o", "--output", type=Path, required=True, metavar="OUT",
        help="labelled side: .conll, or all columns: .jsonl .parquet",
    )  # fmt: skip
    command.add_argument(
        "--model", required=True, metavar="ID_OR_FOLDER",
        help="token classifier, such as FacebookAI/xlm-roberta-large-finetuned-conll03-english",
    )  # fmt: skip
    command.add_argument(
        "--side", choices=("source", "target"), default="source",
        help="the side that is tagged (default: source)",
    )  # fmt: skip
    command.add_argument(
        "--label", action="append", default=[], metavar="OLD=NEW",
        help="rename a label; an empty NEW drops it; may be repeated",
    )  # fmt: skip
    command.add_argument(
        "--probabilities", action="store_true", help="keep those of every tag, as columns"
    )
    command.add_argument(
        "--temperature", type=float, default=1.0, metavar="T",
        help="logits are divided by it before the softmax (default: 1)",
    )  # fmt: skip
    add_inference(command)
    command.add_argument(
        "--write-scheme", choices=SCHEMES, default="IOB2", help="scheme of OUT (default: IOB2)"
    )
    return command


def labels_of(given: list[str]) -> dict[str, str | None]:
    """The labels to rename of `--label OLD=NEW …`.

    Raises:
        UsageError: one is not of that form.
    """
    labels: dict[str, str | None] = {}
    for text in given:
        old, equals, new = text.partition("=")
        if not old or not equals:
            raise UsageError(f"--label {text}: write OLD=NEW, or OLD= to drop it")
        labels[old] = new or None
    return labels


def run(options: argparse.Namespace) -> None:
    """Tag, write, and say what was done."""
    from xner.corpus import scan
    from xner.formats import format_of, jsonl, parquet
    from xner.pipeline.tag import Summary, find_tagger, tag_stream
    from xner.write import check_output, write_batches

    settings = {
        "labels": labels_of(options.label),
        "temperature": options.temperature,
        **inference_options(options),
    }
    check_output(options.output)
    if options.probabilities and format_of(options.output) not in (jsonl, parquet):
        raise UsageError(f"{options.output} cannot hold probabilities; write .jsonl or .parquet")
    begin = perf_counter()
    corpus = scan(options.file, side=options.side, scheme=options.scheme)
    tagger = find_tagger("checkpoint", options.model, settings)
    summary = Summary()
    with progress(options.quiet or options.json) as tell:
        batches = tag_stream(corpus, tagger, summary, options.side, options.probabilities, tell)
        write_batches(options.output, batches, side=options.side, scheme=options.write_scheme)
    summary.seconds = perf_counter() - begin
    show(summary, options)


def show(summary: Summary, options: argparse.Namespace) -> None:
    """Print the summary."""
    if options.json:
        print_json({**summary.as_dict(), "output": str(options.output)})
        return
    rows = [("sentences", f"{summary.sentences:,}"), ("words", f"{summary.words:,}")]
    rows += [("entities", f"{summary.entities.total():,}")]
    rows += [(f"  {label}", f"{n:,}") for label, n in sorted(summary.entities.items())]
    rows += [
        ("sentences in windows", f"{summary.windowed:,}"),
        ("words not seen", f"{summary.unread:,}"),
        ("seconds", f"{summary.seconds:,.2f}"),
        ("sentences/s", f"{summary.sentences_per_second:,.0f}"),
    ]
    facts(f"Tagged to {options.output}", rows, summary.signature)
