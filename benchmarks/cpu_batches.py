"""Measure tagging and translation on one CPU core by batch size.

    OMP_NUM_THREADS=1 python -m benchmarks.cpu_batches     # results/cpu_batches.md

The models are random: a tagger of base size and a translator with half the width of NLLB-200-600M.
They process one generated sentence repeatedly, because a large corpus is sorted by length; the last
row is a small corpus. Times are CPU times, the minimum of several runs in turns.
"""

import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import process_time
from typing import Any

import torch

from benchmarks import common, gpu_tag, gpu_translate
from benchmarks.gpu_common import Settings, sentences
from xner.inference.hardware import find_hardware
from xner.tagging import make_tagger
from xner.translation.nllb import NllbTranslator
from xner.translation.options import TranslatorOptions

XLMR = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12,
        "intermediate_size": 3072, "vocab_size": 30_000}  # fmt: skip
NLLB = gpu_translate.sizes_of(512, 6, 8, 2048, 32_000)
SENTENCE = [word for words in sentences(10, gpu_tag.SEED) for word in words][:30]
BUDGETS = (512, 1024, 4096)


def seconds_by_budget(make: Callable[[int], Callable[[], Any]], times: int) -> list[float]:
    """Return CPU seconds of `make(budget)()`, the minimum of several runs in turns."""
    works = [make(budget) for budget in BUDGETS]
    works[0]()
    seconds = [[_cpu_time(work) for work in works] for _ in range(times)]
    print(seconds, file=sys.stderr, flush=True)
    return [min(own) for own in zip(*seconds, strict=True)]


def _cpu_time(work: Callable[[], Any]) -> float:
    begin = process_time()
    work()
    return process_time() - begin


def tag(folder: str, texts: list[list[str]]) -> Callable[[int], Callable[[], Any]]:
    """Return the tagging work for a budget."""
    tagger: Any = make_tagger("checkpoint", {"model": folder, "device": "cpu"})

    def run(budget: int) -> None:
        tagger._budget = budget  # one model for all budgets
        gpu_tag.tags_of(tagger, texts)

    return lambda budget: partial(run, budget)


def translate(folder: str, count: int, beams: int) -> Callable[[int], Callable[[], Any]]:
    """Return the translation work for a budget."""
    options = TranslatorOptions(
        model=folder, device="cpu", beams=beams, max_ratio=gpu_translate.RATIO
    )
    translator = NllbTranslator(options)
    texts = [" ".join(SENTENCE)] * count

    def run(budget: int) -> None:
        translator.budget = budget
        gpu_translate.translations(translator, texts)

    return lambda budget: partial(run, budget)


def main() -> None:
    """Run everything and write the page."""
    options = common.parser(__doc__.splitlines()[0])
    options.add_argument(
        "--sentences", type=int, default=96, help="number of sentences (default: %(default)s)"
    )
    options.add_argument(
        "--times", type=int, default=1, help="number of timed runs (default: %(default)s)"
    )
    given = options.parse_args()
    torch.set_num_threads(1)
    count = given.sentences
    with tempfile.TemporaryDirectory() as scratch:
        settings = Settings(find_hardware("cpu"), False, Path(scratch))
        tagger = gpu_tag.save_tagger(Path(scratch, "xlmr"), XLMR, 8000, "cpu")
        nllb = gpu_translate.save_translator(Path(scratch, "nllb"), NLLB, settings)
        makers = {
            "translate, 6+6 layers of size 512, 4 beams": translate(nllb, count // 4, 4),
            "translate, greedy": translate(nllb, count, 1),
            "tag, 12 layers of size 768": tag(tagger, [SENTENCE] * count),
            "tag, sentences of 3 to 80 words": tag(tagger, sentences(count, gpu_tag.SEED)),
        }
        rows = [
            [name, *(f"{s:.1f}" for s in seconds_by_budget(make, given.times))]
            for name, make in makers.items()
        ]
    head = ["CPU seconds by tokens per batch", *map(str, BUDGETS)]
    text = (
        f"Command: `OMP_NUM_THREADS=1 python -m benchmarks.cpu_batches --sentences {count} "
        f"--times {given.times}`. A sentence of 30 words is tagged or translated {count} times, or "
        f"{count // 4} times with beams. The last row uses {count} different sentences, so that "
        f"large batches contain padding. Random models, float32, one thread, CPU seconds, the "
        f"least of {given.times} run(s). For translation, tokens are source subwords x beams."
    )
    body = [text, common.markdown(head, rows), common.made_by("torch", "transformers")]
    common.save(given.results, "cpu_batches.md", "Batches on a CPU", "\n\n".join(body))


if __name__ == "__main__":
    main()
