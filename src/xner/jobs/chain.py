"""Several stages one after the other, each as a job on the output of the one before."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xner.corpus import Corpus, scan
from xner.jobs.engines import Engine
from xner.jobs.files import saving
from xner.jobs.output import Output
from xner.jobs.run import Finished, run_job
from xner.stages import Stage


def run_chain(
    stages: Sequence[Stage],
    corpus: Corpus,
    output: Output,
    folder: Path,
    *,
    files: Sequence[Path] = (),
    reading: Mapping[str, Any] | None = None,
    engine: Engine | None = None,
    restart: bool = False,
    **writing: Any,
) -> list[Finished]:
    """Run stages, each on the result of the one before; an interrupted chain continues.

    Args:
        stages: what to run.
        corpus: what the first stage runs on.
        output: what the last stage writes.
        folder: gets a folder of Parquet shards, named after its stage, from each other stage.
            Finished stages are not run again.
        files: files that the corpus was read from, to notice changes.
        reading: how they are read, to notice changes.
        engine: what runs the parts, by default this process.
        restart: discard what an earlier run left.
        **writing: how the output is written, as for `run_job`.

    Raises:
        OutputError: an output cannot be written, or another process writes it.
        UsageError: `folder` belongs to a chain with other inputs or settings.
        XnerError: raised by a stage.
    """
    done = []
    with saving(str(folder)):
        folder.mkdir(exist_ok=True)
    for stage in stages[:-1]:
        place = Output.of(f"{folder / stage.name}{os.sep}")
        done.append(
            run_job(
                stage,
                corpus,
                place,
                files=files,
                reading=reading,
                engine=engine,
                part_rows=writing.get("part_rows"),
                restart=restart,
            )
        )
        columns = stage.schema(corpus).names
        corpus, files, reading = _reread(place.path, columns), [place.path], {}
    last = run_job(
        stages[-1], corpus, output, files=files, reading=reading, engine=engine,
        restart=restart, **writing,
    )  # fmt: skip
    return [*done, last]


def _reread(folder: Path, columns: Sequence[str]) -> Corpus:
    """The shards of a stage, which have one side or both."""
    sides = [side for side in ("source", "target") if f"{side}_tokens" in columns]
    return scan(folder, side=sides[0] if len(sides) == 1 else None)
