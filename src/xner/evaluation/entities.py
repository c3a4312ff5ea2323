"""Entity precision, recall and F1 with seqeval."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa

from xner._version import __version__
from xner.columns import offsets_of
from xner.corpus import Corpus, StrPath
from xner.errors import InputError
from xner.formats.conll import spans_of
from xner.labels import label_files, label_side, paired_batches
from xner.schemes import encode, overlap, tag_ids, tag_table

MODE, SCHEME = "strict", "IOB2"


@dataclass(frozen=True, slots=True)
class LabelScores:
    """Scores of one label, or of all labels together."""

    precision: float
    recall: float
    f1: float
    gold: int
    predicted: int
    correct: int


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Entity scores: a prediction is correct if its span and its label both are.

    Attributes:
        overall: over all labels (micro average).
        labels: by label, sorted.
        sentences: number of sentences compared.
        signature: versions and settings behind the scores.
    """

    overall: LabelScores
    labels: dict[str, LabelScores]
    sentences: int
    signature: str

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


def evaluate(
    gold: StrPath | Corpus,
    predicted: StrPath | Corpus,
    *,
    ignore: Iterable[str] = (),
    scheme: str = "auto",
) -> Evaluation:
    """Score predicted entities against gold ones, strictly: span and label must be equal.

    Tags are converted to spans first (`scheme`); seqeval compares the spans in its strict mode as
    IOB2. Each file or corpus is read once.

    Args:
        gold: a labelled file, or a corpus; the target side of one with two sides is scored.
        predicted: a file or corpus with the same sentences in the same order.
        ignore: labels to leave out on both sides, such as MISC.
        scheme: labelling scheme to enforce in files, unless it is `auto` (default).

    Raises:
        ParallelError: the two differ in sentences, or in the words of one of them.
        InputError: a file cannot be read, or entities overlap.
    """
    skip = frozenset(ignore)
    sides = _sides(gold, predicted, scheme)
    y_gold: list[list[str]] = []
    y_predicted: list[list[str]] = []
    for row, theirs, ours in paired_batches(*sides):
        y_gold += _tags(theirs, skip, row, sides[0].origin)
        y_predicted += _tags(ours, skip, row, sides[1].origin)
    labels, overall = _seqeval(y_gold, y_predicted)
    return Evaluation(overall, labels, len(y_gold), _signature(scheme, skip))


def _signature(scheme: str, skip: frozenset[str]) -> str:
    from importlib.metadata import version

    ignored = f"|ignore:{'+'.join(sorted(skip))}" if skip else ""
    return (
        f"xner:{__version__}|seqeval:{version('seqeval')}|mode:{MODE}|scheme:{SCHEME}"
        f"|read:{scheme}|average:micro{ignored}"
    )


def _sides(
    gold: StrPath | Corpus, predicted: StrPath | Corpus, scheme: str
) -> tuple[Corpus, Corpus]:
    """Both sides in memory, with the columns tokens and entities."""
    paths = [Path(side) for side in (gold, predicted) if not isinstance(side, Corpus)]
    files = iter(label_files(paths, scheme))
    first, second = (
        label_side(side) if isinstance(side, Corpus) else next(files) for side in (gold, predicted)
    )
    return first, second


def _tags(batch: pa.RecordBatch, skip: frozenset[str], row: int, origin: str) -> list[list[str]]:
    """The IOB2 tags of a batch, sentence by sentence; `row` is the number of the first."""
    spans, names = spans_of(batch["entities"])
    if (clash := overlap(spans)) is not None:
        raise InputError(
            f"{origin}: sentence {row + clash + 1} has entities that overlap; seqeval scores flat "
            f"entities only"
        )
    offsets = offsets_of(batch["tokens"])
    codes, labels = encode(spans, offsets, SCHEME)
    table = ["O" if tag[2:] in skip else tag for tag in tag_table(names, SCHEME)]
    flat = pa.array(table).take(pa.array(tag_ids(codes, labels))).to_pylist()
    return [flat[i:j] for i, j in pairwise(offsets - offsets[0])]


def _seqeval(
    gold: list[list[str]], predicted: list[list[str]]
) -> tuple[dict[str, LabelScores], LabelScores]:
    from seqeval.metrics import classification_report
    from seqeval.scheme import IOB2

    counts = Counter(tag[2:] for row in predicted for tag in row if tag.startswith("B-"))
    if not counts and not any(tag != "O" for sentence in gold for tag in sentence):
        return {}, LabelScores(0.0, 0.0, 0.0, 0, 0, 0)
    report = classification_report(
        gold, predicted, mode=MODE, scheme=IOB2, output_dict=True, zero_division=0
    )

    def scores(row: dict[str, Any], made: int) -> LabelScores:
        p, r, support = float(row["precision"]), float(row["recall"]), int(row["support"])
        return LabelScores(p, r, float(row["f1-score"]), support, made, round(r * support))

    labels = {
        label: scores(row, counts[label])
        for label, row in sorted(report.items())
        if not label.endswith(" avg")
    }
    return labels, scores(report["micro avg"], sum(counts.values()))
