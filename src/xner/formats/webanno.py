"""INCEpTION's and WebAnno's TSV 3: a word per line, with its place in the document.

Entities are the annotations of the layer `NamedEntity`, or of the only span layer that users
added. Offsets in the file count UTF-16 units. An entity that begins or ends inside a word has
sub-token lines.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path

import pyarrow as pa

from xner.errors import FormatError, OutputError
from xner.formats.files import line_blocks
from xner.formats.registry import CHARACTERS, ENTITIES, IDS, NESTED, SPACES, WORDS, Format
from xner.formats.rows import (
    Place,
    Row,
    Texts,
    by_rows,
    entity,
    places,
    touched,
)
from xner.formats.streams import Output, open_output, open_text

FORMAT = Format(
    "webanno",
    "WebAnno TSV 3.3",
    (),
    frozenset({WORDS, IDS, ENTITIES, NESTED, SPACES, CHARACTERS}),
    "INCEpTION's TSV: a word per line, with the annotations of its layers",
    streams=False,
)
HEAD = "#FORMAT=WebAnno TSV 3"
_BUILT_IN = "de.tudarmstadt.ukp.dkpro.core."
LAYER = f"{_BUILT_IN}api.ner.type.NamedEntity"
_UNIT = re.compile(r"(\d+)-(\d+)(\.\d+)?\t(\d+)-(\d+)\t([^\t]*)(?:\t(.*))?")
_ESCAPED = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "b": "\b"}
_CODES = {character: code for code, character in _ESCAPED.items()}
_STACKED = re.compile(r"(?:\\.|[^\\|])+")
_RESERVED = re.compile(r"->|[\\\[\]|_;\t\n*]")
_BROKEN = re.compile(r"[\t\n\r]")
_VALUE = re.compile(r"((?:\\.|[^\\\[])*)(?:\[(\d+)\])?")


def recognises(path: Path) -> bool:
    """Whether a file begins with the line of its format."""
    with open_text(path) as file:
        return file.readline(1 << 10).removeprefix(b"\xef\xbb\xbf").startswith(HEAD.encode())


@dataclass
class _Sentence:
    """A sentence as it is read; places are UTF-16 units of the document.

    Attributes:
        line: the first line.
        name: its id, if it has one.
        text: lines of the text.
        words: place of each word.
        found: label and places of each annotation, by its disambiguation id, or by a number
            below 0.
    """

    line: int
    name: str | None = None
    text: list[str] = field(default_factory=list)
    words: list[Place] = field(default_factory=list)
    found: dict[int, tuple[str, list[Place]]] = field(default_factory=dict)


class _Layers:
    """The columns of a file, from the lines of its head.

    Attributes:
        own: column with the labels of entities, from 0; None if there is none.
        others: name of each other layer, by its first column.
    """

    def __init__(self, lines: Sequence[str], path: Path) -> None:
        names: dict[int, str] = {}
        spans: dict[str, int] = {}
        values: dict[int, int] = {}
        column = 0
        for line in lines:
            kind, _, layer = line.partition("=")
            name, *features = layer.split("|")
            names[column] = name.rpartition(".")[2]
            values[column] = column + (features.index("value") if "value" in features else 0)
            if kind == "#T_SP" and (name == LAYER or not name.startswith(_BUILT_IN)):
                spans[name] = column
            column += max(len(features), 1)
        if len(spans) > 1 and LAYER not in spans:
            raise FormatError(
                f"{path}: has several span layers ({', '.join(spans)}), none of which is "
                f"NamedEntity; export the layer of the entities alone"
            )
        first = spans.get(LAYER, next(iter(spans.values()), None))
        self.own = None if first is None else values[first]
        self.others = {column: name for column, name in names.items() if column != first}


def _rows(path: Path, encoding: str, lost: Counter[str]) -> Iterator[Row]:
    sentences = list(_sentences(path, encoding, lost))
    seen = Counter(name for one in sentences for name in one.found if name > 0)
    across = {name for name, number in seen.items() if number > 1}
    if across:
        lost["entities across sentences"] += len(across)
    for one in sentences:
        yield _row(one, across, path, lost)


inspect, read = by_rows(_rows)


def _sentences(path: Path, encoding: str, lost: Counter[str]) -> Iterator[_Sentence]:
    head: list[str] = []
    layers: _Layers | None = None
    one: _Sentence | None = None
    for number, line in _lines(path, encoding):
        if number == 1 and not line.startswith(HEAD):
            raise FormatError(f"{path}:1: not WebAnno TSV 3; the first line must be {HEAD}.3")
        if line.startswith("#T_"):
            head.append(line)
        elif line.startswith(("#Sentence.id=", "#Text=")):
            if one is not None and one.words:
                yield one
            if one is None or one.words:
                one = _Sentence(number)
            content = _unescaped(line.partition("=")[2])
            if line.startswith("#Text="):
                one.text.append(content)
            else:
                one.name = content
        elif not line and one is not None and one.text:
            yield one
            one = None
        elif line and not line.startswith("#"):
            if one is None:
                raise FormatError(f"{path}:{number}: a word before the line #Text= of its sentence")
            layers = layers or _Layers(head, path)
            _unit(line, one, layers, f"{path}:{number}", lost)
    if one is not None:
        yield one


def _lines(path: Path, encoding: str) -> Iterator[tuple[int, str]]:
    for first, block in line_blocks(path, encoding=encoding):
        yield from enumerate(block.decode().split("\n")[:-1], first)


def _unit(line: str, sentence: _Sentence, layers: _Layers, where: str, lost: Counter[str]) -> None:
    """Read the line of a word, or of a part of one."""
    match = _UNIT.fullmatch(line)
    if match is None:
        raise FormatError(f"{where}: {line[:80]!r} is not a word; write ID, BEGIN-END and the word")
    _, _, part, begin, end, _, rest = match.groups()
    place = (int(begin), int(end))
    if part is None:
        sentence.words.append(place)
    cells = (rest or "").split("\t")
    for column, name in layers.others.items():
        if column < len(cells) and cells[column] not in ("_", ""):
            lost[f"words with annotations of the layer {name}"] += 1
    if layers.own is None or layers.own >= len(cells) or cells[layers.own] in ("_", ""):
        return
    for value in _STACKED.findall(cells[layers.own]):
        label, number = _value(value, where)
        key = number if number > 0 else -1 - len(sentence.found)
        known, own = sentence.found.setdefault(key, (label, []))
        if known != label:
            raise FormatError(f"{where}: annotation [{number}] has the labels {known!r}, {label!r}")
        own.append(place)


def _value(value: str, where: str) -> tuple[str, int]:
    """The label of an annotation, empty if it has none, and its disambiguation id or 0."""
    match = _VALUE.fullmatch(value)
    if match is None:
        raise FormatError(f"{where}: {value[:80]!r} is not a value; write LABEL or LABEL[ID]")
    label = "" if match[1] == "*" else _unescaped(match[1])
    return label, int(match[2] or 0)


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda match: _ESCAPED.get(match[1], match[1]), text)


def _row(one: _Sentence, across: set[int], path: Path, lost: Counter[str]) -> Row:
    text = "\n".join(one.text)
    base = one.words[0][0] if one.words else 0
    points = _points(text)

    def place(begin: int, end: int) -> Place:
        try:
            first, last = points[begin - base], points[end - base]
        except KeyError:
            raise FormatError(
                f"{path}:{one.line}: the place {begin}-{end} is outside the text of its sentence"
            ) from None
        return first, last

    words = [place(*word) for word in one.words]
    found: list[tuple[int, int, str, int, int]] = []
    for name, (label, units) in one.found.items():
        if name in across:
            continue
        start, end = place(min(begin for begin, _ in units), max(end for _, end in units))
        own = touched(words, start, end) if start < end else None
        if not label or own is None:
            lost["entities without a label" if own else "entities without characters"] += 1
            continue
        found.append((*own, label, start, end))
    found.sort()
    row: Row = {
        "tokens": [text[start:end] for start, end in words],
        "entities": [entity(*each[:3]) for each in found],
        "text": text,
        "offsets": places(words),
        "entity_offsets": places(each[3:] for each in found),
    }
    return row if one.name is None else {"id": one.name, **row}


def _points(text: str) -> dict[int, int]:
    """The code point at each UTF-16 unit where one begins, and at the end."""
    units, at = {}, 0
    for point, character in enumerate(text):
        units[at] = point
        at += 1 + (character > "\uffff")
    units[at] = len(text)
    return units


class _Writer:
    """Writes sentences one after another; ids of annotations and offsets count on."""

    def __init__(self, file: Output, path: Path) -> None:
        self._file, self._path = file, path
        self._sentence = self._at = self._last = 0

    def write_batch(self, batch: pa.RecordBatch) -> None:
        """Write the sentences of a batch of one side; those without words are left out."""
        given = Texts(batch)
        for i, words in enumerate(given.offsets):
            if not words:
                continue
            first, last = words[0][0], words[-1][1]
            text = given.texts[i]
            if bad := [text[s:e] for s, e in words if not e > s or _BROKEN.search(text[s:e])]:
                raise OutputError(
                    f"{self._path}: WebAnno TSV cannot hold the token {bad[0]!r} of sentence "
                    f"{given.ids[i]!r}; write .jsonl or .parquet"
                )
            spans = zip(given.spans[i], given.entities[i], strict=True)
            labelled = [(start - first, end - first, row["label"]) for (start, end), row in spans]
            inner = [(start - first, end - first) for start, end in words]
            self._file.write(self._lines(given.ids[i], text[first:last], inner, labelled).encode())

    def _lines(
        self, name: str, text: str, words: list[Place], spans: list[tuple[int, int, str]]
    ) -> str:
        self._sentence += 1
        units = [_units(words, start, end) for start, end, _ in spans]
        stacked = Counter(unit for own in units for unit in own)
        values: dict[tuple[int, Place], list[str]] = {}
        for own, (_, _, label) in zip(units, spans, strict=True):
            shown = _RESERVED.sub(_escape, label)
            if len(own) > 1 or stacked[own[0]] > 1:
                self._last += 1
                shown += f"[{self._last}]"
            for unit in own:
                values.setdefault(unit, []).append(shown)
        widths = [0, *accumulate(1 + (character > "\uffff") for character in text)]
        lines = [f"\n#Sentence.id={_escaped(name)}"]
        lines += [f"#Text={_escaped(line)}" for line in text.split("\n")]
        for i, word in enumerate(words):
            parts = sorted(place for number, place in values if number == i and place != word)
            for j, place in enumerate([word, *parts]):
                mark = f"{self._sentence}-{i + 1}" + (f".{j}" if j else "")
                begin, end = (self._at + widths[n] for n in place)
                value = "|".join(values.get((i, place), ["_"]))
                lines.append(f"{mark}\t{begin}-{end}\t{text[slice(*place)]}\t{value}\t")
        self._at += widths[-1] + 1
        return "".join(f"{line}\n" for line in lines)


def _units(words: list[Place], start: int, end: int) -> list[tuple[int, Place]]:
    """The words, or the parts of them, that a span covers: number of the word, and place."""
    first, last = touched(words, start, end) or (0, 0)
    return [(i, (max(start, words[i][0]), min(end, words[i][1]))) for i in range(first, last)]


def _escape(match: re.Match[str]) -> str:
    return "\\" + _CODES.get(match[0], match[0])


def _escaped(text: str) -> str:
    return re.sub(r"[\x00-\x1f\\]", _escape, text)


@contextmanager
def writer(partial: Path, path: Path, schema: pa.Schema) -> Iterator[_Writer]:
    """Open a file for writing."""
    with open_output(partial, path) as file:
        file.write(f"{HEAD}.3\n#T_SP={LAYER}|value\n\n".encode())
        yield _Writer(file, path)
