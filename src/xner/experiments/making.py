"""Making the steps of a run, in this process or in several."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from xner.columns import TOKENS
from xner.corpus import Corpus
from xner.errors import InputError, ResourceError, UsageError
from xner.experiments.plan import Planned, Result
from xner.experiments.store import Made, Store, joined
from xner.kernels.blocks import thread_count
from xner.report import Progress
from xner.stages import MODEL, Learner, find_stage, registered

Found = Mapping[str, Made]


def make_step(step: Planned, found: Found, store: Store, tell: Progress) -> Made:
    """Make what a step makes, from what its parents made.

    Args:
        step: any but that which reads data.
        found: by key, at least its parents.
        store: where it is kept.
        tell: called with the name of the step and the share that is done.

    Raises:
        InputError, UsageError, ResourceError: of the stage, with the place before the message.
    """
    settings = {name: _filled(value, found) for name, value in step.settings.items()}
    # A stage may leave out what it was not asked for, such as probabilities.
    seen = {name: found[key] for name, key in step.inputs.items() if name in found[key].columns}
    corpus = joined(seen, f"language {step.language}")
    tell(step.name, 0.0)
    try:
        stage = find_stage(step.stage).of({**settings, "progress": tell})
        if isinstance(stage, Learner):
            learner = replace(stage, resume=True)
            made = store.make_model(
                step.stage, step.key, lambda folder: learner.learn(corpus, folder), step.manifest()
            )
        else:
            made = store.make(
                step.stage, step.key, lambda: stage.stream(corpus), step.makes, step.manifest()
            )
    except (InputError, UsageError, ResourceError) as error:
        where = f"{step.row}, language {step.language}, step {step.title}"
        raise type(error)(f"{where}: {error}") from None
    tell(step.name, 1.0)
    return made


def _filled(value: Any, found: Found) -> Any:
    """A setting with folders of models, or corpora, in place of results."""
    if isinstance(value, Result):
        made = found[value.key]
        return str(made.path) if value.column == MODEL else _words(made, value.column)
    if isinstance(value, list | tuple):
        return [_filled(part, found) for part in value]
    return value


def _words(made: Made, column: str) -> Corpus:
    """The words of one side as a corpus of one side."""
    corpus = joined({column: made}, column)

    def batches() -> Iterable[pa.RecordBatch]:
        return (batch.rename_columns(["tokens"]) for batch in corpus.batches())

    schema = pa.schema({"tokens": TOKENS})
    return Corpus(lambda: iter(batches()), len(corpus), corpus.origin, schema)


def make_steps(
    steps: Sequence[Planned], found: dict[str, Made], store: Store, jobs: int, tell: Progress
) -> None:
    """Make all steps, and add them to `found`.

    Args:
        steps: each once, none before its parents.
        found: by key, what is there; every parent is, or is among the steps.
        store: where they are kept.
        jobs: processes to make them in; 1 makes them here, one after the other.
        tell: as in `make_step`; with several processes, of all steps together.

    Raises:
        UsageError: several processes, and a stage or setting that this one alone knows.
        ResourceError: one of several processes broke off.
    """
    if jobs == 1 or not steps:
        for step in steps:
            found[step.key] = make_step(step, found, store, tell)
        return
    _check_known(steps)
    try:
        _in_processes(steps, found, store, jobs, tell)
    except BrokenProcessPool:
        raise ResourceError(
            f"one of {jobs} processes broke off: memory may be short (run again with fewer jobs; "
            f"finished steps are kept), or a script calls xner.run outside of "
            f"`if __name__ == '__main__':`"
        ) from None


def _check_known(steps: Sequence[Planned]) -> None:
    own = set(registered())
    for step in steps:
        if step.stage in own:
            raise UsageError(
                f"the stage {step.stage!r} is registered in this process alone; run with jobs=1"
            )
        for name, value in step.settings.items():
            if not _plain(value):
                raise UsageError(
                    f"{step.stage}.{name} is an object, which other processes cannot be given; "
                    f"run with jobs=1"
                )


def _plain(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(_plain(part) for part in value.values())
    if isinstance(value, list | tuple):
        return all(_plain(part) for part in value)
    return value is None or isinstance(value, bool | int | float | str | Path | Result)


def _in_processes(
    steps: Sequence[Planned], found: dict[str, Made], store: Store, jobs: int, tell: Progress
) -> None:
    """Start every step as soon as its parents are made, those that were planned first before.

    A process starts when it is needed. Its share of the threads depends on `jobs` alone, and so
    students are the same whatever was made before.
    """
    waiting, running = list(steps), dict[Future[Made], Planned]()
    threads = max(1, thread_count() // jobs)
    here = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, here, initializer=_begin, initargs=(threads,))
    before = set(multiprocessing.active_children())
    try:
        while waiting or running:
            for step in [step for step in waiting if step.parents <= found.keys()]:
                if len(running) < jobs:
                    parents = {key: found[key] for key in step.parents}
                    running[pool.submit(_make, step, parents, store.folder)] = step
                    waiting.remove(step)
            tell("steps", 1 - (len(waiting) + len(running)) / len(steps))
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                found[running.pop(future).key] = future.result()
    except BaseException:
        # What others are making is left as a kill leaves it.
        pool.shutdown(wait=False, cancel_futures=True)
        for child in set(multiprocessing.active_children()) - before:
            child.terminate()
        raise
    pool.shutdown()
    tell("steps", 1.0)


def _make(step: Planned, found: Found, folder: Path) -> Made:
    return make_step(step, found, Store(folder), lambda stage, share: None)


def _begin(threads: int) -> None:
    """Give a process of the pool its share of the threads, and let it end with the run."""
    os.environ["XNER_THREADS"] = os.environ["OMP_NUM_THREADS"] = str(threads)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process of the run ends this one
    parent = multiprocessing.parent_process()
    assert parent is not None

    def end() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=end, daemon=True).start()
