"""File formats, known by suffix: one module each, with `inspect`, `read` and `render`."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from xner.errors import UsageError
from xner.formats import conll, jsonl, panx, parquet, pharaoh, text

_MODULES = (conll, text, jsonl, parquet, pharaoh)
_BY_SUFFIX: dict[str, ModuleType] = {s: module for module in _MODULES for s in module.SUFFIXES}


def format_of(path: Path, *allowed: ModuleType) -> ModuleType:
    """Return the module for the suffix of `path`, one of `allowed` if any are given.

    If CoNLL is among `allowed`, a file without a suffix is opened to see whether it is PAN-X.

    Raises:
        UsageError: the suffix is unknown or not allowed.
    """
    module = _BY_SUFFIX.get(path.suffix.lower())
    if conll in allowed and not path.suffix and path.is_file() and panx.is_panx(path):
        return panx
    if module is None or (allowed and module not in allowed):
        known = " ".join(s for m in allowed or _MODULES for s in m.SUFFIXES)
        raise UsageError(f"{path}: the suffix must say the format, one of {known}")
    return module
