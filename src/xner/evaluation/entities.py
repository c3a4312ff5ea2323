"""Entity precision, recall and F1."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from xner._version import __version__
from xner.corpus import Corpus, as_corpus
from xner.corpus.bad_rows import check_on_bad_row
from xner.corpus.inputs import Encoding
from xner.errors import UsageError
from xner.evaluation.counts import Int64, LabelScores, counted, scores_of
from xner.hints import checked
from xner.labels import label_files, label_side

MODE, SCHEME = "strict", "IOB2"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Entity scores: a prediction is correct if its span and its label both are.

    Attributes:
        overall: over all labels (micro average).
        labels: by label, sorted.
        sentences: number of sentences compared.
        signature: versions and settings behind the scores.
        bad: rows that were left out with `on_bad_row="quarantine"`, as in `xner.Corpus.bad`.
    """

    overall: LabelScores
    labels: dict[str, LabelScores]
    sentences: int
    signature: str
    bad: list[dict[str, Any]] = field(default_factory=list)

    @property
    def f1(self) -> float:
        """Micro-averaged F1, from 0 to 1."""
        return self.overall.f1

    @property
    def precision(self) -> float:
        """Micro-averaged precision, from 0 to 1."""
        return self.overall.precision

    @property
    def recall(self) -> float:
        """Micro-averaged recall, from 0 to 1."""
        return self.overall.recall

    def as_dict(self) -> dict[str, Any]:
        """The evaluation as printed by `--json`."""

        def scores(s: LabelScores) -> dict[str, Any]:
            return {name: getattr(s, name) for name in LabelScores.__slots__}

        return {
            **scores(self.overall),
            "labels": {label: scores(s) for label, s in self.labels.items()},
            "sentences": self.sentences,
            "signature": self.signature,
        }


@checked
def evaluate(
    gold: Any,
    predicted: Any,
    *,
    ignore: Collection[str] = (),
    scheme: str = "auto",
    encoding: Encoding = None,
    on_bad_row: str = "fail",
) -> Evaluation:
    """Score predicted entities against gold ones, strictly: span and label must be equal.

    Tags are converted to spans first (`scheme`). The scores are those of seqeval in its strict
    mode with IOB2. Each file is opened once to count its sentences, and each file or corpus is
    read once, batch by batch.

    Args:
        gold: a labelled file, a corpus, or what `xner.Corpus.of` takes, such as a list of
            `(words, spans)`; the target side of one with two sides is scored.
        predicted: the same sentences in the same order.
        ignore: labels to leave out on both sides, such as MISC.
        scheme: labelling scheme to enforce in files, unless it is `auto` (default).
        encoding: of the files, such as `latin-1`, or one for each. Default: UTF-8.
        on_bad_row: what becomes of rows of the files that cannot be read, or that differ in their
            number of words: `fail` (default) raises an error, `quarantine` leaves them out of
            both.

    Raises:
        UsageError: `on_bad_row` is `quarantine`, but something else than two files is given.
        ParallelError: the two differ in sentences, or in the words of one of them.
        InputError: a file cannot be read, or entities overlap.

    Example:
        >>> words = ["Ada", "lives", "in", "Rome"]
        >>> gold, predicted = [(words, [(0, 1, "PER"), (3, 4, "LOC")])], [(words, [(0, 1, "PER")])]
        >>> round(xner.evaluate(gold, predicted).f1, 3)
        0.667
    """
    skip = frozenset(ignore)
    sums: dict[str, Int64] = {}
    sentences = 0
    sides = _sides(gold, predicted, scheme, encoding, on_bad_row)
    for part in counted(*sides, skip):
        sentences += part.sentences
        entities = part.correct, part.predicted, part.gold
        found = [np.bincount(each[:, 1], minlength=len(part.labels)) for each in entities]
        for label, *counts in zip(part.labels, *found, strict=True):
            sums[label] = sums.get(label, 0) + np.array(counts)
    labels = {label: scores_of(sums[label]) for label in sorted(sums)}
    overall = scores_of(sum(sums.values(), np.zeros(3, np.int64)))
    return Evaluation(overall, labels, sentences, _signature(scheme, skip), sides[0].bad)


def _signature(scheme: str, skip: frozenset[str]) -> str:
    ignored = f"|ignore:{'+'.join(sorted(skip))}" if skip else ""
    return f"xner:{__version__}|mode:{MODE}|scheme:{SCHEME}|read:{scheme}|average:micro{ignored}"


def _sides(
    gold: Any, predicted: Any, scheme: str, encoding: Encoding, on_bad_row: str
) -> tuple[Corpus, Corpus]:
    """Both sides, with the columns tokens and entities."""
    named = [isinstance(side, str | PathLike) for side in (gold, predicted)]
    if check_on_bad_row(on_bad_row) and not all(named):
        raise UsageError("on_bad_row is for files; give the paths of both")
    paths = [Path(side) for side, is_path in zip((gold, predicted), named, strict=True) if is_path]
    files = iter(label_files(paths, scheme, encoding=encoding, on_bad_row=on_bad_row))
    first, second = (
        next(files) if is_path else label_side(as_corpus(side, None, single=True))
        for side, is_path in zip((gold, predicted), named, strict=True)
    )
    return first, second
