"""The training loop: transformers' Trainer with batches, losses and dev score of xner."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Sized
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset, Sampler
from transformers import EarlyStoppingCallback, PrinterCallback, Trainer, TrainerCallback
from transformers import TrainingArguments as Arguments

from xner.inference.batches import padded, plan_batches
from xner.inference.hardware import find_hardware
from xner.tagging.subwords import Piece, Subwords
from xner.training import Progress
from xner.training.examples import Counts, Examples, Lesson
from xner.training.losses import hard_loss, hidden_loss, soft_loss
from xner.training.options import StudentOptions

_BATCHES = 50
"""Number of batches whose sentences are sorted by length together."""
_TOKENS = 8192
"""Maximum number of subwords per batch in prediction."""
_INPUTS = ("input_ids", "inputs_embeds", "attention_mask")


@dataclass(frozen=True, slots=True)
class Cut:
    """Examples as inputs of a model.

    Attributes:
        pieces: sentences, or windows of long sentences; each word is predicted in exactly one.
        words: for each piece, int64 indices of its predicted words in the arrays of the examples.
    """

    pieces: list[Piece]
    words: list[np.ndarray[Any, np.dtype[np.int64]]]


def cut(examples: Examples, subwords: Subwords, window: int, counts: Counts | None = None) -> Cut:
    """Cut sentences into pieces of at most `window` subwords.

    If `counts` are given, their `split` and `unseen` are set.
    """
    pieces, words = [], []
    by_sentence = subwords.pieces(examples.sentences, min(window, subwords.limit))
    for parts, begin in zip(by_sentence, examples.offsets, strict=False):
        pieces += parts
        words += [begin + piece.words.astype(np.int64) for piece in parts]
    if counts is not None:
        counts.split = sum(len(parts) > 1 for parts in by_sentence)
        counts.unseen = int(examples.offsets[-1]) - sum(map(len, words))
    return Cut(pieces, words)


class _Pieces(Dataset[int]):
    """The indices of pieces, from which the collator builds batches."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> int:
        return index


@dataclass(frozen=True)
class Collator:
    """Builds batches of pieces.

    Subwords are masked at random with torch's generator, whose state checkpoints restore.

    Attributes:
        examples: the sentences to learn.
        cut: their pieces.
        filler: id of the padding.
        special: ids of special subwords, which are never masked.
        mask_id: id that replaces a masked subword.
        masked: share of subwords that are masked.
        states: for each piece, the outputs of the frozen layers, float32 (subwords x width), which
            replace its subwords; None if no layer is frozen.
        below: number of layers that the states replace.
    """

    examples: Examples
    cut: Cut
    filler: int
    special: tuple[int, ...]
    mask_id: int
    masked: float
    states: Sequence[Tensor] | None = None
    below: int = 0

    def __call__(self, indices: Sequence[int]) -> dict[str, Tensor]:
        """Tensors by name: inputs of the model, B x L (x width), and others flat over words."""
        pieces = [self.cut.pieces[i] for i in indices]
        ids, mask = padded([piece.ids for piece in pieces], self.filler)
        width = ids.shape[1]
        at = np.concatenate([piece.places + row * width for row, piece in enumerate(pieces)])
        words = np.concatenate([self.cut.words[i] for i in indices])
        batch = {
            "attention_mask": torch.from_numpy(mask),
            "places": torch.from_numpy(at.astype(np.int64)),
            "tags": torch.from_numpy(self.examples.tags[words].astype(np.int64)),
            "weights": torch.from_numpy(self.examples.weights[words]),
        }
        if self.states is None:
            batch["input_ids"] = self._masked(torch.from_numpy(ids))
        else:
            states = [self.states[i] for i in indices]
            batch["inputs_embeds"] = pad_sequence(states, batch_first=True)
        if self.examples.soft is not None:
            batch["soft"] = torch.from_numpy(self.examples.soft[words])
        if self.examples.hidden is not None:
            batch["hidden"] = torch.from_numpy(self.examples.hidden[words])
        return batch

    def _masked(self, ids: Tensor) -> Tensor:
        if not self.masked:
            return ids
        hide = torch.rand(ids.shape) < self.masked
        for special in self.special:
            hide &= ids != special
        return ids.masked_fill(hide, self.mask_id)


class LengthSampler(Sampler[int]):
    """Yields every piece once per epoch, in random order but with batches of similar length.

    The order depends on the seed and the epoch.
    """

    def __init__(self, lengths: Sequence[int], batch: int, seed: int) -> None:
        self.lengths = np.array(lengths)
        self.batch = batch
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by the Trainer before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        draw = np.random.default_rng((self.seed, self.epoch))
        order = draw.permutation(len(self.lengths))
        size = self.batch * _BATCHES
        groups = [order[i : i + size] for i in range(0, len(order), size)]
        grouped = [group[np.argsort(self.lengths[group], kind="stable")] for group in groups]
        batches = [g[i : i + self.batch] for g in grouped for i in range(0, len(g), self.batch)]
        whole = [batch for batch in batches if len(batch) == self.batch]
        parts = [batch for batch in batches if len(batch) < self.batch]
        for i in draw.permutation(len(whole)):
            yield from whole[i].tolist()
        for part in parts:
            yield from part.tolist()


def logits_of(model: Any, batch: dict[str, Tensor]) -> Tensor:
    """The logits of the words of a batch, float (words x tags)."""
    return outputs_of(model, batch, ())[0]


def outputs_of(
    model: Any, batch: dict[str, Tensor], layers: Sequence[int]
) -> tuple[Tensor, list[Tensor]]:
    """The logits of the words of a batch, and their hidden states by layer (words x width)."""
    inputs = {name: batch[name] for name in _INPUTS if name in batch}
    found = model(**inputs, output_hidden_states=bool(layers))
    every = [found.logits, *(found.hidden_states[layer] for layer in layers)]
    logits, *states = (each.flatten(0, 1)[batch["places"]] for each in every)
    return logits, states


def predicted_tags(model: Any, collator: Collator) -> np.ndarray[Any, Any]:
    """int16 (W): the most probable tag of every word; `O` for words without a subword."""
    tags = np.zeros(len(collator.examples.tags), np.int16)
    device = next(model.parameters()).device
    model.eval()
    lengths = np.array([len(piece.ids) for piece in collator.cut.pieces], np.int64)
    with torch.inference_mode():
        for indices in plan_batches(lengths, _TOKENS):
            batch = {name: t.to(device) for name, t in collator(indices.tolist()).items()}
            words = np.concatenate([collator.cut.words[i] for i in indices])
            tags[words] = logits_of(model, batch).argmax(-1).cpu().numpy()
    return tags


class _ProgressCallback(TrainerCallback):  # type: ignore[misc]
    def __init__(self, progress: Progress) -> None:
        self.progress = progress

    def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        self.progress("train", state.global_step / max(1, state.max_steps))


class Student(Trainer):  # type: ignore[misc]
    """A Trainer that learns tags with `hard_loss`, or probabilities with `soft_loss`."""

    def __init__(
        self,
        model: Any,
        collator: Collator,
        lesson: Lesson,
        folder: Path,
        score: Callable[[Any], float] | None,
        progress: Progress,
    ) -> None:
        """Set up; `score` returns the F1 of a model on the dev set, and runs after each epoch."""
        options = lesson.options
        self._soft = lesson.loss
        self._layers = [layer - collator.below for layer in lesson.hidden.layers]
        self._layer_weight = lesson.hidden.layer_weight
        self._score = score
        self._sampler = LengthSampler(
            [len(piece.ids) for piece in collator.cut.pieces], options.batch_size, options.seed
        )
        super().__init__(
            model=model,
            args=_arguments(options, folder, score is not None),
            train_dataset=_Pieces(len(self._sampler)),
            # The Trainer requires a dataset; `evaluate` ignores it and scores the dev set.
            eval_dataset=None if score is None else _Pieces(1),
            data_collator=collator,
            callbacks=[_ProgressCallback(progress)],
        )
        if score is not None:
            self.add_callback(EarlyStoppingCallback(options.patience))
        self.remove_callback(PrinterCallback)

    def _get_train_sampler(self, train_dataset: Sized | None = None) -> LengthSampler:
        return self._sampler

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """The loss of a batch, on probabilities if the batch has them, else on tags."""
        logits, states = outputs_of(model, inputs, self._layers)
        if "soft" in inputs:
            loss = soft_loss(logits, inputs["soft"], inputs["weights"], *self._soft)
        else:
            loss = hard_loss(logits, inputs["tags"], inputs["weights"])
        if states:
            apart = hidden_loss(torch.stack(states, 1), inputs["hidden"], inputs["weights"])
            loss = loss + self._layer_weight * apart
        return (loss, {"logits": logits}) if return_outputs else loss

    def evaluate(self, *args: Any, **more: Any) -> dict[str, float]:
        """Compute F1 on the dev set."""
        assert self._score is not None
        metrics = {"eval_f1": self._score(self.model)}
        self.log(metrics)
        handler = self.callback_handler
        self.control: Any = handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics


def _arguments(options: StudentOptions, folder: Path, scored: bool) -> Arguments:
    hardware = find_hardware(options.device, options.precision)
    on_cpu = hardware.devices[0] == "cpu"
    arguments = Arguments(
        output_dir=str(folder),
        num_train_epochs=options.epochs,
        per_device_train_batch_size=options.batch_size,
        learning_rate=options.rate,
        warmup_steps=options.warmup,
        weight_decay=options.weight_decay,
        seed=options.seed,
        data_seed=options.seed,
        eval_strategy="epoch" if scored else "no",
        save_strategy="epoch",
        logging_strategy="epoch",
        save_total_limit=2,
        load_best_model_at_end=scored,
        metric_for_best_model="f1" if scored else None,
        greater_is_better=True if scored else None,
        remove_unused_columns=False,
        label_names=["tags"],
        report_to="none",
        disable_tqdm=True,
        log_level="error",
        use_cpu=on_cpu,
        dataloader_pin_memory=not on_cpu,
        bf16=hardware.precision == "bfloat16",
        fp16=hardware.precision == "float16",
    )
    # Use one device: by default the Trainer splits every batch over all GPUs.
    arguments._n_gpu = min(1, arguments.n_gpu)
    return arguments
