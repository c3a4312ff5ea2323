"""Measure aligners on growing corpora: pairs per second and peak memory.

    python -m benchmarks.scale                                # all sizes, hours with all aligners
    python -m benchmarks.scale --sizes 10000 100000           # writes results/scale.md and .png
    python -m benchmarks.scale --systems native project --sizes 1000000
    python -m benchmarks.scale --rivals-up-to 100000          # less than an hour

Every size is a beginning of one file of distinct pairs (`benchmarks.scale_data`). Every command
runs in a process of its own, one after another, from Parquet to Parquet. Aligners whose package is
not installed are left out, and the page says so. The page is written again after every size.
"""

import tempfile
from argparse import ArgumentTypeError
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
import pyarrow.parquet as pq

from benchmarks import common
from benchmarks.processes import run
from benchmarks.scale_data import LANGUAGES, bitext, report, write
from xner.columns import BATCH

SIZES = (10_000, 30_000, 100_000, 300_000, 1_000_000)
SYSTEMS: dict[str, dict[str, tuple[str, ...]]] = {
    "native": {
        "fit and apply": ("align", "{pairs}", "-o", "{out}", "--save-model", "{model}"),
        "apply": ("align", "{pairs}", "-o", "{out}", "--model", "{model}"),
    },
    "project": {"aligns and projects": ("project", "{pairs}", "-o", "{out}")},
    "eflomal": {"": ("align", "{pairs}", "-o", "{out}", "--aligner", "eflomal")},
    "fast_align": {"": ("align", "{pairs}", "-o", "{out}", "--aligner", "fast_align")},
}
_FEW = 1_000
"""Pairs of the runs that fill the cache of compiled code."""
PACKAGES = {"eflomal": "eflomal", "fast_align": "systran_align"}


class Point(NamedTuple):
    """One measured command.

    Attributes:
        name: of the line in the plot.
        pairs: number of pairs.
        seconds: wall time of the process.
        memory: peak MiB of the process with its children.
    """

    name: str
    pairs: int
    seconds: float
    memory: float


def measure(system: str, pairs: Path, rows: int, folder: Path) -> list[Point]:
    """Run the commands of a system on a file."""
    places = {
        "pairs": str(pairs),
        "out": str(folder / "out.parquet"),
        "model": str(folder / f"{rows}.model"),
    }
    points = []
    for name, arguments in SYSTEMS[system].items():
        done = run(*(argument.format(**places) for argument in arguments))
        if done.summary["sentences"] != rows:
            raise SystemExit(f"{system}: {done.summary['sentences']} sentences instead of {rows}")
        title = ", ".join(filter(None, (system, name)))
        points.append(Point(title, rows, done.seconds, done.memory))
        print(*points[-1], flush=True)
    return points


def beginning(source: Path, rows: int, path: Path) -> None:
    """Write the first rows of a Parquet file to another."""
    with pq.ParquetFile(source) as file, pq.ParquetWriter(path, file.schema_arrow) as writer:
        for batch in file.iter_batches(BATCH):
            writer.write_batch(batch.slice(0, rows))
            rows -= min(rows, batch.num_rows)
            if not rows:
                return


def table(points: Sequence[Point]) -> str:
    """Format all points, by system and size."""
    names = list(dict.fromkeys(point.name for point in points))
    rows = [
        [
            point.name,
            f"{point.pairs:,}",
            f"{point.seconds:,.1f}",
            f"{point.pairs / point.seconds:,.0f}",
            f"{point.memory:,.0f}",
        ]
        for name in names
        for point in points
        if point.name == name
    ]
    return common.markdown(["command", "pairs", "seconds", "pairs/s", "peak MiB"], rows)


def plot(points: Sequence[Point], path: Path) -> None:
    """Draw speed and memory against the number of pairs."""
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(11, 4.2))
    for name in dict.fromkeys(point.name for point in points):
        own = [point for point in points if point.name == name]
        sizes = [point.pairs for point in own]
        for axis, values in (
            (axes[0], [point.pairs / point.seconds for point in own]),
            (axes[1], [point.memory for point in own]),
        ):
            axis.plot(sizes, values, marker="o", markersize=3, label=name)
    for axis, title in zip(axes, ("pairs per second", "peak memory, MiB"), strict=True):
        axis.set(xscale="log", yscale="log", xlabel="pairs", title=title)
        axis.grid(alpha=0.3)
    axes[0].legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def page(points: Sequence[Point], made: str, missing: Sequence[str]) -> str:
    """Format the page."""
    notes = [
        "Whole commands from Parquet to Parquet, including interpreter start and reading and "
        "writing all columns; peak memory includes child processes. Compiled code was in the "
        "cache. Every size is a beginning of the same pairs.",
        table(points),
        "![Speed and memory](scale.png)",
        f"The pairs (`python -m benchmarks.scale_data`):\n\n{made}",
        *(f"Not installed: {name}." for name in missing),
        common.made_by("pyarrow"),
    ]
    return "\n\n".join(notes)


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is not a number of pairs")
    return int(text)


def main() -> None:
    """Measure, and write page and plot after every size."""
    options = common.parser(__doc__.splitlines()[0])
    options.add_argument(
        "--sizes", type=_positive, nargs="+", default=SIZES, help="numbers of pairs"
    )
    options.add_argument(
        "--systems", nargs="+", choices=SYSTEMS, default=list(SYSTEMS), help="what to measure"
    )
    options.add_argument(
        "--languages", nargs="+", choices=LANGUAGES, default=["de"], help="of the pairs"
    )
    options.add_argument(
        "--rivals-up-to", type=_positive, metavar="PAIRS",
        help="largest size for eflomal and fast_align (default: all sizes)",
    )  # fmt: skip
    given = options.parse_args()
    missing = [
        name for name in given.systems if name in PACKAGES and find_spec(PACKAGES[name]) is None
    ]
    points: list[Point] = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        texts = [bitext(language, given.data) for language in given.languages]
        made = report(write(folder / "all.parquet", texts, max(given.sizes)))
        pairs = folder / "pairs.parquet"
        few = min(_FEW, *given.sizes)
        beginning(folder / "all.parquet", few, pairs)
        for system in set(given.systems) - set(PACKAGES):
            measure(system, pairs, few, folder)  # compiles
        for rows in sorted(given.sizes):
            beginning(folder / "all.parquet", rows, pairs)
            too_many = given.rivals_up_to is not None and rows > given.rivals_up_to
            for system in given.systems:
                if system not in missing and not (too_many and system in PACKAGES):
                    points += measure(system, pairs, rows, folder)
            given.results.mkdir(parents=True, exist_ok=True)
            plot(points, given.results / "scale.png")
            common.save(given.results, "scale.md", "Scale", page(points, made, missing))


if __name__ == "__main__":
    main()
