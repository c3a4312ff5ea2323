"""Translation probabilities of phrases, for the matching score `nmt` (Vamvas & Sennrich 2022).

For a source phrase a and a phrase b of the tokens b_1 … b_n, with b_{n+1} the end of sentence,

    log p(b | a) = 1/(n + 1) * sum over i of log P(b_i | b_1 … b_{i-1}, a)

is the mean log-probability per token.

Work is shared: a source phrase is encoded once for all its answers, and an answer that is a
prefix of another one costs nothing, since one pass of the decoder over the longer answer gives
the probability of every token and of an end after each.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xner.inference.batches import padded, plan_batches
from xner.inference.checkpoints import load
from xner.inference.hardware import find_hardware
from xner.inference.stream import stream
from xner.translation.engine import batch_budget
from xner.translation.vocabulary import Vocabulary

if TYPE_CHECKING:
    import torch

Tokens = tuple[int, ...]
Float64 = NDArray[np.float64]
_ROWS = 64
"""Maximum number of decoder rows per piece, so that a batch that does not fit can be halved."""
_LIKE = 0.8
"""Minimum length of a row relative to the longest row of its chunk."""
_HEAD = 512
"""Number of positions whose logits over the vocabulary are in memory at a time."""


@dataclass(frozen=True, slots=True)
class Question:
    """A source phrase and its candidate translations.

    Attributes:
        source: token ids of the encoder input (`Vocabulary.framed`).
        answers: token ids of each candidate, language token first, without an end token.
    """

    source: Tokens
    answers: Sequence[Tokens]


@dataclass(slots=True)
class ForwardTokens:
    """Number of tokens passed through the model.

    Attributes:
        encoder, decoder: tokens without padding.
        encoder_padded, decoder_padded: tokens including padding.
    """

    encoder: int = 0
    decoder: int = 0
    encoder_padded: int = 0
    decoder_padded: int = 0

    @property
    def total(self) -> int:
        """Encoder and decoder tokens without padding."""
        return self.encoder + self.decoder

    @property
    def padded(self) -> int:
        """Encoder and decoder tokens including padding."""
        return self.encoder_padded + self.decoder_padded


@dataclass(frozen=True, slots=True)
class _Piece:
    """Decoder input for one source phrase, and the ends of the answers in it.

    Attributes:
        source: token ids of the encoder input.
        rows: token ids of the decoder input, language token first.
        answers: row and number of tokens of each answer.
    """

    source: Tokens
    rows: list[Tokens]
    answers: list[tuple[int, int]]

    @property
    def cost(self) -> int:
        return len(self.source) + sum(len(row) + 1 for row in self.rows)


@dataclass(frozen=True, slots=True)
class _Batch:
    """Encoder and decoder inputs, and the mask (B, L) of all sources."""

    pieces: list[_Piece]
    mask: Any
    sources: list[_Chunk]
    answers: list[_Chunk]


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Rows of similar length on the host.

    Attributes:
        rows: int64 (R), index of each row.
        owner: int64 (R), index of its source.
        ids, mask: int64 (R, L).
    """

    rows: NDArray[np.int64]
    owner: Any
    ids: Any
    mask: Any


class Likelihood:
    """Mean log-probabilities of phrases under an NLLB or M2M100 checkpoint.

    Attributes:
        signature: checkpoint and hardware.
        vocabulary: subwords and language tokens.
        forward_tokens: number of tokens passed through the model so far.
    """

    def __init__(
        self,
        model: str,
        *,
        device: str = "auto",
        precision: str = "auto",
        batch_tokens: int | None = None,
    ) -> None:
        """Load the model onto every device.

        Args:
            model: hub id or folder.
            device: see `xner.inference.options.HardwareOptions`.
            precision: likewise; probabilities are computed in float32.
            batch_tokens: maximum number of tokens per batch, 32,768 on a GPU and 4,096 elsewhere
                by default.

        Raises:
            MissingExtraError: torch or transformers is not installed.
            InputError: the model cannot be loaded.
            UsageError: the device or precision is unknown or cannot be used.
        """
        hardware = find_hardware(device, precision)
        from transformers import M2M100ForConditionalGeneration

        self.batch_tokens = batch_budget(batch_tokens, hardware)
        self.forward_tokens = ForwardTokens()
        self.vocabulary = Vocabulary(model)
        self._lock = threading.Lock()
        self._hardware = hardware
        loaded = load(M2M100ForConditionalGeneration, model, "model", dtype=hardware.dtype)
        self._models = hardware.place(loaded.eval())
        self._pad = int(self.vocabulary.config.pad_token_id)
        self._start = int(self.vocabulary.config.decoder_start_token_id)
        self.signature = f"{self.vocabulary.signature},{hardware.signature}"

    @property
    def workers(self) -> int:
        """Number of devices."""
        return len(self._models)

    def log_likelihoods(self, questions: Iterable[Question]) -> Iterator[Float64]:
        """Yield log p(answer | source) for the answers of each question, in order.

        Yields:
            float64 (answers), at most 0: mean natural log-probability per token, end included.
        """
        for results in stream(questions, self, budget=self.batch_tokens):
            yield np.concatenate([np.zeros(0), *results])

    def encode(self, items: Sequence[Question]) -> Sequence[Sequence[_Piece]]:
        """Return the pieces of every question, with its answers in order."""
        return [_pieces(item) for item in items]

    def cost(self, piece: _Piece) -> int:
        """Return the number of encoder and decoder tokens."""
        return piece.cost

    def name(self, piece: _Piece) -> str:
        """Return the source phrase, for messages."""
        return f"the phrase {self.vocabulary.decode([piece.source])[0]!r}"

    def collate(self, pieces: Sequence[_Piece]) -> _Batch:
        """Group sources and answers into chunks of similar length."""
        sources = [np.array(p.source, np.int32) for p in pieces]
        answers = [np.array((self._start, *row), np.int32) for p in pieces for row in p.rows]
        owner = np.repeat(np.arange(len(pieces)), [len(p.rows) for p in pieces])
        return _Batch(
            list(pieces),
            self._hardware.host_tensor(padded(sources, self._pad)[1]),
            self._chunks(sources, np.arange(len(pieces))),
            self._chunks(answers, owner),
        )

    def _chunks(self, rows: list[NDArray[np.int32]], owner: NDArray[np.int64]) -> list[_Chunk]:
        lengths = np.array([len(row) for row in rows], np.int64)
        tensor, chunks = self._hardware.host_tensor, []
        for part in _similar(lengths, self.batch_tokens):
            sides = padded([rows[i] for i in part], self._pad)
            chunks.append(_Chunk(part, tensor(owner[part]), *map(tensor, sides)))
        return chunks

    def forward(self, worker: int, batch: _Batch) -> list[Float64]:
        """Return the log-likelihoods of the answers, one array per piece."""
        import torch

        model, device = self._models[worker], self._hardware.devices[worker]
        with torch.inference_mode():
            mask = batch.mask.to(device, non_blocking=True)
            states = self._encode(model, mask, batch.sources)
            tables: dict[int, tuple[Float64, Float64]] = {}
            for chunk in batch.answers:
                tables.update(self._decode(model, states, mask, chunk))
        self._count(batch)
        return _answers(batch.pieces, tables)

    def _encode(self, model: Any, mask: torch.Tensor, chunks: list[_Chunk]) -> torch.Tensor:
        """Return the encoder states of all sources (B, L, H)."""
        import torch

        states = torch.empty(0)
        for chunk in chunks:
            ids, own = (tensor.to(mask.device) for tensor in (chunk.ids, chunk.mask))
            part = model.model.encoder(input_ids=ids, attention_mask=own).last_hidden_state
            if not len(states):
                states = part.new_zeros(*mask.shape, part.shape[-1])
            states[chunk.owner.to(mask.device), : ids.shape[1]] = part
        return states

    def _decode(
        self, model: Any, states: torch.Tensor, mask: torch.Tensor, chunk: _Chunk
    ) -> Iterator[tuple[int, tuple[Float64, Float64]]]:
        """Yield, per row, log-probabilities of its tokens, and of an end before and after each."""
        own, ids = chunk.owner.to(states.device), chunk.ids.to(states.device)
        hidden = model.model.decoder(
            input_ids=ids,
            encoder_hidden_states=states[own],
            encoder_attention_mask=mask[own],
            use_cache=False,
        ).last_hidden_state
        real = chunk.mask.bool()
        real[:, 0] = False  # the start token predicts the language, which is fixed
        edges = np.concatenate([[0], np.cumsum(real.sum(1).numpy())])
        real = real.to(states.device)
        token, end = self._heads(model, hidden[real], ids.roll(-1, 1)[real])
        for i, row in enumerate(chunk.rows):
            part = slice(int(edges[i]), int(edges[i + 1]))
            yield int(row), (token[part][:-1], end[part])

    def _heads(
        self, model: Any, hidden: torch.Tensor, following: torch.Tensor
    ) -> tuple[Float64, Float64]:
        """Return log-probabilities of the following token and of an end at each position."""
        import torch

        parts = []
        for at in range(0, len(hidden), _HEAD):
            logits = model.lm_head(hidden[at : at + _HEAD]).float()
            wanted = following[at : at + _HEAD, None]
            picked = torch.cat([logits.gather(1, wanted), logits[:, self.vocabulary.end, None]], 1)
            parts.append((picked - logits.logsumexp(1, keepdim=True)).cpu())
        both = torch.cat(parts).double().numpy()
        return both[:, 0], both[:, 1]

    def _count(self, batch: _Batch) -> None:
        read, wrote = (
            [sum(int(c.mask.sum()) for c in part), sum(c.mask.numel() for c in part)]
            for part in (batch.sources, batch.answers)
        )
        with self._lock:
            total = self.forward_tokens
            total.encoder += read[0]
            total.encoder_padded += read[1]
            total.decoder += wrote[0]
            total.decoder_padded += wrote[1]


def _similar(lengths: NDArray[np.int64], budget: int) -> Iterator[NDArray[np.int64]]:
    """Yield batches of rows of similar length.

    A pass over few tokens takes as long as one over more, so a batch is only split once it fills
    an eighth of the budget.
    """
    for part in plan_batches(lengths, budget):
        begin = 0
        for at, length in enumerate(lengths[part]):
            longest = lengths[part[begin]]
            if length < _LIKE * longest and 8 * (at - begin) * longest > budget:
                yield part[begin:at]
                begin = at
        yield part[begin:]


def _pieces(question: Question) -> list[_Piece]:
    """Merge answers that are prefixes of others into the same row."""
    # In descending order a sequence directly follows those that it is a prefix of.
    order = sorted(range(len(question.answers)), key=lambda i: question.answers[i], reverse=True)
    rows: list[Tokens] = []
    place = [0] * len(order)
    for i in order:
        answer = question.answers[i]
        if not rows or rows[-1][: len(answer)] != answer:
            rows.append(answer)
        place[i] = len(rows) - 1
    return _in_parts(question, rows, place)


def _in_parts(question: Question, rows: list[Tokens], place: list[int]) -> list[_Piece]:
    """Split answers into pieces of at most `_ROWS` rows."""
    pieces: list[_Piece] = []
    local: dict[int, int] = {}
    for answer, row in zip(question.answers, place, strict=True):
        if not pieces or (row not in local and len(local) == _ROWS):
            pieces.append(_Piece(question.source, [], []))
            local = {}
        if row not in local:
            local[row] = len(local)
            pieces[-1].rows.append(rows[row])
        pieces[-1].answers.append((local[row], len(answer) - 1))
    return pieces


def _answers(pieces: list[_Piece], tables: dict[int, tuple[Float64, Float64]]) -> list[Float64]:
    found, base = [], 0
    for piece in pieces:
        means = np.empty(len(piece.answers))
        sums = [
            np.concatenate([[0.0], np.cumsum(tables[base + r][0])]) for r in range(len(piece.rows))
        ]
        for i, (row, tokens) in enumerate(piece.answers):
            means[i] = (sums[row][tokens] + tables[base + row][1][tokens]) / (tokens + 1)
        found.append(means)
        base += len(piece.rows)
    return found
