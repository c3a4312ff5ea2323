"""Execution of the steps of a run, in this process or in several."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path
from typing import Any

from xner.corpus import Corpus
from xner.errors import InputError, ResourceError, ServiceError, UsageError
from xner.experiments.plan import Planned, Result, filled
from xner.experiments.store import Store, Stored, joined, renamed
from xner.kernels.blocks import thread_count
from xner.report import Progress, silent
from xner.stages import MODEL, Learner, find_stage, registered

Results = Mapping[str, Stored]


def run_step(step: Planned, results: Results, store: Store, progress: Progress) -> Stored:
    """Run a step on the results of its parents, and store its result.

    Args:
        step: any step but one that reads data.
        results: results by key; includes those of the parents.
        store: where the result is written.
        progress: called with the name of the step and the share that is done.

    Raises:
        InputError, UsageError, ResourceError: raised by the stage; the message names the step.
    """
    settings = filled(step.settings, lambda result: _loaded(result, results))
    # A stage may leave out optional columns, such as probabilities.
    seen = {n: results[key] for n, key in step.inputs.items() if n in results[key].columns}
    corpus = joined(seen, f"language {step.language}")
    progress(step.name, 0.0)
    try:
        stage = find_stage(step.stage).of({**settings, "progress": progress})
        if isinstance(stage, Learner):
            learner = replace(stage, resume=True)
            stored = store.write_model(step, lambda folder: learner.learn(corpus, folder))
        else:
            stored = store.write(step, lambda: stage.stream(corpus))
    except (InputError, UsageError, ResourceError, ServiceError) as error:
        place = f"{step.row}, language {step.language}, step {step.title}"
        # Some usage errors are made from more than a text.
        kind = UsageError if isinstance(error, UsageError) else type(error)
        raise kind(f"{place}: {error}") from None
    progress(step.name, 1.0)
    return stored


def _loaded(result: Result, results: Results) -> str | Corpus:
    """Return the folder of a model, or a corpus of words."""
    stored = results[result.key]
    if result.column == MODEL:
        return str(stored.path)
    return renamed({result.column: stored}, {result.column: "tokens"}, result.column)


def run_steps(
    steps: Sequence[Planned],
    results: dict[str, Stored],
    store: Store,
    jobs: int,
    progress: Progress,
) -> None:
    """Run all steps, and add their results to `results`.

    Args:
        steps: each once, parents first.
        results: results by key that exist already.
        store: where results are written.
        jobs: number of processes; 1 runs the steps in this process, one after the other.
        progress: as in `run_step`; with several processes, for all steps together.

    Raises:
        UsageError: a stage or setting exists in this process only, but `jobs` is above 1.
        ResourceError: one of several processes ended unexpectedly.
    """
    if jobs == 1 or not steps:
        for step in steps:
            results[step.key] = run_step(step, results, store, progress)
        return
    _check_portable(steps)
    try:
        _run_in_processes(steps, results, store, jobs, progress)
    except BrokenProcessPool:
        raise ResourceError(
            f"one of {jobs} processes ended unexpectedly: memory may be short (run again with "
            f"fewer jobs; finished steps are kept), or a script calls xner.run outside of "
            f"`if __name__ == '__main__':`"
        ) from None


def _check_portable(steps: Sequence[Planned]) -> None:
    custom = set(registered())
    for step in steps:
        if step.stage in custom:
            raise UsageError(
                f"the stage {step.stage!r} is registered in this process only; run with jobs=1"
            )
        for name, value in step.settings.items():
            if not _is_plain(value):
                raise UsageError(
                    f"{step.stage}.{name} is an object, which cannot be passed to other processes; "
                    f"run with jobs=1"
                )


def _is_plain(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(_is_plain(part) for part in value.values())
    if isinstance(value, list | tuple):
        return all(_is_plain(part) for part in value)
    return value is None or isinstance(value, bool | int | float | str | Path | Result)


def _run_in_processes(
    steps: Sequence[Planned],
    results: dict[str, Stored],
    store: Store,
    jobs: int,
    progress: Progress,
) -> None:
    """Start every step as soon as its parents are finished, in the order of the plan.

    The number of threads of a process depends on `jobs` only, so that students are the same
    whatever was finished before.
    """
    waiting, running = list(steps), dict[Future[Stored], Planned]()
    threads = max(1, thread_count() // jobs)
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, context, initializer=_begin, initargs=(threads,))
    before = set(multiprocessing.active_children())
    try:
        while waiting or running:
            for step in [step for step in waiting if step.parents <= results.keys()]:
                if len(running) < jobs:
                    parents = {key: results[key] for key in step.parents}
                    running[pool.submit(run_step, step, parents, store, silent)] = step
                    waiting.remove(step)
            progress("steps", 1 - (len(waiting) + len(running)) / len(steps))
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                results[running.pop(future).key] = future.result()
    except BaseException:
        # Steps that other processes are in are left as by a kill.
        pool.shutdown(wait=False, cancel_futures=True)
        for child in set(multiprocessing.active_children()) - before:
            child.terminate()
        raise
    pool.shutdown()
    progress("steps", 1.0)


def _begin(threads: int) -> None:
    """Set the number of threads of a process of the pool, and end it when the run ends."""
    os.environ["XNER_THREADS"] = os.environ["OMP_NUM_THREADS"] = str(threads)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process of the run ends this one
    parent = multiprocessing.parent_process()
    assert parent is not None

    def end() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=end, daemon=True).start()
