"""Tagging with a token-classification checkpoint of transformers."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xner.errors import InputError
from xner.inference.batches import padded
from xner.inference.checkpoints import (
    check_available,
    load,
    model_signature,
    most_positions,
)
from xner.inference.hardware import Hardware, find_hardware
from xner.inference.stream import stream
from xner.tagging import Floats, Tagged
from xner.tagging.options import CPU_TOKENS, GPU_TOKENS, CheckpointOptions
from xner.tagging.subwords import Piece, Subwords
from xner.tagging.tags import Tagset

if TYPE_CHECKING:
    import torch

_ANY_LENGTH = 1 << 20
_OTHERS = "; other taggers are spacy:NAME and gliner:ID, and those of the option tagger"


class CheckpointTagger:
    """A token-classification checkpoint of transformers.

    The tag of a word is that of its first subword, by the softmax over the model's outputs.
    Sentences longer than the model's input limit are split into overlapping windows. Words
    without a subword, such as control characters, have the tag O with probability 1.
    """

    def __init__(self, options: CheckpointOptions) -> None:
        """Load the model onto its devices.

        Raises:
            InputError: the model cannot be loaded, or has no tags.
            UsageError: `labels` names an unknown label, or the device cannot be used.
            MissingExtraError: torch or transformers is not installed.
        """
        check_available(str(options.model), "tagger", _OTHERS)
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
        """Names of the tags, with labels renamed and dropped."""
        return self._engine.tagset.names

    def tag(self, sentences: Iterable[Sequence[str]]) -> Iterator[Tagged]:
        """Tag sentences of words; empty ones are not passed to the model."""
        lengths: deque[int] = deque()

        def items() -> Iterator[Sequence[str]]:
            for words in sentences:
                lengths.append(len(words))
                yield words

        for found in stream(items(), self._engine, budget=self._budget):
            yield self._merged(lengths.popleft(), found)

    def _merged(self, length: int, found: Sequence[_TaggedWords]) -> Tagged:
        """Merge the pieces of a sentence; each word is tagged in at most one of them."""
        if len(found) == 1 and len(found[0].words) == length:
            return Tagged(found[0].probabilities)
        outside = self.tags.index("O")
        probabilities = np.zeros((length, len(self.tags)), np.float32)
        probabilities[:, outside] = 1.0
        for part in found:
            probabilities[part.words] = part.probabilities
        read = sum(len(part.words) for part in found)
        return Tagged(probabilities, len(found), length - read)


@dataclass(frozen=True, slots=True)
class _TaggedWords:
    """The words tagged in a piece, int32 (W), and their probabilities, float32 (W x tags)."""

    words: NDArray[np.int32]
    probabilities: Floats


@dataclass(frozen=True, slots=True)
class _Batch:
    """Pieces on the host.

    Attributes:
        pieces: the pieces.
        ids: int64 (B, L), padded.
        mask: int64 (B, L), 1 for tokens; None if nothing is padded.
        places: int64 (W), positions of the tagged words in the flattened ids.
    """

    pieces: Sequence[Piece]
    ids: torch.Tensor
    mask: torch.Tensor | None
    places: torch.Tensor


class _Classifier:
    """The engine of the stream: a copy of the model on every device."""

    def __init__(self, options: CheckpointOptions, hardware: Hardware) -> None:
        self._hardware = hardware
        self._temperature = options.temperature
        name = str(options.model)
        model = _load_model(name, hardware)
        self.signature = model_signature(name, model.config)
        outputs = [model.config.id2label[i] for i in range(model.config.num_labels)]
        self.tagset = Tagset.of(outputs, options.labels)
        self._subwords = Subwords(name)
        self._window = min(most_positions(model, _ANY_LENGTH), self._subwords.limit, _ANY_LENGTH)
        self._models = hardware.place(model)

    @property
    def workers(self) -> int:
        """Number of devices."""
        return len(self._models)

    def encode(self, items: Sequence[Sequence[str]]) -> list[list[Piece]]:
        """Return one piece per sentence, or its windows."""
        return self._subwords.pieces(items, self._window)

    def cost(self, piece: Piece) -> int:
        """Return the number of tokens."""
        return len(piece.ids)

    def collate(self, pieces: Sequence[Piece]) -> _Batch:
        """Pad the pieces to one rectangle on the host."""
        ids, mask = padded([piece.ids for piece in pieces], self._subwords.filler)
        width = ids.shape[1]
        places = [piece.places + row * width for row, piece in enumerate(pieces)]
        tensor = self._hardware.host_tensor
        return _Batch(
            pieces,
            tensor(ids),
            None if mask.all() else tensor(mask),
            tensor(np.concatenate(places).astype(np.int64)),
        )

    def forward(self, worker: int, batch: _Batch) -> list[_TaggedWords]:
        """Return the tag probabilities of every word that is tagged in the batch."""
        found = self.tagset.merged(self._probabilities(worker, batch))
        ends = np.cumsum([len(piece.words) for piece in batch.pieces])
        parts = np.split(found, ends[:-1])
        return [_TaggedWords(p.words, part) for p, part in zip(batch.pieces, parts, strict=True)]

    def _probabilities(self, worker: int, batch: _Batch) -> Floats:
        """Return float32 (tagged words x outputs); nothing else leaves the device."""
        import torch

        device = self._hardware.devices[worker]
        with torch.inference_mode():
            ids, mask, places = (
                None if tensor is None else tensor.to(device, non_blocking=True)
                for tensor in (batch.ids, batch.mask, batch.places)
            )
            logits = self._models[worker](input_ids=ids, attention_mask=mask).logits
            of_words = logits.flatten(0, 1)[places].float() / self._temperature
            found: Floats = of_words.softmax(-1).cpu().numpy()
            return found

    def name(self, piece: Piece) -> str:
        """Return the first words of the sentence, for messages."""
        return f"the sentence that begins {' '.join(piece.sentence[:5])[:60]!r}"


def _load_model(name: str, hardware: Hardware) -> Any:
    """Load the model on the CPU, in the precision of the hardware.

    Raises:
        InputError: the model cannot be loaded, or its files lack the classifier.
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
            f"the model {name!r} is not a tagger: its files lack {missing}; use a checkpoint "
            f"fine-tuned for token classification"
        )
    return model.eval()
