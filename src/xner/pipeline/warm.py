"""Compilation of every kernel ahead of time."""

from __future__ import annotations

from time import perf_counter

import numpy as np
import pyarrow as pa

from xner.columns import COLUMNS
from xner.corpus import Corpus
from xner.kernels.pharaoh import parse_links
from xner.pipeline.align import align
from xner.pipeline.project import project
from xner.pipeline.settings import METHODS


def warm() -> dict[str, float]:
    """Run each kernel on a pair of one-word sentences; returns seconds by step."""
    table = pa.table(
        {
            "source_tokens": pa.array([["Nairobi"]], COLUMNS["source_tokens"]),
            "source_entities": pa.array(
                [[{"start": 0, "end": 1, "label": "LOC"}]], COLUMNS["source_entities"]
            ),
            "target_tokens": pa.array([["Nairobi"]], COLUMNS["target_tokens"]),
        }
    )
    seconds = {}
    begin = perf_counter()
    linked = align(Corpus.from_table(table)).collect()
    seconds["align"] = perf_counter() - begin
    for method in METHODS:
        begin = perf_counter()
        project(linked, method=method)
        seconds[method] = perf_counter() - begin
    begin = perf_counter()
    text = np.frombuffer(b"0-0:0.5\n", np.uint8)
    ints = [np.empty(2, np.int32) for _ in range(3)]
    parse_links(text, ints[0], ints[1], ints[2], np.empty(2, np.float32))
    seconds["read links"] = perf_counter() - begin
    return seconds
