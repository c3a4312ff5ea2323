"""What decides the output of a job, as JSON: a job continues only where all of it is the same."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from xner._version import __version__
from xner.corpus import Corpus
from xner.errors import UsageError
from xner.jobs.output import Output
from xner.options import options_of
from xner.stages import Stage

Manifest = Mapping[str, Any]
_TITLES = {
    "xner": "the version of xner",
    "stage": "the stage",
    "signature": "the signature of the stage",
    "rows": "the number of rows",
    "part_rows": "the number of rows in a part (--part-rows)",
    "format": "the format of the output",
    "side": "the side that is written",
    "scheme": "the labelling scheme that is written",
    "columns": "the choice of columns (--columns)",
}


def describe(
    stage: Stage,
    corpus: Corpus,
    files: Iterable[Path],
    reading: Mapping[str, Any],
    writing: Mapping[str, Any],
) -> dict[str, Any]:
    """Describe a job.

    Args:
        stage: its options are settings.
        corpus: its rows are counted.
        files: what the corpus is read from.
        reading: how it is read.
        writing: how the result is written.
    """
    settings = {name: _plain(getattr(stage, name)) for name in options_of(type(stage))}
    del settings["progress"]
    return {
        "xner": __version__,
        "stage": stage.name,
        "signature": stage.signature,
        **writing,
        "rows": len(corpus),
        "settings": settings,
        "reading": {name: _plain(value) for name, value in reading.items()},
        "inputs": {str(path): state_of(path) for path in [*files, *_files_of(stage)]},
    }


def check_same(known: Manifest, now: Manifest, output: Output) -> None:
    """Raise UsageError if a job differs from the one that an output belongs to."""
    if found := change(known, now):
        raise UsageError(
            f"{output}: {found}; repeat the command that it was written with, name another "
            f"output, or start over with --restart"
        )


def change(known: Manifest, now: Manifest) -> str:
    """What a job has otherwise than another one; empty if they are the same."""
    for path in known["inputs"] | now["inputs"]:
        before, after = known["inputs"].get(path), now["inputs"].get(path)
        if before is None or after is None:
            return f"the input {path} was {'added' if before is None else 'left out'}"
        if before != after:
            return f"the input {path} has changed since the job was started"
    for group in ("settings", "reading"):
        for name in known[group] | now[group]:
            before, after = known[group].get(name), now[group].get(name)
            if before != after:
                return f"the setting {name} was {_shown(before)}, and is {_shown(after)} now"
    for name, title in _TITLES.items():
        if known.get(name) != now[name]:
            return f"{title} was {_shown(known.get(name))}, and is {_shown(now[name])} now"
    return ""


def _shown(value: Any) -> str:
    return "not given" if value is None else repr(value)


def state_of(path: Path) -> Any:
    """None, or size and time of change of a file, or of all files of a folder."""
    if not path.exists():
        return None
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.is_file())
        return {str(file.relative_to(path)): state_of(file) for file in files}
    found = path.stat()
    return [found.st_size, found.st_mtime_ns]


def _files_of(stage: Stage) -> list[Path]:
    """Files and folders that the options of a stage name."""
    named: list[Any] = [
        getattr(stage, name)
        for name, declared in options_of(type(stage)).items()
        if declared.names or name == "counts"
    ]
    return [path for path in map(Path, _strings(named)) if path.exists()]


def _strings(values: Sequence[Any]) -> Iterable[str | Path]:
    for value in values:
        if isinstance(value, str | Path):
            yield value
        elif isinstance(value, list | tuple):
            yield from _strings(value)


def _plain(value: Any) -> Any:
    """A value as JSON can hold it; of objects, what names them."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(each) for each in value]
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Corpus):
        return f"{value.origin}: {len(value)} rows"
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    return getattr(value, "signature", type(value).__qualname__)
