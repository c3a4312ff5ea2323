"""Tagging by any token-classification checkpoint of transformers."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xner.errors import InputError
from xner.inference.batches import padded
from xner.inference.checkpoints import load, model_signature, most_positions
from xner.inference.hardware import Hardware, find_hardware
from xner.inference.stream import stream
from xner.tagging import Floats, Tagged
from xner.tagging.options import CPU_TOKENS, GPU_TOKENS, TaggerOptions
from xner.tagging.subwords import Piece, Subwords
from xner.tagging.tags import Tagset

if TYPE_CHECKING:
    import torch

_ANY_LENGTH = 1 << 20


class CheckpointTagger:
    """A token-classification checkpoint of transformers.

    The tag of a word is that of its first subword, by the softmax over the model's outputs.
    Sentences longer than the model's input limit are split into windows
    (`subwords.plan_windows`). Words without a subword, such as control characters, have the tag
    O with probability 1.
    """

    def __init__(self, options: TaggerOptions) -> None:
        """Load the model onto its devices.

        Raises:
            InputError: the model cannot be loaded, or has no tags.
            UsageError: `labels` names an unknown label, or the device cannot be used.
            MissingExtraError: torch or transformers is not installed.
        """
        hardware = find_hardware(options.device, options.precision)
        self._engine = _Classifier(options, hardware)
        on_cpu = hardware.devices[0] == "cpu"
        self._budget = options.batch_tokens or (CPU_TOKENS if on_cpu else GPU_TOKENS)
        labels = sorted((options.labels or {}).items())
        renamed = ",".join(f"{old}={new or ''}" for old, new in labels)
        self.signature = (
            f"checkpoint({self._engine.signature},"
            f"{f'labels:{renamed},' if renamed else ''}temperature:{options.temperature:g},"
            f"{hardware.signature})"
        )

    @property
    def tags(self) -> tuple[str, ...]:
        """Names of the tags, labels renamed and dropped."""
        return self._engine.tagset.names

    def tag(self, sentences: Iterable[Sequence[str]]) -> Iterator[Tagged]:
        """Tag sentences of words; the model sees no empty one."""
        lengths: deque[int] = deque()

        def items() -> Iterator[Sequence[str]]:
            for words in sentences:
                lengths.append(len(words))
                yield words

        for found in stream(items(), self._engine, budget=self._budget):
            yield self._joined(lengths.popleft(), found)

    def _joined(self, length: int, found: Sequence[_Judged]) -> Tagged:
        """One sentence from its pieces; each word is judged in at most one."""
        if len(found) == 1 and len(found[0].words) == length:
            return Tagged(found[0].probabilities)
        outside = self.tags.index("O")
        probabilities = np.zeros((length, len(self.tags)), np.float32)
        probabilities[:, outside] = 1.0
        for judged in found:
            probabilities[judged.words] = judged.probabilities
        read = sum(len(judged.words) for judged in found)
        return Tagged(probabilities, len(found), length - read)


@dataclass(frozen=True, slots=True)
class _Judged:
    """The words that a piece judges, int32 (W), and their probabilities, float32 (W x tags)."""

    words: NDArray[np.int32]
    probabilities: Floats


@dataclass(frozen=True, slots=True)
class _Batch:
    """Pieces in the host's memory: ids and mask (B x L; no mask where nothing is padded), and
    the places of the judged tokens in the flattened ids.
    """

    pieces: Sequence[Piece]
    ids: torch.Tensor
    mask: torch.Tensor | None
    places: torch.Tensor


class _Classifier:
    """The engine: a copy of the model on every device."""

    def __init__(self, options: TaggerOptions, hardware: Hardware) -> None:
        self._devices = hardware.devices
        self._pinned = self._devices[0].startswith("cuda")
        self._temperature = options.temperature
        name = str(options.model)
        model = _load_model(name, hardware)
        self.signature = model_signature(name, model.config)
        outputs = [model.config.id2label[i] for i in range(model.config.num_labels)]
        self.tagset = Tagset.of(outputs, options.labels)
        self._subwords = Subwords(name)
        self._window = min(most_positions(model, _ANY_LENGTH), self._subwords.limit, _ANY_LENGTH)
        unlike = dict.fromkeys(self._devices)
        self._models = {d: deepcopy(model).to(d) if len(unlike) > 1 else model for d in unlike}
        if len(unlike) == 1:
            model.to(self._devices[0])

    @property
    def workers(self) -> int:
        """Devices."""
        return len(self._devices)

    def encode(self, items: Sequence[Sequence[str]]) -> list[list[Piece]]:
        """One piece a sentence, or its windows."""
        return self._subwords.pieces(items, self._window)

    def cost(self, piece: Piece) -> int:
        """Tokens."""
        return len(piece.ids)

    def collate(self, pieces: Sequence[Piece]) -> _Batch:
        """Ids as one rectangle, in pinned memory where a GPU reads it."""
        ids, mask = padded([piece.ids for piece in pieces], self._subwords.filler)
        width = ids.shape[1]
        places = [piece.places + row * width for row, piece in enumerate(pieces)]
        return _Batch(
            pieces,
            self._tensor(ids),
            None if mask.all() else self._tensor(mask),
            self._tensor(np.concatenate(places).astype(np.int64)),
        )

    def _tensor(self, array: NDArray[np.int64]) -> torch.Tensor:
        import torch

        tensor = torch.from_numpy(array)
        return tensor.pin_memory() if self._pinned else tensor

    def forward(self, worker: int, batch: _Batch) -> list[_Judged]:
        """Probabilities of the tags of every judged word."""
        found = self.tagset.merged(self._probabilities(self._devices[worker], batch))
        ends = np.cumsum([len(piece.words) for piece in batch.pieces])
        parts = np.split(found, ends[:-1])
        return [_Judged(p.words, part) for p, part in zip(batch.pieces, parts, strict=True)]

    def _probabilities(self, device: str, batch: _Batch) -> Floats:
        """float32 (judged words x outputs); nothing else leaves the device."""
        import torch

        with torch.inference_mode():
            ids, mask, places = (
                None if tensor is None else tensor.to(device, non_blocking=True)
                for tensor in (batch.ids, batch.mask, batch.places)
            )
            logits = self._models[device](input_ids=ids, attention_mask=mask).logits
            judged = logits.flatten(0, 1)[places].float() / self._temperature
            found: Floats = judged.softmax(-1).cpu().numpy()
            return found

    def name(self, piece: Piece) -> str:
        """The first words of its sentence."""
        return f"the sentence that begins {' '.join(piece.sentence[:5])[:60]!r}"


def _load_model(name: str, hardware: Hardware) -> Any:
    """The model on the CPU, in the precision that is asked for.

    Raises:
        InputError: it cannot be loaded, or its classifier was never trained.
    """
    from transformers import AutoModelForTokenClassification

    model, info = load(
        AutoModelForTokenClassification,
        name,
        "tagger",
        dtype=hardware.dtype,
        output_loading_info=True,
    )
    if info["missing_keys"]:
        missing = ", ".join(sorted(info["missing_keys"]))
        raise InputError(
            f"the model {name!r} is no tagger: its files lack {missing}; give a checkpoint that "
            f"was fine-tuned for token classification"
        )
    return model.eval()
