"""Options of taggers. Importing this module does not import torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from xner.inference.options import DeviceOptions, HardwareOptions, batch_tokens_option
from xner.options import Checked, declare, option, parse_label
from xner.services.options import ServiceOptions

GPU_TOKENS, CPU_TOKENS = 32_768, 1_024
"""Default of `batch_tokens` on GPUs and on the CPU."""


@declare
class _AnyTagger(Checked):
    model: str | Path | None = option(
        None,
        "Checkpoint (hub id or folder), spacy:NAME, or gliner:ID. An example is "
        "FacebookAI/xlm-roberta-large-finetuned-conll03-english. spacy: takes an installed "
        "pipeline or a folder, gliner: a hub id or a folder. For llm the name of the model.",
        unit="MODEL",
        names="tagger",
        group="model",
    )
    labels: Mapping[str, str | None] | None = option(
        None,
        "Rename the label OLD to NEW; an empty NEW drops it. Probabilities of merged labels are "
        "summed, and those of dropped labels are added to O.",
        flag="--label",
        parse=parse_label,
        repeat=True,
        unit="OLD=NEW",
        group="model",
    )


@declare
class CheckpointOptions(_AnyTagger, HardwareOptions):
    """Options of the tagger `checkpoint`."""

    temperature: float = option(
        1.0,
        "Divide logits by T before the softmax; values above 1 flatten the probabilities "
        "(checkpoint only).",
        gt=0,
        unit="T",
        rare=True,
        group="model",
    )
    batch_tokens: int | None = batch_tokens_option(
        "padding included (checkpoint only)",
        f"{GPU_TOKENS:,} on a GPU, {CPU_TOKENS:,} on the CPU",
    )


@declare
class SpacyOptions(_AnyTagger):
    """Options of the tagger `spacy`."""

    trim: bool = option(
        False,
        "Leave out a leading the, a or an and a trailing 's of entities, as in CoNLL-2003 and "
        "unlike in OntoNotes (spacy only).",
        rare=True,
        group="model",
    )
    processes: int = option(
        1,
        "Processes that run the pipeline (spacy only).",
        ge=1,
        unit="N",
        rare=True,
        group="model",
    )


@declare
class GlinerOptions(_AnyTagger, DeviceOptions):
    """Options of the tagger `gliner`."""

    min_probability: float = option(
        0.5,
        "Minimum probability of an entity (gliner only).",
        ge=0,
        le=1,
        unit="P",
        rare=True,
        group="model",
    )


@declare
class LlmTaggerOptions(_AnyTagger, ServiceOptions):
    """Options of the tagger `llm`."""


@declare
class TaggerOptions(LlmTaggerOptions, GlinerOptions, SpacyOptions, CheckpointOptions):
    """Options of all taggers."""
