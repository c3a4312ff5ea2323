"""Links on disk: Arrow files that are mapped into memory and joined with the rows of a corpus."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa

from xner.columns import BATCH, LINKS, LINKS_MADE_BY, replace_columns, with_columns
from xner.corpus.base import Batches, Corpus
from xner.corpus.joining import rechunk, zip_batches


def spill_links(batches: Iterable[pa.RecordBatch], path: Path) -> int:
    """Write the column `links` of batches, and what made it; returns the number of links."""
    writer: pa.RecordBatchFileWriter | None = None
    links = 0
    for batch in rechunk(batch.select(["links"]) for batch in batches):
        if writer is None:
            made_by = (batch.schema.metadata or {}).get(LINKS_MADE_BY, b"given")
            schema = pa.schema([("links", LINKS)], {LINKS_MADE_BY: made_by})
            writer = pa.ipc.new_file(path, schema)
        writer.write_batch(batch.replace_schema_metadata(schema.metadata))
        links += len(batch["links"].flatten())
    if writer is not None:
        writer.close()
    return links


def with_spilled_links(pairs: Corpus, files: Sequence[Path], rows: int) -> Corpus:
    """Add the links of files that `spill_links` wrote; they replace links of the corpus.

    Args:
        pairs: read along with the files at each pass.
        files: in the order of the rows.
        rows: rows of every file but the last.
    """
    with pa.memory_map(str(files[0])) as file:
        made_by = pa.ipc.open_file(file).schema.metadata[LINKS_MADE_BY]
    return _Spilled(pairs, tuple(files), rows, made_by, 0)


class _Spilled(Corpus):
    """Pairs with the links of files from row `first` on."""

    def __init__(
        self, pairs: Corpus, files: tuple[Path, ...], rows: int, made_by: bytes, first: int
    ) -> None:
        self._pairs, self._files, self._rows_each = pairs, files, rows
        self._made_by, self._first = made_by, first
        schema = with_columns(pairs.schema, {"links": LINKS}, metadata={LINKS_MADE_BY: made_by})
        super().__init__(self._linked, len(pairs), pairs.origin, schema)

    def part(self, first: int, last: int) -> Corpus:
        """The rows `[first, last)`."""
        begin = self._first + first
        return _Spilled(
            self._pairs.part(first, last), self._files, self._rows_each, self._made_by, begin
        )

    def _linked(self) -> Batches:
        pairs = (self.origin, self._pairs.batches())
        for batch, links in zip_batches(pairs, ("links", self._links())):
            metadata = {LINKS_MADE_BY: self._made_by}
            yield replace_columns(batch, {"links": links["links"]}, metadata=metadata)

    def _links(self) -> Batches:
        """The links of the rows from `first` on, as many as there are pairs."""
        row, left = self._first, len(self)
        while left:
            number, begin = divmod(row, self._rows_each)
            for batch in _mapped(self._files[number], begin):
                yield (here := batch.slice(0, left))
                row, left = row + here.num_rows, left - here.num_rows
                if not left:
                    break


def _mapped(path: Path, first: int) -> Batches:
    """The batches of a file from row `first` on; every batch but the last has `BATCH` rows."""
    with pa.memory_map(str(path)) as file:
        reader = pa.ipc.open_file(file)
        number, begin = divmod(first, BATCH)
        for i in range(number, reader.num_record_batches):
            yield reader.get_batch(i).slice(begin if i == number else 0)
