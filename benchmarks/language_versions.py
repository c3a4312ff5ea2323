"""Compare the default of an earlier commit with the present one, language by language."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from benchmarks import common
from benchmarks.language_pieces import Language

_SCRIPT = Path(__file__).with_name("one_version.py")
TURNS = 3
"""Runs of each version, in turns; the least processor time of each language counts."""
GIVEN = "awesome"
"""Links that are given, beside those of the native aligner, where a set has them."""
Row = tuple[int, float, float, float]


def _run(tree: Path, jobs: Sequence[Sequence[str | None]]) -> list[Row]:
    environment = {**os.environ, "PYTHONPATH": str(tree / "src")}
    done = subprocess.run(
        [sys.executable, str(_SCRIPT)], input=json.dumps(jobs), env=environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"one_version.py failed with {tree}: {done.stderr}")
    return [tuple(row) for row in json.loads(done.stdout)]


def _best(turns: Sequence[Sequence[Row]]) -> list[Row]:
    """The rows with the least seconds of all turns; the first two columns are the same in all."""
    return [
        (*rows[0][:2], min(row[2] for row in rows), min(row[3] for row in rows))
        for rows in zip(*turns, strict=True)
    ]


def _commit(tree: Path) -> str:
    found = subprocess.run(
        ["git", "-C", str(tree), "rev-parse", "--short", "HEAD"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return found.stdout.strip()


def _f1(value: float, sign: str = "") -> str:
    return f"{value:{sign}.4f}".replace("0.", ".", 1)


def section(languages: Sequence[Language], before: Path) -> str:
    """Measure both versions and format the comparison.

    Args:
        languages: what to project.
        before: a checkout of the earlier commit.
    """
    named: list[tuple[str, str, list[str | None]]] = []
    for language in languages:
        files = [str(language.source), str(language.gold)]
        named.append((f"{language.data}, native", language.name, [*files, None]))
        if GIVEN in language.aligners:
            links = str(language.given(GIVEN))
            named.append((f"{language.data}, {GIVEN}", language.name, [*files, links]))
    jobs = [job for _, _, job in named]
    turns = [[_run(tree, jobs) for tree in (before, common.ROOT)] for _ in range(TURNS)]
    then, now = (_best([turn[k] for turn in turns]) for k in range(2))
    rows, lower = [], []
    for data in dict.fromkeys(name for name, _, _ in named):
        at = [k for k, (name, _, _) in enumerate(named) if name == data]
        pairs = sum(then[k][0] for k in at)
        means = [fmean(each[k][1] for k in at) for each in (then, now)]
        spent = [[1000 * sum(each[k][c] for k in at) / pairs for each in (then, now)]
                 for c in (2, 3)]  # fmt: skip
        made = data.endswith(", native")
        rows.append(
            [data, str(len(at)), *map(_f1, means), _f1(means[1] - means[0], "+"),
             *([*(f"{s:.2f}" for s in spent[0]), f"{spent[0][1] / spent[0][0]:.2f}"]
               if made else ["–"] * 3),
             *(f"{s:.3f}" for s in spent[1])]
        )  # fmt: skip
        lower += [f"{data}, {named[k][1]}: {_f1(then[k][1])} → {_f1(now[k][1])}"
                  for k in at if now[k][1] < then[k][1]]  # fmt: skip
    commit = _commit(before)
    head = [
        "set and links", "languages", f"F1 at {commit}", "F1 now", "difference",
        f"align: s per 1,000 pairs at {commit}", "now", "ratio",
        f"project: s per 1,000 pairs at {commit}", "now",
    ]  # fmt: skip
    note = (
        f"The default settings at {commit} and now, seed 1, with the same files: mean strict F1. "
        "Seconds are processor time of all threads, without compilation, the least of "
        f"{TURNS} runs in turns."
    )
    worse = "\n".join(f"* {line}" for line in lower) or "* none"
    return (
        f"## Compared with {commit}\n\n{note}\n\n{common.markdown(head, rows)}\n\n"
        f"F1 is lower than at {commit} on:\n\n{worse}"
    )
