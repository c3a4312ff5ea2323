"""Arguments of commands that run as jobs: folders of shards, engines, and starting over."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xner.cli.parsing import RUNNING, CommandParser
from xner.errors import UsageError
from xner.stages.passing import ALL, PASSED

if TYPE_CHECKING:
    from xner.jobs import Engine, Output

ENGINES = ("local", "ray")
_READING = ("scheme", "docstart", "encoding", "on_bad_row")
_FILES = ("source", "target", "file", "links", "links_backoff")


def add_output(command: CommandParser, help_text: str) -> None:
    """Add --output and what decides how it is written."""
    command.add_argument(
        "-o", "--output", required=True, metavar="OUT",
        help=f"{help_text} If OUT is an existing folder or ends in a slash, one shard per part is "
        f"written into it (docs/scaling.md).",
    )  # fmt: skip
    command.add_argument(
        "--columns", choices=PASSED, default=ALL,
        help="Columns to write: all or new. new writes only id and the columns that the command "
        "makes, which takes much less time and space. Rows of an input without ids have the id "
        "FILE-ROW, counted from 0. Only .jsonl and .parquet hold all. Default: all.",
    )  # fmt: skip
    command.add_argument(
        "--format", choices=("parquet", "jsonl", "conll", "txt", "align"), rare=True,
        help="Format of the shards, if OUT is a folder. Default: parquet.",
    )  # fmt: skip
    command.add_argument(
        "--part-rows", type=int, metavar="ROWS", group=RUNNING, rare=True,
        help="Rows of a part. An interrupted job continues after its last finished part. Default: "
        "65,536, or 2,048 if a model runs.",
    )  # fmt: skip
    command.add_argument(
        "--restart", action="store_true", group=RUNNING, rare=True,
        help="Start over, and remove what an earlier job left in OUT. Without it, the same "
        "command continues an interrupted job.",
    )  # fmt: skip
    command.add_argument(
        "--engine", choices=ENGINES, default="local", group=RUNNING, rare=True,
        help="What runs the parts: local or ray. local is this process; ray starts processes on "
        "this machine or on a cluster. Default: local.",
    )  # fmt: skip
    command.add_argument(
        "--ray-address", metavar="ADDRESS", group=RUNNING, rare=True,
        help="Address of a running Ray cluster that this machine belongs to: auto, or HOST:PORT. "
        "Default: start Ray on this machine alone.",
    )  # fmt: skip
    command.add_argument(
        "--ray-workers", type=int, metavar="N", group=RUNNING, rare=True,
        help="Maximum number of processes at a time. Default: the number of CPUs; if a model runs, "
        "the number of GPUs or, without GPUs, one less than that of CPUs.",
    )  # fmt: skip


def output_of(options: argparse.Namespace) -> Output:
    """The file or folder that --output names.

    Raises:
        UsageError: the suffix is unknown, or an option does not go with the output.
    """
    from xner.jobs import Output

    if options.part_rows is not None and options.part_rows < 1:
        raise UsageError(f"--part-rows is {options.part_rows}; it must be at least 1")
    return Output.of(options.output, options.format)


def engine_of(options: argparse.Namespace) -> Engine:
    """The engine that --engine names.

    Raises:
        UsageError: --ray-address is given without --engine ray.
        MissingExtraError: Ray is not installed.
    """
    from xner.jobs import Local

    if options.engine == "local":
        if options.ray_address is not None or options.ray_workers is not None:
            raise UsageError("--ray-address and --ray-workers need --engine ray")
        return Local()
    if options.ray_workers is not None and options.ray_workers < 1:
        raise UsageError(f"--ray-workers is {options.ray_workers}; it must be at least 1")
    from xner.jobs.ray import Ray

    return Ray(options.ray_address, options.ray_workers)


def files_of(options: argparse.Namespace) -> list[Path]:
    """The files that a command reads its corpus from."""
    from xner.corpus.inputs import expand

    return [file for path in _inputs(options) for file in expand(path)]


def check_not_read(output: Path, options: argparse.Namespace) -> None:
    """Raise UsageError if a folder or a pattern among the inputs includes the output."""
    from xner.corpus.inputs import expand

    for path in _inputs(options):
        if not path.is_file() and output.resolve() in [file.resolve() for file in expand(path)]:
            raise UsageError(f"{output}: is one of the files of {path}; write to another folder")


def _inputs(options: argparse.Namespace) -> list[Path]:
    given = [getattr(options, name, None) for name in _FILES]
    flat = [path for each in given for path in (each if isinstance(each, list) else [each])]
    return [path for path in flat if path is not None]


def reading_of(options: argparse.Namespace) -> dict[str, Any]:
    """How a command reads its corpus."""
    return {name: getattr(options, name) for name in _READING if hasattr(options, name)}
