"""Entity precision, recall and F1 with seqeval."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from xner._version import __version__
from xner.columns import lengths_of, offsets_of
from xner.corpus import Corpus, StrPath
from xner.errors import InputError, ParallelError
from xner.formats.conll import spans_of
from xner.labels import label_files, label_side
from xner.schemes import encode, overlap, tag_ids, tag_table

MODE, SCHEME = "strict", "IOB2"


@dataclass(frozen=True, slots=True)
class LabelScores:
    """Scores of one label, or of all together."""

    precision: float
    recall: float
    f1: float
    gold: int
    predicted: int
    correct: int


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Entity scores: a prediction is correct if its span and its label are.

    Attributes:
        overall: over all labels (micro average).
        labels: by label, sorted.
        sentences: how many were compared.
        signature: what made the numbers.
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
        """The evaluation as it stands in `--json`."""

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
    """Compare predicted entities with gold ones, strictly: span and label must be equal.

    Tags are read to spans first (`scheme`), and spans are compared by seqeval in its strict
    mode as IOB2.

    Args:
        gold: a labelled file, or a corpus; of one with two sides, the target side counts.
        predicted: likewise, the same sentences in the same order.
        ignore: labels to leave out on both sides, such as MISC.
        scheme: enforced when files are read, if it is not `auto`.

    Raises:
        ParallelError: not the same number of sentences, or of words in one of them.
        InputError: a file cannot be read, or entities overlap.
    """
    skip = frozenset(ignore)
    pairs = list(zip(*_tag_batches(gold, predicted, skip, scheme), strict=True))
    y_gold = [tags for side, _ in pairs for tags in side]
    y_predicted = [tags for _, side in pairs for tags in side]
    labels, overall = _seqeval(y_gold, y_predicted)
    return Evaluation(overall, labels, len(y_gold), _signature(scheme, skip))


def _signature(scheme: str, skip: frozenset[str]) -> str:
    from importlib.metadata import version

    ignored = f"|ignore:{'+'.join(sorted(skip))}" if skip else ""
    return (
        f"xner:{__version__}|seqeval:{version('seqeval')}|mode:{MODE}|scheme:{SCHEME}"
        f"|read:{scheme}|average:micro{ignored}"
    )


def _tag_batches(
    gold: StrPath | Corpus, predicted: StrPath | Corpus, skip: frozenset[str], scheme: str
) -> tuple[Iterator[list[list[str]]], Iterator[list[list[str]]]]:
    paths = [Path(side) for side in (gold, predicted) if not isinstance(side, Corpus)]
    files = iter(label_files(paths, scheme))
    sides = [
        label_side(side) if isinstance(side, Corpus) else next(files) for side in (gold, predicted)
    ]
    if len(sides[0]) != len(sides[1]):
        raise ParallelError(
            f"{sides[1].origin}: {len(sides[1])} sentences, but {sides[0].origin} has "
            f"{len(sides[0])}; both must hold the same sentences"
        )
    _check_words(*sides)
    first, second = (_tags(side, skip) for side in sides)
    return first, second


def _check_words(gold: Corpus, predicted: Corpus) -> None:
    words = [
        np.concatenate([lengths_of(batch["tokens"]) for batch in side.batches()])
        for side in (gold, predicted)
    ]
    other = np.flatnonzero(words[0] != words[1])
    if len(other):
        i = int(other[0])
        raise ParallelError(
            f"{predicted.origin}: sentence {i + 1} has {words[1][i]} words, but {words[0][i]} in "
            f"{gold.origin}; both must have the same tokens"
        )


def _tags(side: Corpus, skip: frozenset[str]) -> Iterator[list[list[str]]]:
    """The IOB2 tags of each batch, sentence by sentence."""
    row = 0
    for batch in side.batches():
        spans, names = spans_of(batch["entities"])
        if (clash := overlap(spans)) is not None:
            raise InputError(
                f"{side.origin}: sentence {row + clash + 1} has entities that overlap; seqeval "
                f"scores flat entities only"
            )
        offsets = offsets_of(batch["tokens"])
        codes, labels = encode(spans, offsets, SCHEME)
        table = tag_table(names, SCHEME)
        table = ["O" if tag[2:] in skip else tag for tag in table]
        flat = pa.array(table).take(pa.array(tag_ids(codes, labels))).to_pylist()
        base = offsets - offsets[0]
        yield [flat[i:j] for i, j in pairwise(base)]
        row += batch.num_rows


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
