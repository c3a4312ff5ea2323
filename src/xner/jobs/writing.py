"""The last step of a job: the output of every part, and one file of all of them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from xner.corpus import Corpus, rechunk
from xner.formats import format_of, parquet
from xner.report import Progress, Report
from xner.stages import Stage
from xner.stages.passing import to_write
from xner.stages.work import Make
from xner.write import write_batches


@dataclass(frozen=True, slots=True)
class WritePart:
    """Runs the stage on parts and writes the results.

    Attributes:
        stage: prepared for the whole corpus.
        suffix: of the files.
        side: side that is written to files of one side.
        scheme: labelling scheme of tags.
        unwritten: columns that are left out.
    """

    stage: Stage
    suffix: str
    side: str
    scheme: str
    unwritten: frozenset[str] = frozenset()

    @property
    def threaded(self) -> bool:
        """Whether several threads can make parts at the same time."""
        return self.stage.threaded

    def load(self) -> Make:
        """Load models and statistics."""
        stage = self.stage.loaded()

        def make(part: Corpus, folder: Path, tell: Progress) -> Report:
            result = replace(stage, progress=tell).stream(part)
            path = folder / f"part{self.suffix}"
            batches = to_write(result, self.unwritten)
            write_batches(path, batches, side=self.side, scheme=self.scheme)
            return result.report

        return make


def join_files(
    files: Sequence[Path], path: Path, *, side: str = "target", scheme: str = "IOB2"
) -> None:
    """Write the content of files of one format into one file.

    Args:
        files: Parquet, or files of the format of `path`.
        path: the file.
        side, scheme: how Parquet files are written in another format.
    """
    if format_of(files[0]) is parquet:
        write_batches(path, rechunk(_row_groups(files)), side=side, scheme=scheme)
        return
    with path.open("wb") as joined:
        for file in files:
            with file.open("rb") as part:
                shutil.copyfileobj(part, joined, 1 << 20)


def _row_groups(files: Sequence[Path]) -> Iterator[pa.RecordBatch]:
    for path in files:
        with pq.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                yield from file.read_row_group(group).combine_chunks().to_batches()
