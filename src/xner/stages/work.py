"""How a stage prepares for a corpus that is processed in parts (see `xner.jobs`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from xner.corpus import Corpus
from xner.report import Progress, Report

if TYPE_CHECKING:
    from xner.stages.base import Stage

KERNEL_ROWS = 65_536
"""Rows of a part by default."""
MODEL_ROWS = 2_048
"""Rows of a part if the stage runs a model."""

Make = Callable[[Corpus, Path, Progress], Report | None]
"""Makes the files of one part: takes its rows, a new folder for the files, and what hears of
progress; returns what it counted."""


class Maker(Protocol):
    """What makes the files of parts. It is pickled for other processes."""

    @property
    def threaded(self) -> bool:
        """Whether several threads can make parts at the same time."""
        ...

    def load(self) -> Make:
        """Load models and statistics, and return the function that makes one part."""
        ...


class Work(Protocol):
    """Where a stage keeps what it prepares, so that an interrupted job does not repeat it."""

    @property
    def part_rows(self) -> int:
        """Rows of every part but the last."""
        ...

    def once(self, name: str, make: Callable[[Path], None]) -> Path:
        """The folder of the step `name`; `make` fills it unless an earlier run did."""
        ...

    def each(self, name: str, corpus: Corpus, maker: Maker) -> list[Path]:
        """The folders of all parts of a corpus, in order.

        Args:
            name: name of the step; its time is the figure `{name}_seconds` of the report.
            corpus: cut into parts of `part_rows` rows.
            maker: fills the folders of the parts that earlier runs did not finish.
        """
        ...

    def discard(self, step: str, file: str) -> None:
        """Remove a file of every part of a step, which is not needed any more."""
        ...


@dataclass(frozen=True, slots=True)
class AllAtOnce:
    """Prepares a corpus in one part, in a temporary folder.

    Attributes:
        folder: an empty folder.
        part_rows: number of rows of the corpus.
        tell: hears of progress.
    """

    folder: Path
    part_rows: int
    tell: Progress

    def once(self, name: str, make: Callable[[Path], None]) -> Path:
        """The folder of the step `name`, filled by `make`."""
        folder = self.folder / name
        folder.mkdir()
        make(folder)
        return folder

    def each(self, name: str, corpus: Corpus, maker: Maker) -> list[Path]:
        """The folder of the step `name`."""
        make = maker.load()

        def all_rows(folder: Path) -> None:
            make(corpus, folder, self.tell)

        return [self.once(name, all_rows)]

    def discard(self, step: str, file: str) -> None:
        """Remove a file of a step."""
        (self.folder / step / file).unlink()


class Prepared(NamedTuple):
    """A stage and a corpus of which any part can be processed alone.

    Attributes:
        stage: with what was collected over the whole corpus. It is pickled for other processes.
        corpus: with the columns that were made for the stage.
    """

    stage: Stage
    corpus: Corpus
