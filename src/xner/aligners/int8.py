"""An encoder with 8-bit weights, which CTranslate2 runs on the CPU.

Weights are rounded to 8 bits with one scale per output unit, and the inputs of every matrix
product with one scale per token. Products are exact integers, so the states of a row do not depend
on the other rows of its batch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.util import find_spec
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from xner.aligners.encoder import Encoder, load_encoder
from xner.errors import InputError, MissingExtraError, UsageError
from xner.inference.hardware import Hardware, find_hardware

if TYPE_CHECKING:
    import torch

INT8 = "int8"
"""Name of the precision."""
_TYPES = ("bert", "camembert", "roberta", "xlm-roberta")
"""Model types that CTranslate2 can run."""


@dataclass(frozen=True, slots=True)
class Int8Encoder(Encoder):
    """An encoder whose `models` are one model of CTranslate2, which all workers share."""

    def states(self, worker: int, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return float32 states; see `Encoder.states`."""
        import ctranslate2
        import torch

        view = ctranslate2.StorageView.from_array
        tokens = ids.numpy().astype(np.int32)
        lengths = mask.sum(1).numpy().astype(np.int32)
        found = self.models[worker].forward_batch(view(tokens), view(lengths))
        return torch.from_numpy(np.array(found.last_hidden_state))


def int8_hardware(device: str) -> Hardware:
    """Return the hardware of an `Int8Encoder`.

    Raises:
        MissingExtraError: ctranslate2, torch or transformers is not installed.
        UsageError: the device is not a CPU.
    """
    if find_spec("ctranslate2") is None:
        raise MissingExtraError("ctranslate2", "ctranslate2")
    found = find_hardware(device, "float32")
    if found.kind != "cpu":
        raise UsageError(
            f"precision is {INT8!r}, which needs device cpu; on {found.devices[0]} choose bfloat16 "
            f"or float16"
        )
    return replace(found, precision=INT8).one_worker_per_thread()


def load_int8_encoder(name: str, layer: int, hardware: Hardware) -> Int8Encoder:
    """Load a checkpoint up to `layer`, and convert it; the converted model is not kept on disk.

    Raises:
        InputError: the checkpoint cannot be loaded or converted, or is not an encoder like BERT.
        UsageError: the model has fewer layers, or a type that CTranslate2 cannot run.
    """
    import ctranslate2

    whole = load_encoder(name, layer, replace(hardware, devices=("cpu",), precision="float32"))
    kind = whole.models[0].config.model_type
    if kind not in _TYPES:
        raise UsageError(
            f"precision is {INT8!r}, which needs a model of type {', '.join(_TYPES)}; {name!r} is "
            f"of type {kind}, so choose another precision"
        )
    workers = len(hardware.devices)
    try:
        with TemporaryDirectory(prefix="xner-") as folder:
            _convert(whole.models[0], whole.tokenizer, folder)
            model = ctranslate2.Encoder(
                folder, device="cpu", compute_type=INT8, inter_threads=workers, intra_threads=1
            )
    except (KeyError, ValueError, RuntimeError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(
            f"CTranslate2 cannot convert the model {name!r} ({reason}); choose another precision"
        ) from None
    signature = f"{whole.signature},ctranslate2:{ctranslate2.__version__}"
    return Int8Encoder(whole.tokenizer, (model,) * workers, hardware, layer, whole.room, signature)


def _convert(model: Any, tokenizer: Any, folder: str) -> None:
    """Write a model of transformers, without pooler, in the format of CTranslate2."""
    import torch
    from ctranslate2.converters.transformers import BertLoader, RobertaLoader

    # transformers 5 has absolute positions only and no longer names them.
    model.config.position_embedding_type = "absolute"
    loader: Any = RobertaLoader()
    if model.config.model_type == "bert":
        loader = BertLoader()
        size = model.config.hidden_size
        model.pooler = SimpleNamespace(dense=torch.nn.Linear(size, size))  # required, never run
    spec = loader(model, tokenizer)
    spec.validate()
    spec.optimize(quantization=INT8)
    spec.save(folder)
