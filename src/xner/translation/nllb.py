"""Translation by NLLB-200 or M2M100 checkpoints in transformers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xner.errors import UsageError
from xner.inference.batches import padded
from xner.inference.checkpoints import load
from xner.inference.hardware import Hardware, find_hardware
from xner.languages import Language
from xner.translation.base import Translated
from xner.translation.engine import (
    Found,
    Piece,
    TranslationEngine,
    batch_budget,
    search_signature,
    translate_texts,
)
from xner.translation.options import CTRANSLATE2_ONLY, TranslatorOptions
from xner.translation.vocabulary import Vocabulary

if TYPE_CHECKING:
    from torch import Tensor


class NllbTranslator:
    """An NLLB-200 or M2M100 checkpoint, one copy on each device.

    Raises:
        MissingExtraError: torch or transformers is not installed.
        InputError: the model cannot be loaded, or is of another type.
        UsageError: the device cannot be used, or an option belongs to `ctranslate2`.
    """

    def __init__(self, options: TranslatorOptions) -> None:
        for name in CTRANSLATE2_ONLY:
            if getattr(options, name) is not None:
                raise UsageError(f"{name} is an option of the translator ctranslate2; leave it out")
        self.options = options
        self.hardware = find_hardware(options.device, options.precision)
        self.budget = batch_budget(options.batch_tokens, self.hardware)
        self.vocabulary = Vocabulary(str(options.model))
        self.models = _load_models(str(options.model), self.hardware)

    @property
    def signature(self) -> str:
        """Checkpoint, search options, hardware and versions."""
        import transformers

        return (
            f"nllb({self.vocabulary.signature},{search_signature(self.options)},"
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
        super().__init__(translator.vocabulary, translator.options, source, target, len(devices))
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
            return beam_search(self.models[worker], ids, mask, limits, prompt, self.options.beams)
