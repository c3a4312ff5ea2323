"""Reading parallel corpora: two files, or one with one side or both, and links."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from xner.columns import (
    LINKS,
    LINKS_MADE_BY,
    empty_batch,
    replace_columns,
    row_place,
    with_columns,
)
from xner.corpus.base import Batches, Corpus, StrPath
from xner.corpus.files import (
    Adapt,
    InputFile,
    all_of_side,
    as_is,
    both_sides,
    line_up,
    one_side,
    text_format,
)
from xner.corpus.joining import rechunk, side_by_side, zip_batches
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
) -> Corpus:
    """Read a parallel corpus into memory; arguments and errors are those of `scan`.

    Every file is opened once.
    """
    return _open(source, target, links, scheme, docstart, side, hold=True).collect()


def scan(
    source: StrPath,
    target: StrPath | None = None,
    *,
    links: StrPath | Sequence[StrPath] | None = None,
    scheme: str = "auto",
    docstart: str = "auto",
    side: str | None = None,
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

    Raises:
        InputError: a file is missing, empty or malformed, or the files differ in rows.
        UsageError: a suffix, scheme, docstart or side is unknown, or a side is given with two
            files.
    """
    return _open(source, target, links, scheme, docstart, side)


def _open(
    source: StrPath,
    target: StrPath | None,
    links: StrPath | Sequence[StrPath] | None,
    scheme: str,
    docstart: str,
    side: str | None,
    hold: bool = False,
) -> Corpus:
    check_scheme(scheme, auto=True)
    if docstart not in DOCSTART_CHOICES:
        raise UsageError(f"docstart is {docstart!r}; choose one of {', '.join(DOCSTART_CHOICES)}")
    if side not in (None, "source", "target"):
        raise UsageError(f"side is {side!r}; choose source or target")
    if side is not None and target is not None:
        raise UsageError("a side is given together with two files; leave out one of them")
    adapts: list[tuple[StrPath, Adapt, bool]]
    if target is not None:
        adapts = [(source, one_side("source"), True), (target, one_side("target"), False)]
    else:
        adapts = [(source, all_of_side(side) if side else both_sides, side != "target")]
    for file, _, _ in adapts:
        text_format(Path(file))
    many = [] if links is None else [links] if isinstance(links, str | PathLike) else links
    paths = [Path(path) for path in many]
    modules = [format_of(path, pharaoh) for path in paths]
    sides = [
        InputFile(Path(file), adapt, scheme=scheme, tags=tags, hold=hold)
        for file, adapt, tags in adapts
    ]
    aligned = [InputFile(p, module=m, hold=hold) for p, m in zip(paths, modules, strict=True)]
    rows = line_up([*sides, *aligned], docstart)
    pairs = _joined(sides, rows, f"{source} + {target}" if len(sides) > 1 else str(source))
    return _linked(pairs, aligned) if aligned else pairs


def _joined(files: Sequence[InputFile], rows: int, origin: str) -> Corpus:
    """Join files side by side and fill in missing ids."""
    stem = files[0].path.stem

    def batches() -> Batches:
        done = 0
        for parts in zip_batches(*((str(file.path), file.batches()) for file in files)):
            yield with_ids(side_by_side(parts), stem, done)
            done += parts[0].num_rows

    empty = with_ids(side_by_side([empty_batch(file.schema) for file in files]), stem, 0)
    return Corpus(batches, rows, origin, empty.schema)


def with_ids(batch: pa.RecordBatch, stem: str, first: int) -> pa.RecordBatch:
    """Put a column id in front; missing ids become `{stem}-{row}`, rows counted from `first`."""
    ids = batch["id"] if "id" in batch.schema.names else None
    if ids is None or ids.null_count:
        numbers = range(first, first + batch.num_rows)
        made = pa.array([f"{stem}-{i}" for i in numbers], pa.string())
        ids = made if ids is None else pc.coalesce(ids, made)
    rest = [name for name in batch.schema.names if name != "id"]
    columns = {"id": ids, **{name: batch[name] for name in rest}}
    return pa.RecordBatch.from_pydict(columns).replace_schema_metadata(batch.schema.metadata)


def with_links(pairs: Corpus, paths: Sequence[StrPath]) -> Corpus:
    """Add the links of Pharaoh files to a corpus; they replace links that it has.

    Args:
        pairs: read along with the files at each pass.
        paths: files with one row per pair; each backs off the files before it, as for `scan`.

    Raises:
        InputError: a file is missing or malformed, or differs from the corpus in rows.
        UsageError: a suffix is not one of links.
    """
    files = [InputFile(Path(p), module=format_of(Path(p), pharaoh)) for p in paths]
    for file in files:
        if file.contents.rows != len(pairs):
            raise ParallelError(
                f"{file.path}: {file.contents.rows} rows, but {pairs.origin} has {len(pairs)}"
            )
    return _linked(pairs, files)


def _linked(pairs: Corpus, files: Sequence[InputFile]) -> Corpus:
    names = ",".join(file.path.name for file in files)
    metadata = {LINKS_MADE_BY: f"file({names})"}
    schema = with_columns(pairs.schema, {"links": LINKS}, drop=["links"], metadata=metadata)

    def batches() -> Batches:
        streams = [(str(file.path), file.batches()) for file in files]
        done = 0
        for batch, *parts in zip_batches((pairs.origin, pairs.batches()), *streams):
            links: pa.ListArray | None = None
            for part, file in zip(parts, files, strict=True):
                column = part["links"]
                words = [n for n in ("source_tokens", "target_tokens") if n in pairs.columns]
                checked = batch.select(words).append_column("links", column)
                validate(checked, row_place(f"{file.path}:", done + 1))
                links = column if links is None else back_off(links, column)
            yield replace_columns(batch, {"links": links}, drop=["links"], metadata=metadata)
            done += batch.num_rows

    return Corpus(batches, len(pairs), pairs.origin, schema)


def scan_side(path: StrPath, rows: int) -> Corpus:
    """Open a file of words that is parallel to a corpus; its column is target_tokens.

    The file is opened once here, and once at each pass.

    Args:
        path: .conll, .jsonl, .parquet or .txt.
        rows: number of rows of the corpus. `-DOCSTART-` rows are kept if that makes them equal.

    Raises:
        InputError: the file is missing, empty or malformed, or has another number of rows.
        UsageError: the suffix is unknown.
    """
    file = InputFile(Path(path), one_side("target"), tags=False)
    every, _, marks = file.contents
    if rows not in (every, every - marks):
        raise ParallelError(
            f"{path}: {every - marks} rows, but the corpus has {rows}; it must have one row for "
            f"each sentence pair"
        )
    file.keep_docstart = rows == every
    return Corpus(lambda: rechunk(file.batches()), rows, str(path), file.schema)


def read_as_is(path: StrPath) -> Corpus:
    """Read a file with both sides, with one, or with an unnamed side into memory.

    .conll and .txt files give the columns tokens and, where they have tags, entities; .jsonl and
    .parquet files the columns they have. The file is opened once.

    Raises:
        InputError: the file is missing, empty or malformed, or has no words.
        UsageError: the suffix is unknown.
    """
    file = InputFile(Path(path), as_is, hold=True)
    return _joined([file], line_up([file]), str(path)).collect()
