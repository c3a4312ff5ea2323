"""Layers of a base model that are not trained, and their outputs, computed once per sentence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from xner.errors import UsageError
from xner.inference.hardware import Hardware
from xner.tagging.subwords import Piece
from xner.training.encoding import encoded

_KEEPS = frozenset({"bert", "electra", "roberta", "xlm-roberta"})
"""Types of models whose upper layers need nothing but the outputs of the layer below."""
_BYTES = 2 << 30
"""Maximum memory for the outputs of frozen layers."""


def freeze(model: Any, count: int) -> None:
    """Exclude the embeddings and the lowest `count` layers from training, and from dropout.

    Raises:
        UsageError: the model has fewer layers, or none that are known.
    """
    owner, name = _owner(model)
    layers = getattr(owner, name)
    if count > len(layers):
        raise UsageError(f"frozen is {count}, but the base model has {len(layers)} layers")
    for part in (model.base_model.embeddings, *layers[:count]):
        part.requires_grad_(False)
        for module in part.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0


def can_keep(model: Any, pieces: Sequence[Piece]) -> bool:
    """Whether the outputs of the frozen layers can be kept, and fit into memory."""
    tokens = sum(len(piece.ids) for piece in pieces)
    size = 4 * model.config.hidden_size * tokens
    return model.config.model_type in _KEEPS and size <= _BYTES


def frozen_states(
    model: Any, count: int, pieces: Sequence[Piece], filler: int, hardware: Hardware
) -> list[Tensor]:
    """The outputs of the lowest `count` layers for each piece, float32 (subwords x width).

    Args:
        model: a model for which `can_keep` is true.
        count: number of layers; the outputs of none are those of the embeddings.
        pieces: inputs of the model.
        filler: id of the padding.
        hardware: the device, the first one is used, and the precision of matrix products.
    """
    states: list[Tensor] = [torch.empty(0)] * len(pieces)
    with _layers(model, slice(count)):
        for rows, found in encoded(model.base_model, pieces, filler, hardware):
            for i, hidden in zip(rows, found.last_hidden_state.float().cpu(), strict=True):
                states[i] = hidden[: len(pieces[i].ids)].clone()
    return states


@contextmanager
def upper_layers(model: Any, count: int) -> Iterator[None]:
    """Reduce a model to what is above the frozen layers; it takes their outputs as embeddings."""
    encoder = model.base_model
    embeddings = encoder.embeddings
    with _layers(model, slice(count, None)):
        encoder.embeddings = _Given()
        try:
            yield
        finally:
            encoder.embeddings = embeddings.to(next(model.parameters()).device)


@contextmanager
def _layers(model: Any, part: slice) -> Iterator[None]:
    """Reduce a model to some of its layers."""
    owner, name = _owner(model)
    layers = getattr(owner, name)
    setattr(owner, name, layers[part])
    try:
        yield
    finally:
        setattr(owner, name, layers.to(next(model.parameters()).device))


def _owner(model: Any) -> tuple[Any, str]:
    """The module that has the list of layers, and its attribute."""
    encoder = model.base_model
    for owner, name in ((getattr(encoder, "encoder", None), "layer"), (encoder, "layers")):
        if hasattr(encoder, "embeddings") and isinstance(getattr(owner, name, None), nn.ModuleList):
            return owner, name
    raise UsageError(
        f"the layers of a base model of type {model.config.model_type!r} cannot be frozen; leave "
        f"out frozen"
    )


class _Given(nn.Module):
    """Stands for the embeddings of a model, and returns what it is given."""

    def forward(self, inputs_embeds: Tensor, **_: Any) -> Tensor:
        return inputs_embeds
