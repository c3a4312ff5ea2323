"""Reading files with all their columns: one side, both sides, or an unnamed side."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import pyarrow as pa

from xner.corpus.bad_rows import check_on_bad_row
from xner.corpus.base import Corpus, StrPath
from xner.corpus.files import as_it_is
from xner.corpus.inputs import Encoding, Inputs, encodings_of, find_files, line_up
from xner.corpus.quarantine import quarantined
from xner.corpus.reading import join_files, with_links
from xner.corpus.sides import UNNAMED, one_side
from xner.formats import WITH_WORDS
from xner.schemes import check_scheme


class Opened(NamedTuple):
    """A corpus, and whether its ids come from its files; otherwise they are made."""

    corpus: Corpus
    has_ids: bool


def read_as_is(path: Inputs, *, encoding: Encoding = None, on_bad_row: str = "fail") -> Corpus:
    """Read a file with both sides, with one, or with an unnamed side into memory.

    .conll and .txt files give the columns tokens and, where they have tags, entities; .jsonl and
    .parquet files the columns they have. The file is opened once. `on_bad_row` is as for
    `xner.scan`.

    Raises:
        InputError: the file is missing, empty or malformed, or has no words.
        UsageError: the suffix or encoding is unknown.
    """
    spare = check_on_bad_row(on_bad_row)
    found = find_files(path, *WITH_WORDS)
    file = found.open(encoding=encodings_of(encoding, [found])[0], hold=True, spare=spare)
    corpus = join_files([file], line_up([file]), str(file.path)).collect()
    return quarantined(corpus) if spare else corpus


def scan_as_is(
    first: Inputs,
    second: Inputs | None = None,
    *,
    links: StrPath | None = None,
    side: str | None = None,
    scheme: str = "auto",
    docstart: str = "auto",
    encoding: Encoding = None,
    format: str | None = None,  # noqa: A002 - the name of the option
    on_bad_row: str = "fail",
) -> Opened:
    """Open files with all their columns, batch by batch at each pass; labels of both sides stay.

    Args:
        first: a file with any columns, or the source side if there are two.
        second: the target side, parallel by row.
        links: word alignment (.align), which replaces links in the files.
        side: the side of a single file whose columns are not named for one.
        scheme, docstart, encoding, on_bad_row: as for `xner.scan`.
        format: name of the format, if suffixes do not say it.

    Raises:
        InputError: a file is missing, empty or malformed, or the files differ in rows.
        UsageError: a suffix, scheme or encoding is unknown.
    """
    spare = check_on_bad_row(on_bad_row)
    check_scheme(scheme, auto=True)
    if second is None:
        adapts = [partial(_named, side=side) if side else as_it_is]
    else:
        adapts = [partial(one_side, side=name) for name in ("source", "target")]
    inputs = [given for given in (first, second) if given is not None]
    found = [find_files(given, *WITH_WORDS, name=format) for given in inputs]
    encodings = encodings_of(encoding, found)
    files = [
        each.open(adapt, scheme=scheme, encoding=own, spare=spare)
        for each, adapt, own in zip(found, adapts, encodings, strict=True)
    ]
    origin = " + ".join(str(file.path) for file in files)
    corpus = join_files(files, line_up(files, docstart), origin)
    corpus = quarantined(corpus) if spare else corpus
    if links is not None:
        corpus = with_links(corpus, [links])
    return Opened(corpus, any("id" in file.contents.schema.names for file in files))


def _named(batch: pa.RecordBatch, side: str) -> pa.RecordBatch:
    """Name columns without a side for `side`."""
    names = batch.schema.names
    return batch.rename_columns([f"{side}_{n}" if n in UNNAMED else n for n in names])
