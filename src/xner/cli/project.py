"""`xner project`: labelled sentences and their translations in, labelled translations out."""

from __future__ import annotations

import argparse
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from xner.cli.nmt import add_nmt, nmt_options
from xner.cli.options import add_aligner, add_pairs, aligner_options, weights_of
from xner.cli.terminal import facts, print_json, progress
from xner.errors import UsageError
from xner.pipeline.settings import BACKENDS, CANDIDATES, FILLS, METHODS, PRESETS, Settings
from xner.schemes import SCHEMES
from xner.score.registry import score_names

if TYPE_CHECKING:
    from xner.corpus import Corpus
    from xner.pipeline.summary import Summary

_DEFAULT = Settings.preset()
SHOWN = 20
"""Changed labels that are printed; `--json` has all."""


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
    command.add_argument(
        "--links-backoff", type=Path, action="append", default=[], metavar="FILE",
        help="more links, used between words that have none in --links; may be repeated",
    )  # fmt: skip
    add_aligner(command)
    _add_scoring(command)
    add_nmt(command)
    numbers = (
        ("--min-score", float, _DEFAULT.min_score, "candidates that score less are not used"),
        ("--merge-distance", int, _DEFAULT.merge_distance, "heuristic, runs: gap that is closed"),
        ("--length-ratio", float, _DEFAULT.length_ratio, "heuristic, runs: they are longer than "
         "this share of the entity"),
    )  # fmt: skip
    for flag, kind, default, text in numbers:
        command.add_argument(
            flag, type=kind, default=default, metavar="N", help=f"{text} (default: {default})"
        )
    command.add_argument(
        "--max-span", type=int, metavar="N",
        help=f"longest target n-gram, in words (default: {_DEFAULT.max_span})",
    )  # fmt: skip
    command.add_argument(
        "--max-ratio", type=float, metavar="N",
        help="n-grams may have up to N times the words of their entity, if that is more "
        f"(default: {_DEFAULT.max_ratio:g}; 0 with --max-span and in published presets)",
    )  # fmt: skip
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
        "--top-k", type=int, metavar="K", help="heuristic, runs: most per entity (default: all)"
    )
    command.add_argument(
        "--write-scheme", choices=SCHEMES, default="IOB2", help="scheme of OUT (default: IOB2)"
    )
    return command


def _add_scoring(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--preset", choices=tuple(PRESETS), default="default",
        help="settings by name; the flags below override them (default: default)",
    )  # fmt: skip
    command.add_argument(
        "--method", choices=METHODS,
        help=f"how candidates are chosen (default: {_DEFAULT.method})",
    )  # fmt: skip
    scores, fills = (
        ", ".join(f"{name}={weight:g}" for name, weight in weights.items())
        for weights in (_DEFAULT.score, _DEFAULT.fill)
    )
    command.add_argument(
        "--score", action="append", metavar="NAME=WEIGHT",
        help=f"matching score and its weight, of {', '.join(score_names())}; may be repeated "
        f"(default: {scores})",
    )  # fmt: skip
    command.add_argument(
        "--candidates", choices=CANDIDATES, default="links",
        help="target spans to choose from: n-grams that begin and end on linked words, all "
        "n-grams, those of the region with linked words, the heuristic's runs, or the spans of "
        "the column target_candidates (default: links)",
    )  # fmt: skip
    command.add_argument(
        "--stop-token", action="append", metavar="WORD",
        help="candidates ngrams, region: a word that none holds, '' for no such word; may be "
        f"repeated (default: {' '.join(_DEFAULT.stop_tokens)})",
    )  # fmt: skip
    command.add_argument(
        "--subspans", action="store_true",
        help="candidates spans, runs: every span within one of them is a candidate too",
    )  # fmt: skip
    command.add_argument(
        "--fill", action="append", metavar="NAME=WEIGHT",
        help=f"links made where words have none, of {', '.join(FILLS)} (default: {fills}, "
        "or none with --score)",
    )  # fmt: skip
    command.add_argument(
        "--relabel", type=float, metavar="SHARE",
        help="give a span the label that its words get in this share of other sentences, such as "
        "0.95 (default: labels stay)",
    )  # fmt: skip
    command.add_argument(
        "--counts", type=Path, metavar="FILE",
        help="counts of a first pass over a corpus that includes this one",
    )  # fmt: skip
    command.add_argument(
        "--save-counts", type=Path, metavar="FILE", help="write the counts of the first pass"
    )


def _pairs(options: argparse.Namespace) -> Corpus:
    from xner.corpus import scan

    if options.links_backoff and options.links is None:
        raise UsageError("--links-backoff needs --links")
    return scan(
        options.source,
        options.target,
        links=[options.links, *options.links_backoff] if options.links else None,
        scheme=options.scheme,
        docstart=options.docstart,
    )


def _words(given: list[str] | None) -> tuple[str, ...] | None:
    return None if given is None else tuple(word for word in given if word)


def run(options: argparse.Namespace) -> None:
    """Project, write, and say what was done."""
    from xner.pipeline.project import project_stream
    from xner.pipeline.summary import Summary
    from xner.score.counts import Counts
    from xner.solve.constraint import Constraint
    from xner.write import check_output, write_batches

    settings = Settings.preset(
        options.preset,
        method=options.method,
        score=weights_of("--score", options.score),
        fill=weights_of("--fill", options.fill),
        candidates=options.candidates,
        stop_tokens=_words(options.stop_token),
        subspans=options.subspans,
        max_span=options.max_span,
        max_ratio=options.max_ratio,
        relabel=options.relabel,
        min_score=options.min_score,
        constraint=Constraint.parse(options.constraint),
        backend=options.backend,
        time_limit=options.time_limit,
        gap=options.gap,
        merge_distance=options.merge_distance,
        length_ratio=options.length_ratio,
        top_k=options.top_k,
        nmt=nmt_options(options),
    )
    extra = aligner_options(options, scores_run_models=settings.nmt is not None)
    check_output(options.output)
    begin = perf_counter()
    pairs = _pairs(options)
    counts = None if options.counts is None else Counts.load(options.counts)
    save = options.save_counts
    summary = Summary()
    with progress(options.quiet or options.json) as tell:
        batches = project_stream(
            pairs, settings, summary, options.aligner, extra, tell, counts, save
        )
        write_batches(options.output, batches, scheme=options.write_scheme)
    summary.seconds = perf_counter() - begin
    show(summary, options)


def show(summary: Summary, options: argparse.Namespace) -> None:
    """Print the summary."""
    if options.json:
        given = {"warnings": options.warnings, "output": str(options.output)}
        print_json({**summary.as_dict(), **given})
        return
    rows = [("sentences", f"{summary.sentences:,}"), ("source entities", f"{summary.entities:,}")]
    rows += [(f"  {name}", f"{n:,}") for name, n in summary.outcomes.items()]
    rows += [
        ("target entities", f"{summary.spans:,}"),
        *(
            (f"  {words!r}", f"{n:,} {old} to {new}")
            for (words, old, new), n in summary.relabelled.most_common(SHOWN)
        ),
        ("objective", f"{summary.objective:,.2f}"),
        ("bound", f"{summary.bound:,.2f}"),
        *((f"  by {name}", f"{n:,}") for name, n in summary.routes.items()),
        *((f"  {name}", f"{n:,}") for name, n in summary.statuses.items()),
        ("seconds", f"{summary.seconds:,.2f}"),
        ("  of these aligning", f"{summary.align_seconds:,.2f}"),
        ("  of these counting", f"{summary.count_seconds:,.2f}"),
        ("sentences/s", f"{summary.sentences_per_second:,.0f}"),
    ]
    facts(f"Projected to {options.output}", rows, summary.signature)
