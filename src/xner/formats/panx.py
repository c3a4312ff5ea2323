"""PAN-X (WikiANN): CoNLL of one language whose words are written `lang:word`.

The files of the data set have no suffix; `is_panx` recognises one by its first line.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xner.columns import offsets_of
from xner.errors import FormatError
from xner.formats import conll
from xner.formats.files import TOP, Attempt, Start, open_input, strictly

SUFFIXES: tuple[str, ...] = ()
BLANK = conll.BLANK
paragraphs = conll.paragraphs
_FIRST_LINE = re.compile(rb"(?:\xef\xbb\xbf)?[a-z][a-z-]*:\S[^\t\r\n]*\t\S+\r?\n")
_PREFIX = re.compile(r"([a-z][a-z-]*:)\S")
inspect = conll.inspect


def is_panx(path: Path) -> bool:
    """Whether the first line of a file is `lang:word<TAB>tag`."""
    with open_input(path) as file:
        return _FIRST_LINE.fullmatch(file.readline()) is not None


def read(
    path: Path,
    *,
    start: Start = TOP,
    scheme: str = "auto",
    tags: bool = True,
    attempt: Attempt = strictly,
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yield `(first line, batch)` with the columns tokens and, with `tags`, entities.

    Raises:
        FormatError: a word lacks the prefix of the first one, or consists of it.
        SchemeError: as for CoNLL.
    """
    prefix = _prefix(path)
    read = conll.read(path, start=start, scheme=scheme, tags=tags, attempt=attempt)
    for line, batch in read:
        yield line, _stripped(batch, prefix, path, line)


def _prefix(path: Path) -> str:
    """The prefix of the first word, such as `sw:`."""
    with open_input(path) as file:
        first = next((line for line in file if line.strip(codecs.BOM_UTF8 + b" \t\r\n")), b"")
    found = _PREFIX.match(first.removeprefix(codecs.BOM_UTF8).decode("utf-8", "replace"))
    if found is None:
        raise FormatError(f"{path}:1: not PAN-X; its lines hold lang:word, a tab and a tag")
    return found[1]


def _stripped(batch: pa.RecordBatch, prefix: str, path: Path, line: int) -> pa.RecordBatch:
    tokens = batch["tokens"]
    flat = tokens.flatten()
    good = pc.match_substring_regex(flat, f"^{re.escape(prefix)}.")
    if not pc.all(good).as_py():
        at = int(np.flatnonzero(~good.to_numpy(zero_copy_only=False))[0])
        raise FormatError(
            f"{path}: the word {flat[at].as_py()!r} (in the block that starts at line {line}) "
            f"must be written {prefix}word, like the first one; one file holds one language"
        )
    words = pc.utf8_slice_codeunits(flat, start=len(prefix))
    column = pa.ListArray.from_arrays(pa.array(offsets_of(tokens)), words)
    return batch.set_column(batch.schema.get_field_index("tokens"), "tokens", column)
