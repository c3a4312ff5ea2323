"""Compilation of every kernel ahead of time."""

from __future__ import annotations

from time import perf_counter

import numpy as np
import pyarrow as pa

from xner.columns import COLUMNS
from xner.corpus import Corpus
from xner.kernels import similar
from xner.kernels.pharaoh import parse_links
from xner.kernels.records import Problem
from xner.solve.exact import solve_exact
from xner.stages.align import Align, align
from xner.stages.project import project


def warm() -> dict[str, float]:
    """Run each kernel on a pair of one-word sentences; returns seconds by step."""
    table = pa.table(
        {
            "source_tokens": pa.array([["Nairobi"]], COLUMNS["source_tokens"]),
            "source_entities": pa.array(
                [[{"start": 0, "end": 1, "label": "LOC"}]], COLUMNS["source_entities"]
            ),
            "target_tokens": pa.array([["Nairobi"]], COLUMNS["target_tokens"]),
            "target_tagset": pa.array([["O", "B-LOC"]], COLUMNS["target_tagset"]),
            "target_probabilities": pa.array([[[0.1, 0.9]]], COLUMNS["target_probabilities"]),
        }
    )
    seconds = {}
    begin = perf_counter()
    pairs = Corpus.from_table(table)
    linked = align(pairs).collect()
    seconds["align"] = perf_counter() - begin
    begin = perf_counter()
    align(pairs, model=Align().fit(pairs)).collect()
    seconds["align by a model"] = perf_counter() - begin
    for method in ("heuristic", "greedy", "exact"):
        begin = perf_counter()
        project(linked, method=method)
        seconds[method] = perf_counter() - begin
    begin = perf_counter()
    project(linked, candidates="ngrams", score={"alignment": 0.5, "ner": 0.5})
    project(linked, candidates="region", score={"alignment": 1.0})
    seconds["n-grams, ner"] = perf_counter() - begin
    begin = perf_counter()
    project(linked, score={"lexical": 1.0})
    seconds["lexical"] = perf_counter() - begin
    begin = perf_counter()
    solve_exact(_clash())
    seconds["exact, conflicts"] = perf_counter() - begin
    begin = perf_counter()
    text = np.frombuffer(b"0-0:0.5\n", np.uint8)
    ints = [np.empty(2, np.int32) for _ in range(3)]
    parse_links(text, ints[0], ints[1], ints[2], np.empty(2, np.float32))
    seconds["read links"] = perf_counter() - begin
    begin = perf_counter()
    _link_by_similarity()
    seconds["align, neural"] = perf_counter() - begin
    return seconds


def _link_by_similarity() -> None:
    scores, size = np.ones((1, 1, 1), np.float32), np.ones(1, np.int64)
    weight = np.zeros((1, 1, 1), np.float32)
    similar.link_argmax(0, 1, scores, size, size, weight)
    similar.link_itermax(0, 1, scores, size, size, 0.9, weight)
    similar.link_softmax(0, 1, scores, size, size, 0.001, weight)
    similar.link_entmax15(0, 1, scores, size, size, weight)


def _clash() -> Problem:
    """Two entities that want the same word, where greedy is not the best."""
    return Problem(
        np.array([0, 2], np.int32),
        np.array([0, 2, 4], np.int32),
        np.array([0, 1, 0, 2], np.int32),
        np.array([1, 2, 1, 3], np.int32),
        np.array([1.0, 0.9, 0.95, 0.1]),
        np.array([3], np.int32),
    )
