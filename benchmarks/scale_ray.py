"""Compare the engine ray with the local one: time, bytes, two nodes, and the loss of one.

python -m benchmarks.scale_ray                      # writes benchmarks/results/scale_ray.md
"""

import filecmp
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import common
from benchmarks.ray_nodes import cluster
from benchmarks.synthetic import write_pairs


def start(folder: Path, output: str, *options: str) -> subprocess.Popen[bytes]:
    """Start `xner project` on the pairs of a folder."""
    command = [sys.executable, "-m", "xner", "project", str(folder / "pairs.parquet")]
    return subprocess.Popen(
        [*command, "-o", f"{folder / output}/", "--quiet", *options],
        stdout=subprocess.DEVNULL,
    )


def finish(process: subprocess.Popen[bytes], begin: float) -> float:
    """Wait for a process; returns the seconds since `begin`."""
    assert process.wait() == 0, "the job failed"
    return time.perf_counter() - begin


def same(folder: Path, output: str) -> bool:
    """Whether an output has the files and bytes of the local engine."""
    names = sorted(path.name for path in (folder / "local").glob("part-*"))
    found = sorted(path.name for path in (folder / output).glob("part-*"))
    _, differ, lacking = filecmp.cmpfiles(folder / "local", folder / output, names, shallow=False)
    return found == names and not differ and not lacking


def on_two_nodes(folder: Path, output: str, kill: bool) -> tuple[float, list[float]]:
    """Run a job on two nodes of one CPU; returns its seconds, and those of the CPUs of each node.

    Args:
        folder: of the input and the output.
        output: name of the output.
        kill: whether to kill the second node when a third of the shards is there.
    """
    with cluster(1, 1) as nodes:
        before = [node.cpu_seconds() for node in nodes]
        begin = time.perf_counter()
        job = start(folder, output, "--engine", "ray", "--ray-address", nodes[0].address)
        spent = before
        total = len(list((folder / "local").glob("part-*")))
        while job.poll() is None:
            spent = [max(a, node.cpu_seconds()) for a, node in zip(spent, nodes, strict=True)]
            if kill and len(list((folder / output).glob("part-*"))) > total // 3:
                nodes[1].kill()
                kill = False
            time.sleep(0.2)
        seconds = finish(job, begin)
        assert not kill, "the job ended before its node was killed"
    return seconds, [after - least for after, least in zip(spent, before, strict=True)]


def compare(folder: Path, rows: int) -> list[list[str]]:
    """Run all jobs; returns rows of the table of results."""
    write_pairs(folder / "pairs.parquet", rows)
    jobs: dict[str, Callable[[], float]] = {
        "local": lambda: _timed(folder, "local"),
        "ray, one node": lambda: _timed(folder, "ray", "--engine", "ray"),
        "ray, one process": lambda: _timed(
            folder, "one", "--engine", "ray", "--ray-workers", "1"
        ),
    }  # fmt: skip
    seconds = {name: job() for name, job in jobs.items()}
    table = [
        [name, f"{took:.1f}", f"{took / seconds['local']:.2f}", "", _shown(same(folder, output))]
        for (name, took), output in zip(seconds.items(), ("local", "ray", "one"), strict=True)
    ]
    for name, kill in (("ray, two nodes", False), ("ray, two nodes, one killed", True)):
        output = "killed" if kill else "two"
        took, cpu = on_two_nodes(folder, output, kill)
        shares = " / ".join(f"{each:.0f}" for each in cpu)
        ratio = f"{took / seconds['local']:.2f}"
        table.append([name, f"{took:.1f}", ratio, shares, _shown(same(folder, output))])
    return table


def _timed(folder: Path, output: str, *options: str) -> float:
    begin = time.perf_counter()
    return finish(start(folder, output, *options), begin)


def _shown(equal: bool) -> str:
    return "same" if equal else "DIFFERENT"


def main() -> None:
    """Run all jobs, and write the page of results."""
    parser = common.parser(__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000, help="default: %(default)s")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        table = compare(Path(name), options.rows)
    head = ["engine", "s", "against local", "CPU s of each node", "bytes"]
    body = (
        f"`xner project` with its default settings on {options.rows:,} synthetic pairs with "
        "links, Parquet to a folder of shards, with the start of Python and of Ray. The two nodes "
        "were started with `ray start` on this machine and have one CPU each; the job connects "
        "to them. The node is killed with SIGKILL when a third of the shards is there. Processes "
        f"that were running or waiting for a CPU in the end: {os.getloadavg()[1]:.0f}.\n\n"
        f"{common.markdown(head, table)}\n\n{common.made_by('pyarrow', 'ray')}"
    )
    common.save(options.results, "scale_ray.md", "Ray", body)


if __name__ == "__main__":
    main()
