"""Shared code of the GPU benchmarks: settings, timing, peak of the card, synthetic text."""

import gc
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch

from xner.inference.hardware import Hardware


@dataclass(frozen=True)
class Settings:
    """Settings of every part.

    Attributes:
        hardware: one device, and the precision that xner chooses for it.
        tiny: whether to use models and texts that a CPU processes in seconds.
        scratch: folder for models.
        encoder: folder of a pretrained encoder to align with as well.
    """

    hardware: Hardware
    tiny: bool
    scratch: Path
    encoder: str | None = None

    @property
    def device(self) -> str:
        """Return the first device."""
        return self.hardware.devices[0]


@dataclass(frozen=True)
class Work:
    """The work of one run.

    Attributes:
        items: number of pairs or sentences.
        tokens: number of subwords without padding: input including special tokens, or, for
            translation, output.
        flops: operations of matrix products without padding, or 0 if unknown.
    """

    items: int
    tokens: int
    flops: float


@dataclass(frozen=True)
class Part:
    """A page: title, notes and table."""

    title: str
    notes: str
    table: str


def timed(
    work: Callable[[], Any], device: str, times: int = 2, warm: Callable[[], Any] | None = None
) -> tuple[float, float]:
    """Return seconds of the fastest of several runs after a warm-up, and peak memory in GiB.

    `warm` replaces the warm-up run if the work itself would take too long.
    """
    gc.collect()  # free unused memory, which would be counted otherwise
    (warm or work)()
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
    """Measure operations per second of the device on one large square matrix product."""
    size, repeat = (256, 4) if settings.tiny else (8192, 50)
    made = torch.randn(size, size, device=settings.device, dtype=settings.hardware.dtype)

    def multiply() -> None:
        for _ in range(repeat):
            made @ made

    return repeat * 2 * size**3 / timed(multiply, settings.device)[0]


def encoder_flops(sizes: dict[str, int], layers: int, lengths: np.ndarray) -> float:
    """Return operations of the matrix products of an encoder on rows of these lengths."""
    wide, inner = sizes["hidden_size"], sizes["intermediate_size"]
    total = float(lengths.sum())
    return layers * (total * 2 * (4 * wide**2 + 2 * wide * inner)
                     + 4 * wide * float((lengths.astype(float) ** 2).sum()))  # fmt: skip


def row(
    name: str, work: Work, measured: tuple[float, float], peak: float, fastest: float
) -> list[str]:
    """Format name, items/s, tokens/s, share of peak, memory, and time relative to xner."""
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


HEAD = ["", "items/s", "tokens/s", "share of peak", "GiB", "time relative to xner"]


def sentences(count: int, seed: int) -> list[list[str]]:
    """Generate sentences of 30 words on average, with few frequent and many rare words."""
    draw = np.random.default_rng(seed)
    syllables = [a + b for a in "bdfgklmnprstvw" for b in ("a", "e", "i", "o", "u", "an", "er")]
    types = ["".join(draw.choice(syllables, draw.integers(1, 5))) for _ in range(20_000)]
    lengths = np.clip(draw.normal(30, 10, count).round(), 3, 80).astype(int)
    ranks = np.minimum(draw.zipf(1.3, lengths.sum()) - 1, len(types) - 1)
    words = [types[i] for i in ranks]
    ends = np.cumsum(lengths)
    return [words[end - size : end] for end, size in zip(ends, lengths, strict=True)]


def absent(*packages: str) -> str:
    return " ".join(f"Not installed: {name}." for name in packages if not find_spec(name))
