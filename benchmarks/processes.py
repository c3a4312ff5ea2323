"""Run commands of xner in processes of their own, and measure their time and memory."""

import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

# Peak memory as reported by the kernel: ru_maxrss would include this script, the parent.
_CHILD = """
import sys
from xner.cli import main
code = main(sys.argv[1:])
marks = [line for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(marks[0].split()[1], file=sys.stderr)
sys.exit(code)
"""
_PAUSE = 0.02
"""Seconds between two looks at the memory of a process and its children."""


class Run(NamedTuple):
    """What a command did.

    Attributes:
        summary: its JSON.
        seconds: wall time of the whole process.
        memory: peak MiB of the process with its child processes.
    """

    summary: dict[str, Any]
    seconds: float
    memory: float


def run(*arguments: str, cache: Path | None = None) -> Run:
    """Run `xner … --json` in a new process.

    Args:
        *arguments: command and options.
        cache: folder of Numba's cache, by default the usual one.

    Raises:
        SystemExit: the command failed.
    """
    environment = {**os.environ, **({"NUMBA_CACHE_DIR": str(cache)} if cache else {})}
    command = [sys.executable, "-c", _CHILD, *arguments, "--json"]
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        begin = perf_counter()
        with subprocess.Popen(command, stdout=out, stderr=err, env=environment) as process:
            watch = _Watch(process.pid)
            watch.start()
            process.wait()
        seconds = perf_counter() - begin
        watch.join()
        for file in (out, err):
            file.seek(0)
        printed, told = out.read(), err.read()
    if process.returncode:
        raise SystemExit(f"xner {' '.join(arguments)} failed: {told}")
    peak = max(int(told.split()[-1]), watch.peak)
    return Run(json.loads(printed), seconds, peak / 1024)


class _Watch(threading.Thread):
    """Looks at the memory of a process and its children until the process ends.

    Attributes:
        peak: most KiB in use at once by a process with children.
    """

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self.peak = 0

    def run(self) -> None:
        """Look until the process is gone."""
        pause = threading.Event()
        while Path(f"/proc/{self._pid}/statm").exists():
            tree = _tree(self._pid)
            if len(tree) > 1:
                self.peak = max(self.peak, sum(map(_resident, tree)))
            pause.wait(_PAUSE)


def _tree(pid: int) -> list[int]:
    """A process and all processes below it."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [child for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return [pid]
    return [pid, *(below for child in children for below in _tree(int(child)))]


def _resident(pid: int) -> int:
    """KiB of a process in memory; 0 if it has ended."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024
