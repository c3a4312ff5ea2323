"""spaCy's DocBin: one `Doc` per sentence.

The span group `sc` has all entities, as for spaCy's span categorizer; `ents` has the longest of
those that overlap. The id is in `user_data`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
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
    TEXT,
    WORDS,
    Format,
)
from xner.formats.rows import Place, Row, Texts, by_rows, entity, places
from xner.formats.streams import open_input

FORMAT = Format(
    "spacy",
    "spaCy DocBin",
    (".spacy",),
    frozenset({WORDS, IDS, EMPTY, ENTITIES, NESTED, SPACES, TEXT}),
    "one `Doc` per sentence; all entities are in the span group `sc`",
    text=False,
    streams=False,
    extra="spacy",
)
GROUP, ID, GAPS = "sc", "id", "gaps"
"""Span group of all entities, and keys of `user_data`: the id, and which tokens are no words."""


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
        held = [_decoded(one) for one in found.user_data]
        found.user_data = []
        docs = list(found.get_docs(spacy.vocab.Vocab()))
    except Exception as error:
        raise FormatError(f"{path}: not a DocBin, or damaged ({error})") from None
    for doc, own in zip(docs, held or [{}] * len(docs), strict=True):
        lost.update(f"span groups {name!r}" for name in doc.spans if name != GROUP)
        yield _row(doc, own, lost)


inspect, read = by_rows(_rows)


def _decoded(user_data: bytes | None) -> Row:
    return {} if user_data is None else msgspec.msgpack.decode(user_data)


def _row(doc: Any, held: Row, lost: Counter[str]) -> Row:
    is_word = np.ones(len(doc), bool)
    is_word[held.get(GAPS, [])] = False
    words = [token for token, is_kept in zip(doc, is_word, strict=True) if is_kept]
    before = np.concatenate([[0], np.cumsum(is_word)]).tolist()
    marked = (*doc.ents, *doc.spans.get(GROUP, ()))
    spans = {(before[s.start], before[s.end], s.label_) for s in marked}
    row: Row = {
        "tokens": [token.text for token in words],
        "entities": [entity(*span) for span in sorted(spans) if span[0] < span[1]],
        "text": doc.text,
        "offsets": places((token.idx, token.idx + len(token)) for token in words),
    }
    lost["entities of white space"] += len(spans) - len(row["entities"])
    return row if held.get(ID) is None else {"id": str(held[ID]), **row}


def documents(batch: pa.RecordBatch, vocab: Any, origin: object) -> Iterator[Any]:
    """Yield a `Doc` for each sentence, with the text as it is.

    White space other than one space after a word is a token of its own, as spaCy makes them.

    Args:
        batch: ids, words, entities and text of one side.
        vocab: the `Vocab` of the documents.
        origin: file or corpus, for messages.

    Raises:
        MissingExtraError: spaCy is not installed.
        OutputError: a word is empty.
    """
    tokens, given = _tokens(), Texts(batch)
    keep = flat(batch["entities"])
    ends = np.cumsum([len(row) for row in given.entities])
    for i, (name, words) in enumerate(zip(given.ids, given.tokens, strict=True)):
        if "" in words:
            raise OutputError(f"{origin}: spaCy cannot hold an empty token, as in {name!r}")
        made, spaces, at = _with_gaps(words, given.texts[i], given.offsets[i])
        doc = tokens.Doc(vocab, words=made, spaces=spaces)
        rows = given.entities[i]
        spans = [tokens.Span(doc, at[e["start"]], at[e["end"] - 1] + 1, e["label"]) for e in rows]
        longest = keep[ends[i] - len(rows) : ends[i]]
        doc.set_ents([span for span, is_kept in zip(spans, longest, strict=True) if is_kept])
        doc.spans[GROUP] = spans
        doc.user_data[ID] = name
        if gaps := sorted(set(range(len(made))) - set(at)):
            doc.user_data[GAPS] = gaps
        yield doc


def _with_gaps(
    words: list[str], text: str, offsets: list[Place]
) -> tuple[list[str], list[bool], list[int]]:
    """Return the tokens of a document, whether a space follows each, and where the words are."""
    bounds = [0, *chain.from_iterable(offsets), len(text)]
    first, *rest = (text[a:b] for a, b in zip(bounds[::2], bounds[1::2], strict=True))
    made, spaces, at = ([first], [False], []) if first else ([], [], list[int]())
    for word, gap in zip(words, rest, strict=True):
        at.append(len(made))
        made.append(word)
        spaces.append(gap.startswith(" "))
        if more := gap[spaces[-1] :]:
            made.append(more)
            spaces.append(False)
    return made, spaces, at


class _Writer:
    """Collects documents; they are written at the end."""

    def __init__(self, path: Path) -> None:
        import spacy.vocab

        self._path, self._vocab = path, spacy.vocab.Vocab()
        self._bin, self._data = _tokens().DocBin(), list[bytes]()

    def write_batch(self, batch: pa.RecordBatch) -> None:
        """Add the sentences of a batch of one side."""
        for doc in documents(batch, self._vocab, self._path):
            self._bin.add(doc)
            self._data.append(msgspec.msgpack.encode(doc.user_data))

    def content(self) -> bytes:
        """The content of the file."""
        self._bin.store_user_data, self._bin.user_data = True, self._data
        return bytes(self._bin.to_bytes())


@contextmanager
def writer(partial: Path, path: Path, schema: pa.Schema) -> Iterator[_Writer]:
    """Open a file for writing.

    Raises:
        MissingExtraError: spaCy is not installed.
    """
    made = _Writer(path)
    yield made
    partial.write_bytes(made.content())
