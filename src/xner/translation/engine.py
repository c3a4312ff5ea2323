"""What the backends share: texts to pieces, pieces to batches, and translations judged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Generic, TypeVar

import numpy as np

from xner.errors import UsageError
from xner.inference.hardware import Hardware
from xner.inference.stream import WINDOW, stream
from xner.languages import Language
from xner.translation.base import Translated, joined
from xner.translation.pieces import split_text
from xner.translation.quality import judge
from xner.translation.vocabulary import Vocabulary

Ready = TypeVar("Ready")
_SPECIAL = 2
_LEAST_LIMIT = 16


@dataclass(frozen=True, slots=True)
class Search:
    """How translations are looked for and judged.

    Attributes:
        beams: of the beam search; 1 is greedy.
        max_tokens: longest source in subword tokens; a longer one is split.
        max_ratio: a translation of n source tokens has at most 16 + max_ratio · n.
        min_ratio: one that has fewer than min_ratio · n is flagged as short.
    """

    beams: int = 4
    max_tokens: int = 510
    max_ratio: float = 2.0
    min_ratio: float = 0.3

    def __post_init__(self) -> None:
        if self.beams < 1:
            raise UsageError(f"beams is {self.beams}; it must be at least 1")
        if self.max_tokens < 1:
            raise UsageError(f"max_tokens is {self.max_tokens}; it must be at least 1")
        if not 0 < self.max_ratio < np.inf or not 0 <= self.min_ratio < np.inf:
            raise UsageError("max_ratio must be above 0 and min_ratio at least 0")

    def limit(self, tokens: int) -> int:
        """Most tokens of the translation of so many, its end counted."""
        return _LEAST_LIMIT + ceil(self.max_ratio * tokens)

    @property
    def signature(self) -> str:
        """Every setting that can change a translation or its outcome."""
        return (
            f"beams:{self.beams},max_tokens:{self.max_tokens},max_ratio:{self.max_ratio:g},"
            f"min_ratio:{self.min_ratio:g}"
        )


def batch_budget(given: int | None, hardware: Hardware) -> int:
    """Tokens x beams of a batch: what was asked for, else 32,768 on a GPU and 4,096 elsewhere.

    Raises:
        UsageError: it is less than 1.
    """
    if given is not None and given < 1:
        raise UsageError(f"batch_tokens is {given}; it must be at least 1")
    return given or (32_768 if hardware.devices[0].startswith("cuda") else 4_096)


@dataclass(frozen=True, slots=True)
class Piece:
    """A text that fits the model, or a part of one.

    Attributes:
        text: the text.
        ids: its subwords, without language and end.
        limit: most tokens of its translation, its end counted.
    """

    text: str
    ids: list[int]
    limit: int


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found: subwords without language and end, and whether it came to an end."""

    ids: list[int]
    finished: bool


class TranslationEngine(Generic[Ready]):
    """An engine of `xner.inference.stream` that translates from one language into another.

    A backend adds `ready`, which makes a batch, and `search`, which runs it on a device.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        search: Search,
        source: Language,
        target: Language,
        workers: int,
    ) -> None:
        self.vocabulary, self.settings, self.workers = vocabulary, search, workers
        self.source = vocabulary.language_token(source)
        self.target = vocabulary.language_token(target)
        positions = int(vocabulary.config.max_position_embeddings)
        self.longest = min(search.max_tokens, positions - _SPECIAL)
        self.longest_found = positions - _SPECIAL

    def ready(self, pieces: Sequence[Piece]) -> Ready:
        """A batch in the host's memory."""
        raise NotImplementedError

    def search(self, worker: int, batch: Ready, pieces: Sequence[Piece]) -> list[Found]:
        """The translation of every piece."""
        raise NotImplementedError

    def encode(self, items: Sequence[str]) -> list[list[Piece]]:
        """The pieces of every text: none of an empty one, several of one that is too long."""
        coded = self.vocabulary.encode(items)
        return [self._pieces(text, ids) for text, ids in zip(items, coded, strict=True)]

    def _pieces(self, text: str, ids: list[int]) -> list[Piece]:
        if not text.strip():
            return []
        if len(ids) <= self.longest:
            return [self._piece(text, ids)]
        parts = split_text(text, self.longest, self.vocabulary.length)
        coded = self.vocabulary.encode(parts)
        return [self._piece(t, i) for t, i in zip(parts, coded, strict=True)]

    def _piece(self, text: str, ids: list[int]) -> Piece:
        return Piece(text, ids, min(self.settings.limit(len(ids)), self.longest_found))

    def framed(self, piece: Piece) -> list[int]:
        """The tokens that the model reads."""
        return self.vocabulary.framed(piece.ids, self.source)

    def cost(self, piece: Piece) -> int:
        """Source tokens x beams; the memory of a search grows with them."""
        return (len(piece.ids) + _SPECIAL) * self.settings.beams

    def collate(self, pieces: Sequence[Piece]) -> tuple[Ready, Sequence[Piece]]:
        """A batch, and the pieces in it."""
        return self.ready(pieces), pieces

    def forward(self, worker: int, batch: tuple[Ready, Sequence[Piece]]) -> list[Translated]:
        """The judged translation of every piece."""
        ready, pieces = batch
        found = self.search(worker, ready, pieces)
        texts = self.vocabulary.decode([one.ids for one in found])
        least = self.settings.min_ratio
        return [
            Translated(text, judge(text, p.ids, f.ids, f.finished, least))
            for text, p, f in zip(texts, pieces, found, strict=True)
        ]

    def name(self, piece: Piece) -> str:
        """The start of its text."""
        return f"the text {piece.text[:40]!r} of {len(piece.ids)} tokens"


def translate_texts(
    texts: Iterable[str], engine: TranslationEngine[Ready], target: Language, budget: int
) -> Iterator[Translated]:
    """The translation of every text, in their order."""
    # A small window soon shows progress where a model is slow.
    window = WINDOW if budget >= 4 * WINDOW else 1024
    for pieces in stream(texts, engine, budget=budget, window=window):
        yield joined(pieces, target)
