"""The text of a language as the first step: both sides and their labels, in columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from time import perf_counter
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xner.columns import lengths_of
from xner.corpus import Corpus, rechunk, row_counts, side_batches
from xner.errors import InputError, ParallelError
from xner.evaluation.divergence import NGRAM, divergence_of_words
from xner.experiments.language import DataFile, Language
from xner.experiments.pipelines import TEST
from xner.formats import conll, jsonl, panx, parquet, text

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
    """The files of a language by side, to score on or to learn from.

    Where it is scored, the gold file is the target's text if no other is.
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
    """Read the text of a language; those of `COLUMNS`, or `TRAINING_COLUMNS`, that its files hold.

    Raises:
        InputError: a file is missing or malformed, they do not line up, or gold has no labels.
    """
    files = files_of(language, on)
    columns = COLUMNS if on == TEST else TRAINING_COLUMNS
    modules = {f.path: _MODULES[f.format] for f in files.values() if f.format}
    paths = list(dict.fromkeys(file.path for file in files.values()))
    rows, keep = row_counts(paths, "auto", modules)

    def side(name: str) -> Iterator[pa.RecordBatch]:
        path = files[name].path
        gold, bare = name == "gold", name == "gold" or (name == "target" and on != TEST)
        read_as = "target" if gold else name
        stream = side_batches(path, read_as, "auto", keep, strip=bare, module=modules.get(path))
        for batch in rechunk(stream):
            yield _gold(batch, path) if gold else _prefixed(batch, name) if bare else batch

    summary = Read()

    def batches() -> Iterator[pa.RecordBatch]:
        begin = perf_counter()
        stem, done = next(iter(files.values())).path.stem, 0
        for parts in zip_longest(*(side(name) for name in files)):
            named = dict(zip(files, parts, strict=True))
            made = _row_batch(named, columns, stem, done, language.name)
            summary.add(made)
            done += made.num_rows
            yield made
        summary.seconds = perf_counter() - begin

    read = Corpus(batches, rows, f"language {language.name}")
    read.summary = summary
    return read


@dataclass
class Read:
    """What was read: how many sentences, and how often each word stood on either side."""

    sentences: int = 0
    words: dict[str, Counter[str]] = field(default_factory=dict)
    seconds: float = 0.0
    signature: str = ""

    def add(self, batch: pa.RecordBatch) -> None:
        """Count a batch."""
        self.sentences += batch.num_rows
        for side in ("source", "target"):
            if f"{side}_tokens" in batch.schema.names:
                counts = pc.value_counts(batch[f"{side}_tokens"].flatten())
                found = zip(*(counts.field(i).to_pylist() for i in range(2)), strict=True)
                self.words.setdefault(side, Counter()).update(dict(found))

    def as_dict(self) -> dict[str, Any]:
        """For the manifest: lexical divergence too, if both sides have words."""
        known = all(self.words.get(side) for side in ("source", "target"))
        apart = None
        if known:
            apart = divergence_of_words(self.words["source"], self.words["target"], NGRAM)
        return {"sentences": self.sentences, "divergence": apart, "seconds": self.seconds}


def _prefixed(batch: pa.RecordBatch, side: str) -> pa.RecordBatch:
    names = [n if n == "id" else f"{side}_{n}" for n in batch.schema.names]
    return batch.rename_columns(names)


def _gold(batch: pa.RecordBatch, path: Path) -> pa.RecordBatch:
    if "entities" not in batch.schema.names:
        raise InputError(f"{path}: has no labels; gold must have tags or entities")
    return batch.select(["tokens", "entities"]).rename_columns(["gold_tokens", "gold_entities"])


def _row_batch(
    parts: dict[str, pa.RecordBatch], wanted: tuple[str, ...], stem: str, done: int, name: str
) -> pa.RecordBatch:
    if any(p is None for p in parts.values()) or len({p.num_rows for p in parts.values()}) > 1:
        raise ParallelError(f"language {name}: a file changed while it was read")
    columns: dict[str, pa.Array] = {}
    for part in parts.values():
        for column in part.schema.names:
            columns.setdefault(column, part[column])
    rows = next(iter(parts.values())).num_rows
    made = pa.array([f"{stem}-{i}" for i in range(done, done + rows)], pa.string())
    columns["id"] = pc.coalesce(columns["id"], made) if "id" in columns else made
    if "gold_tokens" in columns:
        _check_words(columns["target_tokens"], columns["gold_tokens"], done, name)
    return pa.RecordBatch.from_pydict({c: columns[c] for c in wanted if c in columns})


def _check_words(target: pa.ListArray, gold: pa.ListArray, done: int, name: str) -> None:
    odd = np.flatnonzero(lengths_of(target) != lengths_of(gold))
    if len(odd):
        row = int(odd[0])
        raise ParallelError(
            f"language {name}: row {done + row + 1} has {lengths_of(target)[row]} words in the "
            f"target and {lengths_of(gold)[row]} in gold; both must have the same tokens"
        )
