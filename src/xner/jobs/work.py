"""The work folder of a job: the steps and parts that are finished."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xner.corpus import Corpus
from xner.jobs.engines import Engine, RunPart
from xner.jobs.files import move, read_json, written
from xner.jobs.output import Output
from xner.report import Progress, Report
from xner.stages.work import Make, Maker

_REPORT = "report.json"


@dataclass(frozen=True, slots=True)
class Parts:
    """A step of a job over all parts of a corpus; one folder per part.

    Attributes:
        name: name of the step.
        corpus: cut into parts of `rows` rows.
        maker: fills the folders.
        costly: whether it runs a model.
        rows: rows of every part but the last.
        output: where the job writes.
        folder: folder of the folders.
        scratch: folder of this run for unfinished files. A process that outlives its run cannot
            disturb another run, which removes the folder.
        begun: when the job would have begun if it had not been interrupted, in seconds.
        sharded: whether the file `part` of each part becomes a shard of the output.
    """

    name: str
    corpus: Corpus
    maker: Maker
    costly: bool
    rows: int
    output: Output
    folder: Path
    scratch: Path
    begun: float
    sharded: bool

    @property
    def total(self) -> int:
        """Number of parts."""
        return -(-len(self.corpus) // self.rows)

    @property
    def folders(self) -> list[Path]:
        """The folders of all parts."""
        return [self.folder / self._name(part) for part in range(self.total)]

    def _name(self, part: int) -> str:
        """The number of a part; names are in the order of the parts."""
        return f"{part:0{max(5, len(str(self.total - 1)))}}"

    @property
    def missing(self) -> list[int]:
        """Numbers of the parts that are not finished."""
        return [part for part in range(self.total) if not self._is_finished(self._name(part))]

    def _is_finished(self, name: str) -> bool:
        shard = self.output.shard(name)
        return (self.folder / name).is_dir() and (not self.sharded or shard.exists())

    def load(self) -> RunPart:
        """Load what makes the parts."""
        make = self.maker.load()
        return lambda part, tell, was_read: self._run(make, part, tell, was_read)

    @property
    def threaded(self) -> bool:
        """Whether several threads can make parts at the same time."""
        return self.maker.threaded

    def _run(self, make: Make, part: int, tell: Progress, was_read: Callable[[], object]) -> None:
        name = self._name(part)
        if self._is_finished(name):
            return  # Ray can repeat a task of which only the last parts were lost
        begin, first = time.time(), part * self.rows
        rows = self.corpus.part(first, min(first + self.rows, len(self.corpus)))
        if self.threaded:
            rows = rows.read_ahead(was_read)
        shard = self.output.shard(name) if self.sharded else self.output.path
        with written(str(self.output), shard, self.scratch) as made:
            report = make(rows, made, tell)
            _note(made, begin, self.begun, report)
            if self.sharded:
                move(made / f"part{self.output.suffix}", shard)
            move(made, self.folder / name)


@dataclass(frozen=True, slots=True)
class Workspace:
    """Implements `xner.stages.work.Work` in the work folder of an output.

    Attributes:
        output: where the job writes.
        part_rows: rows of every part but the last.
        engine: makes the parts.
        tell: hears of progress.
        costly: whether the stage runs a model.
        scratch: folder of this run for unfinished files.
        begun: when the job would have begun if it had not been interrupted, in seconds.
    """

    output: Output
    part_rows: int
    engine: Engine
    tell: Progress
    costly: bool
    scratch: Path
    begun: float

    def once(self, name: str, make: Callable[[Path], None]) -> Path:
        """The folder of the step `name`; `make` fills it unless an earlier run did."""
        final = self.output.work / name
        if not final.is_dir():
            begin = time.time()
            with written(str(self.output), final, self.scratch) as made:
                make(made)
                _note(made, begin, self.begun)
                move(made, final)
        return final

    def each(self, name: str, corpus: Corpus, maker: Maker) -> list[Path]:
        """The folders of all parts of a corpus, in order."""
        return self.run(self.parts(name, corpus, maker))

    def parts(self, name: str, corpus: Corpus, maker: Maker, *, last: bool = False) -> Parts:
        """A step over all parts of a corpus; the last one has a folder that no step has."""
        folder = self.output.work / ("output" if last else name)
        return Parts(
            name, corpus, maker, self.costly, self.part_rows, self.output, folder, self.scratch,
            self.begun, last and self.output.folder,
        )  # fmt: skip

    def run(self, parts: Parts) -> list[Path]:
        """Make what is missing; returns the folders of all parts."""
        parts.folder.mkdir(exist_ok=True)
        self.engine.run(parts, parts.missing, parts.total, self.tell)
        return parts.folders

    def discard(self, step: str, file: str) -> None:
        """Remove a file of every part of a step, which is not needed any more."""
        for path in (self.output.work / step).glob(f"*/{file}"):
            path.unlink()

    def seconds(self) -> dict[str, float]:
        """Seconds of all processes in every step, by its name."""
        steps = [path for path in self.output.work.iterdir() if path.is_dir()]
        return {step.name: sum(r["seconds"] for r in _all_reports(step)) for step in steps}


def _note(folder: Path, begin: float, begun: float, report: Report | None = None) -> None:
    """Write what is known of a finished part, or of a finished step."""
    now = time.time()
    values = {"seconds": now - begin, "elapsed": now - begun, "report": report and report.state}
    (folder / _REPORT).write_text(json.dumps(values, ensure_ascii=False), "utf-8")


def reports(folders: Sequence[Path]) -> list[dict[str, Any]]:
    """What is known of finished parts."""
    found = (read_json(folder / _REPORT) for folder in folders)
    return [values for values in found if values is not None]


def any_finished(work: Path) -> bool:
    """Whether a work folder holds a finished part of any step."""
    return any(work.rglob(_REPORT))


def elapsed(work: Path) -> float:
    """Seconds that earlier runs of a job took, up to the last part that they finished."""
    return max((values["elapsed"] for values in _all_reports(work)), default=0.0)


def _all_reports(folder: Path) -> list[dict[str, Any]]:
    return reports([path.parent for path in folder.rglob(_REPORT)])
