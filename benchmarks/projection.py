"""Measure projection: kernels against plain Python, compilation, and the whole command.

python -m benchmarks.projection            # writes benchmarks/results/projection.md
"""

import os
import sys
import tempfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import common
from benchmarks.bench_kernels import (
    exact_kernel,
    greedy_kernel,
    greedy_twin,
    heuristic_kernel,
    heuristic_twin,
)
from benchmarks.processes import run
from xner.columns import BATCH
from xner.corpus import Corpus
from xner.write import write_batches


def best(call: Callable[..., Any], *arguments: Any, rounds: int = 5) -> float:
    """Return seconds of the fastest of `rounds` calls."""
    seconds = []
    for _ in range(rounds):
        begin = perf_counter()
        call(*arguments)
        seconds.append(perf_counter() - begin)
    return min(seconds)


def published(folder: Path, table: pa.Table) -> dict[str, float]:
    """Return seconds per sentence of the published code, from a separate checkout of
    Cross-Lingual-NER/Projection-Data-Transfer-Cross-Lingual-NER.
    """
    sys.path.insert(0, str(folder))
    matching = import_module("src.pipelines.align.matching")
    score = import_module("src.pipelines.candidates.evaluators")
    extract = import_module("src.pipelines.candidates.extractors")
    match = import_module("src.pipelines.candidates.projection")
    part = table.take(pa.array(range(0, table.num_rows, 9)))
    rows = common.plain_rows(part)
    words = list(
        zip(part["source_tokens"].to_pylist(), part["target_tokens"].to_pylist(), strict=True)
    )
    entities = [[{"start_idx": s, "end_idx": e, "label": "X"} for s, e in r[0]] for r in rows]
    links = [[(j, i) for i, j, _ in r[1]] for r in rows]
    ngrams = extract.DummySubrangeExtractor(max_words=10, stop_words=None)
    choose = match.ArgmaxCandidatesMatchingProjectionTransform.match_source_entities
    begin = perf_counter()
    for (source, target), spans, wires in zip(words, entities, links, strict=True):
        matching.match_entities_based_on_word_alignments(target, source, spans, wires)
    middle = perf_counter()
    for (_, target), spans, wires in zip(words, entities, links, strict=True):
        if spans:
            found = ngrams.extract(target)
            places = score.get_entities_spans(spans)
            choose(score.get_relative_lenght_alignment_scores(wires, places, found), found)
    end = perf_counter()
    return {"heuristic": (middle - begin) / len(rows), "greedy": (end - middle) / len(rows)}


def kernels(table: pa.Table, rival: Path | None) -> str:
    """Measure kernels and twins on one thread in the same run."""
    theirs = published(rival, table) if rival else {}
    os.environ["XNER_THREADS"] = "1"
    rows = common.plain_rows(table)
    batches = list(Corpus.from_table(common.repeated(table, 500_000)).batches())
    sentences = sum(batch.num_rows for batch in batches)
    lines = []
    for name, kernel, twin in (
        ("heuristic", heuristic_kernel, heuristic_twin),
        ("greedy", greedy_kernel, greedy_twin),
        ("exact", exact_kernel, None),
    ):
        kernel(batches)
        fast = best(kernel, batches) / sentences
        if twin is not None:
            slow = best(twin, rows, rounds=1) / len(rows)
            rival_seconds = theirs.get(name, 0.0)
        line = [name, f"{1 / fast:,.0f}", f"{1 / slow:,.0f}", f"{slow / fast:,.0f}"]
        if theirs:
            mark = "" if twin is not None else " (greedy)"
            line += [f"{1 / rival_seconds:,.0f}{mark}", f"{rival_seconds / fast:,.0f}{mark}"]
        lines.append(line)
    del os.environ["XNER_THREADS"]
    head = ["method", "kernel, sentences/s", "plain Python, sentences/s", "ratio"]
    head += ["published code, sentences/s", "ratio"] if theirs else []
    return (
        f"One thread. Kernels run from Arrow columns to the chosen candidates over {sentences:,} "
        f"pairs of conll-mt (best of 5), twins over {len(rows):,}. Exact has neither a twin nor "
        f"published code that was timed: it is compared with the twin and the published code of "
        f"greedy, which score every n-gram.\n\n{common.markdown(head, lines)}"
    )


def compilation(table: pa.Table, folder: Path) -> str:
    """Measure the command with an empty and with a full compilation cache."""
    lines = []
    for rows in (60, 5_000):  # the larger corpus has conflicts, which compile the rare path
        for name, dropped, extra in (
            ("alignment score only, links given", [], ["--score", "alignment=1"]),
            ("links given", [], []),
            ("links computed", ["links"], []),
        ):
            source, cache = folder / f"{rows}{name}.parquet", folder / f"cache{rows}{name}"
            pq.write_table(table.slice(1, rows).drop_columns(dropped), source)
            arguments = ("project", str(source), "-o", str(folder / "out.parquet"), *extra)
            cold, *warm = (run(*arguments, cache=cache).seconds for _ in range(3))
            label, fast = f"{rows:,} pairs, {name}", min(warm)
            lines.append([label, f"{cold:.1f}", f"{fast:.2f}", f"{cold - fast:.1f}"])
    head = ["xner project", "cold cache, s", "warm cache, s", "compilation, s"]
    return f"Whole process, including interpreter start.\n\n{common.markdown(head, lines)}"


def command(table: pa.Table, folder: Path, rows: int) -> str:
    """Measure the whole command from file to file, with links given."""
    big = common.repeated(table, rows).slice(0, rows).combine_chunks()
    batches = big.to_batches(BATCH)
    pq.write_table(big, folder / "in.parquet", row_group_size=BATCH)
    write_batches(folder / "in.jsonl", batches)
    write_batches(folder / "in.conll", batches, side="source")
    write_batches(folder / "in.txt", batches, side="target")
    write_batches(folder / "in.align", batches)
    del big, batches
    plain = ["--score", "alignment=1"]
    runs = {
        "Parquet → Parquet": ["in.parquet", "-o", "out.parquet"],
        "Parquet → Parquet, alignment score only": ["in.parquet", "-o", "out.parquet", *plain],
        "JSONL → JSONL, alignment score only": ["in.jsonl", "-o", "out.jsonl", *plain],
        "CoNLL + text + links → CoNLL, alignment score only": [
            "in.conll", "in.txt", "--links", "in.align", "-o", "out.conll", "--docstart", "keep",
            *plain,
        ],
    }  # fmt: skip
    lines = []
    for name, arguments in runs.items():
        paths = [str(folder / a) if a.startswith(("in.", "out.")) else a for a in arguments]
        summary, seconds, memory = run("project", *paths)
        if summary["sentences"] != rows:
            raise SystemExit(f"{name}: {summary['sentences']} sentences instead of {rows}")
        lines.append([name, f"{seconds:.1f}", f"{rows / seconds:,.0f}", f"{memory:,.0f}"])
    head = [f"{rows:,} pairs", "seconds", "sentences/s", "peak MiB"]
    return f"Exact matching on all cores, links given.\n\n{common.markdown(head, lines)}"


def main() -> None:
    """Run everything and write the page."""
    options = common.parser(__doc__.splitlines()[0])
    options.add_argument(
        "--rows", type=int, default=1_000_000, help="number of pairs for the whole command"
    )
    options.add_argument(
        "--published", type=Path, metavar="DIR", help="checkout of the published code (with scipy)"
    )
    given = options.parse_args()
    table = common.conll_mt(given.data)
    with tempfile.TemporaryDirectory() as folder:
        parts = {
            "Kernels": kernels(table, given.published),
            "Compilation": compilation(table, Path(folder)),
            "Whole command": command(table, Path(folder), given.rows),
        }
    body = "\n\n".join(f"## {name}\n\n{text}" for name, text in parts.items())
    foot = f"\n\n{common.made_by('pyarrow')}"
    common.save(given.results, "projection.md", "Projection", body + foot)


if __name__ == "__main__":
    main()
