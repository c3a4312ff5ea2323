"""`xner project`: labelled sentences and their translations in, labelled translations out."""

from __future__ import annotations

import argparse
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from xner.cli.options import add_aligner, add_pairs, aligner_options, score_weights
from xner.cli.terminal import facts, print_json, progress
from xner.pipeline.settings import BACKENDS, METHODS, Settings
from xner.schemes import SCHEMES

if TYPE_CHECKING:
    from xner.pipeline.project import Summary

_DEFAULT = Settings()


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add the command to the parser."""
    command = commands.add_parser(
        "project",
        help="project entities onto a translation",
        description="Project the entities of SOURCE onto TARGET, its translation.",
    )
    add_pairs(command)
    command.add_argument(
        "-o", "--output", type=Path, required=True, metavar="OUT",
        help="labelled target: .conll, or all columns: .jsonl .parquet",
    )  # fmt: skip
    command.add_argument(
        "--links", type=Path, metavar="FILE", help="word alignment in Pharaoh form (.align)"
    )
    add_aligner(command)
    command.add_argument(
        "--method", choices=METHODS, default=_DEFAULT.method,
        help=f"how candidates are chosen (default: {_DEFAULT.method})",
    )  # fmt: skip
    command.add_argument(
        "--score", action="append", metavar="NAME=WEIGHT",
        help="matching score and its weight; may be repeated (default: alignment=1)",
    )  # fmt: skip
    numbers = (
        ("--max-span", int, _DEFAULT.max_span, "longest target n-gram, in words"),
        ("--min-score", float, _DEFAULT.min_score, "candidates that score less are not used"),
        ("--merge-distance", int, _DEFAULT.merge_distance, "heuristic: gap that is closed, words"),
        ("--length-ratio", float, _DEFAULT.length_ratio, "heuristic: runs are longer than this "
         "share of the entity"),
    )  # fmt: skip
    for flag, kind, default, text in numbers:
        command.add_argument(
            flag, type=kind, default=default, metavar="N", help=f"{text} (default: {default})"
        )
    command.add_argument(
        "--constraint", default="<=1", metavar="C",
        help="spans each entity may or must get: '<=n' '==n' '>=n' unlimited (default: <=1)",
    )  # fmt: skip
    command.add_argument(
        "--backend", choices=BACKENDS, default=_DEFAULT.backend,
        help=f"solver of the ILP (default: {_DEFAULT.backend})",
    )  # fmt: skip
    command.add_argument(
        "--time-limit", type=float, metavar="S", help="of the ILP, a sentence (default: none)"
    )
    command.add_argument(
        "--gap", type=float, default=0.0, metavar="G", help="of the ILP, relative (default: 0)"
    )
    command.add_argument(
        "--top-k", type=int, metavar="K", help="heuristic: most runs per entity (default: all)"
    )
    command.add_argument(
        "--write-scheme", choices=SCHEMES, default="IOB2", help="scheme of OUT (default: IOB2)"
    )
    return command


def run(options: argparse.Namespace) -> None:
    """Project, write, and say what was done."""
    from xner.corpus import scan
    from xner.pipeline.project import Summary, project_stream
    from xner.solve.constraint import Constraint
    from xner.write import check_output, write_batches

    settings = Settings(
        method=options.method,
        score=score_weights(options.score),
        max_span=options.max_span,
        min_score=options.min_score,
        constraint=Constraint.parse(options.constraint),
        backend=options.backend,
        time_limit=options.time_limit,
        gap=options.gap,
        merge_distance=options.merge_distance,
        length_ratio=options.length_ratio,
        top_k=options.top_k,
    )
    extra = aligner_options(options)
    check_output(options.output)
    begin = perf_counter()
    pairs = scan(
        options.source,
        options.target,
        links=options.links,
        scheme=options.scheme,
        docstart=options.docstart,
    )
    summary = Summary()
    with progress(options.quiet or options.json) as tell:
        batches = project_stream(pairs, settings, summary, options.aligner, extra, tell)
        write_batches(options.output, batches, scheme=options.write_scheme)
    summary.seconds = perf_counter() - begin
    show(summary, options)


def show(summary: Summary, options: argparse.Namespace) -> None:
    """Print the summary."""
    if options.json:
        print_json({**summary.as_dict(), "output": str(options.output)})
        return
    rows = [("sentences", f"{summary.sentences:,}"), ("source entities", f"{summary.entities:,}")]
    rows += [(f"  {name}", f"{n:,}") for name, n in summary.outcomes.items()]
    rows += [
        ("target entities", f"{summary.spans:,}"),
        ("objective", f"{summary.objective:,.2f}"),
        ("bound", f"{summary.bound:,.2f}"),
        *((f"  by {name}", f"{n:,}") for name, n in summary.routes.items()),
        *((f"  {name}", f"{n:,}") for name, n in summary.statuses.items()),
        ("seconds", f"{summary.seconds:,.2f}"),
        ("  of these aligning", f"{summary.align_seconds:,.2f}"),
        ("sentences/s", f"{summary.sentences_per_second:,.0f}"),
    ]
    facts(f"Projected to {options.output}", rows, summary.signature)
