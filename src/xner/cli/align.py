"""`xner align`: word links for a parallel corpus."""

from __future__ import annotations

import argparse
from pathlib import Path
from time import perf_counter

from xner.cli.options import add_aligner, add_pairs, aligner_options
from xner.cli.terminal import facts, print_json, progress


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add the command to the parser."""
    command = commands.add_parser(
        "align",
        help="align the words of a translation",
        description="Align the words of SOURCE with those of TARGET, its translation.",
    )
    add_pairs(command)
    command.add_argument(
        "-o", "--output", type=Path, required=True, metavar="LINKS",
        help="Pharaoh links with weights (.align), or all columns: .jsonl .parquet",
    )  # fmt: skip
    add_aligner(command)
    return command


def run(options: argparse.Namespace) -> None:
    """Align, write, and say what was done."""
    from xner.columns import LINKS_MADE_BY, offsets_of
    from xner.corpus import scan
    from xner.pipeline.align import align
    from xner.write import check_output, write_batches

    extra = aligner_options(options)
    check_output(options.output)
    begin = perf_counter()
    pairs = scan(options.source, options.target, scheme=options.scheme, docstart=options.docstart)
    with progress(options.quiet or options.json) as tell:
        linked = align(pairs, aligner=options.aligner, progress=tell, **extra)
        write_batches(options.output, linked.batches())
    seconds = perf_counter() - begin
    signature = (linked.schema.metadata or {})[LINKS_MADE_BY].decode()
    links = sum(int(o[-1] - o[0]) for o in (offsets_of(b["links"]) for b in linked.batches()))
    summary = {
        "sentences": len(linked),
        "links": links,
        "seconds": round(seconds, 4),
        "sentences_per_second": round(len(linked) / seconds, 1),
        "signature": signature,
        "warnings": options.warnings,
        "output": str(options.output),
    }
    if options.json:
        print_json(summary)
        return
    rows = [
        ("sentences", f"{len(linked):,}"),
        ("links", f"{links:,}"),
        ("seconds", f"{seconds:,.2f}"),
        ("sentences/s", f"{len(linked) / seconds:,.0f}"),
    ]
    facts(f"Aligned to {options.output}", rows, signature)
