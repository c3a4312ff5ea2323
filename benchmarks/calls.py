"""Measure library calls: one sentence with given links, and large tables and frames.

    python -m benchmarks.calls                   # writes benchmarks/results/calls.md
    python -m benchmarks.calls --one-sentence    # prints the first table only

One sentence is projected many times on one thread. Its CPU time hardly depends on what else the
machine does; the time that passes does. Tables are the 37,342 pairs of conll-mt with the links of
AWESOME, repeated.
"""

import os
from collections.abc import Callable
from time import perf_counter, thread_time
from typing import Any

import numpy as np
import pyarrow as pa

import xner
from benchmarks import common
from xner.words import find_words

CALLS = 2000
SOURCE = ["Ada", "Lovelace", "lives", "in", "Nairobi", "."]
TARGET = ["Ada", "Lovelace", "wohnt", "in", "Nairobi", "."]
SPANS = [(0, 2, "PER"), (4, 5, "LOC")]
LINKS = [(i, i) for i in range(len(SOURCE))]
PAIR = ((SOURCE, SPANS), TARGET, LINKS)
TEXTS = (("Ada Lovelace lives in Nairobi.", [(0, 12, "PER"), (22, 29, "LOC")]),
         "Ada Lovelace wohnt in Nairobi.", LINKS)  # fmt: skip
COLUMNS = ["source_tokens", "source_entities", "target_tokens", "links"]


def main() -> None:
    """Measure, and write the page."""
    arguments = common.parser(__doc__.splitlines()[0])
    arguments.add_argument("--pairs", type=int, default=1_000_000, help="rows of the Arrow table")
    arguments.add_argument("--frame", type=int, default=100_000, help="rows of the pandas frame")
    arguments.add_argument("--one-sentence", action="store_true", help="print that table only")
    options = arguments.parse_args()
    real = common.conll_mt(options.data).select(COLUMNS)
    if options.one_sentence:
        print(one_sentence(real))
        return
    parts = [one_sentence(real), large(real, options.pairs, options.frame), words(real)]
    load = f"Load average of the machine during the run: {os.getloadavg()[1]:.0f}."
    body = "\n".join([common.made_by("pyarrow"), "", load, "", *parts])
    common.save(options.results, "calls.md", "Library calls", body)


def one_sentence(real: pa.Table) -> str:
    """Milliseconds of one call after the first ones."""
    longest = int(np.argsort(np.diff(real["links"].combine_chunks().offsets))[-100])
    row = real.slice(longest, 1).to_pylist()[0]
    words = len(row["source_tokens"])
    exact: dict[str, Any] = {"preset": "paper-ilp", "method": "exact"}
    corpus = xner.Corpus.of([PAIR])
    calls: list[tuple[str, Callable[[], Any]]] = [
        ("tuple of 6 words, default options", lambda: xner.project([PAIR])),
        ("tuple of 6 words, published score", lambda: xner.project([PAIR], **exact)),
        ("text of 6 words, default options", lambda: xner.project([TEXTS])),
        (f"dict of {words} words, default options", lambda: xner.project([row])),
        ("corpus of 6 words, default options", lambda: xner.project(corpus)),
        ("`Corpus.of` alone, tuple of 6 words", lambda: xner.Corpus.of([PAIR])),
        ("`out[0].entities`", lambda: corpus[0].entities),
    ]
    lines = [
        "## One sentence with given links",
        "",
        "| call | fastest (ms) | median (ms) | least CPU time (ms) | median CPU time (ms) |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, call in calls:
        figures = np.quantile(_times(call), [0, 0.5], axis=0).T.ravel() * 1000
        lines.append(f"| {name} | " + " | ".join(f"{figure:.2f}" for figure in figures) + " |")
    return "\n".join([*lines, ""])


def _times(call: Callable[[], Any]) -> list[tuple[float, float]]:
    """Seconds that pass, and of CPU time, of each call."""
    for _ in range(50):
        call()
    times = []
    for _ in range(CALLS):
        begin, used = perf_counter(), thread_time()
        call()
        times.append((perf_counter() - begin, thread_time() - used))
    return times


def large(real: pa.Table, pairs: int, frame: int) -> str:
    """Seconds of projecting large inputs."""
    table = _repeated(real, pairs)
    lines = [
        "## Large inputs",
        "",
        "| input | rows | take it (s) | project it (s) | rows per second |",
        "|---|---|---|---|---|",
        _line("Arrow table", table, pairs),
        _line("list of dicts", _repeated(real, frame).to_pylist(), frame),
        _line("pandas frame", _repeated(real, frame).to_pandas(), frame),
    ]
    return "\n".join([*lines, ""])


def _repeated(real: pa.Table, rows: int) -> pa.Table:
    return common.repeated(real, rows).slice(0, rows)


def _line(name: str, data: Any, rows: int) -> str:
    begin = perf_counter()
    corpus = xner.Corpus.of(data)
    taken = perf_counter()
    out = xner.project(corpus)
    done = perf_counter()
    assert len(out) == rows
    seconds = f"{taken - begin:.1f} | {done - taken:.1f}"
    return f"| {name} | {rows:,} | {seconds} | {rows / (done - begin):,.0f} |"


def words(real: pa.Table) -> str:
    """Sentences that are split into words per second."""
    texts = [" ".join(words) for words in real["source_tokens"].slice(0, 20_000).to_pylist()]
    begin = perf_counter()
    found = sum(len(find_words(text)) for text in texts)
    seconds = perf_counter() - begin
    return (
        f"## Words of texts\n\n{len(texts):,} English sentences with {found:,} words: "
        f"{len(texts) / seconds:,.0f} sentences per second on one thread.\n"
    )


if __name__ == "__main__":
    main()
