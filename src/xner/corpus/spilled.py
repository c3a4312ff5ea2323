"""Links on disk: Arrow files that are mapped into memory and joined with the rows of a corpus."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from xner.columns import BATCH, LINKS, LINKS_MADE_BY
from xner.corpus.base import Corpus
from xner.corpus.beside import beside
from xner.corpus.joining import rechunk
from xner.corpus.parts import Batches


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
        schema = pa.ipc.open_file(file).schema
    source = _Files(tuple(files), rows, len(pairs))
    links = Corpus(source, len(pairs), "links", schema)
    return beside(pairs, {"links": links}, {LINKS_MADE_BY: schema.metadata[LINKS_MADE_BY]})


@dataclass(frozen=True, slots=True)
class _Files:
    """Yields the links of files.

    Attributes:
        files: in the order of the rows.
        rows: rows of every file but the last.
        total: rows of all files.
    """

    files: tuple[Path, ...]
    rows: int
    total: int

    def __call__(self) -> Batches:
        return self.between(0, self.total)

    def between(self, first: int, last: int) -> Batches:
        """Yield the rows `[first, last)`."""
        row = first
        while row < last:
            number, begin = divmod(row, self.rows)
            for batch in _mapped(self.files[number], begin):
                yield (here := batch.slice(0, last - row))
                row += here.num_rows
                if row == last:
                    return


def _mapped(path: Path, first: int) -> Batches:
    """The batches of a file from row `first` on; every batch but the last has `BATCH` rows."""
    with pa.memory_map(str(path)) as file:
        reader = pa.ipc.open_file(file)
        number, begin = divmod(first, BATCH)
        for i in range(number, reader.num_record_batches):
            yield reader.get_batch(i).slice(begin if i == number else 0)
