"""Reading parallel corpora: two files, or one with one side or both, and links."""

from __future__ import annotations

from collections.abc import Sequence
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
    row_place,
    with_columns,
)
from xner.corpus.bad_rows import (
    FAULT,
    ON_BAD_ROW,
    every_row,
    quarantined,
    spared,
    without_same_rows,
)
from xner.corpus.base import Corpus, StrPath
from xner.corpus.files import (
    Adapt,
    InputFile,
    all_of_side,
    both_sides,
    line_up,
    one_side,
    text_format,
)
from xner.corpus.joining import Named, rechunk, side_by_side, zip_batches
from xner.corpus.parts import Batches
from xner.errors import ParallelError, UsageError
from xner.formats import format_of, pharaoh
from xner.links import back_off
from xner.schemes import check_scheme
from xner.validate import validate

DOCSTART_CHOICES = ("auto", "keep", "skip")


def read(
    source: StrPath,
    target: StrPath | None = None,
    *,
    links: StrPath | Sequence[StrPath] | None = None,
    scheme: str = "auto",
    docstart: str = "auto",
    side: str | None = None,
    on_bad_row: str = "fail",
) -> Corpus:
    """Read a parallel corpus into memory; arguments and errors are those of `scan`.

    Every file is opened once.
    """
    return _open(source, target, links, scheme, docstart, side, on_bad_row, hold=True)


def scan(
    source: StrPath,
    target: StrPath | None = None,
    *,
    links: StrPath | Sequence[StrPath] | None = None,
    scheme: str = "auto",
    docstart: str = "auto",
    side: str | None = None,
    on_bad_row: str = "fail",
) -> Corpus:
    """Open a parallel corpus, or one side of it, that is read batch by batch at each pass.

    Every file is opened once here, to count its rows and learn its columns, and once at each
    pass over the corpus.

    Args:
        source: the labelled side (.conll .jsonl .parquet .txt), or, without `target`, one
            .jsonl or .parquet file with both sides.
        target: the other side, parallel by row; tags or entities in it are ignored.
        links: word alignment in Pharaoh format (.align), parallel by row; replaces links in the
            other files. With several files, a link of a later file is used only if neither of
            its words has a link in an earlier one.
        scheme: labelling scheme to enforce; `auto` (default) reads IOB1, IOB2, BILOU and IOBES.
        docstart: how to treat `-DOCSTART-` rows of .conll files: `keep` them as sentences,
            `skip` them, or `auto` (default): skip them unless the files have the same number of
            rows only with them.
        side: `source` or `target`, to read one file as that side alone, for a stage that creates
            the other. Tags or entities of a target side are ignored.
        on_bad_row: what becomes of rows that cannot be read or do not fit, such as a link out of
            bounds: `fail` (default) raises an error, `quarantine` leaves them out of all files.
            They are in `.bad` of the corpus; finding them takes one more pass over the files.

    Raises:
        InputError: a file is missing, empty or malformed, or the files differ in rows.
        UsageError: a suffix, scheme, docstart or side is unknown, or a side is given with two
            files.
    """
    return _open(source, target, links, scheme, docstart, side, on_bad_row)


def _open(
    source: StrPath,
    target: StrPath | None,
    links: StrPath | Sequence[StrPath] | None,
    scheme: str,
    docstart: str,
    side: str | None,
    on_bad_row: str,
    hold: bool = False,
) -> Corpus:
    if on_bad_row not in ON_BAD_ROW:
        raise UsageError(f"on_bad_row is {on_bad_row!r}; choose one of {', '.join(ON_BAD_ROW)}")
    check_scheme(scheme, auto=True)
    if docstart not in DOCSTART_CHOICES:
        raise UsageError(f"docstart is {docstart!r}; choose one of {', '.join(DOCSTART_CHOICES)}")
    spare = on_bad_row == "quarantine"
    if side not in (None, "source", "target"):
        raise UsageError(f"side is {side!r}; choose source or target")
    if side is not None and target is not None:
        raise UsageError("a side is given together with two files; leave out one of them")
    wanted: list[tuple[StrPath, Adapt, bool]]
    if target is not None:
        target_words = partial(one_side, side="target", labels=False)
        wanted = [(source, partial(one_side, side="source"), True), (target, target_words, False)]
    else:
        adapt = partial(all_of_side, side=side) if side else both_sides
        wanted = [(source, adapt, side != "target")]
    # All suffixes are checked before a file is read.
    words = [(Path(f), adapt, tags, text_format(Path(f))) for f, adapt, tags in wanted]
    many = [] if links is None else [links] if isinstance(links, str | PathLike) else links
    paths = [(Path(path), format_of(Path(path), pharaoh)) for path in many]
    sides = [
        InputFile(path, adapt, module=module, scheme=scheme, tags=tags, hold=hold, spare=spare)
        for path, adapt, tags, module in words
    ]
    aligned = [InputFile(path, module=module, hold=hold, spare=spare) for path, module in paths]
    rows = line_up([*sides, *aligned], docstart)
    pairs = join_files(sides, rows, f"{source} + {target}" if len(sides) > 1 else str(source))
    pairs = _linked(pairs, aligned) if aligned else pairs
    pairs = pairs.collect() if hold else pairs
    return quarantined(pairs) if spare else pairs


def join_files(files: Sequence[InputFile], rows: int, origin: str) -> Corpus:
    """Join files of `rows` rows side by side and fill in missing ids."""
    joined = _Joined(tuple(files))
    return Corpus(joined, rows, origin, joined.schema)


@dataclass(frozen=True)
class _Joined:
    """The batches of parallel files, side by side."""

    files: tuple[InputFile, ...]

    @property
    def schema(self) -> pa.Schema:
        empty = side_by_side([empty_batch(file.schema) for file in self.files])
        return self._with_ids(empty, 0).schema

    def __call__(self) -> Batches:
        return self._joined([(str(file.path), file.batches()) for file in self.files], 0)

    def between(self, first: int, last: int) -> Batches:
        streams = [(str(file.path), file.between(first, last)) for file in self.files]
        return self._joined(streams, first)

    def _joined(self, streams: Sequence[Named], first: int) -> Batches:
        for parts in zip_batches(*streams, first=first):
            yield self._with_ids(side_by_side(parts), first)
            first += parts[0].num_rows

    def _with_ids(self, batch: pa.RecordBatch, first: int) -> pa.RecordBatch:
        return _with_ids(batch, self.files[0].path.stem, first)


def _with_ids(batch: pa.RecordBatch, stem: str, first: int) -> pa.RecordBatch:
    """Put a column id in front; missing ids become `{stem}-{row}`, rows counted from `first`."""
    ids = batch["id"] if "id" in batch.schema.names else None
    if ids is None or ids.null_count:
        numbers = range(first, first + batch.num_rows)
        made = pa.array([f"{stem}-{i}" for i in numbers], pa.string())
        ids = made if ids is None else pc.coalesce(ids, made)
    return side_by_side([pa.RecordBatch.from_pydict({"id": ids}), batch])


def with_links(pairs: Corpus, paths: Sequence[StrPath]) -> Corpus:
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
    files = [InputFile(Path(p), module=format_of(Path(p), pharaoh), spare=spare) for p in paths]
    for file in files:
        _match(file, len(every), pairs.origin)
    return quarantined(_linked(every, files)) if spare else _linked(pairs, files)


def _match(file: InputFile, rows: int, origin: str) -> None:
    """Raise ParallelError unless the file has `rows` rows, with or without -DOCSTART- rows."""
    every, marks = file.contents.rows, file.contents.docstarts
    if rows not in (every, every - marks):
        raise ParallelError(
            f"{file.path}: {every - marks} rows, but {origin} has {rows}; the file must have one "
            f"row per sentence pair"
        )
    file.keep_docstart = rows == every


def _linked(pairs: Corpus, files: Sequence[InputFile]) -> Corpus:
    names = ",".join(file.path.name for file in files)
    metadata = {LINKS_MADE_BY: f"file({names})"}
    schema = with_columns(pairs.schema, {"links": LINKS}, drop=["links"], metadata=metadata)
    return Corpus(_Linked(pairs, tuple(files), metadata), len(pairs), pairs.origin, schema)


@dataclass(frozen=True)
class _Linked:
    """The batches of a corpus with the links of files."""

    pairs: Corpus
    files: tuple[InputFile, ...]
    metadata: Metadata

    def __call__(self) -> Batches:
        return self._linked(self.pairs, [file.batches() for file in self.files], 0)

    def between(self, first: int, last: int) -> Batches:
        links = [file.between(first, last) for file in self.files]
        return self._linked(self.pairs.part(first, last), links, first)

    def _linked(self, pairs: Corpus, links: list[Batches], first: int) -> Batches:
        words = [n for n in ("source_tokens", "target_tokens") if n in pairs.columns]
        faults = [name for name in [FAULT] if name in pairs.columns]
        paths = [str(file.path) for file in self.files]
        streams = [(pairs.origin, pairs.batches()), *zip(paths, links, strict=True)]
        for batch, *parts in zip_batches(*streams, first=first):
            column: pa.ListArray | None = None
            for part, path in zip(parts, paths, strict=True):
                fit = partial(_validated, f"{path}:", first + 1)
                checked = side_by_side([batch.select([*words, *faults]), part])
                if faults:
                    checked = spared(checked, fit, Path(path))
                    batch = replace_columns(batch, {FAULT: checked[FAULT]})
                else:
                    fit(checked, 0)
                own = checked["links"]
                column = own if column is None else back_off(column, own)
            yield replace_columns(batch, {"links": column}, drop=["links"], metadata=self.metadata)
            first += batch.num_rows


def _validated(place: str, line: int, batch: pa.RecordBatch, row: int) -> pa.RecordBatch:
    validate(batch, row_place(place, line + row))
    return batch


def scan_side(path: StrPath, pairs: Corpus) -> Corpus:
    """Open a file of words that is parallel to `pairs`, as the column target_tokens.

    Rows that `pairs` leaves out are left out. Other bad rows are errors.

    The file (.conll, .jsonl, .parquet or .txt) is opened once here, and once at each pass.

    Raises:
        InputError: the file is missing, empty or malformed, or has another number of rows.
        UsageError: the suffix is unknown.
    """
    file = InputFile(Path(path), partial(one_side, side="target", labels=False), tags=False)
    every = every_row(pairs)
    _match(file, len(every), pairs.origin)
    return without_same_rows(alone(file, len(every)), pairs)


def alone(file: InputFile, rows: int) -> Corpus:
    """The `rows` rows of one file as a corpus, with the columns that the file has."""
    return Corpus(_Alone(file), rows, str(file.path), file.schema)


@dataclass(frozen=True)
class _Alone:
    """The batches of one file."""

    file: InputFile

    def __call__(self) -> Batches:
        return rechunk(self.file.batches())

    def between(self, first: int, last: int) -> Batches:
        return rechunk(self.file.between(first, last))


def read_as_is(path: StrPath) -> Corpus:
    """Read a file with both sides, with one, or with an unnamed side into memory.

    .conll and .txt files give the columns tokens and, where they have tags, entities; .jsonl and
    .parquet files the columns they have. The file is opened once.

    Raises:
        InputError: the file is missing, empty or malformed, or has no words.
        UsageError: the suffix is unknown.
    """
    file = InputFile(Path(path), hold=True)
    return join_files([file], line_up([file]), str(path)).collect()
