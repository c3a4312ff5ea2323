"""Reading the text of a language: both sides and their labels, as columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from time import perf_counter
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xner.columns import empty_batch, lengths_of
from xner.corpus import Corpus
from xner.corpus.files import InputFile
from xner.corpus.inputs import line_up
from xner.corpus.reading import join_files
from xner.corpus.sides import one_side
from xner.errors import InputError, ParallelError
from xner.evaluation.divergence import NGRAM, divergence_of_words
from xner.experiments.language import DataFile, Language
from xner.experiments.pipelines import TEST
from xner.formats import conll, jsonl, panx, parquet, text
from xner.report import Report

COLUMNS = ("id", "source_tokens", "source_entities", "target_tokens", "gold_entities")
TRAINING_COLUMNS = (
    "id",
    "source_tokens",
    "source_entities",
    "target_tokens",
    "target_entities",
)
_MODULES: dict[str, ModuleType] = {
    "conll": conll,
    "jsonl": jsonl,
    "panx": panx,
    "parquet": parquet,
    "text": text,
}


def files_of(language: Language, on: str = TEST) -> dict[str, DataFile]:
    """Return the files of a language by side: those to score, or training text.

    The gold file is the target text if no other is given.
    """
    sides = {
        "source": language.source,
        "target": language.target or language.gold,
        "gold": language.gold,
    }
    if on != TEST:
        sides = {"source": language.train.source, "target": language.train.target}
    return {side: file for side, file in sides.items() if file is not None}


def read_language(language: Language, on: str = TEST) -> Corpus:
    """Read the text of a language.

    Returns:
        The columns of `COLUMNS`, or of `TRAINING_COLUMNS`, that its files provide.

    Raises:
        InputError: a file is missing or malformed, files are not parallel, or gold has no labels.
    """
    found = files_of(language, on)
    columns = COLUMNS if on == TEST else TRAINING_COLUMNS
    files = {name: _open(name, file, on) for name, file in found.items()}
    if on == TEST and found.get("target") == found.get("gold"):
        files.pop("target", None)  # gold has the same words, and is opened once per pass
    opened = list(files.values())
    text = join_files(opened, line_up(opened), f"language {language.name}")
    report = ReadReport()

    def batches() -> Iterator[pa.RecordBatch]:
        begin, done = perf_counter(), 0
        for batch in text.batches():
            read = _selected(batch, columns, done, language.name)
            report.count(read)
            done += read.num_rows
            yield read
        report.seconds = perf_counter() - begin

    schema = _selected(empty_batch(text.schema), columns, 0, language.name).schema
    return Corpus(batches, len(text), text.origin, schema, report)


def _open(name: str, file: DataFile, on: str) -> InputFile:
    """Open a file with columns named for `source`, `target` or `gold`."""
    module = _MODULES[file.format] if file.format else None
    encoding = file.encoding
    if name == "gold":
        gold = partial(_gold, path=file.path)
        return InputFile(file.path, gold, module=module, encoding=encoding)
    labels = name == "source" or on != TEST
    adapt = partial(one_side, side=name, labels=labels)
    return InputFile(file.path, adapt, module=module, tags=labels, encoding=encoding)


class ReadReport(Report):
    """The sentences that were read, and the lexical divergence of the two sides.

    Attributes:
        words: number of occurrences of each word, by side.
    """

    def __init__(self) -> None:
        super().__init__()
        self.words: dict[str, Counter[str]] = {}

    def count(self, batch: pa.RecordBatch) -> None:
        """Count the sentences and words of a batch."""
        self.add(sentences=batch.num_rows)
        for side in ("source", "target"):
            if f"{side}_tokens" in batch.schema.names:
                counts = pc.value_counts(batch[f"{side}_tokens"].flatten())
                found = zip(*(counts.field(i).to_pylist() for i in range(2)), strict=True)
                self.words.setdefault(side, Counter()).update(dict(found))

    def as_dict(self) -> dict[str, Any]:
        """The report for the manifest; divergence is None unless both sides have words."""
        known = all(self.words.get(side) for side in ("source", "target"))
        apart = None
        if known:
            apart = divergence_of_words(self.words["source"], self.words["target"], NGRAM)
        return {"sentences": self.sentences, "divergence": apart, "seconds": self.seconds}


def _gold(batch: pa.RecordBatch, path: Path) -> pa.RecordBatch:
    side = one_side(batch, "target")
    if "target_entities" not in side.schema.names:
        raise InputError(f"{path}: has no labels; gold must have tags or entities")
    return side.rename_columns([n.replace("target_", "gold_") for n in side.schema.names])


def _selected(
    batch: pa.RecordBatch, wanted: tuple[str, ...], done: int, name: str
) -> pa.RecordBatch:
    """Select columns; the words of gold are the target text if there is no other."""
    columns = dict(zip(batch.schema.names, batch.columns, strict=True))
    if "gold_tokens" in columns:
        target = columns.setdefault("target_tokens", columns["gold_tokens"])
        _check_words(target, columns["gold_tokens"], done, name)
    return pa.RecordBatch.from_pydict({c: columns[c] for c in wanted if c in columns})


def _check_words(target: pa.ListArray, gold: pa.ListArray, done: int, name: str) -> None:
    different = np.flatnonzero(lengths_of(target) != lengths_of(gold))
    if len(different):
        row = int(different[0])
        raise ParallelError(
            f"language {name}: row {done + row + 1} has {lengths_of(target)[row]} words in the "
            f"target and {lengths_of(gold)[row]} in gold; both must have the same tokens"
        )
