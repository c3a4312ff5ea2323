"""`xner.self_train`: a student that learns its own confident predictions, in rounds."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xner.corpus import StrPath
from xner.errors import OutputError, UsageError
from xner.inference.checkpoints import model_signature
from xner.training import Progress, require_training, silent
from xner.training.card import MANIFEST, read_manifest, write_card
from xner.training.examples import Counts, Examples, Float32, Lesson, hash_words
from xner.training.fitting import tags_f1
from xner.training.gather import Unlabelled, choice_of, gather, read_dev, read_unlabelled
from xner.training.options import SelfTrainOptions
from xner.training.student import Trained, as_trained, make_student
from xner.training.teachers import common_tagset, predict
from xner.training.texts import Given, as_corpora, as_texts

ROUNDS = "rounds"


@dataclass(frozen=True, slots=True)
class Round:
    """The result of one round.

    Attributes:
        number: number of the round, from 1.
        words: learned words by label; words outside entities are `O`.
        left_out: words that were ignored because the teacher was not confident enough.
        entities: entities that the teacher of this round predicted, by label.
        score: F1 on the dev set; without one, the agreement of the new student with its teacher:
            F1 of the student's entities against the teacher's.
    """

    number: int
    words: dict[str, int] = field(default_factory=dict)
    left_out: int = 0
    entities: dict[str, int] = field(default_factory=dict)
    score: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """The round as printed by `--json`."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return {**values, "score": round(self.score, 4)}


def self_train_student(
    corpora: Given,
    output: StrPath,
    options: SelfTrainOptions,
    *,
    resume: bool = False,
    progress: Progress | None = None,
) -> Trained:
    """Train a tagger on its own confident predictions on unlabelled text, in rounds.

    In each round, the student of the previous round tags the text. The next student learns the
    words of which the previous one is confident; it reads the other words without learning them.
    Training continues from the previous student unless the options name a base model. Rounds end
    when the score stops rising: F1 on the dev set or, without one, the agreement of a student
    with its teacher. The best student is kept.

    Args:
        corpora: one or several corpora or files in the target language; labels are ignored.
        output: folder for the model, and for the rounds of an interrupted run.
        options: the first tagger, the words to learn, and how students are trained.
        resume: continue an interrupted run after its last complete round or epoch.
        progress: called with the name of the stage and the share that is done.

    Returns:
        The student. `.details["rounds"]` has the counts and the score of each round,
        `.details["start_f1"]` the F1 of the first tagger on the dev set.

    Raises:
        InputError: a file or column is invalid, or the first tagger cannot be loaded.
        UsageError: `resume` finds a run with other options or data.
        OutputError: `output` cannot be written, or contains something else.
        MissingExtraError: torch, transformers or accelerate is not installed.
    """
    require_training()
    begin = perf_counter()
    folder = Path(output)
    done = read_manifest(folder) if resume else None
    if done is None:
        _check_free(folder, resume)
    text = read_unlabelled(as_corpora(corpora), options.side)
    if done is not None:
        rounds = _rounds(folder, options, text, tuple(done["tagset"]), resume, progress)
        if done["data"].get("run") != rounds.digest:
            raise UsageError(
                f"{folder}: contains another run, {done['signature']}; choose another folder, or "
                f"remove it"
            )
    else:
        first = predict(str(options.start), text.sentences, options)
        tagset, _ = common_tagset([first], options.labels)
        rounds = _rounds(folder, options, text, tagset, resume, progress)
        done = rounds.run(first.mapped(tagset, options.labels))
        _save_best(folder, rounds.folder, done)
    return as_trained(folder, done, perf_counter() - begin)


def confident_words(
    probabilities: Float32,
    tagset: Sequence[str],
    confidence: float | None = None,
    top: float | None = None,
) -> NDArray[np.bool_]:
    """Bool (W): the words whose predicted tag is learned.

    Args:
        probabilities: float32 (W x tags).
        tagset: the tags.
        confidence: minimum probability of the most probable tag.
        top: if `confidence` is None, the share of the words of each label (and of `O`) to learn,
            those with the highest probabilities; of equal ones, those that come first.
    """
    best = probabilities.max(-1)
    if confidence is not None:
        return np.asarray(best >= confidence)
    assert top is not None
    labels = np.array([tag[2:] for tag in tagset])[probabilities.argmax(-1)]
    kept = np.zeros(len(best), bool)
    for label in np.unique(labels):
        words = np.flatnonzero(labels == label)
        ranked = words[np.argsort(-best[words], kind="stable")]
        kept[ranked[: int(np.ceil(top * len(words)))]] = True
    return kept


def _check_free(folder: Path, resume: bool) -> None:
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not (folder / ROUNDS).is_dir():
        raise OutputError(f"{folder}: is not empty; choose another folder, or remove it")
    if not resume:
        raise OutputError(
            f"{folder}: contains an interrupted run; resume it, choose another folder, or remove it"
        )


@dataclass(frozen=True)
class _Rounds:
    """The state that all rounds share.

    Attributes:
        folder: has one student per round.
        options: options of the run.
        text: the unlabelled sentences; its origins include those of `labelled`.
        tagset: the tags of all students.
        dev: the dev set, if there is one.
        labelled: examples, with their counts, to learn in every round.
        resume: continue what an interrupted run left.
        progress: called with the name of the round and the share that is done.
    """

    folder: Path
    options: SelfTrainOptions
    text: Unlabelled
    tagset: tuple[str, ...]
    dev: Examples | None
    labelled: tuple[Examples, Counts] | None
    resume: bool
    progress: Progress

    @property
    def digest(self) -> str:
        """Digest of all text and of the options that determine the student."""
        options = self.options
        own = {name: getattr(options, name) for name in ("rounds", "confidence", "top", "labels")}
        named = {"start": options.start, "base": options.base}
        models = {name: m and model_signature(str(m)) for name, m in named.items()}
        examples = [self.dev, self.labelled and self.labelled[0]]
        decided = [options.as_dict() | own | models, [e and e.signature for e in examples]]
        return hash_words(self.text.sentences, json.dumps(decided)).hexdigest()[:16]

    def run(self, predicted: Float32) -> dict[str, Any]:
        """Train students until the score stops rising.

        Args:
            predicted: probabilities that the first tagger predicts, float32 (W x tags).

        Returns:
            The manifest of the best student.
        """
        teacher = str(self.options.start)
        start_f1 = self._dev_f1(teacher)
        high = -1.0 if start_f1 is None else start_f1
        log: list[Round] = []
        best: Trained | None = None
        for number in range(1, self.options.rounds + 1):
            confident = confident_words(
                predicted, self.tagset, self.options.confidence, self.options.top
            )
            examples = self._examples(predicted, confident)
            counts = self.text.count(examples)
            trained = self._train(number, teacher, examples, counts)
            student = str(trained.folder)
            answer = predict(student, self.text.sentences, self.options).mapped(self.tagset)
            score = self._dev_f1(student)
            if score is None:
                score = tags_f1(examples, answer.argmax(-1))
            words = Counter(self.tagset[tag][2:] or "O" for tag in examples.tags[confident])
            ignored, entities = int((~confident).sum()), dict(counts.entities)
            log.append(Round(number, dict(sorted(words.items())), ignored, entities, score))
            if best is None or score > high:
                best = trained
            if score <= high:
                break
            teacher, high, predicted = student, score, answer
        assert best is not None
        return self._manifest(best, log, start_f1)

    def _examples(self, predicted: Float32, confident: NDArray[np.bool_]) -> Examples:
        tags = predicted.argmax(-1).astype(np.int16)
        weights = confident.astype(np.float32)
        return Examples(self.text.sentences, self.text.offsets, self.tagset, tags, weights)

    def _train(self, number: int, teacher: str, examples: Examples, counts: Counts) -> Trained:
        """Train the student of a round, or return it if it is complete."""
        options = self.options
        if options.continues:
            options = replace(options, base=teacher)
        if self.labelled is not None:
            examples, counts = joined((examples, counts), self.labelled)
        self.folder.mkdir(parents=True, exist_ok=True)
        return make_student(
            Lesson(
                examples,
                counts,
                options,
                {"task": "self-train", "round": number},
                sources=self.text.origins,
                dev=self.dev,
            ),
            self.folder / str(number),
            resume=self.resume,
            progress=lambda stage, share: self.progress(f"round {number}", share),
        )

    def _dev_f1(self, model: str) -> float | None:
        """F1 of a model on the dev set, if there is one."""
        if self.dev is None:
            return None
        predictions = predict(model, self.dev.sentences, self.options)
        known = predictions.labels(None)
        labels = {old: new for old, new in (self.options.labels or {}).items() if old in known}
        return tags_f1(self.dev, predictions.mapped(self.tagset, labels).argmax(-1))

    def _manifest(self, best: Trained, log: list[Round], start_f1: float | None) -> dict[str, Any]:
        """The manifest of the best student, with the results of all rounds."""
        manifest = read_manifest(best.folder)
        assert manifest is not None
        manifest["data"]["run"] = self.digest
        manifest["start"] = model_signature(str(self.options.start))
        manifest["rounds"] = [each.as_dict() for each in log]
        threshold = {name: getattr(self.options, name) for name in ("confidence", "top")}
        manifest["sure"] = {name: value for name, value in threshold.items() if value}
        if start_f1 is not None:
            manifest["start_f1"] = round(start_f1, 4)
        shown = "".join(f"|{name}:{value:g}" for name, value in manifest["sure"].items())
        manifest["signature"] += f"|start:{manifest['start']}{shown}"
        return manifest


def _rounds(
    folder: Path,
    options: SelfTrainOptions,
    text: Unlabelled,
    tagset: tuple[str, ...],
    resume: bool,
    progress: Progress | None,
) -> _Rounds:
    """Read the labelled sentences of the options."""
    more = as_texts(options.labelled)
    return _Rounds(
        folder / ROUNDS,
        options,
        replace(text, origins=[*text.origins, *(corpus.origin for corpus in more)]),
        tagset,
        read_dev(options, tagset),
        gather(more, choice_of(options), tagset) if more else None,
        resume,
        progress or silent,
    )


def joined(one: tuple[Examples, Counts], other: tuple[Examples, Counts]) -> tuple[Examples, Counts]:
    """Two sets of examples with the same tags as one, and the sums of their counts."""
    (first, counts), (second, more) = one, other
    examples = Examples(
        [*first.sentences, *second.sentences],
        np.concatenate([first.offsets, first.offsets[-1] + second.offsets[1:]]),
        first.tagset,
        np.concatenate([first.tags, second.tags]),
        np.concatenate([first.weights, second.weights]),
    )
    return examples, Counts(**{name: n + getattr(more, name) for name, n in vars(counts).items()})


def _save_best(folder: Path, rounds: Path, manifest: dict[str, Any]) -> None:
    """Copy the best student to the output folder, write its card, and remove the rounds."""
    best = rounds / str(manifest["round"])
    try:
        for path in best.iterdir():
            if path.name != MANIFEST:
                shutil.copy2(path, folder / path.name)
        write_card(folder, manifest)
        shutil.rmtree(rounds)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({error.strerror})") from None
