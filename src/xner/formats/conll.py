"""CoNLL: one word per line, its tag in the last column, a blank line between sentences.

Columns are separated by tabs or, in lines without a tab, by spaces. CRLF, a byte-order mark and
comments (`# …` lines of tab-separated files) are accepted. An empty sentence, which the format
cannot express, is written as the line `# xner: empty sentence`, so that parallel files stay
parallel. Here a `-DOCSTART-` row is a row like any other; `xner.corpus` keeps or skips it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from xner.columns import ENTITIES, TOKENS, fields_of, lengths_of, offsets_of, values_of
from xner.errors import FormatError, OutputError
from xner.formats.files import (
    PARAGRAPH_ENDS,
    TOP,
    Attempt,
    Contents,
    Start,
    bytes_of,
    line_blocks,
    placed_blocks,
    strictly,
)
from xner.formats.registry import FLAT, Format
from xner.formats.streams import UTF8
from xner.formats.tags import entities_from_tags
from xner.formats.text import refuse
from xner.schemes import Spans, encode, overlap, tag_ids, tag_table

FORMAT = Format(
    "conll",
    "CoNLL",
    (".conll", ".bio", ".iob", ".iob2", ".tsv"),
    FLAT,
    "one word and its tag per line, a blank line between sentences",
)
EMPTY = b"# xner: empty sentence"
BLANK = EMPTY + b"\n\n"
"""A row without content."""
DOCSTART = "-DOCSTART-"
# A line that begins with white space or may be a comment: only `parse` decides what it is.
_ODD_LINE = re.compile(rb"^(?:[ \t#])", re.MULTILINE)
_PARAGRAPH = re.compile(rb"(?:[ \t]*\n)*(?:[ \t]*[^ \t\n][^\n]*\n)+(?:[ \t]*\n)*|(?:[ \t]*\n)+")
_UNFIT_LABEL = re.compile(r"[\t\n\r]| \Z")
_DOCSTART_ROW = re.compile(rb"(?:\A|\n\n)-DOCSTART-(?:[ \t][^\n]*)?\n(?=\n|\Z)")

Int64 = NDArray[np.int64]
Bytes = NDArray[np.uint8]
_TAB, _NEWLINE, _SPACE, _HASH = 9, 10, 32, 35


@dataclass(frozen=True, slots=True)
class Block:
    """The fields of a block of lines.

    Attributes:
        first_line: number of the block's first line in the file.
        line: int64 (W), the line of every word in the block, from 0.
        token, tag: the first and last field of those lines.
        width: int64 (W), number of fields in the line.
        offsets: int32 (N+1), words of each sentence.
    """

    first_line: int
    line: Int64
    token: pa.StringArray
    tag: pa.StringArray
    width: Int64
    offsets: NDArray[np.int32]


def inspect(path: Path, *, attempt: Attempt = strictly, encoding: str = UTF8) -> Contents:
    """Count the sentences, and those that are `-DOCSTART-` rows."""
    strict = attempt is strictly
    sentences = docstarts = width = 0
    starts = []
    for at, line, block in placed_blocks(path, PARAGRAPH_ENDS, checked=strict, encoding=encoding):
        starts.append(Start(at, line, sentences, docstarts, width))
        if not width or _ODD_LINE.search(block):
            parsed = parse(line, block)
            width = width or _width(parsed, path, strict)
            sentences += len(parsed.offsets) - 1
            docstarts += int(docstart_rows(parsed.token, parsed.offsets).sum())
        else:
            newline = np.frombuffer(block, np.uint8) == _NEWLINE
            begins = np.concatenate([[True], newline[:-1]])
            blank = newline & begins
            after_blank = np.concatenate([[True], blank[:-1]])
            sentences += int((after_blank & ~blank & begins).sum())
            docstarts += len(_DOCSTART_ROW.findall(block))
    schema = pa.schema({"tokens": TOKENS, "entities": ENTITIES})
    return Contents(sentences, schema, docstarts, tuple(starts))


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

    Args:
        path: the file.
        start: the first block.
        scheme: enforced unless it is `auto`.
        tags: read the last column; if False, a single column is enough.
        attempt: what becomes of sentences that cannot be read.
        encoding: encoding of the file.

    Raises:
        FormatError: a line has too few columns, or not as many as the lines before it.
        SchemeError: a tag is unknown, or not allowed at its place.
    """
    strict, width = attempt is strictly, start.width

    def batch(commented: bool, line: int, block: bytes) -> pa.RecordBatch:
        parsed = parse(line, block, commented)
        _check_width(parsed, width, path, tags)
        tokens = pa.ListArray.from_arrays(pa.array(parsed.offsets), parsed.token)
        columns: dict[str, pa.Array] = {"tokens": tokens}
        if tags:
            columns["entities"] = _entities(parsed, scheme, path)
        return pa.RecordBatch.from_pydict(columns)

    blocks = line_blocks(path, PARAGRAPH_ENDS, start, checked=strict, encoding=encoding)
    for line, block in blocks:
        width = width or _width(parse(line, block), path, strict)
        yield line, attempt(partial(batch, b"\t" in block), line, block)


def paragraphs(block: bytes) -> list[tuple[bytes, int]]:
    """The runs of lines of a block, each with the blank lines after it, and its rows: 0 or 1."""
    runs = _PARAGRAPH.findall(block)
    return [(run, len(parse(1, run, b"\t" in block).offsets) - 1) for run in runs]


def parse(first_line: int, block: bytes, commented: bool | None = None) -> Block:
    """Find words, tags and sentences in a block of whole lines; see the module's rules.

    Args:
        first_line: number of the first line.
        block: the lines.
        commented: whether there can be comments, by default if the block has a tab.
    """
    data = np.frombuffer(block, np.uint8)
    newlines = np.flatnonzero(data == _NEWLINE)
    tabbed = np.zeros(len(newlines), bool)
    tabbed[np.searchsorted(newlines, np.flatnonzero(data == _TAB))] = True
    separator = (data == _TAB) | (data == _NEWLINE)
    spaces = np.flatnonzero(data == _SPACE)
    separator[spaces[~tabbed[np.searchsorted(newlines, spaces)]]] = True
    edges = np.diff(np.concatenate([[True], separator, [True]]).astype(np.int8))
    starts, ends = np.flatnonzero(edges == -1), np.flatnonzero(edges == 1)
    if len(spaces) and tabbed.any():
        solid = np.concatenate([[0], np.cumsum(~separator & (data != _SPACE))])
        full = solid[ends] > solid[starts]
        starts, ends = starts[full], ends[full]
    line = np.searchsorted(newlines, starts)
    blank = np.ones(len(newlines), bool)
    blank[line] = False
    markers, comments = _comments(block, data, newlines, tabbed, commented)
    if len(comments):
        keep = ~np.isin(line, comments)
        starts, ends, line = starts[keep], ends[keep], line[keep]
    first = np.flatnonzero(np.diff(line, prepend=-1))
    last = np.append(first[1:], len(line)) - 1 if len(line) else first
    text = _Slices(block, data)
    return Block(
        first_line,
        line[first],
        text(starts[first], ends[first]),
        text(starts[last], ends[last]) if len(first) else text(starts, ends),
        last - first + 1,
        _sentences(line[first], markers, np.cumsum(blank)),
    )


class _Slices:
    """Cut strings out of one buffer without copying it."""

    def __init__(self, block: bytes, data: Bytes) -> None:
        self.buffer = pa.py_buffer(block)
        self.mixed = bool((data == _TAB).any() and (data == _SPACE).any())

    def __call__(self, start: Int64, end: Int64) -> pa.StringArray:
        edges = np.empty(2 * len(start) + 1, np.int32)
        edges[0:-1:2], edges[1::2], edges[-1] = start, end, end[-1] if len(end) else 0
        both = pa.StringArray.from_buffers(2 * len(start), pa.py_buffer(edges), self.buffer)
        cut = both.take(pa.array(np.arange(0, 2 * len(start), 2)))
        return pc.ascii_trim(cut, " ") if self.mixed else cut


def _comments(
    block: bytes,
    data: Bytes,
    newlines: Int64,
    tabbed: NDArray[np.bool_],
    commented: bool | None,
) -> tuple[Int64, Int64]:
    """Lines that mark an empty sentence, and all lines without a word that are not blank."""
    begins = np.concatenate([[0], newlines[:-1] + 1])
    hashes = np.flatnonzero((data[begins] == _HASH) & ~tabbed)
    is_marker = np.array(
        [block[begins[i] : newlines[i]].rstrip(b" ") == EMPTY for i in hashes], bool
    )
    if tabbed.any() if commented is None else commented:
        spaced = np.array([block[begins[i] + 1 : begins[i] + 2] == b" " for i in hashes], bool)
        return hashes[is_marker], hashes[is_marker | spaced]
    return hashes[is_marker], hashes[is_marker]


def _sentences(line: Int64, markers: Int64, blanks_before: Int64) -> NDArray[np.int32]:
    """Offsets of sentences: runs of word lines between blank lines, and the markers."""
    units = np.sort(np.concatenate([line, markers]))
    is_word = np.isin(units, line)
    change = np.diff(blanks_before[units], prepend=-1) != 0
    sentence = np.cumsum(change) - 1
    counts = np.bincount(sentence[is_word], minlength=int(change.sum()))
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)


def _width(block: Block, path: Path, strict: bool) -> int:
    """Number of columns of the first line with a word, or of most lines; 0 without one."""
    if not len(block.width):
        return 0
    _check_not_numbered(block, path)
    return int(block.width[0] if strict else np.bincount(block.width).argmax())


def _check_width(block: Block, width: int, path: Path, tags: bool) -> None:
    if not len(block.width):
        return
    where = block.first_line
    if tags and width < 2:
        raise FormatError(
            f"{path}:{where + block.line[0]}: one column; a line must hold a word and its tag"
        )
    odd = np.flatnonzero(block.width != width)
    if len(odd):
        raise FormatError(
            f"{path}:{where + block.line[odd[0]]}: {block.width[odd[0]]} columns, but the lines "
            f"before have {width}; separate columns by tabs if words contain spaces"
        )


def _check_not_numbered(block: Block, path: Path) -> None:
    """Raise FormatError if the first of several columns numbers the words of every sentence."""
    if block.width[0] < 3:
        return
    first = block.token.take(pa.array(block.offsets[:-1][np.diff(block.offsets) > 0]))
    begins = pc.match_substring_regex(first, r"^(0\.1|1(-[0-9]+)?)$")
    if not pc.all(begins).as_py():
        return
    if pc.all(pc.match_substring_regex(block.token, r"^[0-9]+([-.][0-9]+)?$")).as_py():
        raise FormatError(
            f"{path}:{block.first_line + block.line[0]}: the first column numbers the words, as "
            f"in CoNLL-U; keep the columns of words and tags alone, for example: awk -F'\\t' "
            f'\'!NF {{print ""}} $1 ~ /^[0-9]+$/ {{print $2 "\\t" $3}}\' (tags in column 3)'
        )


def _entities(block: Block, scheme: str, path: Path) -> pa.ListArray:
    def where(word: int) -> str:
        return f"{path}:{block.first_line + block.line[word]}"

    return entities_from_tags(block.tag, block.offsets, scheme, where)


def docstart_rows(token: pa.StringArray, offsets: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Which sentences are a lone `-DOCSTART-`; `token` holds the words that offsets count."""
    single = np.flatnonzero(np.diff(offsets) == 1)
    rows = np.zeros(len(offsets) - 1, bool)
    words = token.take(pa.array(offsets[:-1][single]))
    rows[single] = pc.equal(words, DOCSTART).to_numpy(zero_copy_only=False)
    return rows


def render(
    tokens: pa.ListArray, entities: pa.ListArray, ids: pa.Array, path: Path, scheme: str = "IOB2"
) -> bytes:
    """Return the lines of a batch, tab-separated.

    Raises:
        OutputError: a token or label contains a tab or newline, a token is empty or begins or
            ends with a space, or entities overlap.
    """
    offsets = offsets_of(tokens)
    flat = values_of(tokens)
    refuse(pc.match_substring_regex(flat, r"^$|^ | $|[\t\n\r]"), flat, tokens, ids, path)
    spans, names = spans_of(entities)
    if bad := [name for name in names if _UNFIT_LABEL.search(name)]:
        raise OutputError(
            f"{path}: a {path.suffix} file cannot hold the label {bad[0]!r}; write .jsonl or "
            f".parquet"
        )
    if (clash := overlap(spans)) is not None:
        raise OutputError(
            f"{path}: sentence {ids[clash].as_py()!r} has entities that overlap, which tags "
            f"cannot express; write .jsonl or .parquet, or leave one of them out (in projection: "
            f"nesting none)"
        )
    codes, labels = encode(spans, offsets, scheme)
    tags = pa.array(tag_table(names, scheme)).take(pa.array(tag_ids(codes, labels)))
    ending = np.zeros(len(flat), np.int32)
    full = np.flatnonzero(np.diff(offsets) > 0)
    ending[offsets[1:][full] - offsets[0] - 1] = 1
    endings = pa.array(["\n", "\n\n"]).take(pa.array(ending))
    words = pc.binary_join_element_wise(flat, tags, "\t")
    lines = pc.binary_join_element_wise(words, endings, "")
    return bytes_of(_with_empty(lines, tokens))


def spans_of(entities: pa.ListArray) -> tuple[Spans, list[str]]:
    """A column of entities as flat arrays, and the names of its label ids."""
    offsets = offsets_of(entities)
    coded = values_of(entities).field("label").dictionary_encode()
    start, end = fields_of(entities, "start", "end")
    return Spans(
        (offsets - offsets[0]).astype(np.int32),
        start.astype(np.int32),
        end.astype(np.int32),
        coded.indices.to_numpy().astype(np.int32),
    ), coded.dictionary.to_pylist()


def _with_empty(lines: pa.StringArray, tokens: pa.ListArray) -> pa.StringArray:
    """Insert a marker block where a sentence has no words."""
    lengths = lengths_of(tokens)
    empty = np.flatnonzero(lengths == 0)
    if not len(empty):
        return lines
    at = np.cumsum(lengths)[empty]
    order = np.insert(np.arange(len(lines)), at, len(lines))
    marker = pa.array([EMPTY.decode() + "\n\n"])
    return pa.concat_arrays([lines, marker]).take(pa.array(order))
