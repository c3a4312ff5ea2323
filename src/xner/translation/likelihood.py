"""How likely a translation model finds one phrase as the translation of another.

For a source phrase a and a phrase b of the tokens b_1 … b_n, b_{n+1} the end of the sentence,

    log p(b | a) = 1/(n + 1) * sum over i of log P(b_i | b_1 … b_{i-1}, a)

the mean over tokens that the matching score `nmt` is made of (Vamvas & Sennrich 2022).

What is shared: a phrase is encoded once for all that are scored against it, and a phrase whose
tokens begin another one costs nothing of its own: one pass of the decoder over the longer gives
the probability of every token, and of an end after each.
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
"""Decoder rows of a piece at most, so that a batch that does not fit can be halved."""
_LIKE = 0.8
"""Least length of a row as a share of the longest in its chunk."""
_HEAD = 512
"""Positions whose scores over the whole vocabulary are held at a time."""


@dataclass(frozen=True, slots=True)
class Question:
    """A source phrase, and the phrases that may be its translation.

    Attributes:
        source: token ids as the encoder reads them (`Vocabulary.framed`).
        answers: token ids of each, language token first, without an end.
    """

    source: Tokens
    answers: Sequence[Tokens]


@dataclass(slots=True)
class ForwardTokens:
    """Tokens that went through the model, and positions of the batches that held them.

    Attributes:
        encoder, decoder: tokens, padding not counted.
        encoder_padded, decoder_padded: positions, padding counted.
    """

    encoder: int = 0
    decoder: int = 0
    encoder_padded: int = 0
    decoder_padded: int = 0

    @property
    def total(self) -> int:
        """Tokens of both, padding not counted."""
        return self.encoder + self.decoder

    @property
    def padded(self) -> int:
        """Positions of both, padding counted."""
        return self.encoder_padded + self.decoder_padded


@dataclass(frozen=True, slots=True)
class _Piece:
    """What the decoder reads for one source phrase, and where the answers end in it.

    rows: token ids, language first. answers: row and number of tokens of each answer.
    """

    source: Tokens
    rows: list[Tokens]
    answers: list[tuple[int, int]]

    @property
    def cost(self) -> int:
        return len(self.source) + sum(len(row) + 1 for row in self.rows)


@dataclass(frozen=True, slots=True)
class _Batch:
    """What the encoder and the decoder read, and the mask (B, L) of all sources."""

    pieces: list[_Piece]
    mask: Any
    sources: list[_Chunk]
    answers: list[_Chunk]


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Rows of like length in the host's memory.

    rows: the number of each. owner: int64 (R), its source. ids, mask: int64 (R, L).
    """

    rows: NDArray[np.int64]
    owner: Any
    ids: Any
    mask: Any


class Likelihood:
    """Mean log-probabilities of phrases, under any NLLB or M2M100 checkpoint.

    Attributes:
        signature: checkpoint and hardware.
        vocabulary: subwords, and the tokens that stand for languages.
        forward_tokens: what went through the model so far.
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
            device: as for `xner.inference.hardware.find_hardware`.
            precision: likewise; probabilities are taken in float32.
            batch_tokens: most tokens of a batch; default 32,768 on a GPU and 4,096 elsewhere.

        Raises:
            MissingExtraError: torch or transformers is not installed.
            InputError: the model cannot be loaded.
            UsageError: no such device or precision, or batch_tokens below 1.
        """
        hardware = find_hardware(device, precision)
        from transformers import M2M100ForConditionalGeneration

        self.batch_tokens = batch_budget(batch_tokens, hardware)
        self.forward_tokens = ForwardTokens()
        self.vocabulary = Vocabulary(model)
        self._lock = threading.Lock()
        self._devices = hardware.devices
        self._models = [
            load(M2M100ForConditionalGeneration, model, "model", dtype=hardware.dtype).to(d).eval()
            for d in hardware.devices
        ]
        self._pad = int(self.vocabulary.config.pad_token_id)
        self._start = int(self.vocabulary.config.decoder_start_token_id)
        self.signature = f"{self.vocabulary.signature},{hardware.signature}"

    @property
    def workers(self) -> int:
        """Number of devices."""
        return len(self._models)

    def log_likelihoods(self, questions: Iterable[Question]) -> Iterator[Float64]:
        """Means of ln P: log p(answer | source) for each answer of each question, in order.

        Yields:
            float64 (answers), at most 0: the mean over tokens, the end included.
        """
        for results in stream(questions, self, budget=self.batch_tokens):
            yield np.concatenate([np.zeros(0), *results])

    def encode(self, items: Sequence[Question]) -> Sequence[Sequence[_Piece]]:
        """The pieces of every question, answers in order."""
        return [_pieces(item) for item in items]

    def cost(self, piece: _Piece) -> int:
        """Tokens of a piece, both sides."""
        return piece.cost

    def name(self, piece: _Piece) -> str:
        """The phrase, for messages."""
        return f"the phrase {self.vocabulary.decode([piece.source])[0]!r}"

    def collate(self, pieces: Sequence[_Piece]) -> _Batch:
        """Sources and answers, each in chunks of like length."""
        sources = [np.array(p.source, np.int32) for p in pieces]
        answers = [np.array((self._start, *row), np.int32) for p in pieces for row in p.rows]
        owner = np.repeat(np.arange(len(pieces)), [len(p.rows) for p in pieces])
        return _Batch(
            list(pieces),
            self._host(padded(sources, self._pad)[1]),
            self._chunks(sources, np.arange(len(pieces))),
            self._chunks(answers, owner),
        )

    def _chunks(self, rows: list[NDArray[np.int32]], owner: NDArray[np.int64]) -> list[_Chunk]:
        lengths = np.array([len(row) for row in rows], np.int64)
        chunks = []
        for part in _alike(lengths, self.batch_tokens):
            sides = padded([rows[i] for i in part], self._pad)
            chunks.append(_Chunk(part, self._host(owner[part]), *map(self._host, sides)))
        return chunks

    def _host(self, array: NDArray[np.int64]) -> torch.Tensor:
        import torch

        tensor = torch.from_numpy(array)
        return tensor.pin_memory() if self._devices[0].startswith("cuda") else tensor

    def forward(self, worker: int, batch: _Batch) -> list[Float64]:
        """The answers' log-likelihoods, one array for each piece."""
        import torch

        model, device = self._models[worker], self._devices[worker]
        with torch.inference_mode():
            mask = batch.mask.to(device, non_blocking=True)
            states = self._encode(model, mask, batch.sources)
            tables: dict[int, tuple[Float64, Float64]] = {}
            for chunk in batch.answers:
                tables.update(self._decode(model, states, mask, chunk))
        self._count(batch)
        return _answers(batch.pieces, tables)

    def _encode(self, model: Any, mask: torch.Tensor, chunks: list[_Chunk]) -> torch.Tensor:
        """States of all sources (B, L, H)."""
        import torch

        states = torch.empty(0)
        for chunk in chunks:
            ids, own = (tensor.to(mask.device) for tensor in (chunk.ids, chunk.mask))
            made = model.model.encoder(input_ids=ids, attention_mask=own).last_hidden_state
            if not len(states):
                states = made.new_zeros(*mask.shape, made.shape[-1])
            states[chunk.owner.to(mask.device), : ids.shape[1]] = made
        return states

    def _decode(
        self, model: Any, states: torch.Tensor, mask: torch.Tensor, chunk: _Chunk
    ) -> Iterator[tuple[int, tuple[Float64, Float64]]]:
        """For each row, log-probabilities of its tokens, and of an end before and after each."""
        own, ids = chunk.owner.to(states.device), chunk.ids.to(states.device)
        hidden = model.model.decoder(
            input_ids=ids,
            encoder_hidden_states=states[own],
            encoder_attention_mask=mask[own],
            use_cache=False,
        ).last_hidden_state
        real = chunk.mask.bool()
        real[:, 0] = False  # the start predicts the language, which is given
        edges = np.concatenate([[0], np.cumsum(real.sum(1).numpy())])
        real = real.to(states.device)
        token, end = self._heads(model, hidden[real], ids.roll(-1, 1)[real])
        for i, row in enumerate(chunk.rows):
            part = slice(int(edges[i]), int(edges[i + 1]))
            yield int(row), (token[part][:-1], end[part])

    def _heads(
        self, model: Any, hidden: torch.Tensor, following: torch.Tensor
    ) -> tuple[Float64, Float64]:
        """Log-probabilities of the following token and of an end, at each position."""
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


def _alike(lengths: NDArray[np.int64], budget: int) -> Iterator[NDArray[np.int64]]:
    """Batches of rows in which the shortest has most of the longest's tokens, unless they are few.

    A pass over few tokens costs as much as one over more, so that an eighth of the budget is
    always filled.
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
    """Rows so that every answer begins one, and the answers in them."""
    # In sorted order whatever a sequence begins follows right after it.
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
    """Pieces of consecutive answers whose rows are few enough."""
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
