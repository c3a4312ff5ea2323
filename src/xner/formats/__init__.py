"""File formats, known by suffix: one module each, with `FORMAT`, `inspect`, `read` and `render`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

from xner.errors import UsageError
from xner.formats import (
    brat,
    conll,
    docbin,
    doccano,
    hf,
    jsonl,
    label_studio,
    panx,
    parquet,
    pharaoh,
    text,
    webanno,
)
from xner.formats.streams import COMPRESSIONS, plain_name

MODULES = (
    conll, panx, text, jsonl, parquet, hf, docbin, label_studio, doccano, brat, webanno, pharaoh
)  # fmt: skip
_BY_NAME: dict[str, ModuleType] = {module.FORMAT.name: module for module in MODULES}
_BY_SUFFIX: dict[str, ModuleType] = {
    s: module for module in MODULES for s in module.FORMAT.suffixes
}
_RECOGNISED: dict[str, ModuleType] = {"": panx, ".jsonl": doccano, ".tsv": webanno}
"""Formats that are known by the first line of a file, by its suffix."""
WITH_WORDS = tuple(module for module in MODULES if module is not pharaoh)
"""Formats that hold sentences."""


def format_of(path: Path, *allowed: ModuleType, name: str | None = None) -> ModuleType:
    """Return the module for the suffix of `path`, one of `allowed` if any are given.

    If formats are given, a file is opened to see whether it is PAN-X, doccano or WebAnno TSV.

    Args:
        path: the file; `.gz` or `.zst` may follow the suffix of a text format.
        *allowed: formats.
        name: name of the format, if the suffix does not say it.

    Raises:
        UsageError: the suffix or name is unknown or not allowed.
    """
    if name is not None:
        return _checked(format_named(name), path)
    suffix = plain_name(path).suffix.lower()
    module = _BY_SUFFIX.get(suffix)
    other = _RECOGNISED.get(suffix)
    if other in allowed and path.is_file() and other.recognises(path):
        return other
    if path.is_dir() and (folder := folder_format(path)) in allowed:
        return folder
    if module is None or (allowed and module not in allowed):
        known = suffixes_of(allowed or MODULES)
        raise UsageError(f"{path}: the suffix must say the format, one of {known}")
    return _checked(module, path)


def folder_format(path: Path) -> ModuleType | None:
    """The format of a folder, if it is one of folders and not a folder of files."""
    folders = (module for module in MODULES if module.FORMAT.folder)
    return next((module for module in folders if module.recognises(path)), None)


def format_named(name: str) -> ModuleType:
    """Return the module of a format by its name.

    Raises:
        UsageError: the name is unknown.
    """
    if name not in _BY_NAME:
        raise UsageError(f"unknown format {name!r}; choose one of {', '.join(_BY_NAME)}")
    return _BY_NAME[name]


def suffixes_of(modules: Iterable[ModuleType]) -> str:
    """The suffixes of some formats, for messages."""
    return " ".join(suffix for module in modules for suffix in module.FORMAT.suffixes)


def _checked(module: ModuleType, path: Path) -> ModuleType:
    if not module.FORMAT.text and path.suffix.lower() in COMPRESSIONS:
        raise UsageError(
            f"{path}: {module.FORMAT.title} is not compressed as a whole; leave out {path.suffix}"
        )
    return module
