"""`xner.train`: a student of labelled or projected sentences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from xner.corpus import Corpus, StrPath
from xner.errors import InputError
from xner.training import require_training
from xner.training.gather import Choice, Labels, gather, words_of
from xner.training.settings import Settings
from xner.training.student import Trained, make_student
from xner.training.texts import as_corpora, as_texts

Given = Corpus | StrPath
Progress = Callable[[str, float], None]


def train(
    corpora: Given | Sequence[Given],
    output: StrPath,
    *,
    dev: Given | None = None,
    side: str = "target",
    labels: Labels | None = None,
    max_unprojected: float | None = None,
    min_score: float | None = None,
    weight_by: str | None = None,
    class_weight_by: str | None = None,
    tokenizer_text: Given | Sequence[Given] = (),
    resume: bool = False,
    progress: Progress | None = None,
    **options: Any,
) -> Trained:
    """Fine-tune a token classifier on labelled sentences, mixed from all corpora.

    The first subword of a word is judged; the loss is cross-entropy, weighted by word.

    Args:
        corpora: labelled corpora or files, one or several; a corpus of one side counts as it is.
        output: folder for the model; it also holds what an interrupted run left.
        dev: labelled sentences; the epoch with the best F1 on them is kept, and training ends
            early when it stops rising.
        side: of corpora that have two: `target`, `source` or `both`.
        labels: labels to rename, or to drop (None): `{"MISC": None}`.
        max_unprojected: drop sentences if a larger share of their source entities was not
            projected.
        min_score: drop sentences with an entity that scores less.
        weight_by: `score` weighs sentences by the mean score of their entities.
        class_weight_by: `score` weighs labels likewise.
        tokenizer_text: more text for the tokenizer of a student made from scratch, such as that
            of other languages it is to read.
        resume: go on from the last epoch of an interrupted run of the same settings and data.
        progress: called with the name of the stage and the share that is done.
        **options: how the student is made and trained (`xner.training.settings.Settings`):
            `base` or `from_scratch`, `epochs`, `seed`, …

    Returns:
        Where the model is, what it learnt from, its dev F1 by epoch, and the signature.

    Raises:
        InputError: a file or column is bad, no sentence or label is left to train on, or `base`
            cannot be loaded.
        UsageError: an option makes no sense, or `resume` meets another run.
        OutputError: `output` cannot be written, or holds something else.
        MissingExtraError: torch, transformers or accelerate is not installed.
    """
    require_training()
    settings = Settings.of(options)
    choice = Choice(side, labels, max_unprojected, min_score, weight_by, class_weight_by)
    choice.check()
    given = as_corpora(corpora)
    examples, counts = gather(given, choice)
    if len(examples.tagset) == 1:
        dropped = ", ".join(sorted(counts.dropped_labels)) or "none"
        raise InputError(
            f"no label is left to learn (dropped: {dropped}); check labels, and that the corpora "
            f"have entities"
        )
    more = words_of(as_texts(tokenizer_text), side)
    return make_student(
        examples,
        counts,
        output,
        settings,
        dev=None if dev is None else (as_corpora(dev), choice),
        text=more,
        sources=[corpus.origin for corpus in given],
        told={"task": "train", **_told(choice)},
        resume=resume,
        progress=progress,
    )


def _told(choice: Choice) -> dict[str, Any]:
    """What the choice of sentences adds to the manifest: only what was asked for."""
    names = ("side", "labels", "max_unprojected", "min_score", "weight_by", "class_weight_by")
    return {n: getattr(choice, n) for n in names if getattr(choice, n) is not None}
