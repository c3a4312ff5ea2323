"""Hugging Face datasets: a folder as `Dataset.save_to_disk` writes it.

All columns are kept. Every side with entities also has their tags as `ner_tags`, a list of
`ClassLabel`, as most datasets for NER have them.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from xner.columns import BATCH, empty_batch, offsets_of
from xner.conforming import conform
from xner.errors import FormatError, InputError, MissingExtraError
from xner.formats.conll import spans_of
from xner.formats.files import TOP, Contents, Start
from xner.formats.losses import flat, kept
from xner.formats.registry import FEATURES, Format
from xner.formats.rows import Spare, strictly
from xner.formats.tags import class_names
from xner.schemes import encode, scheme_of, tag_ids, tag_table

FORMAT = Format(
    "hf",
    "Hugging Face datasets",
    (),
    frozenset(FEATURES),
    "a folder of `Dataset.save_to_disk`, with all columns, and tags as `ClassLabel`",
    text=False,
    folder=True,
    extra="hf",
)


def _datasets() -> Any:
    try:
        import datasets
    except ImportError:
        raise MissingExtraError("datasets", FORMAT.extra) from None
    return datasets


def recognises(path: Path) -> bool:
    """Whether a folder was written by `save_to_disk`."""
    return any((path / name).is_file() for name in ("dataset_dict.json", "state.json"))


def inspect(path: Path) -> Contents:
    """Read the number of rows and the columns.

    Raises:
        FormatError: the folder is not a dataset, or has several splits.
        MissingExtraError: datasets is not installed.
    """
    found = _load(path)
    return Contents(found.num_rows, _conform(empty_batch(_schema(found)), path).schema)


def read(
    path: Path, *, start: Start = TOP, attempt: Spare = strictly
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yield `(first row, batch)` with the columns of the dataset.

    Raises:
        FormatError: the folder is not a dataset, has several splits, or is damaged.
        MissingExtraError: datasets is not installed.
    """
    found = _load(path)
    metadata, row = _schema(found).metadata, 1
    tables = found.with_format("arrow").iter(BATCH)
    while (table := _next(tables, path)) is not None:
        for batch in table.replace_schema_metadata(metadata).combine_chunks().to_batches():
            yield row, attempt(lambda part, _: _conform(part, path), batch)
            row += batch.num_rows


def _load(path: Path) -> Any:
    datasets = _datasets()
    if (path / "dataset_dict.json").is_file():
        splits = _splits(path)
        raise InputError(
            f"{path}: has several splits ({', '.join(splits)}); name one, such as "
            f"{path / splits[0] if splits else path / 'train'}"
        )
    try:
        return datasets.load_from_disk(str(path))
    except Exception as error:
        raise FormatError(f"{path}: not a saved dataset, or damaged ({error})") from None


def _splits(path: Path) -> list[str]:
    try:
        found = json.loads((path / "dataset_dict.json").read_text("utf-8"))["splits"]
        return [str(name) for name in found]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _next(tables: Iterator[pa.Table], path: Path) -> pa.Table | None:
    try:
        return next(tables, None)
    except Exception as error:
        raise FormatError(f"{path}: damaged ({error})") from None


def _schema(found: Any) -> pa.Schema:
    schema: pa.Schema = found.features.arrow_schema
    return schema


def _conform(batch: pa.RecordBatch, path: Path) -> pa.RecordBatch:
    try:
        return conform(batch)
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from None


class _Writer:
    """Writes an Arrow stream, from which the dataset is saved at the end.

    Attributes:
        schema: columns of the stream.
        names: the classes of each column of tags.
    """

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        given, known = schema.names, class_names(schema)
        self.names = {
            f"{prefix}ner_tags": known.get(f"{prefix}ner_tags") or ["O"]
            for prefix in ("", "source_", "target_")
            if f"{prefix}entities" in given and f"{prefix}tokens" in given
        }
        fields = [f for f in schema if f.name not in self.names]
        fields += [pa.field(name, pa.list_(pa.int64())) for name in self.names]
        self.schema = pa.schema(fields)
        self._stream = pa.ipc.new_stream(str(path), self.schema)

    def write_batch(self, batch: pa.RecordBatch) -> None:
        """Write the rows of a batch, with their tags."""
        tags = {name: self._tags(batch, name) for name in self.names}
        held = dict(zip(batch.schema.names, batch.columns, strict=True)) | tags
        arrays = [held[name] for name in self.schema.names]
        self._stream.write_batch(pa.RecordBatch.from_arrays(arrays, schema=self.schema))

    def close(self) -> None:
        """Finish the stream."""
        self._stream.close()

    def _tags(self, batch: pa.RecordBatch, name: str) -> pa.ListArray:
        prefix = name.removesuffix("ner_tags")
        entities, tokens = batch[f"{prefix}entities"], batch[f"{prefix}tokens"]
        return numbered_tags(entities, tokens, self.names[name])


def numbered_tags(entities: pa.ListArray, tokens: pa.ListArray, known: list[str]) -> pa.ListArray:
    """The tags of entities as numbers of classes, the longest of those that overlap.

    Args:
        entities: spans of the tokens.
        tokens: the words.
        known: names of the classes; new ones are added at the end.
    """
    spans, labels = spans_of(kept(entities, flat(entities)))
    offsets = offsets_of(tokens)
    offsets = offsets - offsets[0]
    scheme = scheme_of(known)
    table, used = tag_table(labels, scheme), tag_ids(*encode(spans, offsets, scheme))
    known += [table[i] for i in np.unique(used) if table[i] not in known]
    numbers = np.array([known.index(tag) if tag in known else -1 for tag in table], np.int64)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(numbers[used]))


@contextmanager
def writer(partial: Path, path: Path, schema: pa.Schema) -> Iterator[_Writer]:
    """Open the folder `partial`, which will get the name `path`, for writing.

    Raises:
        MissingExtraError: datasets is not installed.
    """
    datasets = _datasets()
    stream = partial / "work" / "rows.arrow"
    stream.parent.mkdir()
    made = _Writer(stream, schema)
    yield made
    made.close()
    features = datasets.Features.from_arrow_schema(made.schema)
    for name, classes in made.names.items():
        features[name] = datasets.List(datasets.ClassLabel(names=classes))
    shown = not datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        named = datasets.Dataset.from_file(
            str(stream), info=datasets.DatasetInfo(features=features)
        )
        named.save_to_disk(str(partial))
    finally:
        if shown:
            datasets.enable_progress_bars()
    shutil.rmtree(stream.parent)
