"""Align and project languages with the xner that is imported: F1 and processor time as JSON.

    PYTHONPATH=TREE/src python benchmarks/one_version.py < jobs.json

`benchmarks/language_versions.py` runs it with two versions of xner, so it uses nothing but calls
that both have. Input: rows of `[source, gold, links or null]`. Output: rows of
`[sentence pairs, F1, seconds of aligning, seconds of projecting]`.
"""

import json
import sys
from time import process_time

import xner


def measured(source: str, gold: str, links: str | None) -> list[float]:
    """Pairs, F1 of the default settings, and processor time of aligning and projecting."""
    pairs = xner.read(source, gold, links=links) if links else xner.read(source, gold)
    begin = process_time()
    linked = (pairs if links else xner.align(pairs, aligner="native")).collect()
    aligned = process_time()
    out = xner.project(linked)
    projected = process_time()
    score = xner.evaluate(gold, out).f1
    return [len(linked.table), score, aligned - begin, projected - aligned]


def main() -> None:
    """Measure every row of the input; the first one twice, as the first run compiles."""
    jobs = json.load(sys.stdin)
    measured(*jobs[0])
    json.dump([measured(*job) for job in jobs], sys.stdout)


if __name__ == "__main__":
    main()
