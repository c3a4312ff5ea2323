"""A corpus: sentence pairs in Arrow columns, in memory or read from files batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from os import PathLike
from pathlib import Path
from types import ModuleType
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from xner.checks import check
from xner.columns import BATCH, LINKS_MADE_BY, TAGGED_BY, Where, conform, offsets_of, rows_of
from xner.errors import FormatError, InputError, ParallelError, UsageError
from xner.formats import conll, format_of, jsonl, panx, parquet, pharaoh, text
from xner.formats.tags import entities_from_tags
from xner.schemes import check_scheme

StrPath = str | PathLike[str]
Batches = Iterator[pa.RecordBatch]
DOCSTART_CHOICES = ("auto", "keep", "skip")


class Corpus:
    """Sentence pairs in columns, one row a pair (see docs/data.md for the columns).

    Made by `xner.read` (in memory) or `xner.scan` (files, read again at each pass), or from
    any Arrow table with the right columns.

    Attributes:
        origin: names it in error messages.
        summary: what was done to make it, where a stage tells; complete once it was read.
    """

    summary: Any = None

    def __init__(self, batches: Callable[[], Batches], rows: int, origin: str) -> None:
        """Hold a recipe for record batches; `origin` names it in error messages."""
        self._batches = batches
        self._rows = rows
        self.origin = origin

    @classmethod
    def from_table(cls, table: pa.Table, origin: str = "table") -> Corpus:
        """A corpus over an Arrow table; columns that xner knows are fitted and checked.

        Raises:
            InputError: a column has the wrong type, or a row does not fit.
        """
        fitted: list[pa.RecordBatch] = []
        for batch in table.to_batches(BATCH):
            first = sum(b.num_rows for b in fitted)
            batch = conform(batch)
            check(batch, _place(f"{origin}: row ", first + 1))
            fitted.append(batch)
        return cls.from_batches(fitted, origin)

    @classmethod
    def from_batches(cls, batches: list[pa.RecordBatch], origin: str) -> Self:
        """A corpus over checked record batches, each of at most `xner.columns.BATCH` rows."""
        return cls(lambda: iter(batches), sum(b.num_rows for b in batches), origin)

    def __len__(self) -> int:
        """Number of rows."""
        return self._rows

    def __repr__(self) -> str:
        """Origin, rows and columns."""
        return f"<{type(self).__name__} {self.origin}: {len(self)} rows, {', '.join(self.columns)}>"

    @property
    def schema(self) -> pa.Schema:
        """Names and Arrow types of the columns."""
        for batch in self.batches():
            return batch.schema
        return pa.schema([])

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return list(self.schema.names)

    def batches(self) -> Batches:
        """Record batches of at most `xner.columns.BATCH` rows, read anew at each call."""
        return self._batches()

    def collect(self) -> Corpus:
        """The same corpus in memory."""
        return self.from_batches(list(self.batches()), self.origin)

    @property
    def table(self) -> pa.Table:
        """All rows as one Arrow table."""
        batches = list(self.batches())
        return pa.Table.from_batches(batches, None if batches else pa.schema([]))

    def write(self, path: StrPath, *, side: str = "target", scheme: str = "IOB2") -> None:
        """Write the corpus; the suffix says the format.

        Args:
            path: `.jsonl` and `.parquet` hold every column; `.conll` the words and tags of one
                side, `.txt` its words, `.align` the links.
            side: `target` or `source`, for `.conll` and `.txt`.
            scheme: of the tags in `.conll`.

        Raises:
            OutputError: the file cannot be written, or cannot hold a token or an entity.
            UsageError: unknown suffix or scheme, or the columns to write are not there.
        """
        from xner.write import write_batches

        write_batches(Path(path), self.batches(), side=side, scheme=scheme)


def read(
    source: StrPath,
    target: StrPath | None = None,
    *,
    links: StrPath | Sequence[StrPath] | None = None,
    scheme: str = "auto",
    docstart: str = "auto",
    side: str | None = None,
) -> Corpus:
    """Read a parallel corpus into memory; arguments and errors as for `scan`."""
    return scan(source, target, links=links, scheme=scheme, docstart=docstart, side=side).collect()


def scan(
    source: StrPath,
    target: StrPath | None = None,
    *,
    links: StrPath | Sequence[StrPath] | None = None,
    scheme: str = "auto",
    docstart: str = "auto",
    side: str | None = None,
) -> Corpus:
    """Open a parallel corpus, or one side of it, that is read batch by batch, anew at each pass.

    Args:
        source: the labelled side (.conll .jsonl .parquet .txt), or, without `target`, one
            .jsonl or .parquet file with both sides.
        target: the other side, parallel by row; tags or entities in it are ignored.
        links: word alignment in Pharaoh form (.align), parallel by row; replaces the links
            that a file brings. Of several files the first counts, and links of each further
            one only where both words have none from those before it.
        scheme: `auto` reads IOB1, IOB2, BILOU and IOBES; naming one enforces it.
        docstart: what `-DOCSTART-` rows of .conll files are: `keep` counts them as sentences,
            `skip` does not, `auto` skips them unless only keeping them lines the files up.
        side: `source` or `target`, to read one file as that side alone, for a stage that makes
            the other. Tags or entities of a target side are ignored.

    Raises:
        InputError: a file is missing, empty or malformed, or the files do not line up.
        UsageError: a suffix, scheme, docstart or side that xner does not know, or a side named
            with two files.
    """
    check_scheme(scheme, auto=True)
    if docstart not in DOCSTART_CHOICES:
        raise UsageError(f"docstart is {docstart!r}; choose one of {', '.join(DOCSTART_CHOICES)}")
    if side not in (None, "source", "target"):
        raise UsageError(f"side is {side!r}; choose source or target")
    if side is not None and target is not None:
        raise UsageError("a side is named and two files are given; leave one out")
    link_files = _as_paths(links)
    paths = [Path(path) for path in (source, target) if path is not None] + link_files
    for file in (source, target):
        if file is not None:
            format_of(Path(file), conll, text, jsonl, parquet)
    for path in link_files:
        format_of(path, pharaoh)
    rows, keep = row_counts(paths, docstart)
    if target is None:
        origin = str(source)
        sides: list[Callable[[], Batches]] = [
            lambda: side_batches(Path(source), side, scheme, keep, alone=True)
        ]
    else:
        origin = f"{source} + {target}"
        sides = [
            lambda: side_batches(Path(source), "source", scheme, keep),
            lambda: side_batches(Path(target), "target", scheme, keep),
        ]

    def batches() -> Batches:
        streams = [rechunk(open_side()) for open_side in sides]
        streams += [rechunk(batch for _, batch in pharaoh.read(path)) for path in link_files]
        return _joined(streams, Path(source).stem, link_files, origin)

    return Corpus(batches, rows, origin)


def _as_paths(files: StrPath | Sequence[StrPath] | None) -> list[Path]:
    if files is None:
        return []
    return [Path(f) for f in ([files] if isinstance(files, str | PathLike) else files)]


def scan_side(path: StrPath, rows: int) -> Corpus:
    """Open a file of tokens that is parallel to a corpus of `rows` rows; column target_tokens.

    Raises:
        InputError: the file is missing, empty or malformed, or has another number of rows.
        UsageError: a suffix that xner does not know.
    """
    file = Path(path)
    counted = format_of(file, conll, text, jsonl, parquet).count(file)
    total, marks = counted if isinstance(counted, tuple) else (counted, 0)
    if rows not in (total, total - marks):
        raise ParallelError(
            f"{file}: {total - marks} rows, but the corpus has {rows}; it must have one row for "
            f"each sentence pair"
        )
    keep = rows == total
    return Corpus(lambda: rechunk(side_batches(file, "target", "auto", keep)), rows, str(file))


def row_counts(
    paths: list[Path], docstart: str, modules: Mapping[Path, ModuleType] | None = None
) -> tuple[int, bool]:
    """Rows of files that must line up, and whether -DOCSTART- rows are kept.

    `modules` read the files they are given for, instead of those of the suffix.
    """
    with_them, without = [], []
    for path in paths:
        module = (modules or {}).get(path)
        module = module or format_of(path, conll, text, jsonl, parquet, pharaoh)
        counted = module.count(path)
        total, marks = counted if isinstance(counted, tuple) else (counted, 0)
        if total == 0:
            raise FormatError(f"{path}: the file is empty")
        with_them.append(total)
        without.append(total - marks)
    for keep, counts in ((False, without), (True, with_them)):
        wanted = {"keep": True, "skip": False}.get(docstart, keep)
        if len(set(counts)) == 1 and keep == wanted:
            return counts[0], keep
    counts = with_them if docstart == "keep" else without
    other = next(i for i, n in enumerate(counts) if n != counts[0])
    hint = ""
    if with_them != without:
        hint = (
            f" ({max(with_them[i] - without[i] for i in range(len(paths)))} -DOCSTART- rows in all)"
        )
    raise ParallelError(
        f"{paths[other]}: {counts[other]} rows, but {paths[0]} has {counts[0]}{hint}; both must "
        f"have one row a sentence: row {min(counts[0], counts[other]) + 1} has no partner"
    )


def side_batches(
    path: Path,
    side: str | None,
    scheme: str,
    keep_docstart: bool,
    *,
    strip: bool = False,
    alone: bool = False,
    module: ModuleType | None = None,
) -> Batches:
    """Batches of a file, checked; columns renamed for `side` (without prefix if `strip`).

    A file that stands `alone` keeps its further columns. `module` reads it, by default that of
    its suffix.
    """
    module = module or format_of(path, conll, text, jsonl, parquet)
    if module in (conll, panx):
        stream = module.read(path, scheme=scheme, tags=side != "target" or strip)
    else:
        stream = module.read(path)
    place = ": row " if module is parquet else ":"
    for first, batch in stream:
        where = _place(f"{path}{place}", first)
        if module is conll and not keep_docstart:
            tokens = batch["tokens"]
            marks = conll.docstart_rows(tokens.values, offsets_of(tokens))
            if marks.any():
                batch = conform(batch.filter(pa.array(~marks)))
        batch = _tags_read(batch, scheme, where)
        check(batch, where)
        if side is None:
            batch = _as_pairs(batch, path)
        elif alone:
            batch = _as_one_side(batch, side, path)
        else:
            batch = _as_side(batch, side, path, strip)
        if batch.num_rows:
            yield batch


def _place(prefix: str, first: int) -> Where:
    """Names row r of a batch `prefix` + (first + r)."""
    return lambda row: f"{prefix}{first + row}"


def _word_place(where: Where, rows: NDArray[np.int64]) -> Where:
    return lambda word: where(int(rows[word]))


def _tags_read(batch: pa.RecordBatch, scheme: str, where: Where) -> pa.RecordBatch:
    """Replace a column of tags by the entities it says."""
    for name in ("tags", "source_tags", "target_tags"):
        entities = name.replace("tags", "entities")
        if name not in batch.schema.names or entities in batch.schema.names:
            continue
        tags = conform(batch.select([name]).rename_columns(["tokens"]))["tokens"]
        tokens = batch[name.replace("tags", "tokens")]
        offsets = offsets_of(tokens)
        if not np.array_equal(np.diff(offsets_of(tags)), np.diff(offsets)):
            row = int(np.flatnonzero(np.diff(offsets_of(tags)) != np.diff(offsets))[0])
            raise FormatError(f"{where(row)}: not as many {name} as tokens")
        rows = rows_of(offsets)
        column = entities_from_tags(
            tags.flatten(), offsets - offsets[0], scheme, _word_place(where, rows)
        )
        batch = batch.drop_columns([name]).append_column(entities, column)
    return batch


def _as_pairs(batch: pa.RecordBatch, path: Path) -> pa.RecordBatch:
    for name in ("source_tokens", "target_tokens"):
        if name not in batch.schema.names:
            raise FormatError(
                f"{path}: has no column {name!r}; a file that stands alone must have both sides, "
                f"else name the target file as well, or say which side it is"
            )
    return batch


def _as_one_side(batch: pa.RecordBatch, side: str, path: Path) -> pa.RecordBatch:
    """Every column; those without a side are named for it, entities of a target dropped."""
    names = batch.schema.names
    if f"{side}_tokens" in names:
        return batch
    if "tokens" not in names:
        raise FormatError(f"{path}: has neither a column 'tokens' nor '{side}_tokens'")
    if side == "target" and "entities" in names:
        batch = batch.drop_columns(["entities"])
    return batch.rename_columns(
        [f"{side}_{n}" if n in ("tokens", "entities", "text") else n for n in batch.schema.names]
    )


def _as_side(batch: pa.RecordBatch, side: str, path: Path, strip: bool) -> pa.RecordBatch:
    """The id, tokens, entities, candidates and tag probabilities of one side, named for it."""
    names = batch.schema.names
    prefix = f"{side}_" if f"{side}_tokens" in names else ""
    if f"{prefix}tokens" not in names:
        raise FormatError(f"{path}: has neither a column 'tokens' nor '{side}_tokens'")
    wanted = "" if strip else f"{side}_"
    columns = {}
    if "id" in names:
        columns["id"] = batch["id"]
    columns[f"{wanted}tokens"] = batch[f"{prefix}tokens"]
    if f"{prefix}entities" in names and (side == "source" or strip):
        columns[f"{wanted}entities"] = batch[f"{prefix}entities"]
    for name in (f"{side}_tagset", f"{side}_probabilities", f"{side}_candidates"):
        if name in names and not strip:
            columns[name] = batch[name]
    metadata = batch.schema.metadata or {}
    tagger = {key: metadata[key] for key in [TAGGED_BY[side]] if key in metadata}
    return pa.RecordBatch.from_pydict(columns).replace_schema_metadata(tagger)


def rechunk(batches: Iterable[pa.RecordBatch]) -> Batches:
    """The same rows in batches of `BATCH`, the last one shorter."""
    held: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        held.append(batch)
        rows += batch.num_rows
        while rows >= BATCH:
            whole = _one(held)
            yield whole.slice(0, BATCH)
            held, rows = [whole.slice(BATCH)], rows - BATCH
    if rows:
        yield _one(held)


def _one(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    if len(batches) == 1:
        return batches[0]
    try:
        return pa.Table.from_batches(batches).combine_chunks().to_batches()[0]
    except pa.ArrowInvalid as error:
        raise FormatError(f"rows differ in their columns ({error})") from None


def _joined(streams: list[Batches], stem: str, link_files: list[Path], origin: str) -> Batches:
    """Rows of parallel streams side by side, with ids, links checked against the words.

    The last streams are those of `link_files`.
    """
    done = 0
    for parts in zip_longest(*streams):
        if any(p is None for p in parts) or len({p.num_rows for p in parts}) > 1:
            raise ParallelError(f"{origin}: a file changed while it was read")
        columns: dict[str, pa.Array] = {}
        metadata: dict[bytes, bytes] = {}
        for part in parts[: len(parts) - len(link_files)]:
            metadata |= part.schema.metadata or {}
            for name, column in zip(part.schema.names, part.columns, strict=True):
                if name != "id" or name not in columns:
                    columns[name] = column
        rows = parts[0].num_rows
        ids = columns.pop("id", None)
        if ids is None or ids.null_count:
            made = pa.array([f"{stem}-{i}" for i in range(done, done + rows)], pa.string())
            ids = made if ids is None else pc.coalesce(ids, made)
        batch = pa.RecordBatch.from_pydict({"id": ids, **columns})
        if link_files:
            found = [part["links"] for part in parts[len(parts) - len(link_files) :]]
            batch = linked_batch(batch, found, link_files, done + 1)
            names = ",".join(path.name for path in link_files)
            metadata[LINKS_MADE_BY] = f"file({names})".encode()
        yield batch.replace_schema_metadata(metadata)
        done += rows


def linked_batch(
    batch: pa.RecordBatch, found: list[pa.ListArray], files: list[Path], first: int
) -> pa.RecordBatch:
    """The batch with the links of the first file, backed off to those of the others.

    found: links of the same rows from each file. first: number of the first row, from 1.
    """
    kept: pa.ListArray | None = None
    bare = batch.drop_columns(["links"]) if "links" in batch.schema.names else batch
    for links, path in zip(found, files, strict=True):
        check(bare.append_column("links", links), _place(f"{path}:", first))
        kept = links if kept is None else pharaoh.back_off(kept, links)
    return bare.append_column("links", kept)


def require(batch: pa.RecordBatch, *names: str) -> None:
    """Raise InputError if a column is missing."""
    for name in names:
        if name not in batch.schema.names:
            raise InputError(f"the corpus has no column {name!r}; it has {batch.schema.names}")


__all__ = ["Corpus", "read", "require", "scan", "scan_side"]
