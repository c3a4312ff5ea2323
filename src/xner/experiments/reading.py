"""The data of a language as the first step: both sides and the gold labels, in columns."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from types import ModuleType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xner.columns import lengths_of
from xner.corpus import Corpus, rechunk, row_counts, side_batches
from xner.errors import InputError, ParallelError
from xner.experiments.config import DataFile, Language
from xner.formats import conll, jsonl, panx, parquet, text

COLUMNS = ("id", "source_tokens", "source_entities", "target_tokens", "gold_entities")
_MODULES: dict[str, ModuleType] = {
    "conll": conll,
    "jsonl": jsonl,
    "panx": panx,
    "parquet": parquet,
    "text": text,
}


def files_of(language: Language) -> dict[str, DataFile]:
    """The files of a language by side; the gold file is the target's text where no other is."""
    sides = {
        "source": language.source,
        "target": language.target or language.gold,
        "gold": language.gold,
    }
    return {side: file for side, file in sides.items() if file is not None}


def read_language(language: Language) -> Corpus:
    """Read the data of a language; those of `COLUMNS` that its files hold.

    Raises:
        InputError: a file is missing or malformed, they do not line up, or gold has no labels.
    """
    files = files_of(language)
    modules = {f.path: _MODULES[f.format] for f in files.values() if f.format}
    paths = list(dict.fromkeys(file.path for file in files.values()))
    rows, keep = row_counts(paths, "auto", modules)

    def side(name: str) -> Iterator[pa.RecordBatch]:
        path = files[name].path
        gold = name == "gold"
        read_as = "target" if gold else name
        stream = side_batches(path, read_as, "auto", keep, strip=gold, module=modules.get(path))
        for batch in rechunk(stream):
            yield _gold(batch, path) if gold else batch

    def batches() -> Iterator[pa.RecordBatch]:
        stem, done = next(iter(files.values())).path.stem, 0
        for parts in zip_longest(*(side(name) for name in files)):
            yield _row_batch(dict(zip(files, parts, strict=True)), stem, done, language.name)
            done += parts[0].num_rows

    return Corpus(batches, rows, f"language {language.name}")


def _gold(batch: pa.RecordBatch, path: Path) -> pa.RecordBatch:
    if "entities" not in batch.schema.names:
        raise InputError(f"{path}: has no labels; gold must have tags or entities")
    return batch.select(["tokens", "entities"]).rename_columns(["gold_tokens", "gold_entities"])


def _row_batch(parts: dict[str, pa.RecordBatch], stem: str, done: int, name: str) -> pa.RecordBatch:
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
    return pa.RecordBatch.from_pydict({c: columns[c] for c in COLUMNS if c in columns})


def _check_words(target: pa.ListArray, gold: pa.ListArray, done: int, name: str) -> None:
    odd = np.flatnonzero(lengths_of(target) != lengths_of(gold))
    if len(odd):
        row = int(odd[0])
        raise ParallelError(
            f"language {name}: row {done + row + 1} has {lengths_of(target)[row]} words in the "
            f"target and {lengths_of(gold)[row]} in gold; both must have the same tokens"
        )
