"""The inputs of a report, read side by side: a projection, others, and gold labels."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xner.columns import lengths_of
from xner.corpus import Corpus, as_corpus, scan
from xner.corpus.inputs import expand
from xner.corpus.joining import zip_batches
from xner.errors import InputError, ParallelError, UsageError
from xner.formats.streams import stem_of
from xner.labels import label_files, label_side
from xner.review.options import ReportOptions

NEEDED = ("source_tokens", "source_entities", "target_tokens", "target_entities")
_USED = ("id", "outcomes", "solution", "probabilities", "links", "scored_candidates")
_TEXTS = ("source_text", "source_offsets", "target_text", "target_offsets")
_COUNTED = ("source_entities", "target_entities", "outcomes", "solution", "probabilities")
_OF_OTHERS = ("target_tokens", "target_entities", "outcomes", "solution", "probabilities")


class Rows(NamedTuple):
    """The same rows of all inputs.

    Attributes:
        first: number of the first row, from 0.
        methods: a batch of each projection; the first is the one to review.
        gold: a batch with tokens and entities, or None.
        group: int32 (rows), the language of every row.
    """

    first: int
    methods: tuple[pa.RecordBatch, ...]
    gold: pa.RecordBatch | None
    group: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Review:
    """The inputs of a report.

    Attributes:
        methods: the projections; the first is the one to review.
        names: a short name of each.
        gold: gold labels, columns tokens and entities.
        column: column with the languages, if there is one.
        files: files of the first input if it has several, with the number of their rows.
    """

    methods: tuple[Corpus, ...]
    names: tuple[str, ...]
    gold: Corpus | None
    column: str | None
    files: tuple[tuple[str, int], ...]

    @classmethod
    def open(cls, projected: Any, options: ReportOptions) -> Review:
        """Open the inputs.

        Raises:
            InputError: a column is missing, or the inputs differ in their number of sentences.
            UsageError: a suffix is unknown, or there is no such language column.
        """
        given = [projected, *options.others]
        methods = [_projection(each) for each in given]
        column = _language_column(methods[0], options.language_column)
        gold = None if options.gold is None else _labels(options.gold)
        for other in [*methods[1:], *([gold] if gold else [])]:
            if len(other) != len(methods[0]):
                raise ParallelError(
                    f"{other.origin}: {len(other):,} sentences, but {methods[0].origin} has "
                    f"{len(methods[0]):,}; a report compares the same sentences (to read several "
                    f"files as one, name their folder or quote a pattern)"
                )
        wanted = (*NEEDED, *_USED, *_TEXTS, *([column] if column else []))
        chosen = [_some(methods[0], wanted), *(_some(each, _OF_OTHERS) for each in methods[1:])]
        files = () if column else _files(projected)
        return cls(tuple(chosen), _names(given), gold, column, files)

    def __len__(self) -> int:
        return len(self.methods[0])

    def counted(self) -> Review:
        """The inputs with the columns that figures need, without those that only lists show."""
        first, *others = self.methods
        needed = (*_COUNTED, *([self.column] if self.column else []))
        if others or self.gold:
            needed = (*needed, "target_tokens")
        return replace(self, methods=(_some(first, needed), *others))

    def batches(self) -> Iterator[tuple[Rows, list[str]]]:
        """Yield the same rows of all inputs, and the languages found so far.

        Raises:
            ParallelError: the inputs differ in the words of a sentence.
        """
        inputs = [*self.methods, *([self.gold] if self.gold else [])]
        groups: dict[str, int] = {name: i for i, (name, _) in enumerate(self.files)}
        ends = np.cumsum([rows for _, rows in self.files])
        first = 0
        for batches in zip_batches(*((each.origin, each.batches()) for each in inputs)):
            rows = batches[0].num_rows
            for each, batch in zip(self.methods, batches, strict=False):
                _check_beside(batch, first, each.origin)
            for each, batch in zip(inputs[1:], batches[1:], strict=True):
                _check_words(batches[0], batch, first, inputs[0].origin, each.origin)
            if self.column:
                names = batches[0][self.column].to_pylist()
                codes = [groups.setdefault(name or "", len(groups)) for name in names]
                group = np.array(codes, np.int32)
            elif self.files:
                at = np.arange(first, first + rows)
                group = np.searchsorted(ends, at, side="right").astype(np.int32)
            else:
                groups.setdefault("", 0)
                group = np.zeros(rows, np.int32)
            methods, gold = batches, None
            if self.gold:
                methods, gold = batches[:-1], batches[-1]
            yield Rows(first, methods, gold, group), list(groups)
            first += rows


def _is_path(given: object) -> bool:
    return isinstance(given, str | PathLike)


def _names_files(given: object) -> bool:
    several = isinstance(given, list | tuple) and bool(given) and all(map(_is_path, given))
    return several or _is_path(given)


def _projection(given: Any) -> Corpus:
    corpus = scan(given) if _names_files(given) else as_corpus(given)
    if missing := [name for name in NEEDED if name not in corpus.columns]:
        hint = (
            "; write the output of xner project with all its columns, to .jsonl or .parquet"
            if "source_tokens" in missing or "target_tokens" in missing
            else "; project its entities first"
        )
        raise InputError(f"{corpus.origin}: has no column {missing[0]!r}{hint}")
    return corpus


def _labels(given: Any) -> Corpus:
    if _names_files(given):
        return label_files([given])[0]
    return label_side(as_corpus(given, None, single=True))


def _some(corpus: Corpus, names: Sequence[str]) -> Corpus:
    return corpus.select(*(name for name in corpus.columns if name in names))


def _language_column(corpus: Corpus, name: str) -> str | None:
    if name in corpus.columns:
        if not pa.types.is_string(corpus.schema.field(name).type):
            raise UsageError(
                f"{corpus.origin}: the column {name!r} holds {corpus.schema.field(name).type}, "
                f"not the names of languages; give another language_column"
            )
        return name
    if name != "language":
        raise UsageError(
            f"{corpus.origin}: has no column {name!r} with languages; it has "
            f"{', '.join(corpus.columns)}"
        )
    return None


def _files(given: Any) -> tuple[tuple[str, int], ...]:
    """The files of an input of several, by stem, with their rows."""
    if not _names_files(given):
        return ()
    paths = expand(given)
    names = [stem_of(path) for path in paths]
    if len(paths) < 2 or len(set(names)) < len(names):
        return ()
    return tuple((name, len(scan(path))) for name, path in zip(names, paths, strict=True))


def _names(given: Sequence[Any]) -> tuple[str, ...]:
    """A short name of each projection: the file without its suffix; numbered where they repeat."""
    names: list[str] = []
    for i, each in enumerate(given):
        if _names_files(each):
            first = each if _is_path(each) else each[0]
            name = stem_of(Path(os.fspath(first))) or str(first)
        else:
            name = f"method {i + 1}" if i else "projection"
        names.append(name if name not in names else f"{name} ({i + 1})")
    return tuple(names)


def _check_beside(batch: pa.RecordBatch, first: int, origin: str) -> None:
    """Raise InputError for the first sentence without one value for each of its entities."""
    for name, of in (("outcomes", "source_entities"), ("probabilities", "target_entities")):
        if not {name, of} <= set(batch.schema.names):
            continue
        found, wanted = lengths_of(batch[name]), lengths_of(batch[of])
        if len(differ := np.flatnonzero(found != wanted)):
            i = int(differ[0])
            raise InputError(
                f"{origin}: sentence {first + i + 1} has {found[i]} {name} for {wanted[i]} "
                f"entities in {of}; project it again"
            )


def _check_words(
    batch: pa.RecordBatch, other: pa.RecordBatch, first: int, origin: str, other_origin: str
) -> None:
    """Raise ParallelError for the first sentence with another number of target words."""
    name = "tokens" if "tokens" in other.schema.names else "target_tokens"
    ours, theirs = lengths_of(batch["target_tokens"]), lengths_of(other[name])
    if len(differ := np.flatnonzero(ours != theirs)):
        i = int(differ[0])
        raise ParallelError(
            f"{other_origin}: sentence {first + i + 1} has {theirs[i]} words, but {ours[i]} in "
            f"{origin}; a report compares the same target words"
        )
