"""One run of the training loop: base model, tokenizer, batches and score on the dev set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from xner.columns import ENTITIES, TOKENS
from xner.corpus import Corpus
from xner.errors import InputError
from xner.evaluation.entities import evaluate
from xner.inference.checkpoints import load
from xner.inference.hardware import find_hardware
from xner.training import Progress
from xner.training.examples import Counts, Examples, Lesson
from xner.training.options import StudentOptions

if TYPE_CHECKING:
    from xner.training.loop import Collator


def fit(
    lesson: Lesson, folder: Path, resume: bool, progress: Progress
) -> tuple[list[dict[str, float]], Any]:
    """Run the training loop with checkpoints in a folder, from the last of them if `resume`.

    Returns:
        Loss and score of each epoch, and the model of the epoch that is kept.

    Raises:
        InputError: the base model cannot be loaded, or its tokenizer has no subword for any word.
    """
    from transformers import set_seed

    start = _start(folder, lesson)
    set_seed(lesson.options.seed)
    model = _model(start, lesson.examples.tagset)
    options, dev = lesson.options, lesson.dev
    batches = _collator(start, lesson.examples, options, options.masked_share, lesson.counts)
    if not batches.cut.pieces:
        raise InputError(
            f"no word to learn has a subword in the tokenizer of {start!r}; choose another base"
        )
    scored = None if dev is None else _collator(start, dev, options)
    loop = _Loop(lesson, folder, resume, progress)
    if options.frozen is None:
        return loop.run(model, batches, scored), model
    from xner.training import frozen

    frozen.freeze(model, options.frozen)
    texts = [batches] if scored is None else [batches, scored]
    pieces = [piece for text in texts for piece in text.cut.pieces]
    if options.masked_share or not frozen.can_keep(model, pieces):
        return loop.run(model, batches, scored), model
    hardware = find_hardware(options.device, options.precision)
    states = frozen.frozen_states(model, options.frozen, pieces, batches.filler, hardware)
    learned = len(batches.cut.pieces)
    batches = replace(batches, states=states[:learned], below=options.frozen)
    scored = None if scored is None else replace(scored, states=states[learned:])
    with frozen.upper_layers(model, options.frozen):
        return loop.run(model, batches, scored), model


@dataclass(frozen=True)
class _Loop:
    """The training loop of a student, whatever its inputs are."""

    lesson: Lesson
    folder: Path
    resume: bool
    progress: Progress

    def run(self, model: Any, batches: Collator, scored: Collator | None) -> list[dict[str, float]]:
        """Train the model on batches; return loss and score of each epoch."""
        from transformers.trainer_utils import get_last_checkpoint

        from xner.training.loop import Student

        score = None if scored is None else _scorer(scored)
        trainer = Student(model, batches, self.lesson, self.folder, score, self.progress)
        last = get_last_checkpoint(str(self.folder)) if self.resume else None
        trainer.train(resume_from_checkpoint=last)
        return _history(trainer.state.log_history)


def _collator(
    start: str,
    examples: Examples,
    options: StudentOptions,
    masked: float = 0.0,
    counts: Counts | None = None,
) -> Collator:
    """The collator for examples, with the tokenizer of a model; `masked` of the subwords hidden."""
    from transformers import AutoTokenizer

    from xner.tagging.subwords import Subwords
    from xner.training.loop import Collator, cut

    subwords = Subwords(start)
    tokenizer = load(AutoTokenizer, start, "tokenizer")
    mask = tokenizer.mask_token_id
    mask = (tokenizer.unk_token_id or 0) if mask is None else mask
    pieces = cut(examples, subwords, options.window, counts)
    special = tuple(tokenizer.all_special_ids)
    return Collator(examples, pieces, subwords.filler, special, mask, masked)


def _scorer(dev: Collator) -> Callable[[Any], float]:
    """A function that returns the F1 of a model on the dev set."""
    from xner.training.loop import predicted_tags

    return lambda model: tags_f1(dev.examples, predicted_tags(model, dev))


def _start(folder: Path, lesson: Lesson) -> str:
    """The folder or hub id to load tokenizer and model from; creates it for a new student."""
    options = lesson.options
    if options.base is not None:
        return str(options.base)
    from xner.training.scratch import make_config, make_tokenizer

    start = folder / "start"
    if not (start / "config.json").is_file():
        text = [*lesson.examples.sentences, *lesson.text]
        size = make_tokenizer(text, options.vocabulary, start)
        assert options.from_scratch is not None
        make_config(options.from_scratch, size, start)
    return str(start)


def _model(start: str, tagset: Sequence[str]) -> Any:
    """Load a token classifier with these tags; the head of a base with the same tags is kept."""
    from transformers import AutoConfig, AutoModelForTokenClassification

    names = dict(enumerate(tagset))
    config = load(AutoConfig, start, "base model")
    old = dict(config.id2label)
    config.id2label = names
    config.label2id = {tag: i for i, tag in names.items()}
    if (Path(start) / "config.json").is_file() and not _has_weights(Path(start)):
        return AutoModelForTokenClassification.from_config(config)
    model = load(
        AutoModelForTokenClassification,
        start,
        "base model",
        config=config,
        ignore_mismatched_sizes=True,
    )
    if old != names and len(old) == len(names):
        _reset_head(model, start)
    return model.float()


def _has_weights(folder: Path) -> bool:
    return any(path.suffix in (".safetensors", ".bin") for path in folder.iterdir())


def _reset_head(model: Any, start: str) -> None:
    """Initialise the weights of a head that was trained for other tags of the same number."""
    head = getattr(model, "classifier", None) or getattr(model, "score", None)
    if head is None or not hasattr(head, "weight"):
        raise InputError(f"the base model {start!r} has a classification head of an unknown kind")
    head.weight.data.normal_(0.0, 0.02)
    if head.bias is not None:
        head.bias.data.zero_()


def tags_f1(gold: Examples, predicted: np.ndarray[Any, Any]) -> float:
    """Strict entity F1 of predicted tags, int (W), as computed by `xner.evaluate`."""
    corpora = []
    for sentences in (gold.spans(), gold.spans(predicted)):
        rows = [[{"start": s, "end": e, "label": n} for s, e, n in spans] for spans in sentences]
        table = pa.table(
            {"tokens": pa.array(gold.sentences, TOKENS), "entities": pa.array(rows, ENTITIES)}
        )
        corpora.append(Corpus.from_table(table, "dev"))
    return evaluate(*corpora).f1


def _history(log: Sequence[dict[str, float]]) -> list[dict[str, float]]:
    """Loss and dev F1 of each epoch, from the Trainer's log."""
    epochs: dict[float, dict[str, float]] = {}
    for entry in log:
        for name, key in (("loss", "loss"), ("eval_f1", "f1")):
            if name in entry:
                epochs.setdefault(entry["epoch"], {"epoch": entry["epoch"]})[key] = entry[name]
    return list(epochs.values())
