"""Rows on disk: Arrow files that are mapped into memory, and links that are joined with pairs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from xner.columns import BATCH, LINKS, LINKS_MADE_BY, replace_columns, with_columns
from xner.corpus.base import Corpus
from xner.corpus.joining import rechunk, zip_batches
from xner.corpus.parts import Batches


def spill(batches: Iterable[pa.RecordBatch], path: Path) -> None:
    """Write batches that have the same columns and metadata."""
    writer: pa.RecordBatchFileWriter | None = None
    for batch in rechunk(batches):
        writer = writer or pa.ipc.new_file(path, batch.schema)
        writer.write_batch(batch)
    if writer is not None:
        writer.close()


def spilled(files: Sequence[Path], each: int, rows: int, origin: str) -> Corpus:
    """Return the rows of files that `spill` wrote.

    Args:
        files: in the order of the rows.
        each: rows of every file but the last.
        rows: rows of all files.
        origin: names the corpus in error messages.
    """
    with pa.memory_map(str(files[0])) as file:
        schema = pa.ipc.open_file(file).schema
    return Corpus(_Files(tuple(files), each, rows), rows, origin, schema)


def spill_links(batches: Iterable[pa.RecordBatch], path: Path) -> None:
    """Write the column `links` of batches, and what made it."""
    spill(map(_links_of, batches), path)


def _links_of(batch: pa.RecordBatch) -> pa.RecordBatch:
    made_by = (batch.schema.metadata or {})[LINKS_MADE_BY]
    return batch.select(["links"]).replace_schema_metadata({LINKS_MADE_BY: made_by})


def with_spilled_links(pairs: Corpus, files: Sequence[Path], each: int) -> Corpus:
    """Add the links of files that `spill_links` wrote; they replace links of the corpus.

    Args:
        pairs: read along with the files at each pass.
        files: in the order of the rows.
        each: rows of every file but the last.
    """
    links = spilled(files, each, len(pairs), "links")
    schema = with_columns(pairs.schema, {"links": LINKS}, metadata=links.schema.metadata)
    return Corpus(_Linked(pairs, links), len(pairs), pairs.origin, schema)


@dataclass(frozen=True, slots=True)
class _Linked:
    """Yields pairs with the links of another corpus."""

    pairs: Corpus
    links: Corpus

    def __call__(self) -> Batches:
        return self.between(0, len(self.pairs))

    def between(self, first: int, last: int) -> Batches:
        """Yield the rows `[first, last)`."""
        parts = [each.part(first, last) for each in (self.pairs, self.links)]
        for batch, links in zip_batches(*((part.origin, part.batches()) for part in parts)):
            metadata = links.schema.metadata
            yield replace_columns(batch, {"links": links["links"]}, metadata=metadata)


@dataclass(frozen=True, slots=True)
class _Files:
    """Yields the rows of files; the arguments are those of `spilled`."""

    files: tuple[Path, ...]
    each: int
    rows: int

    def __call__(self) -> Batches:
        return self.between(0, self.rows)

    def between(self, first: int, last: int) -> Batches:
        """Yield the rows `[first, last)`."""
        while first < last:
            number, begin = divmod(first, self.each)
            for batch in _mapped(self.files[number], begin):
                yield (here := batch.slice(0, last - first))
                first += here.num_rows
                if first == last:
                    return


def _mapped(path: Path, first: int) -> Batches:
    """The batches of a file from row `first` on; every batch but the last has `BATCH` rows."""
    with pa.memory_map(str(path)) as file:
        reader = pa.ipc.open_file(file)
        number, begin = divmod(first, BATCH)
        for i in range(number, reader.num_record_batches):
            yield reader.get_batch(i).slice(begin if i == number else 0)
