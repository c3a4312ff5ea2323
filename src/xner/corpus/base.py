"""The corpus: rows, a declared schema, and batches that are read on demand."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, overload

import pyarrow as pa

from xner.columns import BATCH, empty_batch, row_place
from xner.conforming import conform
from xner.corpus.parts import Batches, Held, Part, ReadAhead, Source, only, with_dictionaries
from xner.errors import InputError, UsageError
from xner.report import Report
from xner.validate import validate

if TYPE_CHECKING:
    import datasets
    import pandas
    import polars
    import spacy

    from xner.corpus.sentence import Sentence

StrPath = str | PathLike[str]


class Corpus:
    """Sentence pairs in columns, one row per pair (see docs/data.md for the columns).

    Created by `xner.read` (in memory), by `xner.scan` (files, read again at each pass), or from
    any Arrow table with the right columns. The number of rows and the columns are known when a
    corpus is created: `len`, `repr`, `.schema` and `.columns` read nothing and run no model.
    `.batches()` makes one pass, and so do `.collect()`, `.table` and `.write()`, which use it.

    Attributes:
        source: yields the batches at each call.
        origin: names the corpus in error messages.
        schema: names and Arrow types of the columns, and the metadata known in advance.
        report: what the stage that created the corpus did; it is complete after one pass. The
            report of a corpus that was read from files is empty.
        first: number of the first row in the corpus that this one is a part of, from 0.
        bad: rows that were left out with `on_bad_row="quarantine"`: number of the row, from 1,
            its file, what is wrong, and its text where it has one.
    """

    def __init__(
        self,
        batches: Source,
        rows: int,
        origin: str,
        schema: pa.Schema,
        report: Report | None = None,
        first: int = 0,
    ) -> None:
        """Create a corpus from a function that yields its record batches.

        Args:
            batches: called at each pass; yields batches of at most `xner.columns.BATCH` rows.
                A corpus can be pickled if this can, and begins a part at its first row if this
                has a method `between(first, last)`.
            rows: number of rows of all batches together.
            origin: names the corpus in error messages.
            schema: columns of the batches (`xner.columns.with_columns` derives it from the
                schema of another corpus). The batches may carry more metadata.
            report: filled by the stage that creates the corpus.
            first: number of the first row in the corpus that this one is a part of, from 0.
        """
        self.source = batches
        self.first = first
        self._rows = rows
        self.origin = origin
        self.schema = schema
        self.report = Report() if report is None else report
        self.bad: list[dict[str, Any]] = []

    @classmethod
    def of(cls, data: Any, *, side: str | None = "source") -> Corpus:
        """Create a corpus from what a program has: rows, columns, tables, frames, paths.

        The public functions do the same with their first argument.

        Args:
            data: one of

                * rows: `(source, target)` or `(source, target, links)`, where source is
                  `(words, spans)` and target is words. Words are a list of strings, or a text,
                  whose spans count characters. A span is `(start, end, label)` or a dict, a link
                  `(source word, target word)` or with a weight. Also `(words, spans, target)`,
                  and dicts with the names of columns; one row, a list or any iterable of them;
                * a mapping of columns, a pyarrow table, a pandas or polars frame, a
                  `datasets.Dataset` (the names of `ClassLabel` columns are used), or another
                  object that streams Arrow;
                * a path, a tuple of two paths (source, target), or a list of paths that are read
                  as one; these are scanned;
                * a corpus, which is returned as it is.
            side: side of columns that name none: `tokens`, `text`, `entities`, `tags` and
                `ner_tags`.

        Raises:
            UsageError: `data` is something else.
            InputError: a row does not fit, or a column has the wrong type.

        Example:
            >>> pair = (["Ada", "lives"], [(0, 1, "PER")]), ["Ada", "wohnt"]
            >>> xner.Corpus.of([pair])
            <Corpus data: 1 rows, source_tokens, source_entities, target_tokens>
        """
        from xner.corpus.given import as_corpus

        if side not in ("source", "target", None):
            raise UsageError(f"side is {side!r}; choose source or target")
        return as_corpus(data, side)

    @classmethod
    def from_table(cls, table: pa.Table, origin: str = "table") -> Corpus:
        """Create a corpus from an Arrow table; columns that xner knows are converted and checked.

        Raises:
            InputError: a column has the wrong type, or a row does not fit.
        """
        if not isinstance(table, pa.Table):
            raise UsageError(
                f"table is of type {type(table).__name__}; it must be an Arrow table: Corpus.of "
                f"takes other data"
            )
        fitted: list[pa.RecordBatch] = []
        done = 0
        for batch in table.to_batches(BATCH):
            fitted.append(conform(batch))
            validate(fitted[-1], row_place(f"{origin}: row ", done + 1))
            done += batch.num_rows
        return cls.from_batches(fitted, origin, conform(empty_batch(table.schema)).schema)

    @classmethod
    def from_batches(
        cls,
        batches: list[pa.RecordBatch],
        origin: str,
        schema: pa.Schema | None = None,
        report: Report | None = None,
    ) -> Self:
        """Create a corpus from checked batches, each of at most `xner.columns.BATCH` rows.

        Args:
            batches: held in memory.
            origin: names the corpus in error messages.
            schema: used if there are no batches; by default that of the first batch.
            report: report of the stage that created the batches.
        """
        if batches:
            schema = batches[0].schema
        rows = sum(batch.num_rows for batch in batches)
        return cls(Held(tuple(batches)), rows, origin, schema or pa.schema([]), report)

    def __len__(self) -> int:
        """Number of rows."""
        return self._rows

    @overload
    def __getitem__(self, key: int) -> Sentence: ...
    @overload
    def __getitem__(self, key: slice) -> Corpus: ...
    def __getitem__(self, key: int | slice) -> Sentence | Corpus:
        """A sentence by its row, or the corpus of some rows; negative rows count from the end.

        A corpus that was opened with `scan` is read near the row at each call: iterate over it,
        or `collect` it first, for many rows.

        Example:
            >>> out = xner.project([(["Ada", "lives"], [(0, 1, "PER")], ["Ada", "wohnt"])])
            >>> out[0].entities[0].text, out[0].entities[0].label, out[0].outcomes
            ('Ada', 'PER', ['projected'])
        """
        from xner.corpus.indexing import rows_at, sentence_at

        return rows_at(self, key) if isinstance(key, slice) else sentence_at(self, key)

    def __iter__(self) -> Iterator[Sentence]:
        """The sentences, in one pass."""
        from xner.corpus.indexing import sentences

        return sentences(self)

    def __repr__(self) -> str:
        """Origin, rows and columns."""
        return f"<{type(self).__name__} {self.origin}: {len(self)} rows, {', '.join(self.columns)}>"

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        names: list[str] = self.schema.names
        return names

    def batches(self) -> Batches:
        """Yield record batches of at most `xner.columns.BATCH` rows; each call is a new pass.

        Raises:
            InputError: a batch has other columns than `schema` declares.
        """
        declared = self.columns
        for batch in self.source():
            names = batch.schema.names
            if names != declared:
                if sorted(names) != sorted(declared):
                    raise InputError(
                        f"{self.origin}: a batch has the columns {', '.join(names)}, but the "
                        f"corpus declares {', '.join(declared)}; correct the schema that the "
                        f"corpus was created with"
                    )
                batch = batch.select(declared)
            yield batch

    def part(self, first: int, last: int) -> Corpus:
        """Return the rows `[first, last)`; files are opened near the first row at each pass.

        Ids, and rows and lines in error messages, are those of the whole corpus.

        Raises:
            UsageError: the corpus does not have these rows.
        """
        if not 0 <= first <= last <= len(self):
            raise UsageError(
                f"{self.origin}: there are no rows [{first}, {last}) in a corpus of {len(self)}"
            )
        rows = Part(self.source, first, last)
        return Corpus(rows, last - first, self.origin, self.schema, first=self.first + first)

    def read_ahead(self, at_end: Callable[[], object]) -> Corpus:
        """Return the same corpus, read by a thread that calls `at_end` after the last batch."""
        source = ReadAhead(self.source, at_end)
        return Corpus(source, len(self), self.origin, self.schema, self.report, self.first)

    def select(self, *names: str) -> Corpus:
        """Return some of the columns; Parquet files are read, and checked, only as far as needed.

        Raises:
            UsageError: the corpus has no column of that name.
        """
        if missing := [name for name in names if name not in self.columns]:
            raise UsageError(
                f"{self.origin}: has no column {missing[0]!r}; it has {', '.join(self.columns)}"
            )
        schema = pa.schema([self.schema.field(name) for name in names], self.schema.metadata)
        source = only(self.source, names)
        chosen = Corpus(source, len(self), self.origin, schema, self.report, self.first)
        chosen.bad = self.bad
        return chosen

    def with_dictionaries(self, names: Collection[str]) -> Corpus:
        """Return the same corpus, with some columns of tokens as Arrow dictionaries.

        These columns of batches are `xner.columns.WORD_TYPES` where Parquet files store them so,
        which are read in a fraction of the time, and lists of strings elsewhere.
        """
        source = with_dictionaries(self.source, names)
        coded = Corpus(source, len(self), self.origin, self.schema, self.report, self.first)
        coded.bad = self.bad
        return coded

    def collect(self) -> Corpus:
        """Read the corpus into memory."""
        return self.from_batches(list(self.batches()), self.origin, self.schema, self.report)

    @property
    def table(self) -> pa.Table:
        """All rows as one Arrow table."""
        batches = list(self.batches())
        return pa.Table.from_batches(batches, None if batches else self.schema)

    def to_arrow(self) -> pa.Table:
        """All rows as one Arrow table; the same as `table`."""
        return self.table

    def to_pandas(self) -> pandas.DataFrame:
        """All rows as a pandas frame; lists are arrays, and structs dicts."""
        from xner.corpus.exporting import to_pandas

        return to_pandas(self)

    def to_polars(self) -> polars.DataFrame:
        """All rows as a polars frame."""
        from xner.corpus.exporting import to_polars

        return to_polars(self)

    def to_hf(self) -> datasets.Dataset:
        """All rows as a `datasets.Dataset`; tags that were read as `ClassLabel` are so again.

        If the source tags were, there is also a column `target_ner_tags` with the same classes
        and those that the source lacks, of the longest of entities that overlap.
        """
        from xner.corpus.exporting import to_hf

        return to_hf(self)

    def to_spacy(self, nlp: Any, *, side: str = "target") -> Iterator[spacy.tokens.Doc]:
        """Yield a spaCy `Doc` for every sentence.

        `doc.ents` has the longest entities that do not overlap, and `doc.spans["sc"]` all of
        them. White space other than one space after a word is a token of its own, as spaCy makes
        them; `doc.user_data["gaps"]` lists these tokens. The id of the sentence is in
        `doc.user_data["id"]`.

        Args:
            nlp: a pipeline, a vocabulary, or the code of a language, such as `de`.
            side: `target` (default) or `source`; the only side of a corpus that has one.
        """
        from xner.corpus.exporting import to_spacy

        return to_spacy(self, nlp, side)

    def _repr_html_(self) -> str:
        from xner.corpus.html import corpus_html

        return corpus_html(self)

    def write(
        self,
        path: StrPath,
        *,
        side: str = "target",
        scheme: str = "IOB2",
        format: str | None = None,  # noqa: A002 - the name that users expect
        language: str | None = None,
    ) -> None:
        """Write the corpus in the format that the suffix of `path` names.

        Args:
            path: `.jsonl` and `.parquet` hold every column, most other formats one side;
                docs/formats.md says what each holds. `.gz` or `.zst` after the suffix of a text
                format compresses the file.
            side: `target` (default) or `source`, for formats of one side.
            scheme: labelling scheme of the tags in `.conll`, default IOB2.
            format: name of the format, such as `doccano`, if the suffix does not say it.
            language: code of the language, such as `sw`; needed by PAN-X.

        Raises:
            OutputError: the file cannot be written, or cannot hold a token or an entity.
            UsageError: the suffix, format or scheme is unknown, or the columns to write are
                missing.
        """
        from xner.write import write_batches

        write_batches(
            Path(path), self.batches(), side=side, scheme=scheme, format=format, language=language
        )


def require(batch: pa.RecordBatch, *names: str) -> None:
    """Raise InputError if a column is missing."""
    held = batch.schema.names
    for name in names:
        if name not in held:
            raise InputError(f"the corpus has no column {name!r}; it has {held}")
