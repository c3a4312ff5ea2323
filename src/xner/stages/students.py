"""The stages that train a student: `train`, `distill` and `self_train`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Concatenate, ParamSpec, Self, TypeVar

from xner.corpus import StrPath
from xner.errors import UsageError
from xner.options import as_list, declare, is_given, refuse_idle
from xner.stages.base import MODEL, Columns, Learner, unfit
from xner.stages.documented import documented
from xner.training import require_training
from xner.training.options import (
    LEARNED_WEIGHTS,
    SIMILARITY,
    DistillOptions,
    SelfTrainOptions,
    Text,
    TrainOptions,
)

if TYPE_CHECKING:
    from xner.training.student import Trained

P = ParamSpec("P")
Student = TypeVar("Student", bound=Learner)
_CORPORA = (
    ("corpora", "Corpora or files, one or several; all their sentences are mixed."),
    ("output", "Folder to write the student to; it also holds what an interrupted run left."),
)


@declare
class Train(Learner, TrainOptions):
    """Fine-tune a token classifier on labelled sentences.

    The tag of a word is predicted from its first subword. The loss is cross-entropy, weighted by
    word.

    Returns:
        The student: its folder, training counts, F1 on the dev set by epoch, and signature.

    Raises:
        InputError: a file or column is bad, no sentence or label is left to train on, or `base`
            cannot be loaded.
        UsageError: an option is unknown or out of its range, or `resume` meets another run.
        OutputError: `output` cannot be written, or holds something else.
        MissingExtraError: torch, transformers or accelerate is not installed.

    Example:
        >>> sentence = (["Ada", "lives", "in", "Rome"], [(0, 1, "PER"), (3, 4, "LOC")])
        >>> student = xner.train([sentence], "tagger", from_scratch="small", epochs=1)
        >>> tagged = xner.tag([["Eve", "lives", "in", "Rome"]], model="tagger")
    """

    name: ClassVar[str] = "train"

    @property
    def columns(self) -> Columns:
        """It needs labelled sentences, and uses outcomes of projected ones."""
        sides = ("source", "target") if self.side == "both" else (self.side,)
        needs = tuple(f"{side}_{name}" for side in sides for name in ("tokens", "entities"))
        return Columns(needs, (MODEL,), ("outcomes",) if "target" in sides else ())

    def require(self) -> None:
        """Raise MissingExtraError if a package of the extra `train` is not installed."""
        require_training()

    def learn(self, corpora: Text | Sequence[Text], output: StrPath) -> Trained:
        """Train the student."""
        from xner.training.finetune import train_student

        return train_student(corpora, output, self, resume=self.resume, progress=self.progress)


class _FromText(Learner):
    """A stage that learns from sentences without labels."""

    side: str

    @property
    def columns(self) -> Columns:
        """It needs the words of a side."""
        return Columns((f"{self.side}_tokens",), (MODEL,))

    def require(self) -> None:
        """Raise MissingExtraError if a package of the extra `train` is not installed."""
        require_training()


@declare
class Distill(_FromText, DistillOptions):
    """Train a student on the predictions of teachers for unlabelled text (Wu et al. 2020).

    Returns:
        The student; `.details` has the weights of the teachers and what they agreed on.

    Raises:
        InputError: a file or column is bad, or a teacher cannot be loaded.
        UsageError: an option is unknown or out of its range.
        OutputError: `output` cannot be written, or holds something else.
        MissingExtraError: torch, transformers or accelerate is not installed.

    Example:
        >>> sentence = (["Ada", "lives", "in", "Rome"], [(0, 1, "PER"), (3, 4, "LOC")])
        >>> student = xner.train([sentence], "teacher", from_scratch="small", epochs=1)
        >>> text = [["Ada", "wohnt", "in", "Rom"]]
        >>> student = xner.distill(
        ...     text, "tagger", teachers="teacher", from_scratch="small", epochs=1
        ... )
    """

    name: ClassVar[str] = "distill"

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Self:
        """The stage with settings from an experiment file.

        An experiment leaves out teachers that learned from the language itself. The learned
        weight of a teacher that is left alone is 1.
        """
        if not settings.get("teachers"):
            raise UsageError(
                "teachers is missing; name `models` of the experiment, folders, or hub ids"
            )
        own = dict(settings)
        learned = own.get("weights") in LEARNED_WEIGHTS
        alone = len(as_list(own["teachers"])) == 1
        if learned and alone:
            for name in ("weights", "features", *SIMILARITY):
                own.pop(name, None)
        if not learned or alone:
            own.pop("sources", None)
        elif "sources" not in own:
            raise UsageError(
                f"weights {own['weights']!r} needs sources, text in the language of each teacher, "
                f"because not every teacher is one of `models`"
            )
        return super().of(own)

    @classmethod
    def stand_in(cls, settings: Mapping[str, Any]) -> Self:
        """The stage before a run fills in text of the teachers' languages, and leaves any out."""
        teachers = settings.get("teachers")
        if teachers and settings.get("weights") in LEARNED_WEIGHTS:
            settings = {"sources": as_list(teachers), **settings}
        return super().of(settings) if teachers else cls.of(settings)

    def learn(self, corpora: Text | Sequence[Text], output: StrPath) -> Trained:
        """Train the student."""
        from xner.training.distill import distill_student

        return distill_student(corpora, output, self, resume=self.resume, progress=self.progress)


@declare
class SelfTrain(_FromText, SelfTrainOptions):
    """Train a tagger in rounds on its own confident predictions for unlabelled text.

    In each round the student of the round before tags the text. Words with a confident
    prediction are learned, others are only read. Training continues from that student, or starts
    from `base` or `from_scratch` if given. Rounds end when the score stops rising: F1 on the dev
    set or, without one, the agreement of a student with its teacher. The best student is kept.

    Returns:
        The student; `.details["rounds"]` has the counts and the score of every round, and
        `.details["start_f1"]` the F1 of `start` on the dev set.

    Raises:
        InputError: a file or column is bad, or `start` cannot be loaded.
        UsageError: an option is unknown or out of its range.
        OutputError: `output` cannot be written, or holds something else.
        MissingExtraError: torch, transformers or accelerate is not installed.

    Example:
        >>> sentence = (["Ada", "lives", "in", "Rome"], [(0, 1, "PER"), (3, 4, "LOC")])
        >>> student = xner.train([sentence], "start", from_scratch="small", epochs=1)
        >>> text = [["Ada", "wohnt", "in", "Rom"]]
        >>> student = xner.self_train(text, "tagger", start="start", top=0.5, rounds=1, epochs=1)
    """

    name: ClassVar[str] = "self_train"

    def learn(self, corpora: Text | Sequence[Text], output: StrPath) -> Trained:
        """Train the student."""
        from xner.training.self_train import self_train_student

        return self_train_student(corpora, output, self, resume=self.resume, progress=self.progress)


def _function_of(
    stage: Callable[P, Learner],
) -> Callable[Concatenate[Text | Sequence[Text], StrPath, P], Trained]:
    """The public function of a stage: corpora, an output folder, and options as keywords."""

    def run(
        corpora: Text | Sequence[Text], output: StrPath, *args: P.args, **options: P.kwargs
    ) -> Trained:
        try:
            learner = stage(*args, **options)
        except TypeError as error:
            raise unfit(stage, options, error) from None
        refuse_idle(learner, [name for name, value in options.items() if is_given(value)])
        return learner.learn(corpora, output)

    public: Callable[Concatenate[Text | Sequence[Text], StrPath, P], Trained]
    public = documented(run, stage, _CORPORA)
    return public


train = _function_of(Train)
distill = _function_of(Distill)
self_train = _function_of(SelfTrain)
