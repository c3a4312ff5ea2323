"""Alignment error rate of word links against hand alignments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import zip_longest
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xner._version import __version__
from xner.columns import LINKS, fields_of, offsets_of, rows_of, struct_lists
from xner.corpus import StrPath, as_corpus, rechunk
from xner.errors import FormatError, InputError, ParallelError, UsageError
from xner.formats import format_of, jsonl, parquet, pharaoh
from xner.formats.files import line_blocks
from xner.formats.streams import plain_name
from xner.hints import checked

BASES = ("auto", "0", "1")
_GOLD_LINK = re.compile(r"(\d+)([-p?])(\d+)", re.ASCII)
_WORDS = 1 << 20
"""More than the words of any sentence: a key packs sentence, source word and target word."""

Int64 = NDArray[np.int64]


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


@checked
def evaluate_links(
    gold: StrPath, predicted: Any, *, gold_base: str = "auto", min_weight: float = 0.0
) -> LinkEvaluation:
    """Score word links against manual alignments of the same sentence pairs.

    Both are read once, side by side, batch by batch.

    Args:
        gold: manual alignments, one pair per line: `i-j` is a sure link, `ipj` or `i?j` a
            possible one, source word first.
        predicted: a file, a corpus or what `xner.Corpus.of` takes, with links: source word first,
            words counted from 0.
        gold_base: number of the first word in `gold`: `0`, `1`, or `auto` (default): 1 unless a 0
            occurs in it.
        min_weight: ignore predicted links of lower weight; default 0, keep all.

    Raises:
        ParallelError: the two differ in the number of sentence pairs.
        InputError: a file cannot be read, or has no links.
        UsageError: an option is invalid.

    Example:
        >>> from pathlib import Path
        >>> gold = Path("hand.txt").write_text("1-1 2p2")  # words from 1, 2p2 is possible
        >>> links = Path("links.align").write_text("0-0 1-0")
        >>> xner.evaluate_links("hand.txt", "links.align").precision
        0.5
    """
    if gold_base not in BASES:
        raise UsageError(f"gold_base is {gold_base!r}; choose one of {', '.join(BASES)}")
    # Whether a 0 occurs is known at the end, so `auto` counts the hits of both bases.
    sums = _Sums({0: _Hits(), 1: _Hits()} if gold_base == "auto" else {int(gold_base): _Hits()})
    streams = _gold_links(Path(gold)), _predicted_links(predicted, min_weight)
    for wanted, made in zip_longest(*streams, fillvalue=_NOTHING):
        if np.any(wanted.words == 0) and gold_base == "1":
            raise InputError(f"{gold}: has a word 0, so it counts from 0; use --gold-base 0")
        sums.add(wanted, made)
    if not sums.possible:
        raise InputError(f"{gold}: has no links to score against")
    if sums.sentences != sums.pairs:
        raise ParallelError(
            f"{gold} has {sums.sentences} sentence pairs, but the predicted links have "
            f"{sums.pairs}; both must have one row per pair"
        )
    base = int(gold_base) if gold_base != "auto" else 0 if sums.zero else 1
    return sums.scores(base, min_weight)


class _Links(NamedTuple):
    """Links of some rows.

    Attributes:
        rows: number of rows.
        row: row of every link, from 0.
        words: int64 (2, links), source and target word.
        sure: whether a gold link is sure.
    """

    rows: int
    row: Int64
    words: Int64
    sure: NDArray[np.bool_]

    def keys(self, base: int = 0, only: NDArray[np.bool_] | None = None) -> Int64:
        """The unique links, sorted, as single numbers."""
        source, target = self.words - base
        keys: Int64 = (self.row * _WORDS + source) * _WORDS + target
        return np.unique(keys if only is None else keys[only])


_NOTHING = _Links(0, np.zeros(0, np.int64), np.zeros((2, 0), np.int64), np.zeros(0, bool))


@dataclass(slots=True)
class _Hits:
    """Numbers of predicted links that are sure, or sure or possible."""

    sure: int = 0
    possible: int = 0


@dataclass(slots=True)
class _Sums:
    """Numbers of links so far.

    Attributes:
        hits: by number of the first word in gold.
        sure, possible: gold links; the latter include the former.
        predicted: predicted links.
        sentences, pairs: rows of gold and predicted links.
        zero: whether gold has a word 0.
    """

    hits: dict[int, _Hits]
    sure: int = 0
    possible: int = 0
    predicted: int = 0
    sentences: int = 0
    pairs: int = 0
    zero: bool = False

    def add(self, gold: _Links, predicted: _Links) -> None:
        """Add the links of the same rows."""
        self.sentences += gold.rows
        self.pairs += predicted.rows
        self.zero |= bool(np.any(gold.words == 0))
        found = predicted.keys()
        self.predicted += len(found)
        self.sure += len(gold.keys(only=gold.sure))
        self.possible += len(gold.keys())
        for base, hits in self.hits.items():
            hits.sure += _common(found, gold.keys(base, gold.sure))
            hits.possible += _common(found, gold.keys(base))

    def scores(self, base: int, min_weight: float) -> LinkEvaluation:
        """The scores if gold counts words from `base`."""
        hits = self.hits[base]
        precision = hits.possible / self.predicted if self.predicted else 0.0
        recall = hits.sure / self.sure if self.sure else 0.0
        both = precision + recall
        signature = f"xner:{__version__}|score:aer|gold_base:{base}"
        if min_weight:
            signature += f"|min_weight:{min_weight:g}"
        return LinkEvaluation(
            precision=precision,
            recall=recall,
            f1=2 * precision * recall / both if both else 0.0,
            aer=1 - (hits.sure + hits.possible) / max(1, self.predicted + self.sure),
            sure=self.sure,
            possible=self.possible - self.sure,
            predicted=self.predicted,
            sentences=self.sentences,
            signature=signature,
        )


def _common(first: Int64, second: Int64) -> int:
    return len(np.intersect1d(first, second, assume_unique=True))


def _gold_links(path: Path) -> Iterator[_Links]:
    """Yield the links of 32,768 lines at a time."""
    for batch in rechunk(_gold_batches(path)):
        links = _links_of(batch)
        yield links._replace(sure=fields_of(batch["links"], "weight")[0] > 0)


def _gold_batches(path: Path) -> Iterator[pa.RecordBatch]:
    """Yield the links of blocks of lines; the weight of possible ones is 0."""
    for line, block in line_blocks(path):
        marks = np.frombuffer(block, np.uint8)
        sure = marks[np.isin(marks, np.frombuffer(b"-p?", np.uint8))] == ord("-")
        try:
            # As Pharaoh links, but these may have weights.
            plain = block.translate(bytes.maketrans(b"p?:", b"--p"))
            links = pharaoh.parse(path, line, plain)
        except FormatError:
            raise _bad_gold(path, line, block) from None
        source, target = fields_of(links, "source", "target")
        if len(source) and max(source.max(), target.max()) >= _WORDS:
            raise _bad_gold(path, line, block)
        column = struct_lists(LINKS, offsets_of(links), source, target, sure.astype(np.float32))
        yield pa.RecordBatch.from_pydict({"links": column})


def _bad_gold(path: Path, first: int, block: bytes) -> FormatError:
    """The error for the first text of a block that is not a gold link."""
    for line, words in enumerate(block.decode("utf-8").split("\n"), first):
        for text in filter(None, re.split("[ \t]", words)):
            match = _GOLD_LINK.fullmatch(text)
            if match is None or max(int(match[1]), int(match[3])) >= _WORDS:
                return FormatError(
                    f"{path}:{line}: {text!r} is not a gold link; write 3-4 for a sure link and "
                    f"3p4 for a possible one"
                )
    return FormatError(f"{path}: has text that is not a gold link")


def _predicted_links(predicted: Any, min_weight: float) -> Iterator[_Links]:
    """Yield the links of 32,768 rows at a time."""
    for batch in rechunk(_link_batches(predicted)):
        links = _links_of(batch)
        if links.words.size and (links.words.min() < 0 or links.words.max() >= _WORDS):
            raise InputError(
                f"the predicted links have a word {links.words.max()}; a sentence has at most "
                f"{_WORDS:,} words, counted from 0"
            )
        kept = fields_of(batch["links"], "weight")[0] >= min_weight
        yield _Links(links.rows, links.row[kept], links.words[:, kept], kept[kept])


def _links_of(batch: pa.RecordBatch) -> _Links:
    """The links of a batch, all of them sure."""
    words = np.stack(fields_of(batch["links"], "source", "target")).astype(np.int64)
    row = rows_of(offsets_of(batch["links"]))
    return _Links(batch.num_rows, row, words, np.ones(len(row), bool))


def _link_batches(predicted: Any) -> Iterator[pa.RecordBatch]:
    """Yield batches with the column links alone."""
    for batch in _batches(predicted):
        if "links" not in batch.schema.names:
            raise InputError(f"the predicted file has no column 'links', but {batch.schema.names}")
        yield batch.select(["links"])


def _batches(predicted: Any) -> Iterator[pa.RecordBatch]:
    if not isinstance(predicted, str | PathLike):
        yield from as_corpus(predicted).batches()
        return
    # Aligners give link files any suffix; only formats with columns need theirs.
    path = Path(predicted)
    suffixes = (*jsonl.FORMAT.suffixes, *parquet.FORMAT.suffixes)
    columnar = plain_name(path).suffix.lower() in suffixes
    for _, batch in (format_of(path) if columnar else pharaoh).read(path):
        yield batch
