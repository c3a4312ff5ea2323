"""Where a job writes: one file, or a folder of shards."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from xner.corpus import StrPath
from xner.errors import OutputError, UsageError
from xner.formats import format_of
from xner.formats.streams import suffix_of
from xner.jobs.files import saving

FORMATS = ("parquet", "jsonl", "conll", "txt", "align")
"""Formats of shards; each is also the suffix of their names."""
DONE = "_xner.json"
"""Describes a finished job. Readers of folders skip names with an underscore."""


@dataclass(frozen=True, slots=True)
class Output:
    """One file, or a folder of shards.

    Attributes:
        path: the file or the folder.
        suffix: of the file or of every shard, such as `.parquet`.
        folder: whether it is a folder.
    """

    path: Path
    suffix: str
    folder: bool

    @classmethod
    def of(cls, path: StrPath, shards: str | None = None) -> Output:
        """The output that a path names: a folder if it exists as one, or ends with a slash.

        Args:
            path: the file or the folder.
            shards: format of the shards of a folder, by default `parquet`.

        Raises:
            UsageError: the suffix of a file is unknown, or a format is given for a file.
        """
        text = os.fspath(path)
        separators = tuple(filter(None, (os.sep, os.altsep)))
        if not (text.endswith(separators) or Path(text).is_dir()):
            if shards is not None:
                raise UsageError(
                    f"{text}: a format is only given for a folder of shards; write {text}{os.sep} "
                    f"for a folder, or name the format of a file by its suffix"
                )
            _check_suffix(text)
            return cls(Path(text), suffix_of(Path(text)), folder=False)
        if shards not in (None, *FORMATS):
            raise UsageError(f"unknown format {shards!r}; choose from {', '.join(FORMATS)}")
        return cls(Path(text), f".{shards or 'parquet'}", folder=True)

    def __str__(self) -> str:
        """The path as it was given; a folder ends with a slash."""
        return f"{self.path}{os.sep}" if self.folder else str(self.path)

    @property
    def part_suffix(self) -> str:
        """The suffix of the files of parts; Parquet if those of the format cannot be joined."""
        module = format_of(Path(f"_{self.suffix}"))
        return ".parquet" if hasattr(module, "writer") else self.suffix

    @property
    def work(self) -> Path:
        """The hidden folder of an unfinished job."""
        if self.folder:
            return self.path / ".xner"
        return self.path.with_name(f".{self.path.name}.xner")

    @property
    def done(self) -> Path:
        """The file that describes a finished job."""
        return (self.path if self.folder else self.work) / DONE

    def shard(self, name: str) -> Path:
        """The file of a part in a folder of shards."""
        return self.path / f"part-{name}{self.suffix}"

    def create(self) -> None:
        """Create the folders of a job.

        Raises:
            OutputError: they cannot be created.
        """
        if not self.path.parent.is_dir():
            raise OutputError(f"{self}: the folder {self.path.parent} does not exist; create it")
        with saving(str(self)):
            if self.folder:
                self.path.mkdir(exist_ok=True)
            self.work.mkdir(exist_ok=True)

    def check_own(self) -> None:
        """Raise UsageError if a folder holds files that no job wrote."""
        own = self.done.exists() or (self.work / "job.json").exists()
        if own or not self.folder or not self.path.is_dir():
            return
        others = sorted(p.name for p in self.path.iterdir() if not p.name.startswith("."))
        if others:
            raise UsageError(
                f"{self}: contains {others[0]}, which is not from a job of xner; name a new or an "
                f"empty folder"
            )


def _check_suffix(path: str) -> None:
    try:
        format_of(Path(path))
    except UsageError as error:
        if Path(path).suffix:
            raise
        raise UsageError(f"{error}; for a folder of shards write {path}{os.sep}") from None
