"""Options of the students: each is declared here once, with its type, default, range and help."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xner.corpus import Corpus
from xner.effects import GIVEN, NOTHING, when
from xner.errors import UsageError
from xner.inference.options import PRECISIONS
from xner.options import as_list, declare, option, options_of, parse_label, required, settle

Labels = Mapping[str, str | None]
"""New names of labels; None drops a label."""
Text = Corpus | str | Path
Tagger = str | Path
LEARNED_WEIGHTS = ("domain", "sentence")
_LEARNED = when("weights domain or sentence", learns_weights=True)
SIMILARITY = tuple(f"similarity_{name}" for name in ("rank", "gamma", "epochs", "seed"))
"""Options of the weights that are learned."""
STUDENT = "student"
"""The group of options that decide how a student is built and trained."""


@dataclass(frozen=True, slots=True)
class Size:
    """Width, layers and heads of an encoder built from scratch, and its default learning rate."""

    width: int
    layers: int
    heads: int
    rate: float


SIZES = {"small": Size(128, 2, 4, 2e-3), "medium": Size(384, 6, 6, 5e-4)}
"""Encoders that need no download (`xner.training.scratch`)."""


def parse_weights(text: str) -> str | list[float]:
    """The name of a weighting, or weights separated by commas.

    Raises:
        UsageError: a weight is not a number.
    """
    if not any(character.isdigit() for character in text):
        return text
    try:
        return [float(number) for number in text.split(",")]
    except ValueError:
        raise UsageError(
            f"weights is {text!r}; separate numbers by commas, as in 0.5,0.5"
        ) from None


def parse_layers(text: str) -> list[int]:
    """Numbers of layers separated by commas.

    Raises:
        UsageError: one is not a number.
    """
    try:
        return [int(number) for number in text.split(",")]
    except ValueError:
        raise UsageError(f"layers is {text!r}; separate numbers by commas, as in 6,8") from None


@declare
class _Sides:
    side: str = option(
        "target",
        "Side to use of corpora that have both.",
        choices=("target", "source"),
        group="input",
    )
    labels: Labels | None = option(
        None, "Rename label OLD to NEW; an empty NEW drops it.",
        flag="--label", parse=parse_label, unit="OLD=NEW", repeat=True, group="input",
    )  # fmt: skip

    def __post_init__(self) -> None:
        settle(self)
        self.check()

    def check(self) -> None:
        """Check options that depend on each other.

        Raises:
            UsageError: two options do not fit together.
        """


@declare
class Choice(_Sides):
    """Which labelled sentences are used, and how they are weighted."""

    side: str = option(
        "target",
        "Side to use of corpora that have both.",
        choices=("target", "source", "both"),
        group="input",
    )
    max_unprojected: float | None = option(
        None, "Drop sentences with a larger share of unprojected source entities.",
        ge=0, le=1, unit="SHARE", group="doubtful projections",
    )  # fmt: skip
    min_score: float | None = option(
        None, "Drop sentences that contain an entity with a lower matching score.",
        unit="SCORE", group="doubtful projections",
    )  # fmt: skip
    weight_by: str | None = option(
        None, "Weight sentences by the mean score of their entities, relative to the mean score "
        "of all sentences; weights are at most 1.",
        choices=("score",), group="doubtful projections", rare=True,
    )  # fmt: skip
    class_weight_by: str | None = option(
        None, "Weight labels by the mean score of their entities, relative to the label with the "
        "highest mean score.",
        choices=("score",), group="doubtful projections", rare=True,
    )  # fmt: skip


@declare
class StudentOptions(_Sides):
    """How a student is built and trained."""

    dev: Text | None = option(
        None, "Labelled sentences for choosing the best epoch and stopping early.",
        unit="FILE", names="file", group="input",
    )  # fmt: skip
    base: Tagger | None = option(
        None, "Encoder or tagger to start from: hub id or folder.",
        unit="ID_OR_FOLDER", names="tagger", group=STUDENT,
    )  # fmt: skip
    from_scratch: str | None = option(
        None, "Size of a tokenizer and a model to train from scratch instead of BASE.",
        choices=tuple(SIZES), group=STUDENT,
    )  # fmt: skip
    frozen: int | None = option(
        None, "Do not train the embeddings and this many of the lowest layers of BASE.",
        ge=0, unit="LAYERS", group=STUDENT, default_text="train everything",
        when=when(from_scratch=NOTHING), rare=True,
    )  # fmt: skip
    epochs: int = option(
        5, "Maximum number of passes over the sentences.", ge=1, unit="N", group=STUDENT
    )
    batch_size: int = option(32, "Sentences per training step.", ge=1, unit="N", group=STUDENT)
    learning_rate: float | None = option(
        None, "Peak learning rate. It rises during the warm-up and then falls linearly to 0.",
        ge=0, unit="RATE", group=STUDENT,
        default_text="5e-5; from scratch 2e-3 for small, 5e-4 for medium",
    )  # fmt: skip
    warmup: float = option(
        0.1, "Share of the training steps in which the learning rate rises.",
        ge=0, lt=1, flag="", group=STUDENT,
    )  # fmt: skip
    weight_decay: float = option(0.01, "Weight decay of AdamW.", ge=0, flag="", group=STUDENT)
    masked: float | None = option(
        None, "Share of subwords that are masked during training.",
        ge=0, lt=1, unit="SHARE", group=STUDENT, default_text="0; from scratch 0.2", rare=True,
    )  # fmt: skip
    patience: int = option(
        3, "Stop training after this many epochs without a higher F1 on the dev set.",
        ge=1, unit="N", group=STUDENT, when=when(dev=GIVEN), rare=True,
    )  # fmt: skip
    window: int = option(
        256, "Maximum number of subwords per input; longer sentences are split into windows.",
        ge=8, unit="SUBWORDS", group=STUDENT, rare=True,
    )  # fmt: skip
    vocabulary: int = option(
        8000, "Number of subwords of a tokenizer trained from scratch.",
        ge=100, unit="SUBWORDS", group=STUDENT, when=when(from_scratch=GIVEN), rare=True,
    )  # fmt: skip
    seed: int = option(
        1, "Random seed. It decides initial weights, sentence order, dropout and masking.",
        ge=0, unit="N", group=STUDENT,
    )  # fmt: skip
    device: str = option(
        "auto", "Device, such as cpu or cuda:1. `auto` uses a GPU if there is one.",
        unit="NAME", group=STUDENT,
    )  # fmt: skip
    precision: str = option(
        "auto", "Precision of training steps; auto uses 16 bit on a GPU, and float32 elsewhere.",
        choices=PRECISIONS, group=STUDENT, rare=True,
    )  # fmt: skip

    def __post_init__(self) -> None:
        if self.base is not None:
            object.__setattr__(self, "base", str(self.base))
        super().__post_init__()

    def check(self) -> None:
        """Check options that depend on each other.

        Raises:
            UsageError: two options do not fit together.
        """
        if self.base is None and self.from_scratch is None:
            raise UsageError(
                "name the model to start from (base), or train one from scratch "
                "(from_scratch='small'; on the command line --from-scratch small)"
            )
        if self.base is not None and self.from_scratch is not None:
            raise UsageError("give base or from_scratch, not both")

    @property
    def rate(self) -> float:
        """The peak learning rate."""
        if self.learning_rate is not None:
            return self.learning_rate
        return 5e-5 if self.from_scratch is None else SIZES[self.from_scratch].rate

    @property
    def masked_share(self) -> float:
        """The share of subwords that are masked during training."""
        if self.masked is not None:
            return self.masked
        return 0.0 if self.from_scratch is None else 0.2

    def as_dict(self) -> dict[str, Any]:
        """The options of every student that decide the result; `device` does not."""
        kind: Callable[..., Any] = StudentOptions
        names = [name for name, o in options_of(kind).items() if o.group == STUDENT]
        values = {name: getattr(self, name) for name in names if name != "device"}
        return {**values, "learning_rate": self.rate, "masked": self.masked_share}


@declare
class _TokenizerText:
    tokenizer_text: Text | Sequence[Text] = option(
        (), "Additional text for a tokenizer trained from scratch, such as text of other languages "
        "that the student will read.",
        unit="FILE", repeat=True, names="file", when=when(from_scratch=GIVEN), group="input",
        rare=True,
    )  # fmt: skip


@declare
class TrainOptions(Choice, StudentOptions, _TokenizerText):
    """Options of `xner.train`."""

    also: Text | Sequence[Text] = option(
        (), "Labelled corpora to train on in addition.", flag="", names="file"
    )


@declare
class DistillOptions(StudentOptions, _TokenizerText):
    """Options of `xner.distill`."""

    teachers: Tagger | Sequence[Tagger] | None = option(
        None, "Tagger to learn from: hub id or folder.",
        flag="--teacher", unit="ID_OR_FOLDER", repeat=True, names="tagger", group="teachers",
        default_text="the columns written by xner tag --probabilities",
    )  # fmt: skip
    weights: str | Sequence[float] = option(
        "average", "Weights of teachers: average, domain, sentence, or numbers as in 0.5,0.3,0.2. "
        "`domain` and `sentence` are learned from the similarity of their languages to the whole "
        "corpus and to each sentence.",
        choices=("average", *LEARNED_WEIGHTS), parse=parse_weights, unit="WEIGHTS",
        each_of="teachers", group="teachers",
    )  # fmt: skip
    sources: Text | Sequence[Text] = option(
        (), "Text in a teacher's language, for the weights domain and sentence. Give it once per "
        "teacher, in the same order. Of a file with two sides, the one that side names is read.",
        flag="--source", unit="FILE", repeat=True, names="file", text_of="teachers",
        each_of="teachers", group="teachers", when=_LEARNED,
    )  # fmt: skip
    features: Tagger = option(
        "ngrams", "Sentence features for the similarity of languages: ngrams, or an encoder "
        "(hub id or folder).",
        unit="NAME", group="teachers", when=_LEARNED, rare=True,
    )  # fmt: skip
    similarity_rank: int = option(
        64, "Rank m of the similarity of languages, for the weights domain and sentence.",
        ge=1, unit="N", group="teachers", when=_LEARNED, rare=True,
    )  # fmt: skip
    similarity_gamma: float = option(
        0.01, "Weight γ of the penalty that keeps language embeddings apart.",
        ge=0, unit="GAMMA", group="teachers", when=_LEARNED, rare=True,
    )  # fmt: skip
    similarity_epochs: int = option(
        3, "Passes over the text of the teachers' languages.",
        ge=1, unit="N", group="teachers", when=_LEARNED, rare=True,
    )  # fmt: skip
    similarity_seed: int | None = option(
        None, "Random seed of the similarity of languages.",
        ge=0, unit="N", group="teachers", default_text="the seed of the student", when=_LEARNED,
        rare=True,
    )  # fmt: skip
    label_set: str = option(
        "shared", "Labels of the student: those shared by all teachers, or all labels of any "
        "teacher. Other labels count as O.",
        choices=("shared", "all"), group="teachers", rare=True,
    )  # fmt: skip
    agreed: str | None = option(
        None, "Where all teachers predict the same tag, learn it as a hard label; only also "
        "ignores all other words.",
        choices=("hard", "only"), group="teachers", rare=True,
    )  # fmt: skip
    loss: str = option(
        "mse", "Loss on probabilities: mean squared error, as in Wu et al. 2020, or KL divergence.",
        choices=("mse", "kl"), group="teachers", rare=True,
    )  # fmt: skip
    layers: Sequence[int] = option(
        (), "Learn the teachers' hidden states of these layers too, as in 6,8. Counted from 1 in "
        "the student; a teacher with another number of layers is read at the same relative depth.",
        parse=parse_layers, unit="LAYERS", group="teachers", rare=True,
    )  # fmt: skip
    layer_weight: float = option(
        0.1, "Weight of the loss on hidden states.",
        gt=0, unit="W", group="teachers", when=when(layers=GIVEN), rare=True,
    )  # fmt: skip
    temperature: float = option(
        1.0, "Temperature of the probabilities of teachers and student; values above 1 flatten "
        "them.",
        gt=0, unit="T", group="teachers", rare=True,
    )  # fmt: skip

    def check(self) -> None:
        """Check options that depend on each other.

        Raises:
            UsageError: options do not fit together, or not the number of teachers.
        """
        super().check()
        teachers = 1 if self.teachers is None else len(as_list(self.teachers))
        sources, weights = len(as_list(self.sources)), self.weights
        if not teachers:
            raise UsageError("teachers is empty; name at least one teacher")
        if self.layers and self.teachers is None:
            raise UsageError("layers needs teachers; columns have no hidden states")
        if self.learns_weights and (teachers < 2 or sources != teachers):
            raise UsageError(
                f"weights {weights!r} needs several teachers and text of each teacher's language "
                f"(sources); there are {teachers} and {sources}"
            )
        if not isinstance(weights, str) and (
            len(weights) != teachers or min(weights) < 0 or sum(weights) <= 0
        ):
            raise UsageError(
                f"weights is {list(weights)}; give one number of at least 0 for each of the "
                f"{teachers} teachers"
            )

    @property
    def learns_weights(self) -> bool:
        """Whether the weights of the teachers are learned from text of their languages."""
        return self.weights in LEARNED_WEIGHTS


@declare
class SelfTrainOptions(StudentOptions):
    """Options of `xner.self_train`."""

    start: Tagger = required(
        "Tagger that labels the text first: hub id or folder.",
        unit="ID_OR_FOLDER", names="tagger", group="student",
    )  # fmt: skip
    rounds: int = option(
        3,
        "Maximum number of rounds.",
        ge=1,
        unit="N",
        group="student",
    )
    confidence: float | None = option(
        None, "Learn words whose most probable tag has at least this probability.",
        gt=0, le=1, unit="P", default_text="0.9 without --top", group="student",
    )  # fmt: skip
    top: float | None = option(
        None, "Learn this share of each label's words instead, most confident first.",
        gt=0, le=1, unit="SHARE", group="student",
    )  # fmt: skip
    labelled: Text | Sequence[Text] = option(
        (), "Labelled sentences to train on in addition, in every round.",
        unit="FILE", repeat=True, names="file", group="student",
    )  # fmt: skip

    def __post_init__(self) -> None:
        if self.confidence is None and self.top is None:
            object.__setattr__(self, "confidence", 0.9)
        super().__post_init__()

    def check(self) -> None:
        """Check options that depend on each other.

        Raises:
            UsageError: two options do not fit together.
        """
        if not self.continues:
            super().check()
        if self.confidence is not None and self.top is not None:
            raise UsageError("give confidence or top, not both")

    @property
    def continues(self) -> bool:
        """Whether each round continues training from the student of the round before."""
        return self.base is None and self.from_scratch is None
