"""Results of steps on disk: a Parquet file of columns or the folder of a model, and a manifest.

A step is known by its key (`xner.experiments.keys`). The manifest is written last, so a result
without one is incomplete.
"""

from __future__ import annotations

import json
import platform
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from xner._version import __version__
from xner.columns import BATCH, empty_batch
from xner.corpus import Corpus, side_by_side, zip_batches
from xner.errors import InputError, OutputError
from xner.experiments.plan import Planned
from xner.formats.files import atomic
from xner.stages import MODEL

if TYPE_CHECKING:
    from xner.training.student import Trained

_PACKAGES = ("numpy", "numba", "pyarrow", "torch", "transformers", "ctranslate2", "ortools")


@dataclass(frozen=True, slots=True)
class Stored:
    """The result of a step on disk: columns, or a model.

    Attributes:
        key: key of the step.
        path: the Parquet file, or the folder of the model.
        manifest: content of the manifest (docs/running.md).
    """

    key: str
    path: Path
    manifest: Mapping[str, Any]

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return list(self.manifest["columns"])

    @property
    def signature(self) -> str:
        """The signature of the stage."""
        return str(self.manifest["signature"])


class Store:
    """A folder of results; only one run at a time may write to it, in one process or several."""

    def __init__(self, folder: Path) -> None:
        """Use `folder`, which is created when the first result is written."""
        self.folder = folder

    def _path(self, step: Planned) -> Path:
        return self.folder / f"{step.stage}-{step.key[:16]}.parquet"

    def find(self, step: Planned) -> Stored | None:
        """Return the result of a step, or None if it does not exist or is incomplete."""
        path = self._path(step)
        try:
            manifest = json.loads(path.with_suffix(".json").read_text("utf-8"))
            if manifest["columns"] == [MODEL]:
                path = path.with_suffix("")
            complete = manifest["key"] == step.key and manifest["bytes"] == _size(path)
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return Stored(step.key, path, manifest) if complete else None

    def write(self, step: Planned, run: Callable[[], Corpus]) -> Stored:
        """Run a stage and write the columns of the step batch by batch, then the manifest.

        Args:
            step: the step; the result must have the first of its columns.
            run: returns the result of the stage, which is read once.

        Raises:
            OutputError: the folder cannot be written to.
            InputError: the result lacks the first column, or has another number of rows.
        """
        path = self._path(step)
        self._prepare(path)
        begin = perf_counter()
        corpus = run()
        writer = _Writer(step)
        with atomic(path) as partial:
            writer.write(partial, corpus)
        result = {
            "signature": corpus.report.signature or step.stage,
            "columns": writer.names,
            "rows": writer.rows,
            "counts": writer.counts,
            "summary": corpus.report.as_dict(),
        }
        return _finished(step, path, begin, result)

    def write_model(self, step: Planned, learn: Callable[[Path], Trained]) -> Stored:
        """Train a model in its folder, then write the manifest.

        Args:
            step: the step.
            learn: trains the model in a folder, or resumes an interrupted run from there.

        Raises:
            OutputError: the folder cannot be written to.
        """
        folder = self._path(step).with_suffix("")
        if folder.with_suffix(".json").exists():  # complete once, but files are lost or changed
            shutil.rmtree(folder, ignore_errors=True)
        self._prepare(folder)
        begin = perf_counter()
        trained = learn(folder)
        result = {
            "signature": trained.signature,
            "columns": [MODEL],
            "rows": trained.counts.get("kept", 0),
            "counts": trained.counts,
            "summary": {name: v for name, v in trained.as_dict().items() if name != "model"},
        }
        return _finished(step, folder, begin, result)

    def _prepare(self, path: Path) -> None:
        """Create the folder, and remove partial files of an interrupted run of this step."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for left in self.folder.glob(f".{path.stem}.*.partial"):
                left.unlink(missing_ok=True)
            path.with_suffix(".json").unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"{self.folder}: cannot be written ({error.strerror})") from None


def _size(path: Path) -> int:
    """Return the bytes of a file, or of the files of a model."""
    if path.suffix:
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.iterdir() if file.is_file())


def _finished(step: Planned, path: Path, begin: float, result: Mapping[str, Any]) -> Stored:
    """Write the manifest of a result."""
    manifest = {
        "stage": step.stage,
        "key": step.key,
        **result,
        "bytes": _size(path),
        "seconds": round(perf_counter() - begin, 4),
        **step.manifest(),
        "versions": _versions(),
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    with atomic(path.with_suffix(".json")) as partial:
        content = json.dumps(manifest, indent=1, ensure_ascii=False, default=str)
        partial.write_text(content + "\n", encoding="utf-8")
    return Stored(step.key, path, manifest)


class _Writer:
    """Writes the columns of a step, and counts their contents."""

    def __init__(self, step: Planned) -> None:
        self.step = step
        self.names: list[str] = []
        self.rows = 0
        self.counts: dict[str, Any] = {}

    def write(self, path: Path, corpus: Corpus) -> None:
        writer: pq.ParquetWriter | None = None
        try:
            for batch in corpus.batches():
                part = self._part(batch)
                writer = writer or pq.ParquetWriter(path, part.schema)
                writer.write_batch(part)
                self._count(part)
        finally:
            if writer is not None:
                writer.close()
        if self.rows != len(corpus):
            raise InputError(
                f"the stage {self.step.stage!r} gave {self.rows} rows for {len(corpus)}; a stage "
                f"must keep every row"
            )

    def _part(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        first, *_ = self.step.makes
        if first not in batch.schema.names:
            raise InputError(f"the stage {self.step.stage!r} made no column {first!r}")
        self.names = [name for name in self.step.makes if name in batch.schema.names]
        return batch.select(self.names)

    def _count(self, part: pa.RecordBatch) -> None:
        self.rows += part.num_rows
        for name, column in zip(part.schema.names, part.columns, strict=True):
            values = column.flatten() if pa.types.is_list(column.type) else column
            if "outcome" in name:
                found = pc.value_counts(values).to_pylist()
                counts = Counter({each["values"]: each["counts"] for each in found})
                self.counts[name] = dict(Counter(self.counts.get(name, {})) + counts)
            elif pa.types.is_list(column.type):
                self.counts[name] = self.counts.get(name, 0) + len(values)


def _versions() -> dict[str, str]:
    """Return the versions of xner, Python and the packages that were imported."""
    versions = {"xner": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        if package in sys.modules:
            try:
                versions[package] = version(package)
            except PackageNotFoundError:
                continue
    return versions


def joined(parts: Mapping[str, Stored], origin: str) -> Corpus:
    """Return a corpus of columns from several results.

    Args:
        parts: the result that has each column, by the name of the column.
        origin: name of the corpus in messages.
    """
    by_file: dict[Path, list[str]] = {}
    for name, stored in parts.items():
        by_file.setdefault(stored.path, []).append(name)
    rows = next(iter(parts.values())).manifest["rows"]
    schemas = [pq.read_schema(path) for path in by_file]
    schema = side_by_side([empty_batch(each) for each in schemas]).select(list(parts)).schema

    def batches() -> Iterator[pa.RecordBatch]:
        for group in zip_batches(*((str(path), _read(path, n)) for path, n in by_file.items())):
            yield side_by_side(group).select(list(parts))

    return Corpus(batches, rows, origin, schema)


def renamed(parts: Mapping[str, Stored], names: Mapping[str, str], origin: str) -> Corpus:
    """Return a corpus of columns from several results under new names."""
    corpus = joined({name: parts[name] for name in names}, origin)

    def batches() -> Iterator[pa.RecordBatch]:
        return (batch.rename_columns(list(names.values())) for batch in corpus.batches())

    fields = [corpus.schema.field(old).with_name(new) for old, new in names.items()]
    return Corpus(batches, len(corpus), corpus.origin, pa.schema(fields))


def _read(path: Path, names: list[str]) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(path, pre_buffer=False) as file:
        yield from file.iter_batches(BATCH, columns=names)
