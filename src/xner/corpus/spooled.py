"""Rows kept in Arrow files, for batches that cannot be made again at each pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from xner.corpus.base import Corpus
from xner.corpus.parts import Batches, cut
from xner.errors import OutputError


def spool(batches: Iterable[pa.RecordBatch], path: Path) -> None:
    """Write batches to a compressed Arrow file.

    Args:
        batches: at least one; all have the same columns and metadata.
        path: the file. It takes about as much space as the same rows in Parquet.

    Raises:
        OutputError: the file cannot be written.
    """
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    writer: pa.RecordBatchStreamWriter | None = None
    for batch in batches:
        with _writing(path):
            if writer is None:
                writer = pa.ipc.new_stream(str(path), batch.schema, options=options)
            writer.write_batch(batch)
    if writer is not None:
        with _writing(path):
            writer.close()


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error})") from None


def from_spool(files: Sequence[Path], rows: int, total: int, origin: str) -> Corpus:
    """The rows of files that `spool` wrote.

    Args:
        files: in the order of the rows.
        rows: rows of every file but the last.
        total: rows of all files.
        origin: names the corpus in error messages.
    """
    with pa.OSFile(str(files[0])) as file, pa.ipc.open_stream(file) as stream:
        schema = stream.schema
    return Corpus(_Spooled(tuple(files), rows, total), total, origin, schema)


@dataclass(frozen=True)
class _Spooled:
    """The batches of files; the arguments are those of `from_spool`."""

    files: tuple[Path, ...]
    rows: int
    total: int

    def __call__(self) -> Batches:
        return self.between(0, self.total)

    def between(self, first: int, last: int) -> Batches:
        """Yield the rows `[first, last)`."""
        skipped = first // self.rows
        before = skipped * self.rows
        return cut(_read(self.files[skipped:]), first - before, last - before)


def _read(files: Iterable[Path]) -> Batches:
    for path in files:
        with pa.OSFile(str(path)) as file, pa.ipc.open_stream(file) as stream:
            yield from stream
