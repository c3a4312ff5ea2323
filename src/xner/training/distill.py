"""`xner.distill`: a student that learns the probabilities of one teacher or several."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from os import PathLike
from typing import Any

import numpy as np

from xner.corpus import Corpus, StrPath
from xner.errors import InputError, UsageError
from xner.schemes import spans_from_tags
from xner.training import require_training
from xner.training.examples import Counts, Examples, Float32, offsets_from
from xner.training.gather import Choice, Labels, words_of
from xner.training.settings import Settings
from xner.training.student import Trained, make_student
from xner.training.teachers import (
    AGREED,
    LABEL_SETS,
    Opinion,
    agreement,
    ask,
    combined,
    common_tagset,
    hardened,
    read_opinion,
)
from xner.training.texts import Given, as_corpora, as_texts

WEIGHTINGS = ("average", "domain", "sentence")
LOSSES = ("mse", "kl")
Progress = Callable[[str, float], None]


def distill(
    corpora: Given | Sequence[Given],
    output: StrPath,
    *,
    teachers: StrPath | Sequence[StrPath] | None = None,
    weights: str | Sequence[float] = "average",
    sources: Sequence[Given] = (),
    features: str = "ngrams",
    label_set: str = "shared",
    agreed: str | None = None,
    loss: str = "mse",
    temperature: float = 1.0,
    side: str = "target",
    labels: Labels | None = None,
    dev: Given | None = None,
    tokenizer_text: Given | Sequence[Given] = (),
    resume: bool = False,
    progress: Progress | None = None,
    **options: Any,
) -> Trained:
    """Train a student on what teachers think of unlabelled text (Wu et al. 2020).

    Args:
        corpora: text of the target language; labels in it are not looked at.
        output: folder for the student.
        teachers: taggers by hub id or folder; None takes the columns that
            `xner tag --probabilities` left in the corpora.
        weights: of several teachers: `average`; `domain` or `sentence`, by learnt likeness of
            their languages to the target (`xner.training.similarity`), one weight for the whole
            corpus or one for each sentence; or numbers, one for each teacher.
        sources: for `domain` and `sentence`, text of each teacher's language, in their order.
        features: of sentences, for likeness: `ngrams`, or an encoder by hub id or folder.
        label_set: the student's labels: those `shared` by all teachers, or `all`. What is left
            out counts as O.
        agreed: `hard` learns hard labels where the likeliest tag is the same for all teachers,
            `only` leaves other words out besides.
        loss: `mse` on probabilities, as in the paper, or `kl`.
        temperature: above 1 evens out both sides' probabilities.
        side: of corpora that have two, `target` or `source`.
        labels: labels of the teachers to rename, or to drop (None).
        dev, tokenizer_text, resume, progress, **options: as for `xner.train`.

    Returns:
        The student; `.told` has the weights of the teachers and what they agreed on.

    Raises:
        InputError: a file or column is bad, or a teacher cannot be loaded.
        UsageError: an option makes no sense.
        OutputError: `output` cannot be written, or holds something else.
        MissingExtraError: torch, transformers or accelerate is not installed.
    """
    require_training()
    settings = Settings.of(options)
    asked = _Weighting(weights, as_texts(sources), features, settings.device)
    listed = _listed(teachers)
    number = 1 if listed is None else len(listed)
    check_choices(number, len(asked.sources), weights, agreed, label_set, loss, temperature)
    tell = progress or (lambda stage, share: None)
    given = as_corpora(corpora)
    sentences = sentences_of(given, side)
    opinions = _opinions(given, sentences, listed, side, settings, tell)
    tagset, left_out = common_tagset(opinions, labels, label_set)
    mapped = [opinion.mapped(tagset, labels) for opinion in opinions]
    offsets = offsets_from(sentences)
    alpha, told = asked.find(sentences, side, len(mapped))
    same = agreement(mapped)
    soft, counted = hardened(combined(mapped, alpha, offsets), same, agreed)
    examples = Examples(sentences, offsets, tagset, soft.argmax(-1).astype(np.int16), counted, soft)
    if len(opinions) > 1:
        told["agreed_words"] = int(same.sum())
    if left_out:
        told["left_out"] = sorted(left_out)
    return make_student(
        examples,
        count(examples, sum(len(corpus) for corpus in given)),
        output,
        settings,
        dev=None if dev is None else (as_corpora(dev), Choice(side=side, labels=labels)),
        text=words_of(as_texts(tokenizer_text), side),
        sources=[*(corpus.origin for corpus in given), *(o.name for o in opinions)],
        told={"task": "distill", "teachers": len(opinions), "agreed": agreed or "soft", **told},
        soft=(loss, temperature),
        resume=resume,
        progress=progress,
    )


def sentences_of(given: Sequence[Corpus], side: str) -> list[list[str]]:
    """The words of every sentence that has some; a student learns no empty ones."""
    if side not in ("source", "target"):
        raise UsageError(f"side is {side!r}; choose source or target")
    sentences = words_of(given, side)
    if not sentences:
        raise InputError("the corpora have no words on that side")
    return sentences


def _listed(teachers: StrPath | Sequence[StrPath] | None) -> list[StrPath] | None:
    if teachers is None:
        return None
    return [teachers] if isinstance(teachers, str | PathLike) else list(teachers)


def check_choices(
    teachers: int,
    sources: int,
    weights: str | Sequence[float] = "average",
    agreed: str | None = None,
    label_set: str = "shared",
    loss: str = "mse",
    temperature: float = 1.0,
) -> None:
    """Check what is told of distilling, before a teacher is asked.

    Args:
        teachers: how many.
        sources: of how many there is text.
        weights, agreed, label_set, loss, temperature: as for `distill`.

    Raises:
        UsageError: one makes no sense, or does not fit the number of teachers.
    """
    if not teachers:
        raise UsageError("no teacher was named")
    _check_weights(weights, teachers, sources)
    if agreed not in (None, *AGREED):
        raise UsageError(f"agreed is {agreed!r}; choose one of {', '.join(AGREED)}")
    if label_set not in LABEL_SETS:
        raise UsageError(f"label_set is {label_set!r}; choose one of {', '.join(LABEL_SETS)}")
    if loss not in LOSSES:
        raise UsageError(f"loss is {loss!r}; choose one of {', '.join(LOSSES)}")
    if not 0 < temperature < float("inf"):
        raise UsageError(f"temperature is {temperature}; it must be above 0")


def _check_weights(weights: str | Sequence[float], teachers: int, sources: int) -> None:
    if isinstance(weights, str):
        if weights not in WEIGHTINGS:
            raise UsageError(
                f"weights is {weights!r}; choose one of {', '.join(WEIGHTINGS)}, or give a number "
                f"for each teacher"
            )
        learnt = weights != "average"
        if learnt and (teachers < 2 or sources != teachers):
            raise UsageError(
                f"weights {weights!r} needs several teachers and text of each one's language; "
                f"there are {teachers} and {sources}"
            )
    elif len(weights) != teachers or min(weights) < 0 or sum(weights) <= 0:
        raise UsageError(
            f"weights are {list(weights)}; give a number from 0 up for each of the {teachers} "
            f"teachers"
        )
    if sources and weights not in WEIGHTINGS[1:]:
        raise UsageError("sources are for weights 'domain' or 'sentence'")


def _opinions(
    given: Sequence[Corpus],
    sentences: Sequence[Sequence[str]],
    teachers: Sequence[StrPath] | None,
    side: str,
    settings: Settings,
    tell: Progress,
) -> list[Opinion]:
    if teachers is None:
        return [read_opinion(given, side)]
    found = []
    for i, teacher in enumerate(teachers):
        tell("teach", i / len(teachers))
        found.append(ask(str(teacher), sentences, settings.device, settings.precision))
    tell("teach", 1.0)
    return found


@dataclass(frozen=True)
class _Weighting:
    """How several teachers are weighed: as asked for."""

    weights: str | Sequence[float]
    sources: Sequence[Corpus]
    features: str
    device: str

    def find(
        self, sentences: Sequence[Sequence[str]], side: str, teachers: int
    ) -> tuple[Float32, dict[str, Any]]:
        """The weights, (K) or (N x K), and what is told of them."""
        if self.weights == "average":
            return np.full(teachers, 1 / teachers, np.float32), {"weights": "average"}
        if not isinstance(self.weights, str):
            alpha = np.array(self.weights, np.float32) / sum(self.weights)
            return alpha, {"weights": "given", "teacher_weights": _rounded(alpha)}
        from xner.training.similarity import learn_similarity, sentence_features

        kind, device = self.features, self.device if self.device != "auto" else "cpu"
        languages = [
            sentence_features(_some(words_of([corpus], side)), kind, device)
            for corpus in self.sources
        ]
        found = learn_similarity(languages, sentence_features(sentences, kind, device))
        told = {
            "weights": self.weights,
            "teacher_weights": _rounded(found.domain),
            "tau": round(found.tau, 6),
            "language_accuracy": round(found.accuracy, 4),
        }
        return found.domain if self.weights == "domain" else found.sentence, told


def _some(sentences: list[list[str]]) -> list[list[str]]:
    """As many as the likeness is learnt from, evenly spread."""
    from xner.training.similarity import Learning

    step = max(1.0, len(sentences) / Learning().sentences)
    return [sentences[int(i * step)] for i in range(int(len(sentences) / step))]


def _rounded(alpha: Float32) -> list[float]:
    return [round(float(weight), 4) for weight in alpha]


def count(examples: Examples, rows: int) -> Counts:
    """What examples without gold labels are: sentences, words, entities of the likeliest tags."""
    entities: Counter[str] = Counter()
    for i, j in pairwise(examples.offsets):
        names = [examples.tagset[t] for t in examples.tags[i:j]]
        entities.update(label for _, _, label in spans_from_tags(names))
    kept = len(examples.sentences)
    return Counts(rows, kept, rows - kept, Counter(), len(examples.tags), entities)
