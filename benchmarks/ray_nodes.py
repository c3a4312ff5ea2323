"""Ray nodes on this machine, each with its own processes, for benchmarks."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4


class Node:
    """A node that was started with `ray start`."""

    def __init__(self, cpus: int, address: str | None = None) -> None:
        """Start a node.

        Args:
            cpus: how many it offers.
            address: of the cluster to join; None starts a cluster.
        """
        self.address = address or f"127.0.0.1:{_free_port()}"
        own = [f"--address={address}"] if address else ["--head", f"--port={self.address[10:]}"]
        own += [] if address else ["--include-dashboard=false", "--disable-usage-stats"]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", f"--num-cpus={cpus}",
             "--node-ip-address=127.0.0.1", "--object-store-memory=134217728", *own],
            start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, "RAY_USAGE_STATS_ENABLED": "0"},
        )  # fmt: skip

    def cpu_seconds(self) -> float:
        """CPU time of all processes of the node that are alive, and of their ended children."""
        ticks = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                fields = stat.read_text().rpartition(") ")[2].split()
                if int(fields[3]) == self._process.pid:
                    ticks += sum(map(int, fields[11:15]))
        return ticks / os.sysconf("SC_CLK_TCK")

    def kill(self) -> None:
        """Kill all processes of the node at once."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def cluster(*cpus: int) -> Iterator[list[Node]]:
    """Start nodes that form a cluster; the first one is its head."""
    # Only this process and its children can use the cluster.
    os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": uuid4().hex}
    nodes = [Node(cpus[0])]
    try:
        nodes += [Node(count, nodes[0].address) for count in cpus[1:]]
        _wait(nodes[0].address, len(cpus))
        yield nodes
    finally:
        for node in reversed(nodes):
            node.kill()


def _wait(address: str, nodes: int, seconds: float = 120) -> None:
    """Wait until so many nodes of a cluster are there."""
    code = (
        "import ray, sys; ray.init(address=sys.argv[1], log_to_driver=False, logging_level=50); "
        "sys.exit(sum(node['Alive'] for node in ray.nodes()) < int(sys.argv[2]))"
    )
    end = time.monotonic() + seconds
    asked = [sys.executable, "-c", code, address, str(nodes)]
    while subprocess.run(asked, capture_output=True, check=False).returncode:
        if time.monotonic() > end:
            raise TimeoutError(f"{address}: {nodes} nodes did not start in {seconds:.0f} s")
        time.sleep(0.5)
