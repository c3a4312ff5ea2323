"""Compare kernels with their plain-Python twins on one thread: pytest benchmarks/bench_kernels.py.

The twins process every distinct pair once, the kernels the same pairs repeated to at least
500,000. `extra_info` has the number of sentences for comparing times per sentence.
"""

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from tests.reference import dense, heuristic

from benchmarks import common
from xner.corpus import Corpus
from xner.score.alignment import linked_ngrams, linked_runs
from xner.score.scene import Text
from xner.solve.exact import solve_exact
from xner.solve.greedy import solve_first_fit, solve_greedy
from xner.solve.solution import Solution

pytestmark = pytest.mark.skipif(not common.DATA.is_dir(), reason="needs ../shared/data")


@pytest.fixture(scope="module")
def table() -> pa.Table:
    return common.conll_mt(common.DATA)


@pytest.fixture(scope="module")
def rows(table: pa.Table) -> list[common.Row]:
    return common.plain_rows(table)


@pytest.fixture(scope="module")
def batches(table: pa.Table) -> list[pa.RecordBatch]:
    return list(Corpus.from_table(common.repeated(table, 500_000)).batches())


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XNER_THREADS", "1")


def greedy_kernel(batches: list[pa.RecordBatch]) -> list[Solution]:
    return [solve_greedy(linked_ngrams(Text(batch)).problem) for batch in batches]


def exact_kernel(batches: list[pa.RecordBatch]) -> list[Solution]:
    return [solve_exact(linked_ngrams(Text(batch)).problem) for batch in batches]


def heuristic_kernel(batches: list[pa.RecordBatch]) -> list[Solution]:
    made = [linked_runs(Text(batch)) for batch in batches]
    return [solve_first_fit(m.problem, m.length) for m in made]


def greedy_twin(rows: list[common.Row]) -> list[Any]:
    return [dense.project(*row) for row in rows]


def heuristic_twin(rows: list[common.Row]) -> list[Any]:
    return [heuristic.project(entities, links) for entities, links, _ in rows]


@pytest.mark.parametrize("kernel", [greedy_kernel, exact_kernel, heuristic_kernel])
def test_kernel(benchmark: Any, batches: list[pa.RecordBatch], kernel: Callable[..., Any]) -> None:
    benchmark.group = kernel.__name__.split("_")[0]
    benchmark.extra_info["sentences"] = sum(batch.num_rows for batch in batches)
    benchmark.pedantic(kernel, (batches,), rounds=5, warmup_rounds=1)


@pytest.mark.parametrize("twin", [greedy_twin, heuristic_twin])
def test_twin(benchmark: Any, rows: list[common.Row], twin: Callable[..., Any]) -> None:
    benchmark.group = twin.__name__.split("_")[0]
    benchmark.extra_info["sentences"] = len(rows)
    benchmark.pedantic(twin, (rows,), rounds=1)
