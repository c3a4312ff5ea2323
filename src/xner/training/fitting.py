"""One run of the loop: where it starts, what it reads, how it is scored on a dev set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from xner.columns import ENTITIES, TOKENS
from xner.corpus import Corpus
from xner.errors import InputError
from xner.evaluation.entities import evaluate
from xner.inference.checkpoints import load
from xner.schemes import spans_from_tags
from xner.training.examples import Counts, Examples
from xner.training.settings import Settings

if TYPE_CHECKING:
    from xner.training.loop import Collator

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Lesson:
    """All that decides a student.

    Attributes:
        examples: what is learnt.
        counts: what they were made of; what the tokenizer does is added by `fit`.
        settings: how.
        judge: the dev set; None for none.
        text: more sentences for a tokenizer made anew.
        soft: loss and temperature, where the examples have probabilities.
    """

    examples: Examples
    counts: Counts
    settings: Settings
    judge: Examples | None = None
    text: Sequence[Sequence[str]] = ()
    soft: tuple[str, float] = ("mse", 1.0)


def fit(
    lesson: Lesson, work: Path, resume: bool, tell: Progress
) -> tuple[list[dict[str, float]], Any]:
    """Run the loop in a folder of checkpoints, from the last of them if `resume`.

    Returns:
        Losses and scores by epoch, and the model that is kept.
    """
    from transformers import set_seed
    from transformers.trainer_utils import get_last_checkpoint

    from xner.training.loop import Soft, Student

    start = _start(work, lesson)
    set_seed(lesson.settings.seed)
    model = _model(start, lesson.examples.tagset)
    trainer = Student(
        model,
        _collator(start, lesson.examples, lesson.settings, lesson.settings.hidden, lesson.counts),
        lesson.settings,
        Soft(*lesson.soft),
        work,
        _judge(start, lesson),
        tell,
    )
    last = get_last_checkpoint(str(work)) if resume else None
    trainer.train(resume_from_checkpoint=last)
    return _history(trainer.state.log_history), trainer.model


def _collator(
    start: str, examples: Examples, settings: Settings, share: float, counts: Counts | None
) -> Collator:
    """Batches of examples, for a tokenizer; `share` of the subwords masked."""
    from xner.tagging.subwords import Subwords
    from xner.training.loop import Collator, cut

    subwords = Subwords(start)
    mask, special = _special_ids(start)
    found = cut(examples, subwords, settings.window, counts)
    return Collator(examples, found, subwords.filler, special, mask, share)


def _judge(start: str, lesson: Lesson) -> Callable[[Any], float] | None:
    """F1 of a model on the dev set, if there is one."""
    from xner.training.loop import likeliest

    judge = lesson.judge
    if judge is None:
        return None
    batches = _collator(start, judge, lesson.settings, 0.0, None)
    return lambda model: tags_f1(judge, likeliest(model, batches))


def _start(work: Path, lesson: Lesson) -> str:
    """Where tokenizer and model are loaded from: the base, or a folder made here."""
    if lesson.settings.base is not None:
        return lesson.settings.base
    from xner.training.scratch import make_config, make_tokenizer

    folder = work / "start"
    if not (folder / "config.json").is_file():
        text = [*lesson.examples.sentences, *lesson.text]
        size = make_tokenizer(text, lesson.settings.vocabulary, folder)
        assert lesson.settings.from_scratch is not None
        make_config(lesson.settings.from_scratch, size, folder)
    return str(folder)


def _model(start: str, tagset: Sequence[str]) -> Any:
    """A token classifier with these tags; a base's own head is kept if its tags are the same."""
    from transformers import AutoConfig, AutoModelForTokenClassification

    names = dict(enumerate(tagset))
    config = load(AutoConfig, start, "base model")
    had = dict(config.id2label)
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
    if had != names and len(had) == len(names):
        _reset_head(model, start)
    return model.float()


def _has_weights(folder: Path) -> bool:
    return any(path.suffix in (".safetensors", ".bin") for path in folder.iterdir())


def _reset_head(model: Any, start: str) -> None:
    """New weights for a head that was trained for as many, but other tags."""
    head = getattr(model, "classifier", None) or getattr(model, "score", None)
    if head is None or not hasattr(head, "weight"):
        raise InputError(f"the base model {start!r} has no head that xner knows how to replace")
    head.weight.data.normal_(0.0, 0.02)
    if head.bias is not None:
        head.bias.data.zero_()


def _special_ids(start: str) -> tuple[int, tuple[int, ...]]:
    """The id that masks a subword, and the ids that are never masked."""
    from transformers import AutoTokenizer

    tokenizer = load(AutoTokenizer, start, "tokenizer")
    mask = tokenizer.mask_token_id
    hidden = (tokenizer.unk_token_id or 0) if mask is None else mask
    return hidden, tuple(tokenizer.all_special_ids)


def tags_f1(judge: Examples, found: np.ndarray[Any, Any]) -> float:
    """Strict entity F1 of predicted tags, as `xner.evaluate` has it."""
    return evaluate(_labelled(judge, judge.tags), _labelled(judge, found)).f1


def _labelled(judge: Examples, tags: np.ndarray[Any, Any]) -> Corpus:
    rows = []
    for i, j in pairwise(judge.offsets):
        spans = spans_from_tags([judge.tagset[t] for t in tags[i:j]])
        rows.append([{"start": s, "end": e, "label": label} for s, e, label in spans])
    table = pa.table(
        {"tokens": pa.array(judge.sentences, TOKENS), "entities": pa.array(rows, ENTITIES)}
    )
    return Corpus.from_table(table, "dev")


def _history(log: Sequence[dict[str, float]]) -> list[dict[str, float]]:
    """Epochs of the Trainer's log, with what is known of each."""
    epochs: dict[float, dict[str, float]] = {}
    for entry in log:
        for name, key in (("loss", "loss"), ("eval_f1", "f1")):
            if name in entry:
                epochs.setdefault(entry["epoch"], {"epoch": entry["epoch"]})[key] = entry[name]
    return list(epochs.values())
