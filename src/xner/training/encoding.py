"""Outputs of encoders for pieces of sentences, in batches of similar length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from xner.inference.batches import Int64, padded, plan_batches
from xner.inference.hardware import Hardware
from xner.tagging.subwords import Piece

_TOKENS = 1024
"""Maximum number of subwords per batch."""


def encoded(
    model: Any, pieces: Sequence[Piece], filler: int, hardware: Hardware, **more: Any
) -> Iterator[tuple[Int64, Any]]:
    """Run a model on pieces, without dropout and gradients, on the first device of the hardware.

    Args:
        model: a model of transformers.
        pieces: its inputs.
        filler: id of the padding.
        hardware: the device, and the precision of matrix products.
        **more: further arguments of the model.

    Yields:
        int64 (B), the indices of the pieces of a batch, and what the model returns for them.
    """
    device = hardware.devices[0]
    lengths = np.array([len(piece.ids) for piece in pieces], np.int64)
    model.to(device).eval()
    half = hardware.dtype != torch.float32
    with torch.no_grad(), torch.autocast(hardware.kind, hardware.dtype, enabled=half):
        for rows in plan_batches(lengths, _TOKENS):
            ids, mask = (
                torch.from_numpy(array).to(device)
                for array in padded([pieces[i].ids for i in rows], filler)
            )
            yield rows, model(input_ids=ids, attention_mask=mask, **more)
