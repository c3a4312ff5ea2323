"""Translation by NLLB-200 or M2M100 checkpoints in transformers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xner.inference.batches import padded
from xner.inference.checkpoints import load
from xner.inference.hardware import Hardware, find_hardware
from xner.languages import Language
from xner.translation.base import Translated
from xner.translation.engine import (
    Found,
    Piece,
    Search,
    TranslationEngine,
    batch_budget,
    translate_texts,
)
from xner.translation.vocabulary import Vocabulary

if TYPE_CHECKING:
    from torch import Tensor

DEFAULT_MODEL = "facebook/nllb-200-distilled-600M"
"""Its licence is CC-BY-NC-4.0: not for commercial use."""


class NllbTranslator:
    """An NLLB-200 or M2M100 checkpoint, one copy on each device.

    Args:
        model: hub id, or folder that `save_pretrained` wrote.
        device: `auto`, or names as torch has them, with commas between them.
        precision: `auto`, `float32`, `bfloat16` or `float16`.
        batch_tokens: most source tokens x beams of a batch, padding included; default 32,768 on
            a GPU and 4,096 elsewhere.
        **search: `beams` (default 4; 1 is greedy), `max_tokens` (510), `max_ratio` (2.0) and
            `min_ratio` (0.3) of `xner.translation.engine.Search`.

    Raises:
        MissingExtraError: torch or transformers is not installed.
        InputError: the model cannot be loaded, or is of another kind.
        UsageError: an option makes no sense.
    """

    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        *,
        device: str = "auto",
        precision: str = "auto",
        batch_tokens: int | None = None,
        **search: Any,
    ) -> None:
        self.search = Search(**search)
        self.hardware = find_hardware(device, precision)
        self.budget = batch_budget(batch_tokens, self.hardware)
        self.vocabulary = Vocabulary(model)
        self.models = _load_models(model, self.hardware)

    @property
    def signature(self) -> str:
        """Checkpoint, settings of the search, hardware and versions."""
        import transformers

        return (
            f"nllb({self.vocabulary.signature},{self.search.signature},"
            f"{self.hardware.signature},transformers:{transformers.__version__})"
        )

    def translate(
        self, texts: Iterable[str], source: Language, target: Language
    ) -> Iterator[Translated]:
        """The translation of every text, in their order.

        Raises:
            UsageError: the checkpoint does not know a language.
            ResourceError: a text does not fit into the device's memory even alone.
        """
        engine = _Engine(self, source, target)
        return translate_texts(texts, engine, target, self.budget)


def _load_models(name: str, hardware: Hardware) -> list[Any]:
    """The model on every device."""
    from transformers import M2M100ForConditionalGeneration

    model = load(M2M100ForConditionalGeneration, name, "model", dtype=hardware.dtype).eval()
    copies = [deepcopy(model) for _ in hardware.devices[1:]]
    return [m.to(d) for m, d in zip([*copies, model], hardware.devices, strict=True)]


@dataclass(frozen=True, slots=True)
class _Batch:
    """int64 (B, S) tokens and mask, int64 (B) limits."""

    ids: Tensor
    mask: Tensor
    limits: Tensor


class _Engine(TranslationEngine[_Batch]):
    def __init__(self, translator: NllbTranslator, source: Language, target: Language) -> None:
        devices = translator.hardware.devices
        super().__init__(translator.vocabulary, translator.search, source, target, len(devices))
        self.models, self.devices = translator.models, devices
        self.pinned = devices[0].startswith("cuda")

    def ready(self, pieces: Sequence[Piece]) -> _Batch:
        rows = [np.array(self.framed(piece), np.int32) for piece in pieces]
        ids, mask = padded(rows, int(self.vocabulary.tokenizer.pad_token_id))
        limits = np.array([p.limit for p in pieces], np.int64)
        return _Batch(*(self._tensor(array) for array in (ids, mask, limits)))

    def _tensor(self, array: Any) -> Tensor:
        import torch

        tensor = torch.from_numpy(array)
        return tensor.pin_memory() if self.pinned else tensor

    def search(self, worker: int, batch: _Batch, pieces: Sequence[Piece]) -> list[Found]:
        import torch

        from xner.translation.search import beam_search

        device = self.devices[worker]
        ids, mask, limits = (
            tensor.to(device, non_blocking=True) for tensor in (batch.ids, batch.mask, batch.limits)
        )
        prompt = (int(self.vocabulary.config.decoder_start_token_id), self.target)
        with torch.inference_mode():
            return beam_search(self.models[worker], ids, mask, limits, prompt, self.settings.beams)
