"""A pretrained encoder, cut off behind the layer that is wanted."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from xner.errors import InputError, UsageError
from xner.inference.checkpoints import load, model_signature, most_positions

if TYPE_CHECKING:
    import torch

    from xner.inference.hardware import Hardware

_USUAL_POSITIONS = 512
_PLAIN = {"bert", "roberta", "xlm-roberta", "camembert", "electra"}
"""Kinds of model that end in their last layer, without a norm behind it."""


@dataclass(frozen=True, slots=True)
class Encoder:
    """A tokenizer, and one model for each device.

    Attributes:
        tokenizer: splits words into subwords.
        models: in the order of the devices.
        devices: their names.
        layer: whose states are given, counted from 1.
        room: most subwords of a row, the special tokens at both ends not counted.
        signature: which checkpoint it is.
    """

    tokenizer: Any
    models: tuple[Any, ...]
    devices: tuple[str, ...]
    layer: int
    room: int
    signature: str

    def states(self, worker: int, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Hidden states of `layer`.

        Args:
            worker: which device.
            ids: int64 (R, L), on that device.
            mask: int64 (R, L), 1 where there is a token.

        Returns:
            floats (R, L, H), on the device, in the model's precision.
        """
        model = self.models[worker]
        if model.config.model_type in _PLAIN:
            last: torch.Tensor = model(input_ids=ids, attention_mask=mask).last_hidden_state
            return last
        out = model(input_ids=ids, attention_mask=mask, output_hidden_states=True)
        states: torch.Tensor = out.hidden_states[self.layer]
        return states


def load_encoder(name: str, layer: int, hardware: Hardware) -> Encoder:
    """Load a checkpoint's tokenizer, and its model as far as `layer`.

    Raises:
        InputError: it cannot be loaded, or is no encoder like BERT.
        UsageError: it has fewer layers.
    """
    from transformers import AutoConfig, AutoTokenizer

    config = load(AutoConfig, name, "model")
    # Words are split one by one, so byte-level tokenizers need their leading space.
    tokenizer = load(AutoTokenizer, name, "tokenizer", add_prefix_space=True)
    _check(name, layer, config, tokenizer)
    # Elsewhere a norm may follow the last layer: then one layer more is loaded.
    more = 0 if config.model_type in _PLAIN else 1
    layers = min(config.num_hidden_layers, layer + more)
    model = _load_model(name, layers, hardware)
    first = model.eval().requires_grad_(False)
    models = [first] + [copy.deepcopy(first) for _ in hardware.devices[1:]]
    placed = tuple(m.to(d) for m, d in zip(models, hardware.devices, strict=True))
    room = min(most_positions(first, _USUAL_POSITIONS), int(tokenizer.model_max_length)) - 2
    signature = model_signature(name, config)
    return Encoder(tokenizer, placed, hardware.devices, layer, room, signature)


def _check(name: str, layer: int, config: Any, tokenizer: Any) -> None:
    layers = getattr(config, "num_hidden_layers", 0)
    special = (tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.pad_token_id)
    if getattr(config, "is_encoder_decoder", False) or not layers or None in special:
        raise InputError(
            f"the model {name!r} ({config.model_type}) is no encoder with [CLS] and [SEP]; give "
            f"one such as bert-base-multilingual-cased or xlm-roberta-base"
        )
    if layer > layers:
        raise UsageError(f"layer {layer} is wanted and the model {name!r} has {layers} layers")


def _load_model(name: str, layers: int, hardware: Hardware) -> Any:
    model, info = load(
        SimpleNamespace(from_pretrained=_without_pooler), name, "model",
        num_hidden_layers=layers, dtype=hardware.dtype, output_loading_info=True,
    )  # fmt: skip
    missing = sorted(key for key in info["missing_keys"] if not key.startswith("pooler"))
    if missing:
        raise InputError(
            f"the model {name!r} lacks {len(missing)} of its weights, such as {missing[0]}; give "
            f"a complete checkpoint"
        )
    return model


def _without_pooler(name: str, **options: Any) -> Any:
    from transformers import AutoModel

    try:
        return AutoModel.from_pretrained(name, add_pooling_layer=False, **options)
    except TypeError:  # a kind of model that has none
        return AutoModel.from_pretrained(name, **options)
