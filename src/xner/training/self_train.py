"""`xner.self_train`: a student that learns from its own sure answers, round after round."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xner.corpus import Corpus, StrPath
from xner.errors import OutputError, UsageError
from xner.inference.checkpoints import model_signature
from xner.training import require_training
from xner.training.card import MANIFEST, read_manifest, write_card
from xner.training.distill import count, sentences_of
from xner.training.examples import Counts, Examples, Float32, Int64, offsets_from
from xner.training.fitting import tags_f1
from xner.training.gather import Choice, Labels, gather
from xner.training.settings import Settings
from xner.training.student import Trained, as_trained, make_student
from xner.training.teachers import Opinion, ask, common_tagset
from xner.training.texts import Given, as_corpora, as_texts

Progress = Callable[[str, float], None]
ROUNDS = "rounds"


@dataclass(frozen=True, slots=True)
class Sure:
    """Which words of its own a student learns from.

    Attributes:
        confidence: least probability of the likeliest tag.
        top: share of each label's words (and of those outside) that is kept, surest first.
        Exactly one of the two is given.
    """

    confidence: float | None = None
    top: float | None = None

    def check(self) -> None:
        """Raise UsageError unless exactly one makes sense."""
        if (self.confidence is None) == (self.top is None):
            raise UsageError("give confidence or top, one of the two")
        for name in ("confidence", "top"):
            share = getattr(self, name)
            if share is not None and not 0 < share <= 1:
                raise UsageError(f"{name} is {share}; it lies above 0 and is at most 1")

    def choose(self, probabilities: Float32, tagset: Sequence[str]) -> NDArray[np.bool_]:
        """Bool (W): the words that are kept, from their probabilities, float32 (W x tags).

        Of equally sure words the first come first.
        """
        best = probabilities.max(-1)
        if self.confidence is not None:
            return np.asarray(best >= self.confidence)
        assert self.top is not None
        labels = np.array([tag[2:] for tag in tagset])[probabilities.argmax(-1)]
        kept = np.zeros(len(best), bool)
        for label in np.unique(labels):
            own = np.flatnonzero(labels == label)
            surest = own[np.argsort(-best[own], kind="stable")]
            kept[surest[: int(np.ceil(self.top * len(own)))]] = True
        return kept


@dataclass(frozen=True, slots=True)
class Round:
    """What happened in a round.

    Attributes:
        number: from 1.
        words: words kept, by label; those outside entities are `O`.
        left_out: words that were not sure enough.
        entities: that the teacher of this round found, by label.
        score: F1 on the dev set, or without one the agreement of the new student with its
            teacher: F1 of the entities that one and the other find.
    """

    number: int
    words: dict[str, int] = field(default_factory=dict)
    left_out: int = 0
    entities: dict[str, int] = field(default_factory=dict)
    score: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """The round as it stands in `--json`."""
        told = {name: getattr(self, name) for name in self.__slots__}
        return {**told, "score": round(self.score, 4)}


def self_train(
    corpora: Given | Sequence[Given],
    output: StrPath,
    *,
    start: StrPath,
    rounds: int = 3,
    confidence: float | None = None,
    top: float | None = None,
    labelled: Given | Sequence[Given] = (),
    dev: Given | None = None,
    side: str = "target",
    labels: Labels | None = None,
    resume: bool = False,
    progress: Progress | None = None,
    **options: Any,
) -> Trained:
    """Train a tagger on its own sure answers to unlabelled text, in rounds.

    In each round the student of the one before tags the text; words it is sure of are learnt,
    others are read but not learnt. Training begins at that student, or at `base` where it is
    named. Rounds end when the score stops rising: F1 on the dev set or, without one, how far a
    student agrees with its teacher. The best student is kept; whether `start` was better on the
    dev set is told (`start_f1`).

    Args:
        corpora: text of the target language; labels in it are not looked at.
        output: folder for the student.
        start: the first tagger, from `xner.train`, `xner.distill` or elsewhere.
        rounds: most rounds.
        confidence: learn words whose likeliest tag has at least this probability; default .9.
        top: or learn this share of each label's words, the surest.
        labelled: labelled sentences that are learnt beside, in every round.
        dev: labelled sentences to score rounds by.
        side: of corpora that have two, `target` or `source`.
        labels: labels of `start` to rename, or to drop (None).
        resume: go on from the last complete round, or epoch, of an interrupted run.
        progress: called with the name of the stage and the share that is done.
        **options: as for `xner.train`; without `base` or `from_scratch` training goes on from
            the student.

    Returns:
        The student; `.told["rounds"]` has the counts and the score of every round.

    Raises:
        InputError: a file or column is bad, or `start` cannot be loaded.
        UsageError: an option makes no sense.
        OutputError: `output` cannot be written, or holds something.
        MissingExtraError: torch, transformers or accelerate is not installed.
    """
    require_training()
    begin = perf_counter()
    sure = check_choices(confidence, top, rounds)
    fixed = options.get("base") is not None or options.get("from_scratch") is not None
    settings = Settings.of(options if fixed else {**options, "base": start})
    folder = Path(output)
    if resume and (done := read_manifest(folder)) is not None:
        return as_trained(folder, done, perf_counter() - begin)
    _check_free(folder, resume)
    given, choice = as_corpora(corpora), Choice(side=side, labels=labels)
    sentences = sentences_of(given, side)
    opinion = ask(str(start), sentences, settings.device, settings.precision)
    tagset, _ = common_tagset([opinion], labels)
    text = Text(sentences, offsets_from(sentences), tagset, sum(len(c) for c in given))
    beside = as_texts(labelled)
    judge = None if dev is None else gather(as_corpora(dev), choice, tagset)[0]
    run = _Run(
        text,
        sure,
        settings,
        not fixed,
        None if dev is None else (as_corpora(dev), choice),
        judge,
        gather(beside, choice, tagset) if beside else None,
        [*(corpus.origin for corpus in given), *(corpus.origin for corpus in beside)],
        resume,
        progress or (lambda stage, share: None),
    )
    best, log, first = run.rounds(
        folder / ROUNDS, str(start), opinion.mapped(tagset, labels), rounds
    )
    manifest = _finish(folder, best, log, first, str(start), sure)
    return as_trained(folder, manifest, perf_counter() - begin)


def check_choices(
    confidence: float | None = None, top: float | None = None, rounds: int = 3
) -> Sure:
    """Which words are learnt, as `self_train` is told.

    Raises:
        UsageError: it makes no sense.
    """
    sure = Sure(0.9 if confidence is None and top is None else confidence, top)
    sure.check()
    if rounds < 1:
        raise UsageError(f"rounds is {rounds}; it must be at least 1")
    return sure


def _check_free(folder: Path, resume: bool) -> None:
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not (folder / ROUNDS).is_dir():
        raise OutputError(f"{folder}: holds something already; choose another folder, or remove it")
    if not resume:
        raise OutputError(f"{folder}: holds an interrupted run; resume it, or remove the folder")


@dataclass(frozen=True)
class Text:
    """The unlabelled sentences, their words' offsets, the tags, and how many rows there were."""

    sentences: list[list[str]]
    offsets: Int64
    tagset: tuple[str, ...]
    rows: int


@dataclass(frozen=True)
class _Run:
    """What every round needs."""

    text: Text
    sure: Sure
    settings: Settings
    goes_on: bool
    dev: tuple[Sequence[Corpus], Choice] | None
    judge: Examples | None
    beside: tuple[Examples, Counts] | None
    origins: list[str]
    resume: bool
    tell: Progress

    def rounds(
        self, folder: Path, start: str, found: Float32, most: int
    ) -> tuple[Trained, list[Round], float | None]:
        """The best student, what happened in each round, and the score of `start`."""
        first = None if self.judge is None else self.dev_score(start)
        now, high, kept, log = start, -1.0 if first is None else first, None, []
        for number in range(1, most + 1):
            trained, counts, words, left_out = self.round(folder / str(number), number, now, found)
            answer = self.ask(str(trained.folder))
            score = self.dev_score(str(trained.folder)) if self.judge else self.same(found, answer)
            log.append(Round(number, words, left_out, dict(counts.entities), score))
            if kept is None or score > high:
                kept = trained
            if score <= high:
                break
            now, high, found = str(trained.folder), score, answer
        assert kept is not None
        return kept, log, first

    def ask(self, model: str) -> Float32:
        """float32 (W x tags): what a model thinks of the text."""
        how = self.settings
        return ask(model, self.text.sentences, how.device, how.precision).mapped(self.text.tagset)

    def round(
        self, folder: Path, number: int, now: str, found: Float32
    ) -> tuple[Trained, Counts, dict[str, int], int]:
        """A student of sure answers; the counts of these, words by label, words left out."""
        tags = found.argmax(-1).astype(np.int16)
        sure = self.sure.choose(found, self.text.tagset)
        own = Examples(
            self.text.sentences, self.text.offsets, self.text.tagset, tags, sure.astype(np.float32)
        )
        counts = count(own, self.text.rows)
        words = Counter(self.text.tagset[t][2:] or "O" for t in tags[sure])
        examples, told = (own, counts) if self.beside is None else both(own, counts, *self.beside)
        folder.parent.mkdir(parents=True, exist_ok=True)
        trained = make_student(
            examples,
            told,
            folder,
            replace(self.settings, base=now) if self.goes_on else self.settings,
            dev=self.dev,
            sources=self.origins,
            told={"task": "self-train", "round": number},
            resume=self.resume,
            progress=lambda stage, share: self.tell(f"round {number}", share),
        )
        return trained, counts, dict(sorted(words.items())), int((~sure).sum())

    def dev_score(self, model: str) -> float:
        """F1 of a model on the dev set."""
        assert self.judge is not None
        how, judge = self.settings, self.judge
        opinion = ask(model, judge.sentences, how.device, how.precision)
        choice = None if self.dev is None else self.dev[1].labels
        return tags_f1(judge, opinion.mapped(judge.tagset, _known(opinion, choice)).argmax(-1))

    def same(self, one: Float32, other: Float32) -> float:
        """F1 of the entities that one and the other find in the text."""
        text = self.text
        tags = one.argmax(-1).astype(np.int16)
        as_gold = Examples(text.sentences, text.offsets, text.tagset, tags, tags.astype(np.float32))
        return tags_f1(as_gold, other.argmax(-1))


def _known(opinion: Opinion, labels: Labels | None) -> Labels:
    """The renamings that concern a tagger's own labels."""
    own = opinion.labels(None)
    return {name: new for name, new in (labels or {}).items() if name in own}


def both(own: Examples, counts: Counts, gold: Examples, more: Counts) -> tuple[Examples, Counts]:
    """Two sets of examples of the same tags as one, and their counts."""
    joined = Examples(
        [*own.sentences, *gold.sentences],
        np.concatenate([own.offsets, own.offsets[-1] + gold.offsets[1:]]),
        own.tagset,
        np.concatenate([own.tags, gold.tags]),
        np.concatenate([own.weights, gold.weights]),
    )
    names = ("sentences", "kept", "empty", "doubtful", "words", "entities", "dropped_labels")
    return joined, Counts(**{name: getattr(counts, name) + getattr(more, name) for name in names})


def _finish(
    folder: Path, best: Trained, log: list[Round], first: float | None, start: str, sure: Sure
) -> dict[str, Any]:
    """Move the best student up; the card says what happened."""
    manifest = read_manifest(best.folder)
    assert manifest is not None
    manifest["start"] = model_signature(start)
    manifest["rounds"] = [each.as_dict() for each in log]
    asked = {name: getattr(sure, name) for name in sure.__slots__ if getattr(sure, name)}
    manifest["sure"] = asked
    if first is not None:
        manifest["start_f1"] = round(first, 4)
    shown = "".join(f"|{name}:{share:g}" for name, share in asked.items())
    manifest["signature"] += f"|start:{manifest['start']}{shown}"
    try:
        for path in best.folder.iterdir():
            if path.name != MANIFEST:
                shutil.copy2(path, folder / path.name)
        write_card(folder, manifest)
        shutil.rmtree(folder / ROUNDS)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({error.strerror})") from None
    return manifest
