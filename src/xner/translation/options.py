"""Options of translators. Importing this module does not import torch."""

from __future__ import annotations

from pathlib import Path

from xner.effects import NOTHING, when
from xner.inference.options import HardwareOptions, batch_tokens_option, precision_option
from xner.options import declare, option, required
from xner.services.options import ServiceOptions

DEFAULT_MODEL = "facebook/nllb-200-distilled-600M"
"""Its licence is CC-BY-NC-4.0: non-commercial use only."""
GPU_TOKENS, CPU_TOKENS = 32_768, 4_096
"""Default of `batch_tokens` on CUDA devices and elsewhere."""
CTRANSLATE2_ONLY = ("compute_type", "folder")
"""Options that only the translator `ctranslate2` has."""


@declare
class TranslatorOptions(HardwareOptions):
    """Options of the translators `nllb` and `ctranslate2`."""

    precision: str = precision_option(when=when(compute_type=NOTHING))
    model: str | Path = option(
        DEFAULT_MODEL,
        "NLLB-200 or M2M100 checkpoint: hub id or folder. For llm the name of the model.",
        unit="MODEL",
        names="model", group="model",
    )  # fmt: skip
    beams: int = option(
        4,
        "Number of beams in beam search; 1 is greedy search.",
        ge=1,
        unit="N",
        sign="beams:{}",
        group="translation",
    )
    max_tokens: int = option(
        510, "Maximum length of a source text in subword tokens; longer texts are split.", ge=1,
        unit="N", sign="max_tokens:{}", rare=True, group="translation",
    )  # fmt: skip
    max_ratio: float = option(
        2.0,
        "Maximum length of a translation relative to its source: n source tokens allow "
        "16 + RATIO * n target tokens.",
        gt=0,
        unit="RATIO",
        sign="max_ratio:{:g}",
        rare=True,
        group="translation",
    )
    min_ratio: float = option(
        0.3,
        "Minimum length of a translation relative to its source, in subword tokens; shorter "
        "translations have the outcome short.",
        ge=0,
        unit="RATIO",
        sign="min_ratio:{:g}",
        rare=True,
        group="translation",
    )
    batch_tokens: int | None = batch_tokens_option(
        "source tokens times beams, padding included",
        f"{GPU_TOKENS:,} on a CUDA GPU, {CPU_TOKENS:,} elsewhere",
    )
    compute_type: str | None = option(
        None,
        "Compute type of CTranslate2, such as int8 or int8_float16, instead of the precision.",
        unit="TYPE",
        when=when(translator="ctranslate2"),
        rare=True,
        group="translation",
    )
    folder: str | Path | None = option(
        None,
        "Folder for converted models.",
        unit="FOLDER",
        when=when(translator="ctranslate2"),
        default_text="xner/ctranslate2 in $XDG_CACHE_HOME or ~/.cache",
        rare=True,
        group="translation",
    )


@declare
class LlmTranslatorOptions(ServiceOptions):
    """Options of the translator `llm`."""

    model: str = required("Name of the model at the service.", unit="MODEL")


@declare
class AllTranslatorOptions(ServiceOptions, TranslatorOptions):
    """Options of all translators."""


SEARCH = ("beams", "max_tokens", "max_ratio", "min_ratio")
"""Options that can change a translation or its outcome, whatever the hardware."""
