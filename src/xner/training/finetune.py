"""`xner.train`: a student of labelled or projected sentences."""

from __future__ import annotations

from xner.corpus import StrPath
from xner.errors import InputError
from xner.training import Progress, require_training
from xner.training.examples import Lesson
from xner.training.gather import gather, read_dev, words_of
from xner.training.options import TrainOptions
from xner.training.student import Trained, make_student
from xner.training.texts import Given, as_corpora, as_texts

_SIGNED = ("side", "labels", "max_unprojected", "min_score", "weight_by", "class_weight_by")


def train_student(
    corpora: Given,
    output: StrPath,
    options: TrainOptions,
    *,
    resume: bool = False,
    progress: Progress | None = None,
) -> Trained:
    """Fine-tune a token classifier on the labelled sentences of all corpora, mixed.

    The model predicts the tag of a word at its first subword. The loss is cross-entropy, weighted
    by word. With a dev set, the epoch with the highest F1 on it is kept.

    Args:
        corpora: one or several labelled corpora or files; corpora of one side are used as they
            are, whatever the option `side` says.
        output: folder for the model, and for the checkpoints of an interrupted run.
        options: the sentences to use, and how the student is trained.
        resume: continue an interrupted run with the same options and data after its last epoch.
        progress: called with the name of the stage and the share that is done.

    Raises:
        InputError: a file or column is invalid, no sentence or label is left to train on, or the
            base model cannot be loaded.
        UsageError: `resume` finds a run with other options or data.
        OutputError: `output` cannot be written, or contains something else.
        MissingExtraError: torch, transformers or accelerate is not installed.
    """
    require_training()
    given = [*as_corpora(corpora), *as_texts(options.also)]
    examples, counts = gather(given, options)
    if len(examples.tagset) == 1:
        dropped = ", ".join(sorted(counts.dropped_labels)) or "none"
        raise InputError(
            f"no label is left to learn (dropped: {dropped}); check the option labels, and that "
            f"the corpora have entities"
        )
    signed = {name: getattr(options, name) for name in _SIGNED}
    lesson = Lesson(
        examples,
        counts,
        options,
        {"task": "train", **{name: value for name, value in signed.items() if value is not None}},
        sources=[corpus.origin for corpus in given],
        dev=read_dev(options, examples.tagset),
        text=words_of(as_texts(options.tokenizer_text), options.side),
    )
    return make_student(lesson, output, resume=resume, progress=progress)
