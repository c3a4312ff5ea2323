"""Reading parallel corpora: two files, or one with one side or both, and links."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from os import PathLike
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from xner.columns import (
    LINKS,
    LINKS_MADE_BY,
    Metadata,
    empty_batch,
    replace_columns,
    with_columns,
)
from xner.corpus.bad_rows import FAULT, check_on_bad_row, spared
from xner.corpus.base import Corpus, StrPath
from xner.corpus.files import Adapt, as_it_is
from xner.corpus.inputs import Encoding, Input, Inputs, encodings_of, find_files, line_up
from xner.corpus.joining import Named, rechunk, side_by_side, zip_batches
from xner.corpus.parts import Batches, Chosen, Source, only
from xner.corpus.quarantine import (
    every_row,
    is_quarantined,
    quarantined,
    without_bad_rows_of,
    without_same_rows,
)
from xner.corpus.sides import all_of_side, check_both_sides, one_side
from xner.errors import ParallelError, UsageError
from xner.formats import WITH_WORDS, pharaoh
from xner.hints import checked
from xner.links import back_off
from xner.schemes import check_scheme
from xner.validate import validate

DOCSTART_CHOICES = ("auto", "keep", "skip")


@checked
def read(
    source: Inputs,
    target: Inputs | None = None,
    *,
    links: StrPath | Sequence[Inputs] | None = None,
    scheme: str = "auto",
    docstart: str = "auto",
    side: str | None = None,
    encoding: Encoding = None,
    on_bad_row: str = "fail",
) -> Corpus:
    """Read a parallel corpus into memory; arguments and errors are those of `scan`.

    Every file is opened once.

    Example:
        >>> pairs = xner.read("en.conll", "de.txt")
        >>> pairs
        <Corpus en.conll + de.txt: 72 rows, id, source_tokens, source_entities, target_tokens>
    """
    return _open(source, target, links, scheme, docstart, side, encoding, on_bad_row, hold=True)


@checked
def scan(
    source: Inputs,
    target: Inputs | None = None,
    *,
    links: StrPath | Sequence[Inputs] | None = None,
    scheme: str = "auto",
    docstart: str = "auto",
    side: str | None = None,
    encoding: Encoding = None,
    on_bad_row: str = "fail",
) -> Corpus:
    """Open a parallel corpus, or one side of it, that is read batch by batch at each pass.

    Every file is opened once here, to count its rows and learn its columns, and once at each
    pass over the corpus.

    Args:
        source: the labelled side, in any format of docs/formats.md, or, without `target`, a file
            with both sides. Every argument that takes a file also takes several files that are
            read as one: a list, a folder, or a pattern such as `data/*.parquet`, whose files are
            sorted by name, with numbers in names as numbers.
        target: the other side, parallel by row; tags or entities in it are ignored.
        links: word alignment in Pharaoh format (.align), parallel by row; replaces links in the
            other files. With a list, a link of a later item is used only if neither of its
            words has a link in an earlier one.
        scheme: labelling scheme to enforce; `auto` (default) reads IOB1, IOB2, BILOU and IOBES.
        docstart: how to treat `-DOCSTART-` rows of .conll files: `keep` them as sentences,
            `skip` them, or `auto` (default): skip them unless the files have the same number of
            rows only with them.
        side: `source` or `target`, to read one file as that side alone, for a stage that creates
            the other. Tags or entities of a target side are ignored.
        encoding: of the files with words, such as `latin-1`, or one for the source and one for
            the target. Default: UTF-8.
        on_bad_row: what becomes of rows that cannot be read or do not fit, such as a link out of
            bounds: `fail` (default) raises an error, `quarantine` leaves them out of all files.
            They are in `.bad` of the corpus; finding them takes one more pass over the files.

    Raises:
        InputError: a file is missing, empty or malformed, or the files differ in rows.
        UsageError: a suffix, scheme, docstart, side or encoding is unknown, or a side is given
            with two files.

    Example:
        >>> pairs = xner.scan("en.conll", "de.txt", links="en-de.align")
        >>> pairs.columns
        ['id', 'source_tokens', 'source_entities', 'target_tokens', 'links']
    """
    return _open(source, target, links, scheme, docstart, side, encoding, on_bad_row)


def _open(
    source: Inputs,
    target: Inputs | None,
    links: StrPath | Sequence[Inputs] | None,
    scheme: str,
    docstart: str,
    side: str | None,
    encoding: Encoding,
    on_bad_row: str,
    hold: bool = False,
) -> Corpus:
    spare = check_on_bad_row(on_bad_row)
    check_scheme(scheme, auto=True)
    if docstart not in DOCSTART_CHOICES:
        raise UsageError(f"docstart is {docstart!r}; choose one of {', '.join(DOCSTART_CHOICES)}")
    if side not in (None, "source", "target"):
        raise UsageError(f"side is {side!r}; choose source or target")
    if side is not None and target is not None:
        raise UsageError("a side is given together with two files; leave out one of them")
    wanted: list[tuple[Inputs, Adapt, bool]]
    if target is not None:
        target_words = partial(one_side, side="target", labels=False)
        wanted = [(source, partial(one_side, side="source"), True), (target, target_words, False)]
    else:
        adapt = partial(all_of_side, side=side) if side else as_it_is
        wanted = [(source, adapt, side != "target")]
    # All suffixes are checked before a file is read.
    words = [(find_files(given, *WITH_WORDS), adapt, tags) for given, adapt, tags in wanted]
    links = [] if links is None else [links] if isinstance(links, str | PathLike) else links
    further = [find_files(each, pharaoh) for each in links]
    encodings = encodings_of(encoding, [found for found, *_ in words])
    sides: list[Input] = [
        found.open(adapt, scheme=scheme, tags=tags, encoding=own, hold=hold, spare=spare)
        for (found, adapt, tags), own in zip(words, encodings, strict=True)
    ]
    if target is None and side is None:
        check_both_sides(sides[0].path, sides[0].contents.schema.names)
    aligned = [found.open(hold=hold, spare=spare) for found in further]
    rows = line_up([*sides, *aligned], docstart)
    pairs = join_files(sides, rows, " + ".join(str(each.path) for each in sides))
    pairs = _linked(pairs, aligned) if aligned else pairs
    pairs = pairs.collect() if hold else pairs
    return quarantined(pairs) if spare else pairs


def join_files(files: Sequence[Input], rows: int, origin: str) -> Corpus:
    """Join files of `rows` rows side by side and fill in missing ids."""
    joined = _Joined(tuple(files), files[0])
    return Corpus(joined, rows, origin, joined.schema)


@dataclass(frozen=True)
class _Joined:
    """The batches of parallel files, side by side.

    Attributes:
        files: in this order.
        named: makes missing ids.
    """

    files: tuple[Input, ...]
    named: Input

    @property
    def schema(self) -> pa.Schema:
        empty = side_by_side([empty_batch(file.schema) for file in self.files])
        return self._with_ids(empty, 0).schema

    def __call__(self) -> Batches:
        return self._joined([(str(file.path), file.batches()) for file in self.files], 0)

    def between(self, first: int, last: int) -> Batches:
        streams = [(str(file.path), file.between(first, last)) for file in self.files]
        return self._joined(streams, first)

    def only(self, names: Sequence[str]) -> Source:
        chosen = [file.only(names) for file in self.files]
        read = tuple(file for file in chosen if file.schema.names) or self.files[:1]
        return Chosen(_Joined(read, self.named), tuple(names))

    def with_dictionaries(self, names: Collection[str]) -> Source:
        files = tuple(file.with_dictionaries(names) for file in self.files)
        return _Joined(files, self.named)

    def _joined(self, streams: Sequence[Named], first: int) -> Batches:
        for parts in zip_batches(*streams, first=first):
            yield self._with_ids(side_by_side(parts), first)
            first += parts[0].num_rows

    def _with_ids(self, batch: pa.RecordBatch, first: int) -> pa.RecordBatch:
        """Put a column id in front; missing ids are made from the file and its rows."""
        ids = batch["id"] if "id" in batch.schema.names else None
        if ids is None or ids.null_count:
            made = self.named.ids(first, first + batch.num_rows)
            ids = made if ids is None else pc.coalesce(ids, made)
        return side_by_side([pa.RecordBatch.from_pydict({"id": ids}), batch])


def with_links(pairs: Corpus, paths: Sequence[Inputs]) -> Corpus:
    """Add the links of Pharaoh files to a corpus; they replace links that it has.

    Args:
        pairs: read along with the files at each pass.
        paths: files with one row per pair; each backs off the files before it, as for `scan`.

    Raises:
        InputError: a file is missing or malformed, or differs from the corpus in rows.
        UsageError: a suffix is not one of links.
    """
    every = every_row(pairs)
    spare = every is not pairs
    files = [find_files(path, pharaoh).open(spare=spare) for path in paths]
    for file in files:
        _match(file, len(every), pairs.origin)
    return quarantined(_linked(every, files)) if spare else _linked(pairs, files)


def _match(file: Input, rows: int, origin: str) -> None:
    """Raise ParallelError unless the file has `rows` rows, with or without -DOCSTART- rows."""
    every, marks = file.contents.rows, file.contents.docstarts
    if rows not in (every, every - marks):
        raise ParallelError(
            f"{file.path}: {every - marks} rows, but {origin} has {rows}; the file must have one "
            f"row per sentence pair"
        )
    file.keep_docstart = rows == every


def _linked(pairs: Corpus, files: Sequence[Input]) -> Corpus:
    names = ",".join(file.path.name for file in files)
    metadata = {LINKS_MADE_BY: f"file({names})"}
    schema = with_columns(pairs.schema, {"links": LINKS}, drop=["links"], metadata=metadata)
    return Corpus(_Linked(pairs, tuple(files), metadata), len(pairs), pairs.origin, schema)


@dataclass(frozen=True)
class _Linked:
    """The batches of a corpus with the links of files."""

    pairs: Corpus
    files: tuple[Input, ...]
    metadata: Metadata

    def __call__(self) -> Batches:
        return self._linked(self.pairs, [file.batches() for file in self.files], 0)

    def between(self, first: int, last: int) -> Batches:
        links = [file.between(first, last) for file in self.files]
        return self._linked(self.pairs.part(first, last), links, first)

    def only(self, names: Sequence[str]) -> Source:
        if "links" not in names:
            return only(self.pairs.source, names)
        words = [n for n in ("source_tokens", "target_tokens") if n in self.pairs.columns]
        read = [name for name in self.pairs.columns if name in {*names, *words, FAULT} - {"links"}]
        linked = _Linked(self.pairs.select(*read), self.files, self.metadata)
        return Chosen(linked, tuple(names))

    def _linked(self, pairs: Corpus, links: list[Batches], first: int) -> Batches:
        words = [n for n in ("source_tokens", "target_tokens") if n in pairs.columns]
        faults = [name for name in [FAULT] if name in pairs.columns]
        paths = [str(file.path) for file in self.files]
        streams = [(pairs.origin, pairs.batches()), *zip(paths, links, strict=True)]
        for batch, *parts in zip_batches(*streams, first=first):
            column: pa.ListArray | None = None
            for part, file in zip(parts, self.files, strict=True):
                fit = partial(_validated, file, first)
                checked = side_by_side([batch.select([*words, *faults]), part])
                if faults:
                    checked = spared(checked, fit, partial(_path_of, file, first))
                    batch = replace_columns(batch, {FAULT: checked[FAULT]})
                else:
                    fit(checked, 0)
                own = checked["links"]
                column = own if column is None else back_off(column, own)
            yield replace_columns(batch, {"links": column}, drop=["links"], metadata=self.metadata)
            first += batch.num_rows


def _validated(file: Input, first: int, batch: pa.RecordBatch, row: int) -> pa.RecordBatch:
    def where(at: int) -> str:
        path, line = file.place(first + row + at)
        return f"{path}:{line}"

    validate(batch, where)
    return batch


def _path_of(file: Input, first: int, row: int) -> Path:
    return file.place(first + row)[0]


def scan_side(path: Inputs, pairs: Corpus) -> Corpus:
    """Open a file of words that is parallel to `pairs`, as the column target_tokens.

    Rows that `pairs` leaves out are left out. Other bad rows are errors.

    The file (.conll, .jsonl, .parquet or .txt) is opened once here, and once at each pass.

    Raises:
        InputError: the file is missing, empty or malformed, or has another number of rows.
        UsageError: the suffix is unknown.
    """
    return side_of(_open_words(path, is_quarantined(pairs)), pairs)


def without_bad_of_side(path: Inputs, pairs: Corpus) -> Corpus:
    """Leave out of `pairs` also the bad rows of the file that `scan_side` opens.

    The same if `pairs` was opened strictly; otherwise the file is read once.
    """
    if not is_quarantined(pairs):
        return pairs
    return without_bad_rows_of(pairs, side_of(_open_words(path, True), every_row(pairs)))


def _open_words(path: Inputs, spare: bool) -> Input:
    words = partial(one_side, side="target", labels=False)
    return find_files(path, *WITH_WORDS).open(words, tags=False, spare=spare)


def side_of(file: Input, pairs: Corpus) -> Corpus:
    """The rows of a file that is parallel to `pairs`, without those that `pairs` leaves out.

    Raises:
        ParallelError: the file has another number of rows.
    """
    every = every_row(pairs)
    _match(file, len(every), pairs.origin)
    return without_same_rows(alone(file, len(every)), pairs)


def alone(file: Input, rows: int) -> Corpus:
    """The `rows` rows of one file as a corpus, with the columns that the file has."""
    return Corpus(_Alone(file), rows, str(file.path), file.schema)


@dataclass(frozen=True)
class _Alone:
    """The batches of one file."""

    file: Input

    def __call__(self) -> Batches:
        return rechunk(self.file.batches())

    def between(self, first: int, last: int) -> Batches:
        return rechunk(self.file.between(first, last))

    def only(self, names: Sequence[str]) -> Source:
        return Chosen(_Alone(self.file.only(names)), tuple(names))
