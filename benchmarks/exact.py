"""Compare exact matching with greedy and with the ILP, and measure how it scales.

    python -m benchmarks.exact            # writes benchmarks/results/exact.md and exact.png

Runs on one thread and takes about ten minutes.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import matplotlib as mpl
import numpy as np
import tests.reference.greedy

from benchmarks import common
from benchmarks.instances import (
    Real,
    certified,
    conll_mt_batches,
    dense,
    dense_twin,
    entity_f1,
    every_ngram,
    heuristic_f1,
    real,
)
from xner.kernels.records import Problem
from xner.score.alignment import linked_ngrams
from xner.score.scene import Text
from xner.solve.exact import solve_exact
from xner.solve.greedy import solve_greedy
from xner.solve.ilp import Backend, solve_ilp
from xner.solve.solution import Solution
from xner.solve.words import match_words

SEED = 20260101
TURNS = 5
TIMED = 50
"""Dense random sentences that are timed; the ILP takes a tenth of a second for each."""
twin: Any = tests.reference.greedy
BACKENDS: tuple[Backend, ...] = ("cp-sat", "highs", "scip")
Method = Callable[[Problem], Any]


def seconds(method: Method, parts: Sequence[Problem], rounds: int = 5) -> float:
    """Return seconds per sentence of the fastest of `rounds` passes."""
    sentences = sum(part.sentences for part in parts)
    return per_call(method, parts, rounds) * len(parts) / sentences


def exact(problem: Problem) -> Solution:
    return solve_exact(problem, ilp=False)


def table_only(problem: Problem) -> Solution:
    return solve_exact(problem, ilp=False, table_bits=24)


def ilp(backend: Backend) -> Method:
    return lambda problem: solve_ilp(problem, backend=backend)


def pretty(value: float) -> str:
    """Format seconds with a suitable unit."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value / 1e-9:.3g} ns"


def speed(data: Path) -> str:
    """Measure the throughput of all methods on real data."""
    batches = conll_mt_batches(data, 500_000)
    parts = [linked_ngrams(Text(batch)).problem for batch in batches]
    sentences = sum(part.sentences for part in parts)
    rng = np.random.default_rng(SEED)
    rows = common.plain_rows(common.conll_mt(data).take(rng.choice(37_342, 4_000, replace=False)))
    scored = [twin.alignment_scores(entities, links, n, 10) for entities, links, n in rows]
    dense_rows = [
        every_ngram(scores, len(row[0]), row[2]) for scores, row in zip(scored, rows, strict=True)
    ]
    base = seconds(exact, parts)
    scoring = per_call(lambda batch: linked_ngrams(Text(batch)), batches) * len(batches) / sentences
    times = {
        "exact": base,
        "greedy": seconds(solve_greedy, parts),
        "greedy twin in plain Python": per_call(twin.match, scored),
        "the same, dense (every n-gram, zeros too)": per_call(dense_twin, dense_rows, 1),
        "candidates and exact, from Arrow": base + scoring,
        "scores and greedy twin in plain Python": per_call(lambda row: twin.project(*row), rows),
    }
    lines = [
        [name, f"{1 / time:,.0f}", pretty(time), f"{time / base:,.2f}"]
        for name, time in times.items()
    ]
    own = np.flatnonzero(np.diff(parts[0].candidate_offsets[parts[0].entity_offsets]))
    sample = [parts[0].take(rng.choice(own, 500, replace=False))]
    on_sample, *others = in_turns([exact, *map(ilp, BACKENDS)], sample)
    lines += [
        [f"ILP, {backend}*", f"{1 / time:,.0f}", pretty(time), f"{time / on_sample:,.0f}*"]
        for backend, time in zip(BACKENDS, others, strict=True)
    ]
    head = ["method", "sentences/s", "time per sentence", "relative to exact"]
    return (
        f"{sentences:,} pairs of conll-mt with AWESOME links, best of 5; the twins on "
        f"{len(rows):,}. Scores are precomputed unless stated otherwise.\n\n"
        f"{common.markdown(head, lines)}\n\n"
        f"\\* On 500 sentences that have a candidate, each the fastest of {TURNS} passes after one "
        f"that warms up, in turns; exact takes {pretty(on_sample)} on them."
    )


def in_turns(methods: Sequence[Method], parts: Sequence[Problem]) -> list[float]:
    """Return seconds per sentence of every method: the fastest of passes in turns.

    The first pass of each, which imports and compiles, is not counted.
    """
    times = [[seconds(method, parts, 1) for method in methods] for _ in range(TURNS + 1)]
    return [min(own) for own in zip(*times[1:], strict=True)]


def per_call(call: Callable[[Any], object], items: Sequence[Any], rounds: int = 3) -> float:
    """Return seconds per call of the fastest of `rounds` passes over the items."""
    fastest = float("inf")
    for _ in range(rounds):
        begin = perf_counter()
        for item in items:
            call(item)
        fastest = min(fastest, perf_counter() - begin)
    return fastest / len(items)


def settled(solution: Solution) -> list[str]:
    """Return the share of sentences by route."""
    counts, total = solution.routes(), len(solution.route)
    return [f"{100 * counts.get(name, 0) / total:.3f}" for name in ("certificate", "dp", "greedy")]


def real_quality(corpora: list[Real]) -> str:
    """Measure how often greedy is suboptimal on real links, by how much, and its loss of F1."""
    lines = []
    for corpus in corpora:
        best, quick = exact(corpus.problem), solve_greedy(corpus.problem)
        assert best.optimal.all()
        lost = best.objective - quick.objective
        worse = lost > 1e-9
        f1 = [0.0, 0.0, 0.0]
        if corpus.gold is not None:
            f1 = [heuristic_f1(corpus), *(entity_f1(corpus, got.chosen) for got in (quick, best))]
        lines.append(
            [
                corpus.name,
                f"{corpus.problem.sentences:,}",
                *settled(best),
                f"{worse.sum()}",
                f"{100 * lost[worse].sum() / best.objective[worse].sum():.1f}"
                if worse.any()
                else "",
                f"{lost.max():.2f}",
                *(f"{100 * value:.3f}" if value else "" for value in f1),
            ]
        )
    head = [
        "links", "pairs", "certificate %", "DP %", "unproven %",
        "greedy not optimal", "loss on these %", "largest loss",
        "F1 heuristic", "F1 greedy", "F1 exact",
    ]  # fmt: skip
    return common.markdown(head, lines)


def agreement(corpora: list[Real]) -> str:
    """Compare objectives with those of the ILP, sentence by sentence."""
    rng = np.random.default_rng(SEED)
    clashing, others = [], []
    for corpus in corpora:
        routes = exact(corpus.problem)
        clash = np.flatnonzero((routes.route > 0) | ~certified(corpus.problem))
        own = np.flatnonzero(
            np.diff(corpus.problem.candidate_offsets[corpus.problem.entity_offsets])
        )
        rest = np.setdiff1d(own, clash)
        clashing.append((corpus.problem, clash))
        others.append((corpus.problem, rng.choice(rest, 600, replace=False)))
    counts, words = rng.integers(2, 13, 2000).tolist(), rng.integers(10, 41, 2000).tolist()
    shapes = list(zip(counts, words, strict=True))
    small = dense(rng, shapes)
    sets = {
        "real, all with a conflict": [part.take(rows) for part, rows in clashing],
        "real, without a conflict": [part.take(rows) for part, rows in others],
        "dense random, k = 2–12, n = 10–40": [small],
    }
    lines = []
    for name, parts in sets.items():
        solved = [exact(part) for part in parts]
        for backend in BACKENDS:
            few = [p.take(np.arange(p.sentences)[:200]) for p in parts]
            used = parts if backend == "cp-sat" else few
            oracle = [solve_ilp(part, backend=backend) for part in used]
            timed = [small.take(np.arange(TIMED))] if parts[0] is small else used
            quick, slow = in_turns([exact, ilp(backend)], timed)
            count = sum(len(found.route) for found in oracle)
            apart = [
                np.abs(found.objective - mine.objective[: len(found.objective)])
                for found, mine in zip(oracle, solved, strict=True)
            ]
            gaps = np.concatenate(apart)
            proven = sum(int(found.optimal.sum()) for found in oracle)
            lines.append(
                [name, backend, f"{count:,}", f"{proven:,}", f"{(gaps <= 1e-9).sum():,}",
                 f"{gaps.max():.1e}", pretty(quick), pretty(slow),
                 f"{slow / quick:,.0f}"]
            )  # fmt: skip
            print(*lines[-1], flush=True)
    head = [
        "instances", "ILP", "number", "ILP proves", "equal (1e-9)", "largest difference",
        "exact", "ILP time", "ratio",
    ]  # fmt: skip
    return common.markdown(head, lines)


def growth_times(
    shapes: Sequence[tuple[int, int]], repeats: int, ilp_repeats: int, ilp_limit: int = 20
) -> list[dict[str, float]]:
    """Measure seconds per sentence of each method on dense random problems, by shape."""
    made = []
    for k, n in shapes:
        problem = dense(np.random.default_rng([SEED, k, n]), [(k, n)] * repeats)
        few = problem.take(np.arange(ilp_repeats))
        found = exact(problem)
        quick = solve_greedy(problem)
        row = {
            "k": k,
            "n": n,
            "exact": seconds(exact, [problem], 3),
            "greedy": seconds(solve_greedy, [problem], 3),
            "proven": float(found.optimal.mean()),
            "greedy optimal": float((found.objective - quick.objective <= 1e-9).mean()),
            "greedy loss": float(1 - quick.objective.sum() / found.objective.sum()),
        }
        if k <= 14:
            row["DP table alone"] = seconds(table_only, [few], 2)
        if k <= ilp_limit:
            row |= {f"ILP, {b}": seconds(ilp(b), [few], 1) for b in BACKENDS}
        made.append(row)
        print(row, flush=True)
    return made


METHODS = ("greedy", "exact", "DP table alone", "ILP, cp-sat", "ILP, highs", "ILP, scip")


def growth_table(rows: list[dict[str, float]]) -> str:
    head = ["k", "n", *METHODS, "proven %", "greedy optimal %", "greedy loss %"]
    lines = [
        [
            f"{row['k']:.0f}",
            f"{row['n']:.0f}",
            *(pretty(row[name]) if name in row else "" for name in METHODS),
            *(f"{100 * row[name]:.1f}" for name in ("proven", "greedy optimal", "greedy loss")),
        ]
        for row in rows
    ]
    return common.markdown(head, lines)


def plot(by_k: list[dict[str, float]], by_n: list[dict[str, float]], path: Path) -> None:
    """Plot time against k and against n."""
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(11, 4.2), sharey=True)
    for axis, rows, key, title in (
        (axes[0], by_k, "k", "entities k, n = 60 words"),
        (axes[1], by_n, "n", "words n, k = 12 entities"),
    ):
        for name in METHODS:
            points = [(row[key], 1e3 * row[name]) for row in rows if name in row]
            if points:
                axis.plot(*zip(*points, strict=True), marker="o", markersize=3, label=name)
        axis.set_xlabel(title)
        axis.set_yscale("log")
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("ms per sentence, one thread")
    axes[0].legend(fontsize=8)
    figure.suptitle("Dense random scores over all n-grams of up to 10 words")
    figure.tight_layout()
    figure.savefig(path, dpi=130)


def crossover() -> str:
    """Measure where the table becomes too large and the ILP takes over."""
    lines = []
    for k, n in (
        (12, 60),
        (14, 60),
        (16, 60),
        (18, 60),
        (20, 60),
        (16, 100),
        (24, 100),
        (32, 100),
    ):
        problem = dense(np.random.default_rng([SEED, k, n]), [(k, n)] * 10)
        alone = exact(problem)
        lines.append(
            [
                str(k),
                str(n),
                f"{100 * alone.optimal.mean():.0f}",
                pretty(seconds(exact, [problem], 1)),
                pretty(seconds(ilp("cp-sat"), [problem], 1)),
            ]
        )
        print(*lines[-1], flush=True)
    head = ["k", "n", "table proves %", "exact without ILP", "CP-SAT"]
    return common.markdown(head, lines)


def words() -> str:
    """Compare SciPy's assignment solver with the general exact solver on word alignment."""
    rng = np.random.default_rng(SEED)
    lines = []
    for n in (10, 20, 40, 60):
        source = rng.standard_normal((n, 32))
        target = (source + 2 * rng.standard_normal((n, 32)))[rng.permutation(n)]
        norms = np.linalg.norm(source, axis=1)[:, None] * np.linalg.norm(target, axis=1)
        cosine = source @ target.T / norms
        row, column = np.nonzero(cosine > 0)
        problem = Problem(
            np.array([0, n], np.int32),
            np.searchsorted(row, np.arange(n + 1)).astype(np.int32),
            column.astype(np.int32),
            (column + 1).astype(np.int32),
            cosine[row, column],
            np.array([n], np.int32),
        )
        exact(problem)
        mine, proven = seconds(exact, [problem], 5), exact(problem).optimal.all()
        scipys = per_call(match_words, [cosine], 50)
        lines.append([str(n), pretty(scipys), pretty(mine), "yes" if proven else "no"])
    return common.markdown(["words per side", "SciPy", "exact", "exact proves"], lines)


def main() -> None:
    made = common.parser(__doc__.splitlines()[0]).parse_args()
    os.environ["XNER_THREADS"] = "1"
    exact(dense(np.random.default_rng(0), [(9, 12), (3, 12)]))
    fast = speed(made.data)
    print(fast, flush=True)
    corpora = real(made.data)
    quality = real_quality(corpora)
    print(quality, flush=True)
    by_k = growth_times([(k, 60) for k in range(2, 21, 2)], 40, 4)
    by_n = growth_times([(12, n) for n in (10, 20, 40, 60, 80, 100)], 40, 4)
    others = growth_times([(k, n) for k in (4, 8, 16, 20) for n in (10, 30, 100)], 20, 2)
    made.results.mkdir(parents=True, exist_ok=True)
    plot(by_k, by_n, made.results / "exact.png")
    sections = {
        "Speed on real data": fast,
        "Greedy and exact on real links": quality,
        "Equal to the ILP": agreement(corpora),
        "Growth on dense random scores": f"{growth_table(by_k + by_n + others)}\n\n![](exact.png)",
        "Crossover to the ILP": crossover(),
        "Word alignment": words(),
    }
    body = "\n\n".join(f"## {title}\n\n{text}" for title, text in sections.items())
    where = common.made_by("scipy", "ortools")
    note = f"{where}, seed {SEED}. One thread. Written by `python -m benchmarks.exact`."
    common.save(made.results, "exact.md", "Exact matching", f"{note}\n\n{body}")


if __name__ == "__main__":
    main()
