"""What a file format is called, and what it can hold.

Every format module has a `FORMAT`; `xner.formats` lists the modules. Suffixes, names on the command
line, what `xner convert` reports as lost, and the table in docs/formats.md come from it.
"""

from __future__ import annotations

from dataclasses import dataclass

WORDS, IDS, EMPTY, BOTH = "words", "ids", "empty sentences", "both sides"
ENTITIES, NESTED, SCORES, ORIGINS = "entities", "nested entities", "scores", "source entities"
LINKS, OUTCOMES, CHARACTERS = "links", "outcomes", "character spans"
SPACES, TEXT = "spaces", "text"
FURTHER = "further columns"
FEATURES = {
    WORDS: "the words of a sentence",
    IDS: "ids of sentences",
    EMPTY: "sentences without words",
    BOTH: "source and target in one file",
    ENTITIES: "spans and labels",
    NESTED: "entities that overlap others",
    SCORES: "score of an entity",
    ORIGINS: "the source entity that a target entity was projected from",
    LINKS: "word alignment",
    OUTCOMES: "outcome of each source entity",
    SPACES: "which words have no space between them",
    TEXT: "untokenised text with any white space",
    CHARACTERS: "entities that begin or end inside a word",
    FURTHER: "all other columns",
}
"""What a corpus can have, and what it means."""
FLAT = frozenset({WORDS, EMPTY, ENTITIES})
"""What one tag per word can hold."""


@dataclass(frozen=True, slots=True)
class Format:
    """A file format.

    Attributes:
        name: for `xner convert --to` and `Corpus.write(format=)`.
        title: for people.
        suffixes: of its files, without that of a compression.
        keeps: names of `FEATURES` that survive writing and reading.
        summary: what a file holds.
        labels: it holds entities.
        text: its files have an encoding, and may be compressed.
        folder: it is a folder of files.
        streams: it is read and written batch by batch, in memory that does not grow.
        extra: the extra of xner that it needs.
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    keeps: frozenset[str]
    summary: str
    labels: bool = True
    text: bool = True
    folder: bool = False
    streams: bool = True
    extra: str = ""
