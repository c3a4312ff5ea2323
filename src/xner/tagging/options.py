"""Options of taggers. Importing this module does not import torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from xner.inference.options import HardwareOptions, batch_tokens_option
from xner.options import declare, option, parse_label

GPU_TOKENS, CPU_TOKENS = 32_768, 1_024
"""Default of `batch_tokens` on GPUs and on the CPU."""


@declare
class TaggerOptions(HardwareOptions):
    """Options of the tagger `checkpoint`, which needs a model."""

    model: str | Path | None = option(
        None,
        "Token-classification checkpoint: hub id or folder, such as "
        "FacebookAI/xlm-roberta-large-finetuned-conll03-english.",
        unit="MODEL",
        names="tagger",
    )
    labels: Mapping[str, str | None] | None = option(
        None,
        "Rename the label OLD to NEW; an empty NEW drops it. Probabilities of merged labels are "
        "summed, and those of dropped labels are added to O.",
        flag="--label",
        parse=parse_label,
        repeat=True,
        unit="OLD=NEW",
    )
    temperature: float = option(
        1.0,
        "Divide logits by T before the softmax; values above 1 flatten the probabilities.",
        gt=0,
        unit="T",
    )
    batch_tokens: int | None = batch_tokens_option(
        "padding included", f"{GPU_TOKENS:,} on a GPU, {CPU_TOKENS:,} on the CPU"
    )
