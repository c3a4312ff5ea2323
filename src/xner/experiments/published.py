"""Published figures: in the experiment file, or in a CSV file beside it."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from xner.errors import FormatError
from xner.experiments.schema import File, Published
from xner.formats.streams import open_input

COLUMNS = ("name", "row", "aligner", "source")
"""Columns of a CSV file; the others are languages."""


def load_published(file: File, folder: Path, languages: Sequence[str]) -> tuple[Published, ...]:
    """Return the section `published`.

    Args:
        file: the experiment file. If the section names a CSV file, its figures of other languages
            are left out.
        folder: folder of the experiment file.
        languages: names of the languages.

    Raises:
        InputError: the file cannot be read.
        FormatError: it is not such a table; the message names the line.
    """
    if not isinstance(file.published, str):
        return file.published
    path = folder / file.published
    with open_input(path) as opened:
        try:
            text = opened.read().decode()
        except UnicodeDecodeError:
            raise FormatError(f"{path}: is not UTF-8") from None
    reader = csv.DictReader(io.StringIO(text))
    known = reader.fieldnames or []
    if missing := [name for name in COLUMNS if name not in known]:
        raise FormatError(f"{path}:1: has no column {missing[0]!r}")
    return tuple(
        Published(
            name=row["name"],
            f1={
                name: _share(row[name], f"{path}:{reader.line_num}: {name}")
                for name in languages
                if name in known and row[name]
            },
            row=row["row"] or None,
            aligner=row["aligner"] or None,
            source=row["source"] or None,
        )
        for row in reader
    )


def _share(text: str, place: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise FormatError(f"{place} is {text!r}; F1 must be from 0 to 1")
    return value
