"""Kernels against their plain-Python twins, one thread: pytest benchmarks/bench_kernels.py.

The twins run over every distinct pair once, the kernels over the same pairs repeated to at
least 500,000; `extra_info` has the sentences, so that times per sentence can be compared.
"""

import pytest

from benchmarks import common
from tests.reference import dense, heuristic
from xner.corpus import Corpus
from xner.score.alignment import linked_ngrams, linked_runs
from xner.solve.greedy import solve_first_fit, solve_greedy

pytestmark = pytest.mark.skipif(not common.DATA.is_dir(), reason="needs ../shared/data")


@pytest.fixture(scope="module")
def table():
    return common.conll_mt(common.DATA)


@pytest.fixture(scope="module")
def rows(table):
    return common.plain_rows(table)


@pytest.fixture(scope="module")
def batches(table):
    return list(Corpus.from_table(common.repeated(table, 500_000)).batches())


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    monkeypatch.setenv("XNER_THREADS", "1")


def greedy_kernel(batches):
    return [solve_greedy(linked_ngrams(batch).problem) for batch in batches]


def heuristic_kernel(batches):
    made = [linked_runs(batch) for batch in batches]
    return [solve_first_fit(m.problem, m.length) for m in made]


def greedy_twin(rows):
    return [dense.project(*row) for row in rows]


def heuristic_twin(rows):
    return [heuristic.project(entities, links) for entities, links, _ in rows]


@pytest.mark.parametrize("kernel", [greedy_kernel, heuristic_kernel])
def test_kernel(benchmark, batches, kernel):
    benchmark.group = kernel.__name__.split("_")[0]
    benchmark.extra_info["sentences"] = sum(batch.num_rows for batch in batches)
    benchmark.pedantic(kernel, (batches,), rounds=5, warmup_rounds=1)


@pytest.mark.parametrize("twin", [greedy_twin, heuristic_twin])
def test_twin(benchmark, rows, twin):
    benchmark.group = twin.__name__.split("_")[0]
    benchmark.extra_info["sentences"] = len(rows)
    benchmark.pedantic(twin, (rows,), rounds=1)
