"""Helpers of the wrappers of external aligners."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from xner.aligners.bitext import Bitext, Links, Side
from xner.columns import field_of, offsets_of
from xner.errors import MissingExtraError
from xner.formats import pharaoh


def require_package(package: str, extra: str) -> None:
    """Raise MissingExtraError unless `package` can be imported."""
    if find_spec(package) is None:
        raise MissingExtraError(package, extra)


def plain_words(side: Side) -> list[str]:
    """Return the word types as external programs need them: not empty, without white space."""
    return ["_".join(word.split()) or "_" for word in side.words]


def links_from_lines(path: Path, bitext: Bitext) -> Links:
    """Read Pharaoh links that a program wrote, one line per pair."""
    columns = [batch["links"] for _, batch in pharaoh.read(path)]
    lengths = np.concatenate([np.diff(offsets_of(column)) for column in columns])
    if len(lengths) != bitext.pairs:
        raise RuntimeError(f"the aligner wrote {len(lengths)} lines for {bitext.pairs} pairs")
    offsets = np.zeros(bitext.pairs + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    source, target, weight = (
        np.concatenate([field_of(column, name) for column in columns])
        for name in ("source", "target", "weight")
    )
    return Links(
        offsets, source.astype(np.int32), target.astype(np.int32), weight.astype(np.float32)
    )
