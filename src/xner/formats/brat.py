"""brat's standoff format: a folder of documents, `NAME.txt` with a sentence per line, `NAME.ann`.

Text-bound annotations (`T` lines) are entities. What a corpus cannot hold is counted by `inspect`:
discontinuous entities, those across lines, relations, events, attributes and notes.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from xner.errors import FormatError, InputError, OutputError
from xner.formats.registry import CHARACTERS, EMPTY, ENTITIES, NESTED, SPACES, TEXT, Format
from xner.formats.rows import Row, Texts, by_rows, entity
from xner.formats.streams import open_text

FORMAT = Format(
    "brat",
    "brat standoff",
    (),
    frozenset({EMPTY, ENTITIES, NESTED, SPACES, TEXT, CHARACTERS}),
    "a folder of `.txt` files, with a sentence per line, and their `.ann` files",
    folder=True,
)
SENTENCES = 100
"""Sentences of a document that is written; brat is slow with long ones."""
_KINDS = {
    "R": "relations", "*": "equivalences", "E": "events", "A": "attributes", "M": "attributes",
    "N": "normalizations", "#": "notes",
}  # fmt: skip
_ENTITY = re.compile(r"(T\d+)\t(\S+) (\d+) (\d+)((?:;\d+ \d+)*)(?:\t.*)?")
_CONFIG = "[entities]\n{}\n[relations]\n\n[events]\n\n[attributes]\n"


def recognises(path: Path) -> bool:
    """Whether a folder has annotation files."""
    return any(file.suffix == ".ann" for file in path.iterdir())


def _rows(path: Path, encoding: str, lost: Counter[str]) -> Iterator[Row]:
    texts = sorted(path.glob("*.txt"), key=_natural)
    names = {file.stem for file in texts}
    if alone := sorted(f.name for f in path.glob("*.ann") if f.stem not in names):
        raise InputError(f"{path / alone[0]}: has no text; there must be a .txt file of that name")
    for file in texts:
        yield from _document(file, encoding, lost)


inspect, read = by_rows(_rows)


def _natural(path: Path) -> list[tuple[int, str]]:
    parts = re.split(r"(\d+)", path.name)
    return [(int(part), "") if i % 2 else (0, part) for i, part in enumerate(parts)]


def _document(file: Path, encoding: str, lost: Counter[str]) -> Iterator[Row]:
    """The sentences of a document."""
    text = _content(file, encoding)
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    begins = [0]
    for line in lines:
        begins.append(begins[-1] + len(line) + 1)
    found: list[list[Row]] = [[] for _ in lines]
    annotations = file.with_suffix(".ann")
    if annotations.is_file():
        for start, end, label in _entities(annotations, encoding, lost):
            i = bisect_right(begins, start) - 1
            if i >= len(lines) or end > begins[-1]:
                raise FormatError(
                    f"{annotations}: the entity {start} {end} is outside the text, which has "
                    f"{len(text)} characters"
                )
            if end > begins[i] + len(lines[i]):
                lost["entities across lines"] += 1
            else:
                found[i].append(entity(start - begins[i], end - begins[i], label))
    for number, (line, entities) in enumerate(zip(lines, found, strict=True), 1):
        own = line.removesuffix("\r")
        entities.sort(key=lambda e: (e["start"], e["end"]))
        yield {"id": f"{file.stem}-{number}", "text": own, "entities": entities}


def _content(file: Path, encoding: str) -> str:
    with open_text(file, encoding) as opened:
        content = opened.read()
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise FormatError(
            f"{file}:{line}: not UTF-8; name its encoding, for example --encoding latin-1 (in "
            f"Python encoding='latin-1')"
        ) from None


def _entities(file: Path, encoding: str, lost: Counter[str]) -> Iterator[tuple[int, int, str]]:
    for number, line in enumerate(_content(file, encoding).split("\n"), 1):
        line = line.removesuffix("\r")
        if not line.strip():
            continue
        if line[0] in _KINDS:
            lost[_KINDS[line[0]]] += 1
            continue
        match = _ENTITY.fullmatch(line)
        if match is None:
            raise FormatError(
                f"{file}:{number}: {line[:80]!r} is not an annotation; entities are written "
                f"'T1<TAB>LABEL START END<TAB>TEXT'"
            )
        _, label, start, end, more = match.groups()
        if more:
            lost["discontinuous entities"] += 1
        else:
            yield int(start), int(end), label


class _Writer:
    """Writes documents of `SENTENCES` sentences."""

    def __init__(self, folder: Path, path: Path) -> None:
        self._folder, self._path = folder, path
        self._documents = 0
        self._held: list[tuple[str, list[tuple[int, int, str]]]] = []
        self.labels: set[str] = set()

    def write_batch(self, batch: pa.RecordBatch) -> None:
        """Add the sentences of a batch of one side."""
        for name, text, spans in Texts(batch):
            if "\n" in text or "\r" in text:
                raise OutputError(
                    f"{self._path}: brat cannot hold a text with a line break, as that of "
                    f"sentence {name!r}; write .jsonl or .parquet"
                )
            if unfit := [label for *_, label in spans if re.search(r"\s", label)]:
                raise OutputError(
                    f"{self._path}: brat cannot hold the label {unfit[0]!r}, which has white space"
                )
            self.labels.update(label for *_, label in spans)
            self._held.append((text, spans))
            if len(self._held) == SENTENCES:
                self.flush()

    def flush(self) -> None:
        """Write the sentences that are held as a document."""
        if not self._held:
            return
        self._documents += 1
        name, at, lines = f"{self._documents:05d}", 0, list[str]()
        for text, spans in self._held:
            for start, end, label in spans:
                place = f"{label} {at + start} {at + end}"
                lines.append(f"T{len(lines) + 1}\t{place}\t{text[start:end]}\n")
            at += len(text) + 1
        content = "".join(f"{text}\n" for text, _ in self._held)
        (self._folder / f"{name}.txt").write_bytes(content.encode())
        (self._folder / f"{name}.ann").write_bytes("".join(lines).encode())
        self._held = []


@contextmanager
def writer(partial: Path, path: Path, schema: pa.Schema) -> Iterator[_Writer]:
    """Open the folder `partial`, which will get the name `path`, for writing."""
    made = _Writer(partial, path)
    yield made
    made.flush()
    listed = "".join(f"{label}\n" for label in sorted(made.labels))
    (partial / "annotation.conf").write_bytes(_CONFIG.format(listed).encode())
