"""A corpus kept in a temporary file, for batches that cannot be made again at each pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa

from xner.corpus.base import Corpus
from xner.corpus.parts import Batches
from xner.errors import OutputError


@contextmanager
def spooled(batches: Iterable[pa.RecordBatch], origin: str, schema: pa.Schema) -> Iterator[Corpus]:
    """Write batches to a temporary Arrow file, and return them as a corpus while it exists.

    The file is in the temporary folder of the system (`TMPDIR`) and takes about as much space as
    the same rows in Parquet.

    Args:
        batches: read once, here; all have the same columns and metadata.
        origin: names the corpus in error messages.
        schema: used if there are no batches; by default that of the first batch.

    Raises:
        OutputError: the file cannot be written.
    """
    with TemporaryDirectory(prefix="xner-") as folder:
        path = Path(folder) / "rows.arrow"
        rows, found = _write(batches, path)
        yield Corpus(_Spool(path), rows, origin, schema if found is None else found)


def _write(batches: Iterable[pa.RecordBatch], path: Path) -> tuple[int, pa.Schema | None]:
    """Return the number of rows, and the schema of the first batch."""
    rows, writer, schema = 0, None, None
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    for batch in batches:
        with _errors_of(path):
            if writer is None:
                schema = batch.schema
                writer = pa.ipc.new_stream(str(path), schema, options=options)
            writer.write_batch(batch)
        rows += batch.num_rows
    if writer is not None:
        with _errors_of(path):
            writer.close()
    return rows, schema


@contextmanager
def _errors_of(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be written ({error}); set TMPDIR to a folder with more space"
        ) from None


@dataclass(frozen=True)
class _Spool:
    """The batches of a file, which is not there if there are none."""

    path: Path

    def __call__(self) -> Batches:
        if self.path.exists():
            with pa.OSFile(str(self.path)) as file, pa.ipc.open_stream(file) as stream:
                yield from stream
