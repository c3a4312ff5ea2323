"""Steps that the backends share: splitting texts, batching, and assigning outcomes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Generic, TypeVar

from xner.inference.hardware import Hardware
from xner.inference.stream import WINDOW, stream
from xner.languages import Language
from xner.options import signed
from xner.translation.base import Translated, joined
from xner.translation.options import CPU_TOKENS, GPU_TOKENS, SEARCH, TranslatorOptions
from xner.translation.pieces import split_text
from xner.translation.quality import judge
from xner.translation.vocabulary import Vocabulary

Ready = TypeVar("Ready")
_SPECIAL = 2
_LEAST_LIMIT = 16


def length_limit(max_ratio: float, tokens: int) -> int:
    """Maximum number of tokens, including the end, of a translation of `tokens` tokens."""
    return _LEAST_LIMIT + ceil(max_ratio * tokens)


def search_signature(options: TranslatorOptions) -> str:
    """Return the options that can change a translation or its outcome, for signatures."""
    return ",".join(signed(options, SEARCH))


def batch_budget(batch_tokens: int | None, hardware: Hardware) -> int:
    """Return `batch_tokens`, or its default for the hardware."""
    on_gpu = hardware.devices[0].startswith("cuda")
    return batch_tokens or (GPU_TOKENS if on_gpu else CPU_TOKENS)


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
        options: TranslatorOptions,
        source: Language,
        target: Language,
        workers: int,
    ) -> None:
        self.vocabulary, self.options, self.workers = vocabulary, options, workers
        self.source = vocabulary.language_token(source)
        self.target = vocabulary.language_token(target)
        positions = int(vocabulary.config.max_position_embeddings)
        self.longest = min(options.max_tokens, positions - _SPECIAL)
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
        limit = length_limit(self.options.max_ratio, len(ids))
        return Piece(text, ids, min(limit, self.longest_found))

    def framed(self, piece: Piece) -> list[int]:
        """The tokens that the model reads."""
        return self.vocabulary.framed(piece.ids, self.source)

    def cost(self, piece: Piece) -> int:
        """Source tokens x beams; the memory of a search grows with them."""
        return (len(piece.ids) + _SPECIAL) * self.options.beams

    def collate(self, pieces: Sequence[Piece]) -> tuple[Ready, Sequence[Piece]]:
        """A batch, and the pieces in it."""
        return self.ready(pieces), pieces

    def forward(self, worker: int, batch: tuple[Ready, Sequence[Piece]]) -> list[Translated]:
        """The judged translation of every piece."""
        ready, pieces = batch
        found = self.search(worker, ready, pieces)
        texts = self.vocabulary.decode([one.ids for one in found])
        least = self.options.min_ratio
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
