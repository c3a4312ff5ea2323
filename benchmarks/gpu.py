"""Neural stages on a GPU: random models of the real sizes, against their rivals on the same card.

    python -m benchmarks.gpu                    # every part, into benchmarks/results/gpu.md
    python -m benchmarks.gpu --parts align
    python -m benchmarks.gpu --tiny --device cpu        # what the tests run

Nothing is downloaded: models, tokenizers and sentences are made up here. Rivals that cannot be
imported are left out, and the page says so. A part is a function from `Settings` to a `Part`.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from tests.models.encoder import save_bert

from benchmarks import common, rivals
from benchmarks.neural_aligners import as_bitext, as_sets
from benchmarks.rivals import LinkSets, Pair
from xner.aligners import make_aligner
from xner.inference.hardware import Hardware, find_hardware

MBERT = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12,
         "intermediate_size": 3072, "vocab_size": 119_547}  # fmt: skip
TINY = {"hidden_size": 32, "num_hidden_layers": 9, "num_attention_heads": 4,
        "intermediate_size": 64}  # fmt: skip
LAYER = 8


@dataclass(frozen=True)
class Settings:
    """What every part is given.

    Attributes:
        hardware: one device, and the precision that xner chooses there.
        tiny: models and texts that a CPU runs in seconds.
        scratch: where models are saved.
    """

    hardware: Hardware
    tiny: bool
    scratch: Path

    @property
    def device(self) -> str:
        """The first device."""
        return self.hardware.devices[0]


@dataclass(frozen=True)
class Work:
    """What one run did.

    Attributes:
        items: pairs or sentences.
        tokens: subwords that went in, special tokens counted, padding not.
        flops: of matrix products, padding not counted; 0 where they are not counted.
    """

    items: int
    tokens: int
    flops: float


@dataclass(frozen=True)
class Part:
    """A part of the page: a title, a sentence or two, and a table."""

    title: str
    notes: str
    table: str


def timed(work: Callable[[], Any], device: str, times: int = 2) -> tuple[float, float]:
    """Seconds of the fastest of some runs after one to warm up, and peak memory in GiB."""
    work()
    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats(device)
    seconds = []
    for _ in range(times):
        _wait(device)
        begin = perf_counter()
        work()
        _wait(device)
        seconds.append(perf_counter() - begin)
    peak = torch.cuda.max_memory_allocated(device) if device.startswith("cuda") else 0
    return min(seconds), peak / 2**30


def _wait(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def matrix_peak(settings: Settings) -> float:
    """Matrix operations a second that the device reaches on one large square product."""
    size, repeat = (256, 4) if settings.tiny else (8192, 50)
    made = torch.randn(size, size, device=settings.device, dtype=settings.hardware.dtype)

    def multiply() -> None:
        for _ in range(repeat):
            made @ made

    return repeat * 2 * size**3 / timed(multiply, settings.device)[0]


def encoder_flops(sizes: dict[str, int], layers: int, lengths: np.ndarray) -> float:
    """Operations of the matrix products of an encoder on rows of these lengths."""
    wide, inner = sizes["hidden_size"], sizes["intermediate_size"]
    total = float(lengths.sum())
    return layers * (total * 2 * (4 * wide**2 + 2 * wide * inner)
                     + 4 * wide * float((lengths.astype(float) ** 2).sum()))  # fmt: skip


def row(
    name: str, work: Work, measured: tuple[float, float], peak: float, fastest: float
) -> list[str]:
    """Name, items/s, tokens/s, share of peak, memory, how many times slower than xner."""
    seconds, memory = measured
    share = f"{100 * work.flops / seconds / peak:.1f}%" if work.flops else "-"
    rates = f"{work.items / seconds:,.0f}", f"{work.tokens / seconds:,.0f}"
    return [
        name,
        *rates,
        share,
        f"{memory:.2f}" if memory else "-",
        f"{seconds / work.items / fastest:.1f}",
    ]


HEAD = ["", "per s", "tokens/s", "share of peak", "GiB", "times xner's time"]


def sentences(count: int, seed: int) -> list[list[str]]:
    """Made-up sentences of 30 words on average, some words frequent and most rare."""
    draw = np.random.default_rng(seed)
    syllables = [a + b for a in "bdfgklmnprstvw" for b in ("a", "e", "i", "o", "u", "an", "er")]
    types = ["".join(draw.choice(syllables, draw.integers(1, 5))) for _ in range(20_000)]
    lengths = np.clip(draw.normal(30, 10, count).round(), 3, 80).astype(int)
    ranks = np.minimum(draw.zipf(1.3, lengths.sum()) - 1, len(types) - 1)
    words = [types[i] for i in ranks]
    ends = np.cumsum(lengths)
    return [words[end - size : end] for end, size in zip(ends, lengths, strict=True)]


def align_part(settings: Settings) -> Part:
    """AWESoME and SimAlign at the size of mBERT."""
    sizes = TINY if settings.tiny else MBERT
    count, for_rivals = (24, 8) if settings.tiny else (100_000, 1_000)
    pairs = list(zip(sentences(count, 1), sentences(count, 2), strict=True))
    text = [" ".join(side) for pair in pairs[:2000] for side in pair]
    folder = save_bert(settings.scratch / "mbert", text, words=500 if settings.tiny else 8000,
                       positions=512, spread=5.0, **sizes)  # fmt: skip
    peak = matrix_peak(settings)
    rows: list[list[str]] = []
    agreement = []
    for name, options in (("awesome", {}), ("simalign", {"matching": "itermax"})):
        aligner = _aligner(name, folder, settings, settings.hardware.precision, options)
        work = _align_work(aligner, pairs, sizes)
        bitext = as_bitext(pairs)
        measured = timed(partial(aligner.align, bitext), settings.device)
        fastest = measured[0] / count
        rows.append(
            row(f"xner {name}, {settings.hardware.precision}", work, measured, peak, fastest)
        )
        few = as_bitext(pairs[:for_rivals])
        exact = _aligner(name, folder, settings, "float32", options)
        agreement.append(
            (name, share_of_links(as_sets(aligner.align(few)), as_sets(exact.align(few))))
        )
        for rival, run in _align_rivals(name, folder, pairs[:for_rivals], settings).items():
            part = _align_work(aligner, pairs[:for_rivals], sizes)
            rows.append(row(rival, part, timed(run, settings.device, 1), peak, fastest))
    notes = (
        f"{count:,} pairs, 30 words a side, layer {LAYER} of {sizes['num_hidden_layers']}, hidden "
        f"size {sizes['hidden_size']}; rivals on {for_rivals:,} of them. Matrix peak, measured on "
        f"one large product in {settings.hardware.precision}: {peak / 1e12:.2f} TFLOP/s; of it, "
        f"only the work up to layer {LAYER} without padding counts. Links that are the same in "
        f"float32 (F1, {for_rivals:,} pairs): "
        + ", ".join(f"{name} {100 * share:.2f}%" for name, share in agreement)
        + f". {_absent('simalign', 'awesome_align')}"
    )
    return Part("Align", notes.strip(), common.markdown(HEAD, rows))


def _aligner(
    name: str, folder: str, settings: Settings, precision: str, more: dict[str, Any]
) -> Any:
    options = {"model": folder, "device": settings.device, "precision": precision, **more}
    return make_aligner(name, options)


def _align_work(aligner: Any, pairs: list[Pair], sizes: dict[str, int]) -> Work:
    from xner.aligners.subwords import split_side

    bitext = as_bitext(pairs)
    tokenizer = aligner.encoder.tokenizer
    lengths = np.concatenate([
        split_side(side, tokenizer).lengths(0, len(pairs)) + 2
        for side in (bitext.source, bitext.target)
    ])  # fmt: skip
    return Work(len(pairs), int(lengths.sum()), encoder_flops(sizes, LAYER, lengths))


def share_of_links(made: LinkSets, wanted: LinkSets) -> float:
    """F1 of links against others."""
    both = sum(len(a & b) for a, b in zip(made, wanted, strict=True))
    return 2 * both / max(1, sum(map(len, made)) + sum(map(len, wanted)))


def _align_rivals(
    name: str, folder: str, pairs: list[Pair], settings: Settings
) -> dict[str, Callable[[], Any]]:
    found: dict[str, Callable[[], Any]] = {}
    device = settings.device
    if name == "awesome":
        found["plain transformers loop"] = partial(plain_align, folder, pairs, settings)
        if find_spec("awesome_align"):
            model, tokenizer = rivals.awesome_model(folder, device)
            found["awesome-align 0.1.7"] = partial(
                rivals.awesome_links, model, tokenizer, pairs, "softmax", device=device
            )
    elif find_spec("simalign"):
        other = rivals.simalign_model(folder, "bpe", "i", device)
        found["simalign 0.4"] = lambda: [other.get_word_aligns(s, t) for s, t in pairs]
    return found


def plain_align(folder: str, pairs: list[Pair], settings: Settings) -> LinkSets:
    """What one writes first: whole model, batches of 32 in order, a loop over pairs.

    Same precision as xner; softmax in both directions above 0.001. Loading is part of the time
    only of the first call, which is not counted.
    """
    model, tokenizer = _loaded(folder, settings.device, settings.hardware.precision)
    found: LinkSets = []
    for begin in range(0, len(pairs), 32):
        batch = pairs[begin : begin + 32]
        encoded = [
            tokenizer([pair[side] for pair in batch], is_split_into_words=True, padding=True,
                      truncation=True, return_tensors="pt").to(settings.device)
            for side in (0, 1)
        ]  # fmt: skip
        with torch.no_grad():
            states = [model(**e, output_hidden_states=True).hidden_states[LAYER] for e in encoded]
        for b in range(len(batch)):
            words = [e.word_ids(b) for e in encoded]
            real = [[i for i, word in enumerate(own) if word is not None] for own in words]
            scores = states[0][b, real[0]].float() @ states[1][b, real[1]].float().T
            kept = (scores.softmax(1) > 0.001) & (scores.softmax(0) > 0.001)
            cells = kept.nonzero().tolist()
            found.append({(words[0][real[0][i]], words[1][real[1][j]]) for i, j in cells})
    return found


_MODELS: dict[tuple[str, str, str], Any] = {}


def _loaded(folder: str, device: str, precision: str) -> Any:
    from transformers import AutoModel, AutoTokenizer

    key = (folder, device, precision)
    if key not in _MODELS:
        model = AutoModel.from_pretrained(folder, dtype=getattr(torch, precision)).eval()
        _MODELS[key] = model.to(device), AutoTokenizer.from_pretrained(folder)
    return _MODELS[key]


def _absent(*packages: str) -> str:
    return " ".join(f"Not installed: {name}." for name in packages if not find_spec(name))


PARTS: dict[str, Callable[[Settings], Part]] = {"align": align_part}


def main(arguments: list[str] | None = None) -> None:
    """Run the parts and write the page."""
    options = common.parser(__doc__.splitlines()[0])
    options.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS))
    options.add_argument("--device", default="cuda", help="one device (default: cuda)")
    options.add_argument("--precision", default="auto")
    options.add_argument("--tiny", action="store_true", help="small models, for a CPU")
    given = options.parse_args(arguments)
    hardware = find_hardware(given.device, given.precision)
    with tempfile.TemporaryDirectory() as scratch:
        settings = Settings(hardware, given.tiny, Path(scratch))
        parts = [PARTS[name](settings) for name in given.parts]
    card = torch.cuda.get_device_name(0) if given.device.startswith("cuda") else "a CPU"
    body = [f"On {card}; every model is random. {'Tiny sizes. ' if given.tiny else ''}".strip()]
    body += [f"## {part.title}\n\n{part.notes}\n\n{part.table}" for part in parts]
    body.append(common.made_by("torch", "transformers", "tokenizers"))
    common.save(given.results, "gpu.md", "Neural stages on a GPU", "\n\n".join(body))


if __name__ == "__main__":
    main()
