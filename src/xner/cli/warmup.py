"""`xner warmup`: compile every kernel once, so that later commands start at once."""

from __future__ import annotations

import argparse
from time import perf_counter

from xner.cli.terminal import facts, print_json


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add the command to the parser."""
    return commands.add_parser(
        "warmup",
        help="compile the kernels into Numba's cache",
        description="Compile every kernel into Numba's cache. Run it once after installing, "
        "before many processes start: processes that compile at the same time race.",
    )


def run(options: argparse.Namespace) -> None:
    """Compile, and say how long it took."""
    from xner._version import __version__
    from xner.pipeline.warm import warm

    begin = perf_counter()
    steps = warm()
    seconds = perf_counter() - begin
    signature = f"xner:{__version__}"
    if options.json:
        print_json({"seconds": round(seconds, 3), "steps": steps, "signature": signature})
        return
    rows = [(name, f"{took:.2f} s") for name, took in steps.items()]
    facts("Kernels are compiled", [*rows, ("all", f"{seconds:.2f} s")], signature)
