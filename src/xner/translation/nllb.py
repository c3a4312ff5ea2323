"""Translation with NLLB-200 or M2M100 checkpoints in transformers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xner.errors import UsageError
from xner.inference.batches import padded
from xner.inference.checkpoints import load
from xner.languages import Language
from xner.translation.engine import CheckpointTranslator, Found, Piece, TranslationEngine
from xner.translation.options import CTRANSLATE2_ONLY, TranslatorOptions

if TYPE_CHECKING:
    from torch import Tensor


class NllbTranslator(CheckpointTranslator):
    """An NLLB-200 or M2M100 checkpoint, with one copy on each device.

    Raises:
        UsageError: an option belongs to `ctranslate2`; further errors as in the base class.
    """

    def __init__(self, options: TranslatorOptions) -> None:
        for name in CTRANSLATE2_ONLY:
            if getattr(options, name) is not None:
                raise UsageError(f"{name} is an option of the translator ctranslate2; leave it out")
        super().__init__(options)
        from transformers import M2M100ForConditionalGeneration

        dtype = self.hardware.dtype
        model = load(M2M100ForConditionalGeneration, str(options.model), "model", dtype=dtype)
        self.models = self.hardware.place(model.eval())

    @property
    def signature(self) -> str:
        """Checkpoint, search options, hardware and version of transformers."""
        import transformers

        hardware = self.hardware.signature
        return self._signed("nllb", hardware, "transformers", transformers.__version__)

    def engine(self, source: Language, target: Language) -> _Engine:
        """Return the engine for a pair of languages."""
        return _Engine(self, source, target)


@dataclass(frozen=True, slots=True)
class _Batch:
    """int64 (B, S) tokens and mask, int64 (B) limits."""

    ids: Tensor
    mask: Tensor
    limits: Tensor


class _Engine(TranslationEngine[_Batch]):
    def __init__(self, translator: NllbTranslator, source: Language, target: Language) -> None:
        super().__init__(translator, source, target, len(translator.models))
        self.models, self.hardware = translator.models, translator.hardware

    def ready(self, pieces: Sequence[Piece]) -> _Batch:
        rows = [np.array(self.framed(piece), np.int32) for piece in pieces]
        ids, mask = padded(rows, int(self.vocabulary.tokenizer.pad_token_id))
        limits = np.array([p.limit for p in pieces], np.int64)
        return _Batch(*map(self.hardware.host_tensor, (ids, mask, limits)))

    def search(self, worker: int, batch: _Batch, pieces: Sequence[Piece]) -> list[Found]:
        import torch

        from xner.translation.search import beam_search

        device = self.hardware.devices[worker]
        ids, mask, limits = (
            tensor.to(device, non_blocking=True) for tensor in (batch.ids, batch.mask, batch.limits)
        )
        prompt = (int(self.vocabulary.config.decoder_start_token_id), self.target)
        with torch.inference_mode():
            return beam_search(self.models[worker], ids, mask, limits, prompt, self.options.beams)
