"""`xner evaluate`: entity F1 of labels, or alignment error rate of links."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from xner.cli.bad_rows import add_bad_rows, leaves_out, list_bad_rows, shown_bad_rows
from xner.cli.command import Command
from xner.cli.parsing import CommandParser
from xner.cli.reading import add_scheme
from xner.cli.terminal import facts, grid, print_json
from xner.errors import UsageError

if TYPE_CHECKING:
    from xner.evaluation.counts import LabelScores


def add_arguments(command: CommandParser) -> None:
    """Add the arguments of the command to its parser."""
    for name in ("gold", "predicted"):
        command.add_argument(
            name, type=Path, metavar=name.upper(),
            help="Labelled file (.conll .jsonl .parquet), or links with --links.",
        )  # fmt: skip
    add_scheme(command)
    add_bad_rows(command, "PREDICTED.bad.jsonl")
    command.add_argument(
        "--ignore", action="append", default=[], metavar="LABEL", group="scoring",
        help="Ignore entities with this label on both sides; may be repeated.",
    )  # fmt: skip
    command.add_argument(
        "--divergence-from", type=Path, metavar="FILE", group="scoring",
        help="Text of the source language: also print its lexical divergence from the words of "
        "GOLD.",
    )  # fmt: skip
    command.add_argument(
        "--links", action="store_true", group="links",
        help="Score links: GOLD has hand alignments (i-j sure, ipj possible), PREDICTED has "
        "links that count words from 0.",
    )  # fmt: skip
    command.add_argument(
        "--gold-base", choices=("auto", "0", "1"), group="links",
        help="Number of the first word in GOLD: auto, 0 or 1. auto is 0 if GOLD contains a 0, "
        "otherwise 1. Default: auto.",
    )  # fmt: skip
    command.add_argument(
        "--min-weight", type=float, metavar="W", group="links",
        help="Ignore links with a lower weight. Default: 0.",
    )  # fmt: skip


def run(options: argparse.Namespace) -> None:
    """Score the files and print the table."""
    if options.links:
        _run_links(options)
        return
    for flag in ("gold_base", "min_weight"):
        if getattr(options, flag) is not None:
            raise UsageError(f"--{flag.replace('_', '-')} needs --links")
    _run_labels(options)


def _run_links(options: argparse.Namespace) -> None:
    from xner.evaluation.links import evaluate_links

    labels = (options.ignore, options.scheme != "auto", options.encoding, options.divergence_from)
    if any(labels):
        raise UsageError(
            "--ignore, --scheme, --encoding and --divergence-from are for labels; leave them out "
            "with --links"
        )
    if leaves_out(options):
        raise UsageError(
            "--on-bad-row quarantine is for labels; with --links every row has to be readable"
        )
    made = evaluate_links(
        options.gold,
        options.predicted,
        gold_base=options.gold_base or "auto",
        min_weight=options.min_weight or 0.0,
    )
    if options.json:
        print_json(made.as_dict())
        return
    rows = [
        ("alignment error rate", f"{100 * made.aer:.1f}"),
        ("precision", f"{100 * made.precision:.1f}"),
        ("recall", f"{100 * made.recall:.1f}"),
        ("F1", f"{100 * made.f1:.1f}"),
        ("gold links, sure", f"{made.sure:,}"),
        ("gold links, possible", f"{made.possible:,}"),
        ("predicted links", f"{made.predicted:,}"),
        ("sentences", f"{made.sentences:,}"),
    ]
    facts(f"{options.predicted} against {options.gold}", rows, made.signature)


def _run_labels(options: argparse.Namespace) -> None:
    from xner.corpus import scan
    from xner.evaluation.divergence import divergence
    from xner.evaluation.entities import evaluate

    result = evaluate(
        options.gold,
        options.predicted,
        ignore=options.ignore,
        scheme=options.scheme,
        encoding=options.encoding,
        on_bad_row=options.on_bad_row,
    )
    source = options.divergence_from
    texts = (
        []
        if source is None
        else [
            scan(path, side=side, on_bad_row=options.on_bad_row)
            for path, side in ((source, "source"), (options.gold, "target"))
        ]
    )
    far = divergence(*texts) if texts else None
    further = {"--divergence-from": texts[0].bad} if texts else {}
    files = [options.gold, options.predicted]
    left_out = list_bad_rows(options, result.bad, options.predicted, further, read=files)
    if options.json:
        print_json(result.as_dict() | left_out | ({} if far is None else {"divergence": far}))
        return

    def row(name: str, s: LabelScores) -> list[str]:
        shares = [f"{100 * value:.1f}" for value in (s.precision, s.recall, s.f1)]
        return [name, *shares, f"{s.gold:,}", f"{s.predicted:,}", f"{s.correct:,}"]

    rows = [row(label, scores) for label, scores in result.labels.items()]
    rows.append(row("all (micro)", result.overall))
    grid(
        f"{options.predicted} against {options.gold}, {result.sentences:,} sentences",
        ["label", "precision", "recall", "F1", "gold", "predicted", "correct"],
        rows,
    )
    for name, count in shown_bad_rows(left_out):
        print(f"{name}: {count}")
    if far is not None:
        print(f"lexical divergence from {source}: {far:.3f} (1 - overlap of character trigrams)")
    print(result.signature)


COMMAND = Command(
    "Compute strict entity F1 of PREDICTED against GOLD, as seqeval in strict mode: spans and "
    "labels must match. With --links, compute the alignment error rate of word links against hand "
    "alignments.",
    "xner evaluate gold.conll projected.conll",
    add_arguments,
    run,
)
