"""A pretrained encoder, truncated after the layer whose states are compared."""

from __future__ import annotations

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
"""Model types without a norm after the last layer."""


@dataclass(frozen=True, slots=True)
class Encoder:
    """A tokenizer, and one model for each device.

    Attributes:
        tokenizer: splits words into subwords.
        models: one per device, in the order of `hardware.devices`.
        hardware: the devices.
        layer: layer whose states are returned, counted from 1.
        room: maximum number of subwords per row, excluding the two special tokens.
        signature: identifies the checkpoint.
    """

    tokenizer: Any
    models: tuple[Any, ...]
    hardware: Hardware
    layer: int
    room: int
    signature: str

    def states(self, worker: int, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return the hidden states of `layer`.

        Args:
            worker: index of the device.
            ids: int64 (R, L), on that device.
            mask: int64 (R, L), 1 for tokens and 0 for padding.

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
    """Load the tokenizer of a checkpoint, and its model up to `layer`.

    Raises:
        InputError: the checkpoint cannot be loaded, or is not an encoder like BERT.
        UsageError: the model has fewer layers.
    """
    from transformers import AutoConfig, AutoTokenizer

    config = load(AutoConfig, name, "model")
    # Words are split one by one, so byte-level tokenizers need a leading space.
    tokenizer = load(AutoTokenizer, name, "tokenizer", add_prefix_space=True)
    _check(name, layer, config, tokenizer)
    # Other types may have a norm after the last layer, so one more layer is loaded for them.
    more = 0 if config.model_type in _PLAIN else 1
    layers = min(config.num_hidden_layers, layer + more)
    model = _load_model(name, layers, hardware)
    model.eval().requires_grad_(False)
    room = min(most_positions(model, _USUAL_POSITIONS), int(tokenizer.model_max_length)) - 2
    signature = model_signature(name, config)
    return Encoder(tokenizer, hardware.place(model), hardware, layer, room, signature)


def _check(name: str, layer: int, config: Any, tokenizer: Any) -> None:
    layers = getattr(config, "num_hidden_layers", 0)
    special = (tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.pad_token_id)
    if getattr(config, "is_encoder_decoder", False) or not layers or None in special:
        raise InputError(
            f"the model {name!r} ({config.model_type}) is not an encoder with [CLS] and [SEP]; "
            f"use one such as bert-base-multilingual-cased or xlm-roberta-base"
        )
    if layer > layers:
        raise UsageError(f"layer is {layer}; the model {name!r} has only {layers} layers")


def _load_model(name: str, layers: int, hardware: Hardware) -> Any:
    model, info = load(
        SimpleNamespace(from_pretrained=_without_pooler), name, "model",
        num_hidden_layers=layers, dtype=hardware.dtype, output_loading_info=True,
    )  # fmt: skip
    missing = sorted(key for key in info["missing_keys"] if not key.startswith("pooler"))
    if missing:
        raise InputError(
            f"the model {name!r} lacks {len(missing)} weights, such as {missing[0]}; use a "
            f"complete checkpoint"
        )
    return model


def _without_pooler(name: str, **options: Any) -> Any:
    from transformers import AutoModel

    try:
        return AutoModel.from_pretrained(name, add_pooling_layer=False, **options)
    except TypeError:  # models without a pooler do not know the argument
        return AutoModel.from_pretrained(name, **options)
