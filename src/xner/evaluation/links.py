"""Alignment error rate of word links against hand alignments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xner._version import __version__
from xner.columns import fields_of, offsets_of, rows_of
from xner.corpus import Corpus, StrPath
from xner.errors import FormatError, InputError, ParallelError, UsageError
from xner.formats import format_of, jsonl, parquet, pharaoh
from xner.formats.files import line_blocks

BASES = ("auto", "0", "1")
_GOLD_LINK = re.compile(r"(\d+)([-p?])(\d+)")
_WORDS = 1 << 20
"""More than the words of any sentence: a key packs sentence, source word and target word."""

Keys = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class LinkEvaluation:
    """Scores of word links A against sure gold links S and all gold links P (S included).

    Attributes:
        precision: |A & P| / |A|.
        recall: |A & S| / |S|.
        f1: harmonic mean of the two.
        aer: alignment error rate, 1 - (|A & S| + |A & P|) / (|A| + |S|), of Och & Ney (2003),
            section 5.
        sure: number of sure gold links.
        possible: number of gold links that are only possible.
        predicted: number of scored links.
        sentences: number of sentence pairs compared.
        signature: version and settings behind the scores.
    """

    precision: float
    recall: float
    f1: float
    aer: float
    sure: int
    possible: int
    predicted: int
    sentences: int
    signature: str

    def as_dict(self) -> dict[str, Any]:
        """The evaluation as printed by `--json`."""
        return asdict(self)


def evaluate_links(
    gold: StrPath, predicted: StrPath | Corpus, *, gold_base: str = "auto", min_weight: float = 0.0
) -> LinkEvaluation:
    """Score word links against manual alignments of the same sentence pairs; reads both once.

    Args:
        gold: manual alignments, one pair per line: `i-j` is a sure link, `ipj` or `i?j` a
            possible one, source word first.
        predicted: a file or corpus with links, source word first, words counted from 0.
        gold_base: number of the first word in `gold`: `0`, `1`, or `auto` (default): 1 unless a 0
            occurs in it.
        min_weight: ignore predicted links of lower weight; default 0, keep all.

    Raises:
        ParallelError: the two differ in the number of sentence pairs.
        InputError: a file cannot be read, or has no links.
        UsageError: an option is invalid.
    """
    if gold_base not in BASES:
        raise UsageError(f"gold_base is {gold_base!r}; choose one of {', '.join(BASES)}")
    source, target, sure, rows, sentences = _read_gold(Path(gold))
    if gold_base == "auto":
        gold_base = "0" if not np.all(source) or not np.all(target) else "1"
    base = int(gold_base)
    if base and not (np.all(source) and np.all(target)):
        raise InputError(f"{gold}: has a word 0, so it counts from 0; use --gold-base 0")
    possible = np.unique(_keys(rows, source - base, target - base))
    certain = np.unique(_keys(rows, source - base, target - base)[sure])
    found, pairs = _predicted_keys(predicted, min_weight)
    if pairs != sentences:
        raise ParallelError(
            f"{gold} has {sentences} sentence pairs, but the predicted links have {pairs}; both "
            f"must have one row per pair"
        )
    return _scored(certain, possible, found, sentences, f"gold_base:{base}", min_weight)


def _scored(
    sure: Keys, possible: Keys, found: Keys, sentences: int, base: str, min_weight: float
) -> LinkEvaluation:
    in_sure = len(np.intersect1d(found, sure, assume_unique=True))
    in_possible = len(np.intersect1d(found, possible, assume_unique=True))
    precision = in_possible / len(found) if len(found) else 0.0
    recall = in_sure / len(sure) if len(sure) else 0.0
    both = precision + recall
    signature = f"xner:{__version__}|score:aer|{base}"
    if min_weight:
        signature += f"|min_weight:{min_weight:g}"
    return LinkEvaluation(
        precision=precision,
        recall=recall,
        f1=2 * precision * recall / both if both else 0.0,
        aer=1 - (in_sure + in_possible) / max(1, len(found) + len(sure)),
        sure=len(sure),
        possible=len(possible) - len(sure),
        predicted=len(found),
        sentences=sentences,
        signature=signature,
    )


def _keys(rows: Keys, source: Keys, target: Keys) -> Keys:
    return (rows * _WORDS + source) * _WORDS + target


def _read_gold(path: Path) -> tuple[Keys, Keys, NDArray[np.bool_], Keys, int]:
    """Source word, target word, whether it is sure, and row of every link; number of rows."""
    found: list[tuple[int, int, bool, int]] = []
    lines = 0
    for line in _lines(path):
        for text in line.split():
            match = _GOLD_LINK.fullmatch(text)
            if match is None or max(int(match[1]), int(match[3])) >= _WORDS:
                raise FormatError(
                    f"{path}:{lines + 1}: {text!r} is not a gold link; write 3-4 for a sure link "
                    f"and 3p4 for a possible one"
                )
            found.append((int(match[1]), int(match[3]), match[2] == "-", lines))
        lines += 1
    if not found:
        raise InputError(f"{path}: has no links to score against")
    source, target, sure, rows = (np.array(column) for column in zip(*found, strict=True))
    return source, target, sure.astype(bool), rows, lines


def _lines(path: Path) -> Iterator[str]:
    for _, block in line_blocks(path):
        yield from block.decode("utf-8").split("\n")[:-1]


def _predicted_keys(predicted: StrPath | Corpus, min_weight: float) -> tuple[Keys, int]:
    """The unique links as sorted keys, and the number of rows."""
    keys, rows = [np.zeros(0, np.int64)], 0
    for batch in _link_batches(predicted):
        if "links" not in batch.schema.names:
            raise InputError(f"the predicted file has no column 'links', but {batch.schema.names}")
        links = batch["links"]
        source, target, weight = fields_of(links, "source", "target", "weight")
        own = _keys(
            rows_of(offsets_of(links)) + rows, source.astype(np.int64), target.astype(np.int64)
        )
        keys.append(own[weight >= min_weight])
        rows += batch.num_rows
    return np.unique(np.concatenate(keys)), rows


def _link_batches(predicted: StrPath | Corpus) -> Iterator[pa.RecordBatch]:
    if isinstance(predicted, Corpus):
        yield from predicted.batches()
        return
    # Aligners give link files any suffix; only formats with columns need theirs.
    path = Path(predicted)
    columnar = path.suffix.lower() in (*jsonl.SUFFIXES, *parquet.SUFFIXES)
    for _, batch in (format_of(path) if columnar else pharaoh).read(path):
        yield batch
