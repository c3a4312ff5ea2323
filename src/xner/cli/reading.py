"""Arguments for reading files, which several commands share."""

from __future__ import annotations

from pathlib import Path

from xner.cli.parsing import CommandParser
from xner.corpus import DOCSTART_CHOICES
from xner.schemes import SCHEMES


def add_pairs(command: CommandParser) -> None:
    """Add SOURCE, TARGET, and how they are read."""
    command.add_argument(
        "source", type=Path, metavar="SOURCE",
        help="Labelled side (.conll .jsonl .parquet), or both sides. Here and below "
        "also a folder, or a quoted pattern such as 'data/*.parquet', for several files.",
    )  # fmt: skip
    add_target(command)
    add_reading(command)


def add_target(command: CommandParser) -> None:
    """Add TARGET."""
    command.add_argument(
        "target", type=Path, nargs="?", metavar="TARGET",
        help="Translation of SOURCE, parallel by row (.txt .conll .jsonl .parquet).",
    )  # fmt: skip


def add_reading(command: CommandParser) -> None:
    """Add how files with words are read."""
    add_scheme(command)
    command.add_argument(
        "--docstart", choices=DOCSTART_CHOICES, default="auto", group="input", rare=True,
        help="Whether -DOCSTART- rows of .conll files are skipped or kept as sentences. auto "
        "skips them, unless the files are parallel only with them. Default: auto.",
    )  # fmt: skip


def add_links(command: CommandParser) -> None:
    """Add the file with links."""
    command.add_argument(
        "--links", type=Path, metavar="FILE", group="input",
        help="Word alignment in Pharaoh format (.align).",
    )  # fmt: skip


def add_encoding(command: CommandParser) -> None:
    """Add the encoding of the input."""
    command.add_argument(
        "--encoding", type=_encodings, metavar="NAME", group="input", rare=True,
        help="Encoding of the input, such as latin-1; or one for each file, such as "
        "latin-1,utf-8. Links are always UTF-8. Default: utf-8.",
    )  # fmt: skip


def _encodings(text: str) -> str | tuple[str, ...]:
    names = tuple(text.split(","))
    return names[0] if len(names) == 1 else names


def add_scheme(command: CommandParser) -> None:
    """Add the labelling scheme of the input, and its encoding."""
    command.add_argument(
        "--scheme", choices=("auto", *SCHEMES), default="auto", group="input", rare=True,
        help="Labelling scheme: auto, IOB1, IOB2, BILOU or IOBES. A named scheme is enforced. "
        "Default: auto.",
    )  # fmt: skip
    add_encoding(command)
