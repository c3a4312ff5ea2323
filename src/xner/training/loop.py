"""The training loop: transformers' Trainer, with our batches, losses and dev score."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Sized
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler
from transformers import EarlyStoppingCallback, PrinterCallback, Trainer, TrainerCallback
from transformers import TrainingArguments as Arguments

from xner.inference.batches import padded, plan_batches
from xner.inference.hardware import find_hardware
from xner.tagging.subwords import Piece, Subwords
from xner.training.examples import Counts, Examples
from xner.training.losses import hard_loss, soft_loss
from xner.training.settings import Settings

Tell = Callable[[str, float], None]
_MEGA = 50
"""Batches that are sorted by length together."""
_TOKENS = 8192


@dataclass(frozen=True, slots=True)
class Soft:
    """How probabilities are learnt: loss and temperature, as for `losses.soft_loss`."""

    loss: str = "mse"
    temperature: float = 1.0


@dataclass(frozen=True, slots=True)
class Cut:
    """Examples as a model reads them.

    Attributes:
        pieces: sentences, or windows of long ones; each word is judged in exactly one.
        words: for each piece, the places of its judged words in the arrays of the examples.
    """

    pieces: list[Piece]
    words: list[np.ndarray[Any, np.dtype[np.int64]]]


def cut(examples: Examples, subwords: Subwords, window: int, counts: Counts | None = None) -> Cut:
    """Cut sentences into pieces of at most `window` subwords; counts what was split or unseen."""
    pieces, places = [], []
    found = subwords.pieces(examples.sentences, min(window, subwords.limit))
    for own, begin in zip(found, examples.offsets, strict=False):
        pieces += own
        places += [begin + piece.words.astype(np.int64) for piece in own]
    if counts is not None:
        counts.split = sum(len(own) > 1 for own in found)
        counts.unseen = int(examples.offsets[-1]) - sum(map(len, places))
    return Cut(pieces, places)


class _Pieces(Dataset[int]):
    """Indices of pieces; the collator does the rest."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> int:
        return index


@dataclass(frozen=True)
class Collator:
    """A batch of pieces: ids, mask, and what is learnt of the judged words, flat.

    Subwords are masked with torch's own generator, which a checkpoint restores.
    """

    examples: Examples
    cut: Cut
    filler: int
    special: tuple[int, ...]
    mask_id: int
    share: float

    def __call__(self, indices: Sequence[int]) -> dict[str, Tensor]:
        """Tensors by name: input_ids and attention_mask (B x L), the others by judged word."""
        pieces = [self.cut.pieces[i] for i in indices]
        ids, mask = padded([piece.ids for piece in pieces], self.filler)
        width = ids.shape[1]
        at = np.concatenate([piece.places + row * width for row, piece in enumerate(pieces)])
        words = np.concatenate([self.cut.words[i] for i in indices])
        batch = {
            "input_ids": self._masked(torch.from_numpy(ids)),
            "attention_mask": torch.from_numpy(mask),
            "places": torch.from_numpy(at.astype(np.int64)),
            "tags": torch.from_numpy(self.examples.tags[words].astype(np.int64)),
            "weights": torch.from_numpy(self.examples.weights[words]),
        }
        if self.examples.soft is not None:
            batch["soft"] = torch.from_numpy(self.examples.soft[words])
        return batch

    def _masked(self, ids: Tensor) -> Tensor:
        if not self.share:
            return ids
        hide = torch.rand(ids.shape) < self.share
        for special in self.special:
            hide &= ids != special
        return ids.masked_fill(hide, self.mask_id)


class LengthSampler(Sampler[int]):
    """Every piece once an epoch, in batches of like length, their order drawn by seed and epoch."""

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
        size = self.batch * _MEGA
        megas = [order[i : i + size] for i in range(0, len(order), size)]
        grouped = [mega[np.argsort(self.lengths[mega], kind="stable")] for mega in megas]
        batches = [g[i : i + self.batch] for g in grouped for i in range(0, len(g), self.batch)]
        whole = [batch for batch in batches if len(batch) == self.batch]
        parts = [batch for batch in batches if len(batch) < self.batch]
        for i in draw.permutation(len(whole)):
            yield from whole[i].tolist()
        for part in parts:
            yield from part.tolist()


def logits_of(model: Any, batch: dict[str, Tensor]) -> Tensor:
    """Float (judged words x tags) of a batch."""
    found = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    judged: Tensor = found.flatten(0, 1)[batch["places"]]
    return judged


def likeliest(model: Any, collator: Collator) -> np.ndarray[Any, Any]:
    """int16 (W): the likeliest tag of every word; `O` for words without a subword."""
    found = np.zeros(len(collator.examples.tags), np.int16)
    device = next(model.parameters()).device
    model.eval()
    lengths = np.array([len(piece.ids) for piece in collator.cut.pieces], np.int64)
    with torch.inference_mode():
        for indices in plan_batches(lengths, _TOKENS):
            batch = {name: t.to(device) for name, t in collator(indices.tolist()).items()}
            words = np.concatenate([collator.cut.words[i] for i in indices])
            found[words] = logits_of(model, batch).argmax(-1).cpu().numpy()
    return found


class _Teller(TrainerCallback):  # type: ignore[misc]
    def __init__(self, tell: Tell) -> None:
        self.tell = tell

    def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        self.tell("train", state.global_step / max(1, state.max_steps))


class Student(Trainer):  # type: ignore[misc]
    """A Trainer that learns words: tags by cross-entropy, probabilities by `soft_loss`."""

    def __init__(
        self,
        model: Any,
        collator: Collator,
        settings: Settings,
        soft: Soft,
        folder: Path,
        score: Callable[[Any], float] | None,
        tell: Tell,
    ) -> None:
        """Set up; `score` gives a model's F1 on the dev set after each epoch."""
        self._soft = soft
        self._score = score
        self._sampler = LengthSampler(
            [len(piece.ids) for piece in collator.cut.pieces], settings.batch_size, settings.seed
        )
        super().__init__(
            model=model,
            args=_arguments(settings, folder, score is not None),
            train_dataset=_Pieces(len(self._sampler)),
            # The Trainer wants to see something here; `evaluate` scores the dev set itself.
            eval_dataset=None if score is None else _Pieces(1),
            data_collator=collator,
            callbacks=[_Teller(tell)],
        )
        if score is not None:
            self.add_callback(EarlyStoppingCallback(settings.patience))
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
        """The loss of a batch; soft where the batch has a teacher's probabilities."""
        logits = logits_of(model, inputs)
        if "soft" in inputs:
            how = self._soft
            loss = soft_loss(logits, inputs["soft"], inputs["weights"], how.loss, how.temperature)
        else:
            loss = hard_loss(logits, inputs["tags"], inputs["weights"])
        return (loss, {"logits": logits}) if return_outputs else loss

    def evaluate(self, *args: Any, **more: Any) -> dict[str, float]:
        """F1 on the dev set."""
        assert self._score is not None
        metrics = {"eval_f1": self._score(self.model)}
        self.log(metrics)
        handler = self.callback_handler
        self.control: Any = handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics


def _arguments(settings: Settings, folder: Path, scored: bool) -> Arguments:
    hardware = find_hardware(settings.device, settings.precision)
    on_cpu = hardware.devices[0] == "cpu"
    made = Arguments(
        output_dir=str(folder),
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=settings.batch_size,
        learning_rate=settings.rate,
        warmup_steps=settings.warmup,
        weight_decay=settings.weight_decay,
        seed=settings.seed,
        data_seed=settings.seed,
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
    # One device: the Trainer would split every batch over all GPUs it sees.
    made._n_gpu = min(1, made.n_gpu)
    return made
