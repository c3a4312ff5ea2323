"""What programs hand over as a corpus: Python rows, tables, frames, datasets and paths."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from os import PathLike
from typing import Any

import pyarrow as pa

from xner.columns import BATCH, Where, empty_batch, row_place, types_of
from xner.conforming import conform, with_same_columns
from xner.corpus.base import Corpus, StrPath
from xner.corpus.joining import rechunk
from xner.corpus.reading import scan
from xner.corpus.rows import batch_of_columns, batch_of_rows, is_row
from xner.corpus.sides import all_of_side
from xner.corpus.tagged import with_entities
from xner.corpus.texts import with_words
from xner.errors import FormatError, UsageError
from xner.validate import validate

ACCEPTED = (
    "a Corpus, a path or a pair of paths, a list of rows, a mapping of columns, an Arrow table, a "
    "pandas or polars frame, or a datasets.Dataset"
)
_PATH = (str, PathLike)
_TOKENS = ("source_tokens", "target_tokens", "tokens")
_NO_SENTENCES = pa.schema(types_of("tokens"))
_NO_PAIRS = pa.schema(types_of("source_tokens", "source_entities", "target_tokens"))
"""The columns of a corpus of no rows."""


def as_corpus(given: Any, side: str | None = "source", single: bool = False) -> Corpus:
    """Return what a program hands over as a corpus.

    Args:
        given: a corpus, which is returned as it is; a path, or a pair of paths to the source and
            the target, which are scanned; rows (`xner.corpus.rows.ROW_FORMS`); a mapping of
            columns or of one row; an Arrow table; an object that streams Arrow, such as a pandas
            or polars frame; or a `datasets.Dataset`.
        side: side of columns that name none (`tokens`, `entities`, `tags`, `ner_tags`, `text`);
            None leaves their names.
        single: a row of words alone, or of words and spans, is one sentence and not a pair.

    Raises:
        UsageError: `given` is something else.
        InputError: a row does not fit, or a column has the wrong type.
    """
    if isinstance(given, Corpus):
        return given
    if _is_path(given):
        return scan(given, side=side if single else None)
    if isinstance(given, list | tuple) and given and all(map(_is_path, given)):
        return _scanned(given, side if single else None)
    if (table := _table_of(given)) is not None:
        batches = map(conform, rechunk(table.to_batches()))
        return _fitted(batches, table.schema, side, "table", _row_of("table"))
    if isinstance(given, Mapping):
        batch = _batch_of_mapping(given)
        return _fitted(rechunk([batch]), batch.schema, side, "data", _row_of("data"))
    if isinstance(given, tuple) and is_row(given):
        given = [given]
    if isinstance(given, Iterable) and not isinstance(given, bytes):
        no_rows = _NO_SENTENCES if single else _NO_PAIRS
        return _fitted(_batches_of_rows(given, single), no_rows, side, "data", _item)
    raise UsageError(f"{type(given).__name__} is not a corpus; give {ACCEPTED}")


def _is_path(given: object) -> bool:
    return isinstance(given, _PATH)


def _scanned(given: Sequence[StrPath], side: str | None) -> Corpus:
    """The files of a pair of source and target, or of a list that is read as one."""
    try:
        if isinstance(given, tuple) and len(given) == 2:
            return scan(*given)
        return scan(given, side=side)
    except UsageError as error:
        raise UsageError(
            f"{error}; strings name files: give a sentence as a list of words in a list, and texts "
            f"as {{'text': [...]}}"
        ) from None


def is_columns(given: object) -> bool:
    """Whether a mapping holds columns, as `datasets.Dataset.map` passes them, and not one row."""
    if not isinstance(given, Mapping):
        return False
    for name in _TOKENS:
        if name in given:
            return all(not isinstance(value, str) for value in given[name])
    texts = [given[name] for name in ("source_text", "target_text", "text") if name in given]
    return not any(isinstance(value, str) for value in texts)


def _table_of(given: Any) -> pa.Table | None:
    """The Arrow table of a table, batch, frame or dataset; None for anything else.

    Packages are known by the module of the object, so that none is imported here.
    """
    if isinstance(given, pa.Table):
        return given
    if isinstance(given, pa.RecordBatch):
        return pa.Table.from_batches([given])
    package = type(given).__module__.partition(".")[0]
    if package == "pandas" and hasattr(given, "columns"):
        return pa.Table.from_pandas(given, preserve_index=False).replace_schema_metadata(None)
    if package == "datasets":
        return _table_of_dataset(given)
    if hasattr(given, "collect_schema") and hasattr(given, "collect"):
        given = given.collect()  # a lazy polars frame
    if hasattr(given, "__arrow_c_stream__"):
        return pa.table(given)
    return None


def _table_of_dataset(given: Any) -> pa.Table | None:
    if hasattr(given, "pa_table"):  # a batch of Dataset.map
        return None
    if not hasattr(given, "with_format") or not hasattr(given, "num_rows"):
        raise UsageError(
            f"a {type(given).__name__} has no fixed rows; give one split as a datasets.Dataset"
        )
    if isinstance(given, Mapping):
        raise UsageError(
            f"a {type(given).__name__} has several splits ({', '.join(given)}); give one of them"
        )
    table: pa.Table = given.with_format("arrow")[:]
    return table


def _batch_of_mapping(given: Mapping[str, Any]) -> pa.RecordBatch:
    names: list[Any] = list(given)
    if unnamed := [name for name in names if not isinstance(name, str)]:
        raise UsageError(f"{unnamed[0]!r} is not the name of a column; give {ACCEPTED}")
    if not is_columns(given):
        return batch_of_rows([given], _item(0))
    batch = batch_of_columns(
        {name: _listed(name, values) for name, values in given.items()}, _row_of("data")(0)
    )
    held = getattr(given, "pa_table", None)  # has the names of classes
    return batch if held is None else batch.replace_schema_metadata(held.schema.metadata)


def _listed(name: str, values: Any) -> Sequence[Any]:
    if isinstance(values, str | bytes) or not hasattr(values, "__len__"):
        raise UsageError(
            f"column {name!r} is {values!r:.60}; a column is a list with a value per row"
        )
    return list(values)


def _batches_of_rows(rows: Iterable[Any], single: bool) -> Iterator[pa.RecordBatch]:
    done, rest = 0, iter(rows)
    while part := list(islice(rest, BATCH)):
        yield batch_of_rows(part, _item(done), single)
        done += len(part)


def _row_of(origin: str) -> Callable[[int], Where]:
    """Names rows of a table, from 1, after so many rows."""
    return lambda done: row_place(f"{origin}: row ", done + 1)


def _item(done: int) -> Where:
    """Names items of a list after so many items."""
    return lambda row: f"data[{done + row}]"


def _fitted(
    batches: Iterable[pa.RecordBatch],
    schema: pa.Schema,
    side: str | None,
    origin: str,
    place: Callable[[int], Where],
) -> Corpus:
    """A corpus of batches that have the types that xner uses; every row is checked."""
    done, fitted = 0, []
    for batch in batches:
        fitted.append(_fit(batch, side, place(done)))
        done += batch.num_rows
    if fitted:
        return Corpus.from_batches(_alike(fitted), origin)
    empty = _fit(conform(empty_batch(schema)), side, place(0))
    return Corpus.from_batches([], origin, empty.schema)


def _fit(batch: pa.RecordBatch, side: str | None, where: Where) -> pa.RecordBatch:
    batch = with_words(with_entities(batch, "auto", where), where)
    validate(batch, where)
    if side is None or "tokens" not in batch.schema.names:
        return batch
    return all_of_side(batch, side)


def _alike(batches: list[pa.RecordBatch]) -> list[pa.RecordBatch]:
    """Batches with the same columns; rows that lack a column have nulls or empty lists."""
    if all(batch.schema == batches[0].schema for batch in batches[1:]):
        return batches
    try:
        schemas = [batch.schema for batch in batches]
        schema = pa.unify_schemas(schemas, promote_options="permissive")
        return [with_same_columns(batch, schema).cast(schema) for batch in batches]
    except pa.ArrowException as error:
        raise FormatError(f"rows differ in the types of their values ({error})") from None
