"""Tokens of a batch on one CPU core: how many a second, by the size of batches.

    OMP_NUM_THREADS=1 python -m benchmarks.cpu_batches     # results/cpu_batches.md

Random models, a tagger of base size and a translator of half the width of NLLB-200-600M, over
one made-up sentence again and again, as sentences of like length lie together in a large corpus;
the last row is a small one. Seconds are those of CPU time, the fewest of some runs in turn.
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
    """CPU seconds of `make(budget)()`, the fewest of some runs in turn."""
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
    """Work of tagging by budget."""
    tagger: Any = make_tagger("checkpoint", {"model": folder, "device": "cpu"})

    def run(budget: int) -> None:
        tagger._budget = budget  # one model for all
        gpu_tag.tags_of(tagger, texts)

    return lambda budget: partial(run, budget)


def translate(folder: str, count: int, beams: int) -> Callable[[int], Callable[[], Any]]:
    """Work of translating by budget."""
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
    """Run all and write the page."""
    options = common.parser(__doc__.splitlines()[0])
    options.add_argument("--sentences", type=int, default=96)
    options.add_argument("--times", type=int, default=1)
    given = options.parse_args()
    torch.set_num_threads(1)
    count = given.sentences
    with tempfile.TemporaryDirectory() as scratch:
        settings = Settings(find_hardware("cpu"), False, Path(scratch))
        tagger = gpu_tag.save_tagger(Path(scratch, "xlmr"), XLMR, 8000, "cpu")
        nllb = gpu_translate.save_translator(Path(scratch, "nllb"), NLLB, settings)
        makers = {
            "translate, 6+6 layers of 512, 4 beams": translate(nllb, count // 4, 4),
            "translate, greedy": translate(nllb, count, 1),
            "tag, 12 layers of 768": tag(tagger, [SENTENCE] * count),
            "tag, sentences of 3 to 80 words": tag(tagger, sentences(count, gpu_tag.SEED)),
        }
        rows = [
            [name, *(f"{s:.1f}" for s in seconds_by_budget(make, given.times))]
            for name, make in makers.items()
        ]
    head = ["CPU seconds by tokens of a batch", *map(str, BUDGETS)]
    text = (
        f"`OMP_NUM_THREADS=1 python -m benchmarks.cpu_batches --sentences {count} --times "
        f"{given.times}`: a sentence of 30 words tagged or translated {count} times, with beams "
        f"{count // 4} times (the last row: {count} different ones, so that large batches hold "
        f"padding); random models, float32, one thread, CPU seconds, the fewest of "
        f"{given.times} runs. For a translation, tokens are source subwords x beams."
    )
    body = [text, common.markdown(head, rows), common.made_by("torch", "transformers")]
    common.save(given.results, "cpu_batches.md", "Batches on a CPU", "\n\n".join(body))


if __name__ == "__main__":
    main()
