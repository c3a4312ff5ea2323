"""Compare word aligners on the same text in one run: alignment error rate, entity F1, time.

    python -m benchmarks.aligners              # writes benchmarks/results/aligners.md
    python -m benchmarks.aligners --only cost  # prints time and memory only

Aligners whose package is not installed are left out, and the page says so.
"""

import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import xner
from benchmarks import common
from benchmarks.averaged import AveragedEflomal
from benchmarks.quality import bulk_pairs, europarl_pairs
from xner.aligners import Aligner, make_aligner
from xner.aligners.encode import encode

VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("native", {}),
    ("native", {"symmetrisation": "grow-diag-final-and"}),
    ("native", {"symmetrisation": "intersection"}),
    ("eflomal", {}),
    ("eflomal", {"symmetrisation": "intersection"}),
    ("eflomal averaged", {}),
    ("eflomal averaged", {"symmetrisation": "grow-diag-final-and"}),
    ("fast_align", {}),
]
COSTS = ("native", "eflomal", "fast_align")


def word_alignment(folder: Path, name: str, scratch: Path) -> xner.Corpus:
    """Read the pairs of a `.src-tgt` file."""
    lines = (folder / f"{name}.src-tgt").read_text("utf-8").splitlines()
    sides = [line.split("|||") for line in lines]
    for i, side in enumerate(("source", "target")):
        text = "\n".join(" ".join(parts[i].split()) for parts in sides) + "\n"
        (scratch / f"{name}.{side}.txt").write_text(text, "utf-8")
    return xner.read(scratch / f"{name}.source.txt", scratch / f"{name}.target.txt")


def aligned(pairs: xner.Corpus, aligner: Aligner) -> tuple[xner.Corpus, float]:
    """Return the corpus with links, and the seconds of the alignment."""
    begin = perf_counter()
    linked = xner.align(pairs, aligner=aligner).collect()
    return linked, perf_counter() - begin


def measure(data: Path, aligner: Aligner, scratch: Path) -> Iterator[str]:
    """Yield the cells of one row."""
    for name in ("roen", "enfr"):
        pairs = word_alignment(data / "word-alignment", name, scratch)
        gold = data / "word-alignment" / f"{name}.gold"
        yield f"{100 * xner.evaluate_links(gold, aligned(pairs, aligner)[0]).aer:.1f}"
    entities = [("europarl-ner", "en", "de"), ("absa", "en.train", "es.train"),
                ("absa", "en.train", "fr.train")]  # fmt: skip
    for folder, source, target in entities:
        gold_file = data / folder / f"{target}.conll"
        linked, _ = aligned(xner.read(data / folder / f"{source}.conll", gold_file), aligner)
        for method in ("heuristic", "greedy"):
            f1 = xner.evaluate(gold_file, xner.project(linked, preset=f"paper-{method}")).f1
            yield f"{100 * f1:.1f}"


def made(name: str, settings: dict[str, Any]) -> Aligner:
    """Create an aligner by name, including averaged ones."""
    if name == "eflomal averaged":
        make_aligner("eflomal", {})  # raises where the package is not installed
        return AveragedEflomal(**settings)
    return make_aligner(name, settings)


def quality(data: Path, seeds: int, missing: set[str]) -> str:
    """Measure alignment error rate and entity F1 of every variant."""
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for name, settings in VARIANTS:
            for seed in range(1, seeds + 1) if name == "native" else [None]:
                extra = {} if seed is None else {"seed": seed}
                try:
                    aligner = made(name, {**settings, **extra})
                except xner.MissingExtraError:
                    missing.add(name.split()[0])
                    continue
                rows.append([aligner.signature, *measure(data, aligner, Path(scratch))])
                print(rows[-1], flush=True)
    head = [
        "aligner", "AER ro-en", "AER en-fr", "F1 Europarl de, heuristic", "greedy",
        "F1 ABSA es, heuristic", "greedy", "F1 ABSA fr, heuristic", "greedy",
    ]  # fmt: skip
    return common.markdown(head, rows)


def one_cost(data: Path, name: str) -> dict[str, float]:
    """Measure seconds after encoding and compilation, and the peak MiB of this process."""
    aligner = made(name, {})
    few = europarl_pairs(data)
    aligner.align(encode(few))
    bitext = encode(bulk_pairs(data), [few])
    aligned_all = type(bitext)(bitext.source, bitext.target)
    begin = perf_counter()
    aligner.align(aligned_all)
    seconds = perf_counter() - begin
    peak = sum(
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return {"pairs": bitext.pairs, "seconds": seconds, "memory": peak / 1024}


def cost(data: Path, rounds: int, missing: set[str]) -> str:
    """Measure time and memory of each aligner, in separate processes and in turns."""
    costs: dict[str, list[dict[str, float]]] = {}
    for name in COSTS:
        try:
            make_aligner(name, {})
            costs[name] = []
        except xner.MissingExtraError:
            missing.add(name)
    command = [sys.executable, "-m", "benchmarks.aligners", "--data", str(data), "--cost-of"]
    for _ in range(rounds):
        for name, runs in costs.items():
            printed = subprocess.run([*command, name], stdout=subprocess.PIPE, check=True).stdout
            runs.append(json.loads(printed.splitlines()[-1]))
            print(name, runs[-1], flush=True)
    rival = min(run["seconds"] for run in costs["eflomal"]) if "eflomal" in costs else float("nan")
    rows = []
    for name, runs in costs.items():
        fastest = min(run["seconds"] for run in runs)
        rows.append(
            [
                make_aligner(name, {}).signature,
                f"{fastest:.1f}",
                f"{max(run['seconds'] for run in runs):.1f}",
                f"{fastest / rival:.2f}",
                f"{max(run['memory'] for run in runs):.0f}",
            ]
        )
    head = ["aligner", "s, fastest", "s, slowest", "against eflomal", "peak memory, MiB"]
    pairs = round(next(iter(costs.values()))[0]["pairs"])
    note = (
        f"{pairs:,} English–German pairs (conll-mt train and test, Europarl-NER), in memory, both "
        f"directions and symmetrisation. {rounds} runs per aligner in turns, each in its own "
        "process and after compilation. Memory includes the whole process with text, Numba and "
        "child processes. The machine was shared: compare the ratios."
    )
    return f"{common.markdown(head, rows)}\n\n{note}"


def main() -> None:
    """Run everything and write the page."""
    options = common.parser(__doc__.splitlines()[0])
    options.add_argument(
        "--seeds", type=int, default=1, help="number of seeds (default: %(default)s)"
    )
    options.add_argument(
        "--rounds", type=int, default=3, help="number of timed runs (default: %(default)s)"
    )
    options.add_argument("--only", choices=("quality", "cost"), help="print only this part")
    options.add_argument("--cost-of", choices=COSTS, help="print the cost of one run as JSON")
    given = options.parse_args()
    if given.cost_of:
        print(json.dumps(one_cost(given.data, given.cost_of)))
        return
    missing: set[str] = set()
    parts = {
        "quality": lambda: quality(given.data, given.seeds, missing),
        "cost": lambda: cost(given.data, given.rounds, missing),
    }
    if given.only:
        print(parts[given.only]())
        return
    notes = [
        "Every aligner is fitted only on the pairs that it aligns. conll-mt is not used, because "
        "it does not cover the languages of the word alignments (Romanian–English and "
        "English–French). The priors of the native aligner were chosen on these corpora.",
        parts["quality"](),
        "`averaged` is eflomal at its best: eight runs of the package, each symmetrised, keeping "
        "links with an average weight of at least 0.3, like the native aligner.",
        parts["cost"](),
        *(f"Not installed: {name}." for name in sorted(missing)),
        common.made_by("pyarrow"),
    ]
    common.save(given.results, "aligners.md", "Word aligners", "\n\n".join(notes))


if __name__ == "__main__":
    main()
