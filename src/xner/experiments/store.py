"""What stages made, on disk: a Parquet file of columns or a model's folder, and a manifest each.

A step is known by its key (`xner.experiments.keys`). The manifest is written last: columns without
one are not taken for whole.
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
from xner.formats.files import atomic
from xner.stages import MODEL

if TYPE_CHECKING:
    from xner.training.student import Trained

_PACKAGES = ("numpy", "numba", "pyarrow", "torch", "transformers", "ctranslate2", "ortools")


@dataclass(frozen=True, slots=True)
class Made:
    """Columns on disk, or a model.

    Attributes:
        key: of the step.
        path: the Parquet file, or the model's folder.
        manifest: what is told of them (docs/running.md).
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
        """What made them."""
        return str(self.manifest["signature"])


class Store:
    """A folder of steps; one run at a time may write to it, in one process or several."""

    def __init__(self, folder: Path) -> None:
        """Hold `folder`, which is made when the first step is written."""
        self.folder = folder

    def path(self, stage: str, key: str) -> Path:
        """Where the columns of a step lie."""
        return self.folder / f"{stage}-{key[:16]}.parquet"

    def find(self, stage: str, key: str) -> Made | None:
        """What a step made, or None if it has not been made to its end."""
        path = self.path(stage, key)
        try:
            manifest = json.loads(path.with_suffix(".json").read_text("utf-8"))
            if manifest["columns"] == [MODEL]:
                path = path.with_suffix("")
            whole = manifest["key"] == key and manifest["bytes"] == _size(path)
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return Made(key, path, manifest) if whole else None

    def make(
        self,
        stage: str,
        key: str,
        run: Callable[[], Corpus],
        columns: tuple[str, ...],
        told: Mapping[str, Any],
    ) -> Made:
        """Run a stage and write those of `columns` that it made, batch by batch; then the manifest.

        Args:
            stage: its name.
            key: of the step.
            run: the stage; what it gives is read once.
            columns: the first must be there.
            told: what else the manifest tells.

        Raises:
            OutputError: the folder cannot be written to.
            InputError: the stage made no such column, or other rows than it was given.
        """
        path = self.path(stage, key)
        self._prepare(path)
        begin = perf_counter()
        corpus = run()
        writer = _Writer(stage, columns)
        with atomic(path) as partial:
            writer.write(partial, corpus)
            size = partial.stat().st_size
        report = corpus.report
        manifest = {
            "stage": stage,
            "key": key,
            "signature": report.signature or writer.signature or stage,
            "columns": writer.names,
            "rows": writer.rows,
            "bytes": size,
            "counts": writer.counts,
            "seconds": round(perf_counter() - begin, 4),
            **told,
            "summary": report.as_dict(),
        }
        return _told(Made(key, path, manifest))

    def make_model(
        self, stage: str, key: str, learn: Callable[[Path], Trained], told: Mapping[str, Any]
    ) -> Made:
        """Run a stage that makes a model, in a folder of its own; then write the manifest.

        Args:
            stage: its name.
            key: of the step.
            learn: makes the model in the folder, or goes on with what a killed run left there.
            told: what else the manifest tells.

        Raises:
            OutputError: the folder cannot be written to.
        """
        folder = self.path(stage, key).with_suffix("")
        if folder.with_suffix(".json").exists():  # it was whole once: files are lost or changed
            shutil.rmtree(folder, ignore_errors=True)
        self._prepare(folder)
        begin = perf_counter()
        trained = learn(folder)
        summary = {name: v for name, v in trained.as_dict().items() if name != "model"}
        manifest = {
            "stage": stage,
            "key": key,
            "signature": trained.signature,
            "columns": [MODEL],
            "rows": trained.counts.get("kept", 0),
            "bytes": _size(folder),
            "counts": trained.counts,
            "seconds": round(perf_counter() - begin, 4),
            **told,
            "summary": summary,
        }
        return _told(Made(key, folder, manifest))

    def _prepare(self, path: Path) -> None:
        """Make the folder, and remove what a killed run left of this step."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for left in self.folder.glob(f".{path.stem}.*.partial"):
                left.unlink(missing_ok=True)
            path.with_suffix(".json").unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"{self.folder}: cannot be written ({error.strerror})") from None


def _size(path: Path) -> int:
    """Bytes of a file, or of the files of a model."""
    if path.suffix:
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.iterdir() if file.is_file())


def _told(made: Made) -> Made:
    """With its manifest on disk, which says that it is whole."""
    whole = {
        **made.manifest,
        "versions": _versions(),
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    with atomic(made.path.with_suffix(".json")) as partial:
        content = json.dumps(whole, indent=1, ensure_ascii=False, default=str)
        partial.write_text(content + "\n", encoding="utf-8")
    return Made(made.key, made.path, whole)


class _Writer:
    """Writes some columns of a stream, and counts what is in them."""

    def __init__(self, stage: str, columns: tuple[str, ...]) -> None:
        self.stage, self.columns = stage, columns
        self.names: list[str] = []
        self.rows = 0
        self.counts: dict[str, Any] = {}
        self.signature = ""

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
                f"the stage {self.stage!r} gave {self.rows} rows for {len(corpus)}; a stage keeps "
                f"every row"
            )

    def _part(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        have = batch.schema.names
        if self.columns[0] not in have:
            raise InputError(f"the stage {self.stage!r} made no column {self.columns[0]!r}")
        self.names = [name for name in self.columns if name in have]
        told = batch.schema.metadata or {}
        self.signature = (told.get(f"xner.{self.columns[0]}".encode()) or b"").decode()
        return batch.select(self.names)

    def _count(self, part: pa.RecordBatch) -> None:
        self.rows += part.num_rows
        for name, column in zip(part.schema.names, part.columns, strict=True):
            values = column.flatten() if pa.types.is_list(column.type) else column
            if "outcome" in name:
                counts = Counter(self.counts.get(name, {}))
                counts.update(
                    {d["values"]: d["counts"] for d in pc.value_counts(values).to_pylist()}
                )
                self.counts[name] = dict(counts)
            elif pa.types.is_list(column.type):
                self.counts[name] = self.counts.get(name, 0) + len(values)


def _versions() -> dict[str, str]:
    """Of xner, Python, and the packages that were loaded."""
    found = {"xner": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        if package in sys.modules:
            try:
                found[package] = version(package)
            except PackageNotFoundError:
                continue
    return found


def joined(parts: Mapping[str, Made], origin: str) -> Corpus:
    """The corpus of columns from several files.

    Args:
        parts: what holds each column.
        origin: names it in messages.
    """
    by_file: dict[Path, list[str]] = {}
    for name, made in parts.items():
        by_file.setdefault(made.path, []).append(name)
    rows = next(iter(parts.values())).manifest["rows"]
    schemas = [pq.read_schema(path) for path in by_file]
    held = side_by_side([empty_batch(schema) for schema in schemas]).select(list(parts)).schema

    def batches() -> Iterator[pa.RecordBatch]:
        for group in zip_batches(*((str(path), _read(path, n)) for path, n in by_file.items())):
            yield side_by_side(group).select(list(parts))

    return Corpus(batches, rows, origin, held)


def _read(path: Path, names: list[str]) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(path) as file:
        yield from file.iter_batches(BATCH, columns=names)
