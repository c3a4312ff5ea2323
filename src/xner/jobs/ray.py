"""The engine `ray`: parts in the processes of this machine or of a Ray cluster (Ray Data).

Every process reads its part, runs the stage and writes the files of the part itself: all machines
must see the same files under the same names. Only the numbers of parts travel.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import uuid4

from xner.errors import MissingExtraError, ResourceError, UsageError
from xner.jobs.engines import RunPart, Task
from xner.jobs.lock import waiting
from xner.report import Progress, silent

_SECONDS, _MOST_PORT = 5.0, 65_535
"""Time to wait for a cluster to answer, and the largest number of a port."""
_BLOCKS = 10_000
"""Most groups of parts that Ray keeps track of; a group is one task."""
_STORE_BYTES = 128 << 20
"""Shared memory of Ray on this machine: parts do not travel through it."""


def _check_address(address: str) -> None:
    """Check that something answers at an address; Ray itself waits for minutes.

    Raises:
        UsageError: the address has another form.
        ResourceError: nothing answers.
    """
    if address == "auto":
        return
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > _MOST_PORT:
        raise UsageError(
            f"the address of Ray is {address!r}; give auto, or HOST:PORT such as 10.0.0.5:6379"
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), _SECONDS).close()
    except OSError as error:
        why = error.strerror or str(error) or type(error).__name__
        raise ResourceError(
            f"no Ray cluster answers at {address} ({why}); start one there with 'ray start "
            f"--head', or leave out the address to start Ray on this machine"
        ) from None


@dataclass(slots=True)
class Ray:
    """Makes the parts in processes that Ray Data starts.

    Kernels run as tasks, one per CPU. Stages with a model run in a pool of actors, which load it
    once: one per GPU, or one per CPU but one, which Ray needs itself.

    Attributes:
        address: of a cluster; None starts Ray on this machine.
        workers: most processes at a time, if it is not one per GPU or CPU.
    """

    address: str | None = None
    workers: int | None = None
    _warm: set[str] = field(default_factory=set)
    _started: bool = False

    name = "ray"

    def __post_init__(self) -> None:
        """Check that Ray is installed.

        Raises:
            MissingExtraError: it is not.
        """
        for package in ("ray", "pandas"):  # Ray Data needs pandas
            if find_spec(package) is None:
                raise MissingExtraError(package, "ray")

    def run(self, task: Task, parts: Sequence[int], total: int, tell: Progress) -> None:
        """Make parts; those of one process are made one after the other.

        Raises:
            XnerError: raised by the stage in any process.
            ResourceError: processes were lost again and again.
        """
        if not parts:
            tell(task.name, 1.0)
            return
        ray = self._start()
        try:
            if not task.costly:
                self._warm_nodes(ray)
            for done, row in enumerate(self._rows(ray, task, parts), total - len(parts) + 1):
                if row["error"]:
                    raise ray.cloudpickle.loads(row["error"])
                tell(task.name, done / total)
        except ray.exceptions.RayError as error:
            why = str(error).splitlines()[0]
            raise ResourceError(f"Ray ended the job; finished parts are kept: {why}") from error

    def close(self) -> None:
        """Stop what was started on this machine, and leave a cluster."""
        if self._started:
            import ray

            ray.shutdown()
            self._started = False

    def _start(self) -> Any:
        # Ray reads these when it is imported or started.
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
        if self.address is None:
            # Without one, Ray makes a token that protects its processes, in the home folder.
            os.environ.setdefault("RAY_AUTH_TOKEN", uuid4().hex)
        import ray
        import ray.data

        if not ray.is_initialized():
            if self.address is not None:
                _check_address(self.address)
            own = {"include_dashboard": False, "object_store_memory": _STORE_BYTES}
            try:
                ray.init(
                    address=self.address or "local",
                    log_to_driver=False,
                    logging_level="ERROR",
                    **({} if self.address else own),
                )
            except (ConnectionError, OSError, RuntimeError, ValueError) as error:
                place = self.address or "this machine"
                why = str(error).splitlines()[0]
                raise ResourceError(f"Ray cannot be used on {place}: {why}") from error
            self._started = True
        return ray

    def _rows(self, ray: Any, task: Task, parts: Sequence[int]) -> Any:
        """The numbers of the parts, as they are finished."""
        logging.getLogger("ray.data").setLevel(logging.CRITICAL)
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.execution_options.preserve_order = True
        blocks = min(len(parts), _BLOCKS)
        packed = ray.cloudpickle.dumps((Path.cwd(), sys.path, ray.cloudpickle.dumps(task)))
        items = ray.data.from_items(list(parts), override_num_blocks=blocks)
        cpus, gpus = (int(ray.cluster_resources().get(kind, 0)) for kind in ("CPU", "GPU"))
        if task.costly:
            most = self.workers or gpus or max(1, cpus - 1)
            made = items.map(
                _Actor,
                fn_constructor_args=[packed],
                compute=ray.data.ActorPoolStrategy(min_size=1, max_size=most),
                **({"num_gpus": 1} if gpus else {"num_cpus": 1}),
            )
        else:
            pool = ray.data.TaskPoolStrategy(self.workers)
            run = partial(_run_part, packed=packed)
            made = items.map(run, compute=pool, num_cpus=1)
        return made.iter_rows()

    def _warm_nodes(self, ray: Any) -> None:
        """Compile the kernels once on every machine, before several processes need them."""
        nodes = {node["NodeID"] for node in ray.nodes() if node["Alive"]} - self._warm
        on = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
        compiled = ray.remote(num_cpus=0)(_compile)
        ray.get(
            [
                compiled.options(scheduling_strategy=on(node, soft=True)).remote(Path.cwd())
                for node in nodes
            ]
        )
        self._warm |= nodes


class _Actor:
    """A process of a pool, which runs parts of one task."""

    def __init__(self, packed: bytes) -> None:
        self._packed = packed

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        return _run_part(row, self._packed)


def _run_part(row: dict[str, Any], packed: bytes) -> dict[str, Any]:
    """Make one part, and return what was raised: Ray would pass on its text alone."""
    from ray import cloudpickle

    from xner.kernels.blocks import threads

    error = b""
    try:
        with threads(1):
            _loaded(packed)(int(row["item"]), silent, lambda: None)
    except Exception as raised:
        error = cloudpickle.dumps(raised)
    return {**row, "error": error}


@lru_cache(maxsize=1)
def _loaded(packed: bytes) -> RunPart:
    """Load a task; a process runs many parts, and keeps what the last one loaded."""
    from ray import cloudpickle

    # Names of files can be relative, and custom scores and models in modules of the user.
    folder, places, task = cloudpickle.loads(packed)
    os.chdir(folder)
    sys.path += [place for place in places if place not in sys.path]
    run: RunPart = cloudpickle.loads(task).load()
    return run


def _compile(folder: Path) -> None:
    from xner.stages.warm import warm

    os.chdir(folder)
    with waiting(Path(tempfile.gettempdir()) / f"xner-warmup-{os.getuid()}.lock"):
        warm()
