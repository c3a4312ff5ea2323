"""PAN-X (WikiANN): CoNLL of one language whose words are written `lang:word`.

The files of the data set have no suffix; `recognises` knows one by its first line.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xner.columns import offsets_of, values_of
from xner.errors import FormatError, UsageError
from xner.formats import conll
from xner.formats.files import TOP, Attempt, Start, strictly
from xner.formats.registry import FLAT, Format
from xner.formats.streams import UTF8, open_text
from xner.formats.text import refuse

FORMAT = Format(
    "panx", "PAN-X", (), FLAT, "CoNLL of one language, whose words are written `lang:word`"
)
BLANK = conll.BLANK
paragraphs = conll.paragraphs
_FIRST_LINE = re.compile(rb"(?:\xef\xbb\xbf)?[a-z][a-z-]*:\S[^\t\r\n]*\t\S+\r?\n")
_PREFIX = re.compile(r"([a-z][a-z-]*:)[^ \t\r\n]")
inspect = conll.inspect


def recognises(path: Path) -> bool:
    """Whether the first line of a file is `lang:word<TAB>tag`."""
    with open_text(path) as file:
        return _FIRST_LINE.fullmatch(file.readline()) is not None


def read(
    path: Path,
    *,
    start: Start = TOP,
    scheme: str = "auto",
    tags: bool = True,
    attempt: Attempt = strictly,
    encoding: str = UTF8,
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yield `(first line, batch)` with the columns tokens and, with `tags`, entities.

    Raises:
        FormatError: a word lacks the prefix of the first one, or consists of it.
        SchemeError: as for CoNLL.
    """
    prefix = _prefix(path, encoding)
    words = conll.read(
        path, start=start, scheme=scheme, tags=tags, attempt=attempt, encoding=encoding
    )
    for line, batch in words:
        yield line, _stripped(batch, prefix, path, line)


def render(
    tokens: pa.ListArray,
    entities: pa.ListArray,
    ids: pa.Array,
    path: Path,
    scheme: str = "IOB2",
    language: str | None = None,
) -> bytes:
    """Return the lines of a batch, with the prefix of a language.

    Raises:
        OutputError: as for CoNLL.
        UsageError: the language is missing, or is not a code such as `sw`.
    """
    if language is None or not _PREFIX.match(f"{language}:x"):
        raise UsageError(
            f"{path}: PAN-X needs the code of the language before every word, such as --language "
            f"sw (in Python language='sw')"
        )
    flat = values_of(tokens)
    refuse(pc.match_substring_regex(flat, r"^$|^ | $"), flat, tokens, ids, path)
    prefixed = pc.binary_join_element_wise(language, flat, ":")
    offsets = offsets_of(tokens)
    words = pa.ListArray.from_arrays(pa.array(offsets - offsets[0]), prefixed)
    return conll.render(words, entities, ids, path, scheme)


def _is_blank(line: bytes) -> bool:
    """Whether a line has no word: it is empty, or marks an empty sentence."""
    return line.strip(codecs.BOM_UTF8 + b" \t\r\n") in (b"", conll.EMPTY)


def _prefix(path: Path, encoding: str) -> str:
    """The prefix of the first word, such as `sw:`; empty if there is no word."""
    with open_text(path, encoding) as file:
        first = next((line for line in file if not _is_blank(line)), None)
    if first is None:
        return ""  # there is no word
    found = _PREFIX.match(first.removeprefix(codecs.BOM_UTF8).decode("utf-8", "replace"))
    if found is None:
        raise FormatError(f"{path}:1: not PAN-X; its lines hold lang:word, a tab and a tag")
    return found[1]


def _stripped(batch: pa.RecordBatch, prefix: str, path: Path, line: int) -> pa.RecordBatch:
    tokens = batch["tokens"]
    flat = tokens.flatten()
    good = pc.match_substring_regex(flat, f"^{re.escape(prefix)}.")
    if not pc.all(good, min_count=0).as_py():
        at = int(np.flatnonzero(~good.to_numpy(zero_copy_only=False))[0])
        raise FormatError(
            f"{path}: the word {flat[at].as_py()!r} (in the block that starts at line {line}) "
            f"must be written {prefix}word, like the first one; one file holds one language"
        )
    words = pc.utf8_slice_codeunits(flat, start=len(prefix))
    column = pa.ListArray.from_arrays(pa.array(offsets_of(tokens)), words)
    return batch.set_column(batch.schema.get_field_index("tokens"), "tokens", column)
