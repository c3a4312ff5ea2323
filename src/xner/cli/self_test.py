"""The self-test of `xner doctor`: a small corpus through every solver, compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from xner.cli.demo import FOLDER

if TYPE_CHECKING:
    from xner.corpus import Corpus
    from xner.stages.matching_options import Method

_TOLERANCE = 1e-6
_METHODS: tuple[Method, ...] = ("heuristic", "greedy", "exact")
_SENTENCES, _ENTITIES, _WORDS = 30, 3, 4
"""Size of the matching problem that is also solved by trying every choice."""


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check.

    Attributes:
        name: what was checked.
        passed: whether it passed.
        detail: what was found.
        seconds: time that it took.
    """

    name: str
    passed: bool
    detail: str
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """The check as JSON."""
        return {
            "name": self.name,
            "passed": self.passed,
            "detail": self.detail,
            "seconds": round(self.seconds, 3),
        }


class _FailedError(Exception):
    """A check that found something wrong."""


@dataclass
class _State:
    """What the checks pass on.

    Attributes:
        pairs: the corpus, then with links.
        made: projections by method.
    """

    pairs: Corpus | None = None
    made: dict[str, Corpus] = field(default_factory=dict)

    @property
    def linked(self) -> Corpus:
        """The corpus with links."""
        if self.pairs is None:
            raise _FailedError("the corpus could not be read or aligned")
        return self.pairs

    def objectives(self, method: str) -> np.ndarray[Any, Any]:
        """The objective of every sentence."""
        if method not in self.made:
            raise _FailedError(f"there is no projection by {method}")
        solution = self.made[method].table["solution"].combine_chunks()
        values: np.ndarray[Any, Any] = solution.field("objective").to_numpy()
        return values


def self_test() -> Iterator[Check]:
    """Yield the checks, one after the other; an error in one does not stop the others."""
    state = _State()
    steps: list[tuple[str, Callable[[_State], str]]] = [("align", _align)]
    steps += [(method, _projecting(method)) for method in _METHODS]
    if find_spec("ortools"):
        steps.append(("ilp", _projecting("ilp")))
    steps.append(("exact against greedy", _against_greedy))
    if find_spec("ortools"):
        steps.append(("exact against ilp", _against_ilp))
    steps.append(("exact against every choice", _against_all))
    steps += [("one thread against all", _threads), ("write and read back", _files)]
    for name, step in steps:
        begin = perf_counter()
        try:
            detail, passed = step(state), True
        except Exception as error:  # whatever a broken installation raises is the result
            detail, passed = f"{type(error).__name__}: {error}", False
            if isinstance(error, _FailedError):
                detail = str(error)
        yield Check(name, passed, detail, perf_counter() - begin)


def _align(state: _State) -> str:
    from xner.corpus import read
    from xner.stages.align import align

    pairs = read(FOLDER / "en.conll", FOLDER / "de.conll")
    state.pairs = align(pairs).collect()
    links = len(state.pairs.table["links"].combine_chunks().flatten())
    if not links:
        raise _FailedError("the aligner found no links")
    return f"{links:,} links in {len(pairs):,} sentences"


def _project(state: _State, method: Method) -> Corpus:
    from xner.stages.project import project

    return project(state.linked, method=method)


def _projecting(method: Method) -> Callable[[_State], str]:
    def check(state: _State) -> str:
        made = state.made[method] = _project(state, method)
        report = made.report
        outcomes = sum(report.outcomes.values())
        if outcomes != report.entities or not report.spans:
            raise _FailedError(
                f"{report.entities:,} entities have {outcomes:,} outcomes and "
                f"{report.spans:,} spans"
            )
        return f"{report.spans:,} of {report.entities:,} entities"

    return check


def _against_greedy(state: _State) -> str:
    exact, greedy = state.objectives("exact"), state.objectives("greedy")
    if worse := int((exact < greedy - _TOLERANCE).sum()):
        raise _FailedError(f"exact is below greedy in {worse:,} sentences")
    return f"sums of scores {exact.sum():.4f} and {greedy.sum():.4f}"


def _against_ilp(state: _State) -> str:
    exact, ilp = state.objectives("exact"), state.objectives("ilp")
    if differ := int((np.abs(exact - ilp) > _TOLERANCE).sum()):
        raise _FailedError(f"exact and ilp differ in {differ:,} sentences")
    return f"the same sum of scores in {len(exact):,} sentences"


def _against_all(state: _State) -> str:
    """Solve sentences whose entities compete for words, and try every choice as well."""
    from xner.kernels.records import Problem
    from xner.solve.exact import solve_exact
    from xner.solve.greedy import solve_greedy

    spans = [(i, j) for i in range(_WORDS) for j in range(i + 1, _WORDS + 1)]
    scores = np.random.default_rng(1).uniform(0.1, 1.0, (_SENTENCES, _ENTITIES, len(spans)))
    starts, ends = np.array(spans).T
    repeats = _SENTENCES * _ENTITIES
    problem = Problem(
        np.arange(_SENTENCES + 1) * _ENTITIES,
        np.arange(repeats + 1) * len(spans),
        np.tile(starts, repeats),
        np.tile(ends, repeats),
        scores.ravel(),
        np.full(_SENTENCES, _WORDS),
    )
    exact, greedy = solve_exact(problem).objective, solve_greedy(problem).objective
    best = np.array([_best(spans, own.tolist()) for own in scores])
    if differ := int((np.abs(exact - best) > _TOLERANCE).sum()):
        raise _FailedError(f"exact is not the best choice in {differ} of {_SENTENCES} sentences")
    beaten = int((greedy < best - _TOLERANCE).sum())
    return f"the best choice in {_SENTENCES} sentences; greedy misses it in {beaten}"


def _best(spans: list[tuple[int, int]], scores: list[list[float]]) -> float:
    """The largest sum of scores of candidates that share no word, at most one per entity."""
    masks = [sum(1 << word for word in range(start, end)) for start, end in spans]
    best = 0.0
    for choice in product([None, *range(len(spans))], repeat=len(scores)):
        own = [(entity, span) for entity, span in enumerate(choice) if span is not None]
        taken = [masks[span] for _, span in own]
        if sum(taken) == np.bitwise_or.reduce(taken or [0]):
            best = max(best, sum(scores[entity][span] for entity, span in own))
    return best


def _threads(state: _State) -> str:
    from xner.kernels.blocks import thread_count, threads

    with threads(1):
        alone = _project(state, "exact")
    if not alone.table.equals(state.made["exact"].table):
        raise _FailedError("the number of threads changes the result")
    return f"the same result on 1 and {thread_count()} threads"


def _files(state: _State) -> str:
    from xner.corpus import read
    from xner.evaluation.entities import evaluate

    made = state.made["exact"]
    with TemporaryDirectory(prefix="xner-") as folder:
        for suffix in (".jsonl", ".parquet"):
            path = Path(folder, f"made{suffix}")
            made.write(path)
            if not read(path).table.equals(made.table):
                raise _FailedError(f"a {suffix} file is read back otherwise than it was written")
        made.write(path := Path(folder, "made.conll"))
        found = evaluate(path, made).f1
    if found != 1.0:
        raise _FailedError("a .conll file is read back otherwise than it was written")
    return ".jsonl, .parquet and .conll"
