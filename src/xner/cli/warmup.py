"""`xner warmup`: compile all kernels, so that later commands start without compiling."""

from __future__ import annotations

import argparse
from time import perf_counter

from xner.cli.command import Command
from xner.cli.terminal import facts, print_json


def run(options: argparse.Namespace) -> None:
    """Compile the kernels and print the time of each step."""
    from xner._version import __version__
    from xner.stages.warm import warm

    begin = perf_counter()
    steps = warm()
    seconds = perf_counter() - begin
    signature = f"xner:{__version__}"
    if options.json:
        print_json({"seconds": round(seconds, 3), "steps": steps, "signature": signature})
        return
    rows = [(name, f"{took:.2f} s") for name, took in steps.items()]
    facts("Compiled kernels", [*rows, ("total", f"{seconds:.2f} s")], signature)


COMMAND = Command(
    "Compile every kernel into Numba's cache. Run it once after installation, before several "
    "processes start, so that they do not all compile. NUMBA_CACHE_DIR names another folder.",
    "xner warmup",
    lambda command: None,
    run,
)
