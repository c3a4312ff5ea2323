"""Tokens of a batch on one CPU core: how many a second, by the size of batches.

    OMP_NUM_THREADS=1 python -m benchmarks.cpu_batches     # results/cpu_batches.md

Random models, a tagger of base size and a translator of half the width of NLLB-200-600M, over
made-up sentences. Seconds are those of CPU time, the fewest of some runs in turn.
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

XLMR = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12,
        "intermediate_size": 3072, "vocab_size": 30_000}  # fmt: skip
NLLB = gpu_translate.sizes_of(512, 6, 8, 2048, 32_000)
BUDGETS = (256, 512, 1024, 2048, 4096)


def seconds_by_budget(make: Callable[[int], Callable[[], Any]], times: int) -> list[float]:
    """CPU seconds of `make(budget)()`, the fewest of some runs in turn."""
    works = [make(budget) for budget in BUDGETS]
    seconds = [[_cpu_time(work) for work in works] for _ in range(times)]
    print(seconds, file=sys.stderr, flush=True)
    return [min(own) for own in zip(*seconds, strict=True)]


def _cpu_time(work: Callable[[], Any]) -> float:
    begin = process_time()
    work()
    return process_time() - begin


def tag(folder: str, count: int) -> Callable[[int], Callable[[], Any]]:
    """Work of tagging by budget."""
    tagger: Any = make_tagger("checkpoint", {"model": folder, "device": "cpu"})
    texts = sentences(count, gpu_tag.SEED)

    def run(budget: int) -> None:
        tagger._budget = budget  # one model for all
        gpu_tag.tags_of(tagger, texts)

    return lambda budget: partial(run, budget)


def translate(folder: str, count: int, beams: int) -> Callable[[int], Callable[[], Any]]:
    """Work of translating by budget."""
    translator = NllbTranslator(folder, device="cpu", beams=beams, max_ratio=gpu_translate.RATIO)
    texts = [" ".join(words) for words in sentences(count, gpu_translate.SEED)]

    def run(budget: int) -> None:
        translator.budget = budget
        gpu_translate.translations(translator, texts)

    return lambda budget: partial(run, budget)


def main() -> None:
    """Run all and write the page."""
    options = common.parser(__doc__.splitlines()[0])
    options.add_argument("--sentences", type=int, default=64)
    options.add_argument("--times", type=int, default=1)
    given = options.parse_args()
    torch.set_num_threads(1)
    count = given.sentences
    with tempfile.TemporaryDirectory() as scratch:
        settings = Settings(find_hardware("cpu"), False, Path(scratch))
        tagger = gpu_tag.save_tagger(Path(scratch, "xlmr"), XLMR, 8000, "cpu")
        nllb = gpu_translate.save_translator(Path(scratch, "nllb"), NLLB, settings)
        makers = {
            "tag, 12 layers of 768": tag(tagger, count),
            "translate, 6+6 layers of 512, 4 beams": translate(nllb, count // 4, 4),
            "translate, greedy": translate(nllb, count, 1),
        }
        rows = [
            [name, *(f"{s:.1f}" for s in seconds_by_budget(make, given.times))]
            for name, make in makers.items()
        ]
    head = ["CPU seconds by tokens of a batch", *map(str, BUDGETS)]
    text = (
        f"`OMP_NUM_THREADS=1 python -m benchmarks.cpu_batches --sentences {count} --times "
        f"{given.times}`: {count} sentences of 30 words tagged or translated, with beams "
        f"{count // 4}; random models, float32, one thread, the fewest CPU seconds of "
        f"{given.times} runs in turn. For a translation, tokens are source subwords x beams."
    )
    body = [text, common.markdown(head, rows), common.made_by("torch", "transformers")]
    common.save(given.results, "cpu_batches.md", "Batches on a CPU", "\n\n".join(body))


if __name__ == "__main__":
    main()
