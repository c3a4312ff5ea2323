"""`xner.distill`: a student that learns the probabilities of one or several teachers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xner.corpus import Corpus, StrPath
from xner.options import as_list
from xner.training import Progress, require_training, silent
from xner.training.examples import Examples, Float32, HiddenLoss, Lesson, SoftLoss
from xner.training.gather import Unlabelled, read_dev, read_unlabelled, words_of
from xner.training.options import DistillOptions
from xner.training.student import Trained, make_student
from xner.training.teachers import (
    Predictions,
    agreement,
    combine,
    common_tagset,
    harden,
    predict,
    stored_predictions,
)
from xner.training.texts import Given, as_corpora, as_texts


def distill_student(
    corpora: Given,
    output: StrPath,
    options: DistillOptions,
    *,
    resume: bool = False,
    progress: Progress | None = None,
) -> Trained:
    """Train a student on the probabilities that teachers predict (Wu et al. 2020).

    Args:
        corpora: one or several corpora or files in the target language; labels are ignored.
        output: folder for the model, and for the checkpoints of an interrupted run.
        options: the teachers, and how the student is trained.
        resume: continue an interrupted run with the same options and data after its last epoch.
        progress: called with the name of the stage and the share that is done.

    Returns:
        The student; `.details` has the weights of the teachers and how often they agree.

    Raises:
        InputError: a file or column is invalid, or a teacher cannot be loaded.
        UsageError: `resume` finds a run with other options or data.
        OutputError: `output` cannot be written, or contains something else.
        MissingExtraError: torch, transformers or accelerate is not installed.
    """
    require_training()
    sources, given = as_texts(options.sources), as_corpora(corpora)
    text = read_unlabelled(given, options.side)
    teachers = _predictions(given, text, options, progress or silent)
    tagset, left_out = common_tagset(teachers, options.labels, options.label_set)
    mapped = [teacher.mapped(tagset, options.labels) for teacher in teachers]
    alpha, weighting = _teacher_weights(options, sources, text, len(teachers))
    same = agreement(mapped)
    soft, weights = harden(combine(mapped, alpha, text.offsets), same, options.agreed)
    tags = soft.argmax(-1).astype(np.int16)
    hidden = _hidden(options, text, alpha) if options.layers else None
    examples = Examples(text.sentences, text.offsets, tagset, tags, weights, soft, hidden)
    details = {"task": "distill", "teachers": len(teachers), "agreed": options.agreed or "soft"}
    details |= weighting
    if len(teachers) > 1:
        details["agreed_words"] = int(same.sum())
    learned = HiddenLoss()
    if options.layers:
        learned = HiddenLoss(tuple(options.layers), options.layer_weight)
        details |= learned._asdict()
    if left_out:
        details["left_out"] = sorted(left_out)
    lesson = Lesson(
        examples,
        text.count(examples),
        options,
        details,
        sources=[*text.origins, *(teacher.name for teacher in teachers)],
        dev=read_dev(options, tagset),
        text=words_of(as_texts(options.tokenizer_text), options.side),
        loss=SoftLoss(options.loss, options.temperature),
        hidden=learned,
    )
    return make_student(lesson, output, resume=resume, progress=progress)


def _predictions(
    corpora: Sequence[Corpus], text: Unlabelled, options: DistillOptions, progress: Progress
) -> list[Predictions]:
    """The predictions of each teacher; those in the corpora if the options name no teacher."""
    if options.teachers is None:
        return [stored_predictions(corpora, options.side)]
    teachers, predictions = as_list(options.teachers), []
    for i, teacher in enumerate(teachers):
        progress("teach", i / len(teachers))
        predictions.append(predict(str(teacher), text.sentences, options))
    progress("teach", 1.0)
    return predictions


def _hidden(options: DistillOptions, text: Unlabelled, alpha: Float32) -> NDArray[np.float16]:
    """The hidden states to learn, float16 (W x layers x width): Σ_k α_k h_k, as probabilities."""
    from xner.training.hidden import split_layers, student_shape, teacher_states

    shape = student_shape(options)
    teachers = [str(teacher) for teacher in as_list(options.teachers)]
    states = [teacher_states(teacher, text.sentences, shape, options) for teacher in teachers]
    return split_layers(combine(states, alpha, text.offsets), len(options.layers))


def _teacher_weights(
    options: DistillOptions, sources: Sequence[Corpus], text: Unlabelled, teachers: int
) -> tuple[Float32, dict[str, Any]]:
    """Weights of the teachers, (K) or one row per sentence (N x K), and what to report of them."""
    if options.weights == "average":
        return np.full(teachers, 1 / teachers, np.float32), {"weights": "average"}
    if not isinstance(options.weights, str):
        alpha = np.array(options.weights, np.float32) / sum(options.weights)
        return alpha, {"weights": "given", "teacher_weights": _rounded(alpha)}
    from xner.training.similarity import IdentifierSettings, learn_similarity, sentence_features

    kind, device = str(options.features), options.device if options.device != "auto" else "cpu"
    languages = [
        sentence_features(_sample(words_of([corpus], options.side)), kind, device)
        for corpus in sources
    ]
    seed = options.seed if options.similarity_seed is None else options.similarity_seed
    how = IdentifierSettings(
        options.similarity_rank, options.similarity_gamma, options.similarity_epochs, seed
    )
    learned = learn_similarity(languages, sentence_features(text.sentences, kind, device), how)
    details = {
        "weights": options.weights,
        "teacher_weights": _rounded(learned.domain),
        "tau": round(learned.tau, 6),
        "language_accuracy": round(learned.accuracy, 4),
        "similarity": asdict(how),
    }
    return learned.domain if options.weights == "domain" else learned.sentence, details


def _sample(sentences: list[list[str]]) -> list[list[str]]:
    """As many evenly spaced sentences as the language identifier learns from."""
    from xner.training.similarity import SENTENCES

    step = max(1.0, len(sentences) / SENTENCES)
    return [sentences[int(i * step)] for i in range(int(len(sentences) / step))]


def _rounded(alpha: Float32) -> list[float]:
    return [round(float(weight), 4) for weight in alpha]
