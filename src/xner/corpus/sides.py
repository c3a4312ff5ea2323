"""Columns of a file, named for the side that its words belong to."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pyarrow as pa

from xner.columns import TAGGED_BY
from xner.errors import FormatError


def check_both_sides(path: Path, columns: Collection[str]) -> None:
    """Raise FormatError unless a file has the columns of both sides."""
    for name in ("source_tokens", "target_tokens"):
        if not {name, name.replace("tokens", "text")} & set(columns):
            raise FormatError(
                f"{path}: has no column {name!r}; name a file with both sides (.jsonl or "
                f".parquet), or name the target file as well (in Python, `side` reads one side)"
            )


_WORDS = ("tokens", "text", "offsets")
_LABELS = ("entities", "entity_offsets")
UNNAMED = (*_WORDS, *_LABELS)
"""Columns of a file with one side that are not named for it."""


def all_of_side(batch: pa.RecordBatch, side: str) -> pa.RecordBatch:
    """Keep every column but unnamed entities of a target; name those without a side for `side`."""
    if _prefix(batch, side):
        return batch
    if side == "target":
        labels = {"entities", "entity_offsets"} & set(batch.schema.names)
        batch = batch.drop_columns(sorted(labels))
    names = [f"{side}_{name}" if name in UNNAMED else name for name in batch.schema.names]
    return batch.rename_columns(names).replace_schema_metadata(batch.schema.metadata)


def one_side(batch: pa.RecordBatch, side: str, *, labels: bool = True) -> pa.RecordBatch:
    """Keep the id and the tokens, text, entities, candidates and probabilities of one side.

    Args:
        batch: a batch with the words of the side, in a column named for it or not.
        side: `source` or `target`; the columns are named for it.
        labels: whether to keep the entities.

    Raises:
        FormatError: the words of the side are missing.
    """
    prefix, names = _prefix(batch, side), batch.schema.names
    columns = {"id": batch["id"]} if "id" in names else {}
    for name in UNNAMED if labels else _WORDS:
        if f"{prefix}{name}" in names:
            columns[f"{side}_{name}"] = batch[f"{prefix}{name}"]
    for name in (f"{side}_tagset", f"{side}_probabilities", f"{side}_candidates"):
        if name in names:
            columns[name] = batch[name]
    metadata = batch.schema.metadata or {}
    tagger = {key: metadata[key] for key in [TAGGED_BY[side]] if key in metadata}
    return pa.RecordBatch.from_pydict(columns).replace_schema_metadata(tagger)


def _prefix(batch: pa.RecordBatch, side: str) -> str:
    """The prefix of the column names of `side`: `source_`, `target_` or nothing."""
    if f"{side}_tokens" in batch.schema.names:
        return f"{side}_"
    if "tokens" in batch.schema.names:
        return ""
    raise FormatError(f"has neither a column 'tokens' nor '{side}_tokens'")
