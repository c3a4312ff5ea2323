"""spaCy's DocBin: one `Doc` per sentence, with flat entities in `ents`.

If entities of a sentence overlap, all of them are in the span group `sc`, as for spaCy's span
categorizer, and `ents` has the longest. The id is in `user_data`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from xner.errors import FormatError, MissingExtraError, OutputError
from xner.formats.losses import flat
from xner.formats.registry import (
    EMPTY,
    ENTITIES,
    IDS,
    NESTED,
    SPACES,
    WORDS,
    Format,
)
from xner.formats.rows import Row, Texts, by_rows, entity, places
from xner.formats.streams import open_input

FORMAT = Format(
    "spacy",
    "spaCy DocBin",
    (".spacy",),
    frozenset({WORDS, IDS, EMPTY, ENTITIES, NESTED, SPACES}),
    "one `Doc` per sentence; entities that overlap are in the span group `sc`",
    text=False,
    streams=False,
    extra="spacy",
)
GROUP, ID = "sc", "id"
"""Span group of entities that overlap, and key of the id in `user_data`."""


def _tokens() -> Any:
    try:
        import spacy.tokens
    except ImportError:
        raise MissingExtraError("spacy", FORMAT.extra) from None
    return spacy.tokens


def _rows(path: Path, _: str, lost: Counter[str]) -> Iterator[Row]:
    """Yield the sentences; counts span groups that are not read."""
    import spacy.vocab

    kind = _tokens().DocBin
    with open_input(path) as file:
        data = file.read()
    try:
        found = kind().from_bytes(data)
        # spaCy looks for plugins at every user data that it decodes, which takes milliseconds.
        ids = [_id(one) for one in found.user_data]
        found.user_data = []
        docs = list(found.get_docs(spacy.vocab.Vocab()))
    except Exception as error:
        raise FormatError(f"{path}: not a DocBin, or damaged ({error})") from None
    for doc, name in zip_longest(docs, ids):
        lost.update(f"span groups {name!r}" for name in doc.spans if name != GROUP)
        yield _row(doc, name)


inspect, read = by_rows(_rows)


def _id(user_data: bytes | None) -> str | None:
    """The id in encoded user data."""
    held = {} if user_data is None else msgspec.msgpack.decode(user_data)
    return None if held.get(ID) is None else str(held[ID])


def _row(doc: Any, name: str | None) -> Row:
    spans = {(s.start, s.end, s.label_) for s in (*doc.ents, *doc.spans.get(GROUP, ()))}
    row: Row = {
        "tokens": [token.text for token in doc],
        "entities": [entity(*span) for span in sorted(spans)],
        "text": doc.text,
        "offsets": places((token.idx, token.idx + len(token)) for token in doc),
    }
    return row if name is None else {"id": name, **row}


class _Writer:
    """Collects documents; they are written at the end."""

    def __init__(self, path: Path) -> None:
        import spacy.vocab

        self._tokens = _tokens()
        self._path, self._vocab = path, spacy.vocab.Vocab()
        self._bin, self._data = self._tokens.DocBin(), list[bytes]()

    def write_batch(self, batch: pa.RecordBatch) -> None:
        """Add the sentences of a batch of one side."""
        given = Texts(batch)
        keep = flat(batch["entities"])
        ends = np.cumsum([len(row) for row in given.entities])
        for i, words in enumerate(given.tokens):
            rows = given.entities[i]
            longest = keep[ends[i] - len(rows) : ends[i]]
            self._bin.add(self._doc(given.ids[i], words, _spaces(given, i), rows, longest))
            self._data.append(msgspec.msgpack.encode({ID: given.ids[i]}))

    def content(self) -> bytes:
        """The content of the file."""
        self._bin.store_user_data, self._bin.user_data = True, self._data
        return bytes(self._bin.to_bytes())

    def _doc(
        self, name: str, words: list[str], spaces: list[bool], rows: list[Row], longest: Any
    ) -> Any:
        if "" in words:
            raise OutputError(f"{self._path}: spaCy cannot hold an empty token, as in {name!r}")
        doc = self._tokens.Doc(self._vocab, words=words, spaces=spaces)
        spans = [self._tokens.Span(doc, row["start"], row["end"], row["label"]) for row in rows]
        doc.set_ents([span for span, is_kept in zip(spans, longest, strict=True) if is_kept])
        if not longest.all():
            doc.spans[GROUP] = spans
        return doc


def _spaces(given: Texts, i: int) -> list[bool]:
    """Whether each word of a sentence is followed by a space."""
    places, text = given.offsets[i], given.texts[i]
    ends = [place[0] for place in places[1:]] + [len(text)]
    return [end > place[1] for place, end in zip(places, ends, strict=False)]


@contextmanager
def writer(partial: Path, path: Path, schema: pa.Schema) -> Iterator[_Writer]:
    """Open a file for writing.

    Raises:
        MissingExtraError: spaCy is not installed.
    """
    made = _Writer(path)
    yield made
    partial.write_bytes(made.content())
