"""Steps that the backends share: splitting texts, batching, and assigning outcomes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, Generic, TypeVar

from xner.inference.hardware import Hardware, find_hardware
from xner.inference.stream import WINDOW, stream
from xner.languages import Language
from xner.options import signed
from xner.translation.base import Translated, join_pieces
from xner.translation.options import CPU_TOKENS, GPU_TOKENS, SEARCH, TranslatorOptions
from xner.translation.pieces import split_text
from xner.translation.quality import outcome_of
from xner.translation.vocabulary import Vocabulary

Ready = TypeVar("Ready")
_SPECIAL = 2
_LEAST_LIMIT = 16


def length_limit(max_ratio: float, tokens: int) -> int:
    """Return the maximum length, end included, of the translation of `tokens` source tokens."""
    return _LEAST_LIMIT + ceil(max_ratio * tokens)


def search_signature(options: TranslatorOptions) -> str:
    """Return the options that can change a translation or its outcome, for signatures."""
    return ",".join(signed(options, SEARCH))


def batch_budget(batch_tokens: int | None, hardware: Hardware) -> int:
    """Return `batch_tokens`, or its default for the hardware."""
    return batch_tokens or (GPU_TOKENS if hardware.kind == "cuda" else CPU_TOKENS)


@dataclass(frozen=True, slots=True)
class Piece:
    """A text that fits the model, or a part of a longer text.

    Attributes:
        text: the text.
        ids: its subword ids, without language and end tokens.
        limit: maximum number of tokens of its translation, the end included.
    """

    text: str
    ids: list[int]
    limit: int


@dataclass(frozen=True, slots=True)
class Found:
    """The result of a search: subword ids without language and end, and whether it ended."""

    ids: list[int]
    finished: bool


class TranslationEngine(Generic[Ready]):
    """An engine of `xner.inference.stream` that translates from one language into another.

    A backend adds `ready`, which builds a batch, and `search`, which runs it on a device.
    """

    def __init__(
        self, translator: CheckpointTranslator, source: Language, target: Language, workers: int
    ) -> None:
        vocabulary = translator.vocabulary
        self.vocabulary, self.options, self.workers = vocabulary, translator.options, workers
        self.source = vocabulary.language_token(source)
        self.target = vocabulary.language_token(target)
        positions = int(vocabulary.config.max_position_embeddings)
        self.longest = min(self.options.max_tokens, positions - _SPECIAL)
        self.longest_found = positions - _SPECIAL

    def ready(self, pieces: Sequence[Piece]) -> Ready:
        """Build a batch on the host."""
        raise NotImplementedError

    def search(self, worker: int, batch: Ready, pieces: Sequence[Piece]) -> list[Found]:
        """Translate every piece of a batch."""
        raise NotImplementedError

    def encode(self, items: Sequence[str]) -> list[list[Piece]]:
        """Return the pieces of every text: none of an empty text, several of a long one."""
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
        """Return the model input of a piece."""
        return self.vocabulary.framed(piece.ids, self.source)

    def cost(self, piece: Piece) -> int:
        """Return source tokens times beams, on which the memory of a search depends."""
        return (len(piece.ids) + _SPECIAL) * self.options.beams

    def collate(self, pieces: Sequence[Piece]) -> tuple[Ready, Sequence[Piece]]:
        """Return a batch and the pieces in it."""
        return self.ready(pieces), pieces

    def forward(self, worker: int, batch: tuple[Ready, Sequence[Piece]]) -> list[Translated]:
        """Return the translation of every piece, with its outcome."""
        ready, pieces = batch
        found = self.search(worker, ready, pieces)
        texts = self.vocabulary.decode([one.ids for one in found])
        least = self.options.min_ratio
        return [
            Translated(text, outcome_of(text, p.ids, f.ids, f.finished, least))
            for text, p, f in zip(texts, pieces, found, strict=True)
        ]

    def name(self, piece: Piece) -> str:
        """Return the start of the text, for messages."""
        return f"the text {piece.text[:40]!r} of {len(piece.ids)} tokens"


class CheckpointTranslator:
    """A translator that runs a checkpoint; a backend adds `engine` and `signature`.

    Raises:
        MissingExtraError: torch or transformers is not installed.
        InputError: the model cannot be loaded, or is of another type.
        UsageError: the device cannot be used.
    """

    def __init__(self, options: TranslatorOptions) -> None:
        self.options = options
        self.hardware = find_hardware(options.device, options.precision)
        self.budget = batch_budget(options.batch_tokens, self.hardware)
        self.vocabulary = Vocabulary(str(options.model))

    def engine(self, source: Language, target: Language) -> TranslationEngine[Any]:
        """Return the engine for a pair of languages."""
        raise NotImplementedError

    def _signed(self, name: str, hardware: str, package: str, version: str) -> str:
        """Return checkpoint, search options, hardware and version."""
        settings = f"{self.vocabulary.signature},{search_signature(self.options)}"
        return f"{name}({settings},{hardware},{package}:{version})"

    def translate(
        self, texts: Iterable[str], source: Language, target: Language
    ) -> Iterator[Translated]:
        """Yield the translation of every text, in order.

        Raises:
            UsageError: the checkpoint does not know a language.
            ResourceError: a text does not fit into the device's memory.
        """
        engine = self.engine(source, target)
        # Slow models show progress sooner with a small window.
        window = WINDOW if self.budget >= 4 * WINDOW else 1024
        for pieces in stream(texts, engine, budget=self.budget, window=window):
            yield join_pieces(pieces, target)
