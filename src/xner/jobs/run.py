"""Running a job: prepare the stage, make every part, join them, and clean up."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from xner.corpus import Corpus, StrPath
from xner.corpus.inputs import expand
from xner.errors import OutputError, UsageError
from xner.jobs.engines import Engine, Local
from xner.jobs.files import move, read_json, saving, write_json, written
from xner.jobs.lock import locked
from xner.jobs.manifest import change, check_same, describe, state_of
from xner.jobs.output import Output
from xner.jobs.work import Parts, Workspace, any_finished, elapsed, reports
from xner.jobs.writing import WritePart, join_files
from xner.report import Report
from xner.stages import Stage
from xner.stages.passing import ALL, check_passed, needed, to_write, unwritten
from xner.write import write_batches

_MANIFEST = "job.json"


@dataclass(frozen=True, slots=True)
class Finished:
    """A finished job.

    Attributes:
        report: what the stage did, in all runs of the job.
        parts: number of parts; 0 if a single file was written from the beginning.
        kept: number of parts that earlier runs had finished.
        nothing_to_do: whether an earlier run had finished the job.
    """

    report: Report
    parts: int = 0
    kept: int = 0
    nothing_to_do: bool = False


def run_job(
    stage: Stage,
    corpus: Corpus,
    output: Output | StrPath,
    *,
    side: str = "target",
    scheme: str = "IOB2",
    columns: str = ALL,
    files: Sequence[StrPath] = (),
    reading: Mapping[str, Any] | None = None,
    engine: Engine | None = None,
    part_rows: int | None = None,
    restart: bool = False,
) -> Finished:
    """Run a stage on a corpus, and write the result; an interrupted job continues.

    A folder of shards is written part by part, and so is a single file if a model runs or if a
    large corpus is aligned. Finished parts are kept. Any other single file is written from the
    beginning.

    Args:
        stage: what to run.
        corpus: what to run it on.
        output: a file, or a folder of shards: an existing folder, or a path that ends in a slash.
        side: side to write to files of one side.
        scheme: labelling scheme of tags.
        columns: columns in the output: `all`, or `new` for `id` and those that the stage makes.
        files: files, folders and patterns that the corpus was read from. If one has changed since
            the job began, the job is not continued.
        reading: options that the files are read with. If they differ from those that the job began
            with, the job is not continued.
        engine: what runs the parts, by default this process.
        part_rows: rows of a part, by default 65,536, or 2,048 if the stage runs a model.
        restart: discard what an earlier run of another job left.

    Raises:
        OutputError: the output cannot be written, or another process is writing it.
        UsageError: the output belongs to a job with other inputs or settings.
        XnerError: raised by the stage.
    """
    output = output if isinstance(output, Output) else Output.of(output)
    engine = Local() if engine is None else engine
    check_passed(columns, output.suffix)
    left_out = unwritten(stage, corpus, columns)
    corpus = needed(stage, corpus, columns, output.suffix, side)
    if stage.takes_dictionaries(corpus):
        corpus = corpus.with_dictionaries(("source_tokens", "target_tokens"))
    if not (output.folder or stage.lengthy(corpus) or engine.name != Local.name):
        return _whole(stage, corpus, output, side, scheme, left_out)
    if not len(corpus):
        raise OutputError(f"{output}: there are no rows to write")
    rows = part_rows or stage.part_rows
    writing = {"format": output.suffix, "side": side, "scheme": scheme, "part_rows": rows}
    writing |= {"columns": columns}
    paths = [path for each in files for path in expand(each)]
    manifest = describe(stage, corpus, paths, reading or {}, writing)
    output.check_own()
    output.create()
    with locked(output.work / "lock", str(output)):
        if restart:
            _discard(output)
        if done := _finished(stage, output, manifest):
            return done
        try:
            job = _Job(stage, corpus, output, side, scheme, engine, rows, manifest, left_out)
            return job.run()
        except BaseException:
            if not any_finished(output.work):
                _clean_up(output)
            raise


def _whole(
    stage: Stage,
    corpus: Corpus,
    output: Output,
    side: str,
    scheme: str,
    left_out: frozenset[str],
) -> Finished:
    """Write a single file from the beginning."""
    begin = time.time()
    result = stage.stream(corpus)
    write_batches(output.path, to_write(result, left_out), side=side, scheme=scheme)
    result.report.seconds = time.time() - begin
    return Finished(result.report)


def _discard(output: Output) -> None:
    """Remove what an earlier job wrote."""
    shards = output.path.glob("part-[0-9]*") if output.folder else ()
    for path in [*output.work.iterdir(), output.done, *shards]:
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != "lock":
            path.unlink(missing_ok=True)


def _finished(stage: Stage, output: Output, manifest: Mapping[str, Any]) -> Finished | None:
    """What an earlier run that finished this job did, if there is one."""
    known = read_json(output.done)
    if known is None:
        return None
    if not output.folder and state_of(output.path) != known["file"]:
        output.done.unlink()  # it was interrupted before it moved the file
        return None
    if not output.folder and change(known["job"], manifest):
        _discard(output)  # it was interrupted while it cleaned up
        return None
    check_same(known["job"], manifest, output)
    if len(list(output.path.glob(f"part-[0-9]*{output.suffix}"))) < known["parts"] * output.folder:
        raise UsageError(f"{output}: shards are missing; start over with --restart")
    _clean_up(output)
    report = _report(stage, [known])
    report.seconds = known["elapsed"]
    return Finished(report, known["parts"], known["parts"], nothing_to_do=True)


def _report(stage: Stage, parts: Sequence[Mapping[str, Any]]) -> Report:
    report = Report(stage.figures, stage.signature)
    for values in parts:
        report.merge(values["report"])
    return report


def _clean_up(output: Output) -> None:
    """Remove the work folder; what tells that the job is finished goes last."""
    for path in sorted(output.work.iterdir(), key=lambda path: path == output.done):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    shutil.rmtree(output.work, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class _Job:
    """A job whose output is locked."""

    stage: Stage
    corpus: Corpus
    output: Output
    side: str
    scheme: str
    engine: Engine
    part_rows: int
    manifest: Mapping[str, Any]
    unwritten: frozenset[str]

    def run(self) -> Finished:
        """Do what is missing."""
        work = self.output.work
        scratch = work / f"scratch-{uuid4().hex}"
        with saving(str(self.output)):
            for stale in work.glob("scratch-*"):
                shutil.rmtree(stale, ignore_errors=True)
            known = read_json(work / _MANIFEST)
            if known is None or not any_finished(work):
                write_json(work / _MANIFEST, self.manifest)
            else:
                check_same(known, self.manifest, self.output)
            scratch.mkdir()
        begun = time.time() - elapsed(work)
        tell, costly = self.stage.tell, self.stage.costly
        space = Workspace(self.output, self.part_rows, self.engine, tell, costly, scratch, begun)
        prepared = self.stage.prepare(self.corpus, space)
        stage, suffix = replace(prepared.stage, progress=None), self.output.part_suffix
        maker = WritePart(stage, suffix, self.side, self.scheme, self.unwritten)
        parts = space.parts(self.stage.name, prepared.corpus, maker, last=True)
        missing = len(parts.missing)
        space.run(parts)
        return self._finish(space, parts, parts.total - missing)

    def _finish(self, space: Workspace, parts: Parts, kept: int) -> Finished:
        """Join the parts of a single file, and leave what describes the job."""
        output, found = self.output, reports(parts.folders)
        report = _report(self.stage, found)
        figures = {figure.name for figure in self.stage.figures}
        for name, seconds in space.seconds().items():
            if f"{name}_seconds" in figures:
                report.add(sentences=0, **{f"{name}_seconds": seconds})
        with written(str(output), output.path, space.scratch) as folder:
            made = self._joined(parts, folder)
            report.seconds = time.time() - space.begun
            values = {
                "job": self.manifest,
                "parts": parts.total,
                "elapsed": report.seconds,
                "report": report.state,
                "file": None if made is None else state_of(made),
            }
            write_json(output.done, values)
            if made is not None:
                move(made, output.path)
        _clean_up(output)
        return Finished(report, parts.total, kept)

    def _joined(self, parts: Parts, folder: Path) -> Path | None:
        """The single file of all parts, before it gets its name."""
        if self.output.folder:
            return None
        files = [part / f"part{self.output.part_suffix}" for part in parts.folders]
        if len(files) == 1 and self.output.part_suffix == self.output.suffix:
            return files[0]
        path = folder / self.output.path.name
        join_files(files, path, side=self.side, scheme=self.scheme)
        return path
