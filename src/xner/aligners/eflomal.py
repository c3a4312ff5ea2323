"""Wrapper of the package eflomal (GPL-3, extra `eflomal`)."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np

from xner.aligners.bitext import Bitext, Links, Side
from xner.aligners.outside import links_from_lines, plain_words, require_package
from xner.aligners.symmetrise import METHODS, Symmetrisation, symmetrise
from xner.errors import InputError
from xner.options import declare, option, settle

_LONGEST = 1023
"""Maximum sentence length of eflomal in words; it gives longer sentences no links."""


@declare
class EflomalAligner:
    """eflomal (Östling & Tiedemann 2016) with the package's default settings; it takes no seed."""

    fitted: ClassVar[bool] = True
    random: ClassVar[bool] = True
    pivots: ClassVar[bool] = False

    symmetrisation: Symmetrisation = option(
        "grow-diag-final-and",
        "How the two alignment directions are combined.",
        choices=tuple(METHODS),
    )

    def __post_init__(self) -> None:
        settle(self)
        require_package("eflomal", "eflomal")

    @property
    def signature(self) -> str:
        """Name, version and settings."""
        from importlib.metadata import version

        return f"eflomal(version:{version('eflomal')},sym:{self.symmetrisation})"

    def align(self, bitext: Bitext, progress: Callable[[float], None] | None = None) -> Links:
        """Return the links of every pair; a pair with an empty side has none.

        Raises:
            InputError: a sentence is too long for eflomal.
        """
        import eflomal

        for side in (bitext.source, bitext.target):
            longest = int(np.argmax(np.diff(side.offsets)))
            words = int(np.diff(side.offsets)[longest])
            if words > _LONGEST:
                raise InputError(
                    f"row {longest + 1} has {words} words, but eflomal aligns at most {_LONGEST}; "
                    f"use the aligner native, or split the sentence"
                )
        with tempfile.TemporaryDirectory() as folder:
            forward, reverse = Path(folder, "forward"), Path(folder, "reverse")
            eflomal.Aligner().align(
                _lines(bitext.source),
                _lines(bitext.target),
                links_filename_fwd=str(forward),
                links_filename_rev=str(reverse),
            )
            sides = [links_from_lines(path, bitext) for path in (forward, reverse)]
        if progress:
            progress(1.0)
        return symmetrise(sides[0], sides[1], self.symmetrisation).head(bitext.aligned)


def _lines(side: Side) -> Iterator[str]:
    words = plain_words(side)
    for first, last in zip(side.offsets[:-1], side.offsets[1:], strict=True):
        yield " ".join(words[i] for i in side.ids[first:last])
