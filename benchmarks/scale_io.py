"""Measure projection from Parquet to Parquet against pyarrow alone, and settings for Parquet.

python -m benchmarks.scale_io                      # writes benchmarks/results/scale_io.md
python -m benchmarks.scale_io --before DIR         # and an earlier commit, checked out there
python -m benchmarks.scale_io --rows 10000000 --fewer --before DIR --page scale_io_10m.md  # 10 GB
"""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import common, synthetic
from xner.columns import BATCH
from xner.formats import parquet

SHARD = 1_000_000
"""Pairs in each input file."""
SAMPLE = 300_000
"""Pairs that the settings are measured on."""
_MORE = ("out.parquet", "defaultnew/")

# Peak memory as reported by the kernel: ru_maxrss would include this script, the parent.
_CHILD = """
import json, resource, sys
from xner.cli import main
code = main(sys.argv[1:])
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps([used.ru_utime + used.ru_stime, int(peak.split()[1]) / 1024]), file=sys.stderr)
sys.exit(code)
"""


@dataclass(frozen=True)
class Cost:
    """What a run took.

    Attributes:
        seconds: wall time of the whole process.
        cpu: seconds of all its threads.
        memory: peak, in MiB.
    """

    seconds: float
    cpu: float
    memory: float = 0.0


def project(source: Path, output: str, rows: int, *options: str, tree: Path | None = None) -> Cost:
    """Run `xner project` in a new process, from this checkout or another."""
    environment = dict(os.environ)
    if tree is not None:
        environment["PYTHONPATH"] = str(tree / "src")
    command = [sys.executable, "-c", _CHILD, "project", str(source), "-o", output, *options]
    begin = perf_counter()
    done = subprocess.run(
        [*command, "--json"], env=environment, capture_output=True, text=True, check=False
    )
    seconds = perf_counter() - begin
    if done.returncode or json.loads(done.stdout)["sentences"] != rows:
        raise SystemExit(f"xner project failed: {done.stdout}{done.stderr}")
    return Cost(seconds, *json.loads(done.stderr.splitlines()[-1]))


def alone(source: Path, made: Path, scratch: Path) -> Cost:
    """Read the input and write the output with pyarrow's defaults; the output is read untimed."""
    wall = cpu = 0.0
    for path in _files(source):
        begin, used = perf_counter(), process_time()
        for _ in pq.ParquetFile(path, pre_buffer=False).iter_batches(BATCH):
            pass
        wall, cpu = wall + perf_counter() - begin, cpu + process_time() - used
    writer = None
    for path in _files(made):
        for batch in pq.ParquetFile(path, pre_buffer=False).iter_batches(BATCH):
            begin, used = perf_counter(), process_time()
            writer = writer or pq.ParquetWriter(scratch, batch.schema)
            writer.write_batch(batch)
            wall, cpu = wall + perf_counter() - begin, cpu + process_time() - used
    if writer is not None:
        writer.close()
    scratch.unlink()
    return Cost(wall, cpu)


def _files(path: Path) -> list[Path]:
    return sorted(path.glob("*.parquet")) if path.is_dir() else [path]


def whole_command(folder: Path, rows: int, before: Path | None, fewer: bool = False) -> str:
    """Measure the command with each score, all and new columns, and pyarrow alone."""
    source = _write(folder / "pairs", rows)
    plain = ["--score", "alignment=1"]
    runs = {
        "alignment score, all columns": ("out/", plain),  # pyarrow alone runs next
        "alignment score, all columns, one file": (_MORE[0], plain),
        "alignment score, new columns": ("new/", [*plain, "--columns", "new"]),
        "default scores, all columns": ("default/", []),
        "default scores, new columns": (_MORE[1], ["--columns", "new"]),
    }
    if fewer:
        runs = {name: run for name, run in runs.items() if run[0] not in _MORE}
    _compile(folder, plain, before)
    found = {}
    for name, (output, options) in runs.items():
        found[name] = project(source, f"{folder}/{output}", rows, *options)
        print(name, found[name], file=sys.stderr, flush=True)
        if output == "out/":
            rival = alone(source, folder / "out", folder / "alone.parquet")
            print("pyarrow alone", rival, file=sys.stderr, flush=True)
    if not fewer:
        strings = _write(folder / "strings", rows, use_dictionary=False)
        cost = project(strings, f"{folder}/plain/", rows, *plain, "--columns", "new")
        found["alignment score, new columns, input without dictionaries"] = cost
    if before is not None:
        one, output = folder / "one.parquet", f"{folder}/old.parquet"
        _join(source, one)
        scores = {"alignment score": plain, "default scores": []}
        if fewer:
            del scores["default scores"]
        for name, options in scores.items():
            cost = project(one, output, rows, *options, tree=before)
            found[f"{name}, all columns, earlier commit"] = cost
            print(name, "earlier commit", cost, file=sys.stderr, flush=True)
    lines = [["pyarrow alone", *_numbers(rival, rows, rival)]]
    lines += [[name, *_numbers(cost, rows, rival)] for name, cost in found.items()]
    head = [f"{rows:,} pairs", "seconds", "of all threads", "sentences/s", "peak MiB", "ratio"]
    head += ["ratio of all threads"]
    return (
        f"{_gains(found)}"
        f"Links given, on all cores, from a folder of files of {SHARD:,} pairs to a folder of "
        f"shards. *pyarrow alone* reads all columns of the input, and then writes all columns of "
        f"the first output, with pyarrow's default settings and nothing in between; the ratios "
        f"are to its seconds, and to the processor time of all threads, which is less sensitive "
        f"to other work on the machine. The words of the input, {synthetic.WORDS:,} types a side, "
        f"are stored as dictionaries, and xner reads them so.\n\n{common.markdown(head, lines)}"
    )


def _write(folder: Path, rows: int, **settings: Any) -> Path:
    """Make the input: files of `SHARD` pairs."""
    folder.mkdir()
    for first in range(0, rows, SHARD):
        path = folder / f"{first // SHARD}.parquet"
        synthetic.write_pairs(path, min(SHARD, rows - first), seed=first + 1, **settings)
    return folder


def _gains(found: dict[str, Cost]) -> str:
    """How much faster new columns are than the earlier commit, which wrote all of them."""
    parts = []
    for name in ("alignment score", "default scores"):
        old, new = (
            found.get(f"{name}, {columns}")
            for columns in ("all columns, earlier commit", "new columns")
        )
        if old and new:
            parts.append(
                f"{old.seconds / new.seconds:.1f} times as fast with the {name} "
                f"({old.cpu / new.cpu:.1f} times by processor time)"
            )
    if not parts:
        return ""
    return f"`--columns new` against the earlier commit: {', '.join(parts)}.\n\n"


def _compile(folder: Path, plain: list[str], before: Path | None) -> None:
    """Fill the caches of compiled kernels, so that no run that is timed compiles them."""
    few = folder / "few.parquet"
    synthetic.write_pairs(few, 2000)
    kinds: list[tuple[list[str], Path | None]] = [(plain, None), ([], None)]
    if before is not None:
        kinds += [(plain, before), ([], before)]
    for options, tree in kinds:
        project(few, f"{folder}/few_out.parquet", 2000, *options, tree=tree)


def _join(source: Path, path: Path) -> None:
    files = _files(source)
    with pq.ParquetWriter(path, pq.read_schema(files[0])) as writer:
        for file in files:
            for batch in pq.ParquetFile(file, pre_buffer=False).iter_batches(synthetic.CHUNK):
                writer.write_batch(batch)


def _numbers(cost: Cost, rows: int, rival: Cost) -> list[str]:
    return [
        f"{cost.seconds:.1f}",
        f"{cost.cpu:.1f}",
        f"{rows / cost.seconds:,.0f}",
        f"{cost.memory:,.0f}" if cost.memory else "",
        f"{cost.seconds / rival.seconds:.2f}",
        f"{cost.cpu / rival.cpu:.2f}",
    ]


def settings(made: Path, scratch: Path) -> str:
    """Measure settings of Parquet on the output of a run."""
    stream = pq.ParquetFile(made, pre_buffer=False).iter_batches(BATCH)
    batches: list[pa.RecordBatch] = []
    while sum(batch.num_rows for batch in batches) < SAMPLE:
        if (batch := next(stream, None)) is None:
            break
        batches.append(batch)
    chosen = parquet.settings(batches[0].schema)
    strings = chosen["use_dictionary"]
    zstd = {"compression": "zstd", "compression_level": 1}
    tried = {
        "pyarrow's defaults": {},
        "dictionaries for strings only": {"use_dictionary": strings},
        "also without statistics": {"use_dictionary": strings, "write_statistics": False},
        "also LZ4": {
            "use_dictionary": strings, "write_statistics": False, "compression": "lz4",
        },
        "also uncompressed": {
            "use_dictionary": strings, "write_statistics": False, "compression": "none",
        },
        "Zstandard 1, no dictionaries": {
            "use_dictionary": False, "write_statistics": False, **zstd,
        },
        "chosen by xner": chosen,
    }  # fmt: skip
    lines = []
    for name, options in tried.items():
        write, read, size = min(_settings_cost(batches, scratch, options) for _ in range(3))
        lines.append([name, f"{write:.2f}", f"{read:.2f}", f"{size / 2**20:.1f}"])
    rows = sum(batch.num_rows for batch in batches)
    head = [f"{rows:,} rows, all columns", "writing, s", "reading, s", "MiB"]
    return (
        f"Processor time of one thread, best of 3. *Chosen* is Zstandard at level 1, dictionaries "
        f"for strings that repeat, and statistics for columns outside lists.\n\n"
        f"{common.markdown(head, lines)}"
    )


def _settings_cost(
    batches: list[pa.RecordBatch], scratch: Path, options: dict[str, object]
) -> tuple[float, float, int]:
    begin = process_time()
    with pq.ParquetWriter(scratch, batches[0].schema, **options) as writer:
        for batch in batches:
            writer.write_batch(batch)
    written = process_time()
    for _ in pq.ParquetFile(scratch, pre_buffer=False).iter_batches(BATCH, use_threads=False):
        pass
    return written - begin, process_time() - written, scratch.stat().st_size


def main() -> None:
    """Run everything and write the page."""
    options = common.parser(__doc__.splitlines()[0])
    options.add_argument("--rows", type=int, default=1_000_000, help="number of pairs")
    options.add_argument(
        "--before", type=Path, metavar="DIR", help="checkout of an earlier commit to compare with"
    )
    options.add_argument("--fewer", action="store_true", help="leave out two of the runs")
    options.add_argument(
        "--page", default="scale_io.md", metavar="NAME", help="page to write (default: %(default)s)"
    )
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        whole = whole_command(folder, given.rows, given.before, given.fewer)
        parts = {"Whole command": whole}
        made = sorted((folder / "out").glob("*.parquet"))
        sample = folder / "sample.parquet"
        tables = [pq.read_table(path) for path in made[: -(-SAMPLE // synthetic.CHUNK)]]
        pq.write_table(pa.concat_tables(tables), sample)
        parts["Settings of Parquet"] = settings(sample, folder / "scratch.parquet")
    body = "\n\n".join(f"## {name}\n\n{text}" for name, text in parts.items())
    common.save(
        given.results, given.page, "Reading and writing", f"{body}\n\n{common.made_by('pyarrow')}"
    )


if __name__ == "__main__":
    main()
