"""Beam search with an M2M100 model.

It returns what `generate` of transformers returns (early stopping, mean log-probability), with
two differences. Each sentence has its own length limit, while `generate` has one per batch, so
that a translation does not depend on the batch. Finished sentences leave the batch, while
`generate` decodes them until the last one ends.

It is also faster: `generate` takes 1.5 times its CPU time with 4 beams (1.2 times with greedy
search), and 1.9 times with a vocabulary of 128,000, as it computes log-probabilities of the whole
vocabulary. Measured on random models (width 256, 4 + 4 layers, vocabulary of 8,000) that end each
translation near the length of its source (9 to 37 tokens), in the same batches of similar length,
with the same output.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache, EncoderDecoderCache

from xner.translation.engine import Found

_OF_SENTENCES = (
    "limits", "number", "scores", "tokens", "ended", "best", "best_tokens", "best_length"
)  # fmt: skip


class Decoder:
    """Decoder and its cache, for a batch that shrinks as sentences end.

    Args:
        model: an M2M100 model.
        ids: int64 (B, S), source tokens, padded.
        mask: int64 (B, S), 1 for tokens and 0 for padding.
    """

    def __init__(self, model: Any, ids: Tensor, mask: Tensor) -> None:
        self.model, self.mask = model, mask
        self.hidden = model.get_encoder()(input_ids=ids, attention_mask=mask)[0]
        self.cache = EncoderDecoderCache(DynamicCache(), DynamicCache())

    def step(self, tokens: Tensor) -> Tensor:
        """Return the logits, float32 (rows, V), of the token after `tokens`, int64 (rows, n)."""
        output = self.model(
            encoder_outputs=(self.hidden,),
            attention_mask=self.mask,
            decoder_input_ids=tokens,
            past_key_values=self.cache,
            use_cache=True,
        )
        logits: Tensor = output.logits[:, -1].float()
        return logits

    def select(self, rows: Tensor, sources: Tensor | None) -> None:
        """Select `rows` of the decoder's cache and `sources` of the encoder's cache.

        The beams of a sentence share its encoder states, so `sources` is None unless a sentence
        has ended, or each sentence becomes several beams after the first step.
        """
        self.cache.self_attention_cache.reorder_cache(rows)
        if sources is not None:
            self.cache.cross_attention_cache.reorder_cache(sources)
            self.mask = self.mask.index_select(0, sources)
        # Keys and values of the encoder are cached, so only the shape of its states matters.
        self.hidden = self.hidden[:1].expand(len(rows), -1, -1)


def beam_search(
    model: Any, ids: Tensor, mask: Tensor, limits: Tensor, prompt: tuple[int, int], beams: int
) -> list[Found]:
    """Translate a batch; the result of a sentence does not depend on the others.

    A sentence is done once as many hypotheses have ended as there are beams. The best hypothesis
    is the one with the highest mean log-probability per token, language and end included. If none
    has ended within the limit, the best unfinished one is returned.

    Args:
        model: an M2M100 model.
        ids: int64 (B, S), source tokens, padded.
        mask: int64 (B, S), 1 for tokens and 0 for padding.
        limits: int64 (B), maximum number of tokens of each translation, the end included.
        prompt: the token that starts (and ends) a sentence, and that of the target language.
        beams: number of hypotheses per sentence; 1 is greedy search.
    """
    decoder = Decoder(model, ids, mask)
    end = prompt[0]
    state = _State(limits, beams)
    tokens = torch.tensor([prompt], device=ids.device).expand(len(ids), -1)
    while True:
        parent = state.advance(decoder.step(tokens), end)
        alive, fewer = state.keep()
        if not len(alive):
            return state.found
        _select(decoder, alive, parent, fewer, state)
        tokens = state.tokens[:, :, -1].reshape(-1, 1)


def _select(decoder: Decoder, alive: Tensor, parent: Tensor, fewer: bool, state: _State) -> None:
    """Reorder the decoder's rows to match the beams."""
    had, beams = state.had, state.beams
    if beams == 1 and not fewer:
        return
    rows = (alive[:, None] * had + parent[alive]).flatten()
    own = torch.arange(beams, device=alive.device).clamp(max=had - 1)
    # After the first step the single row of each sentence becomes its beams.
    sources = (alive[:, None] * had + own).flatten() if fewer or had < beams else None
    decoder.select(rows, sources)


class _State:
    """The hypotheses of the A sentences that are not done.

    Attributes:
        scores: float32 (A, beams), sum of log-probabilities.
        tokens: int64 (A, beams, length).
        ended: int64 (A), number of hypotheses that have ended.
        best, best_tokens, best_length: the best of the ended hypotheses.
        number: int64 (A), index of each sentence in the batch.
        found: the translations of sentences that are done.
    """

    def __init__(self, limits: Tensor, beams: int) -> None:
        count, device = len(limits), limits.device
        self.beams, self.had, self.length = beams, 1, 0
        self.limits = limits
        self.number = torch.arange(count, device=device)
        self.scores = torch.zeros(count, 1, device=device)
        self.tokens = torch.zeros(count, 1, 0, dtype=torch.long, device=device)
        self.ended = torch.zeros(count, dtype=torch.long, device=device)
        self.best = torch.full((count,), -torch.inf, device=device)
        self.best_tokens = torch.zeros(count, int(limits.max()), dtype=torch.long, device=device)
        self.best_length = torch.zeros(count, dtype=torch.long, device=device)
        self.found: list[Found] = [Found([], False)] * count

    def advance(self, logits: Tensor, end: int) -> Tensor:
        """Extend every hypothesis by one token; return the index of its parent (A, beams)."""
        scores, parent, token = self._candidates(logits)
        is_end = token == end
        self._note_ended(scores, parent, is_end)
        kept, place = scores.masked_fill(is_end, -torch.inf).topk(self.beams)
        parent, token = parent.gather(1, place), token.gather(1, place)
        self.tokens = torch.cat([self._following(parent), token[:, :, None]], 2)
        self.scores, self.had = kept, self.scores.shape[1]
        self.length += 1
        return parent

    def _candidates(self, logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the best 2 x beams continuations of each sentence: score, hypothesis, token."""
        had, width = self.scores.shape[1], 2 * self.beams
        top, token = logits.topk(width)
        top = top - logits.logsumexp(1, keepdim=True)
        total = (self.scores[:, :, None] + top.view(-1, had, width)).flatten(1)
        scores, place = total.topk(width)
        return scores, place // width, token.view(-1, had * width).gather(1, place)

    def _following(self, parent: Tensor) -> Tensor:
        """Return the tokens, int64 (A, n, length), of the hypotheses with these indices (A, n)."""
        return self.tokens.gather(1, parent[:, :, None].expand(-1, -1, self.length))

    def _note_ended(self, scores: Tensor, parent: Tensor, is_end: Tensor) -> None:
        """Record hypotheses that end among the best `beams` continuations."""
        ended = is_end[:, : self.beams]
        mean = scores[:, : self.beams].masked_fill(~ended, -torch.inf) / (self.length + 2)
        value, place = mean.max(1)
        better = value > self.best
        row = self._following(parent.gather(1, place[:, None]))[:, 0]
        self.best = torch.where(better, value, self.best)
        self.best_length = torch.where(better, self.length, self.best_length)
        part = self.best_tokens[:, : self.length]
        self.best_tokens[:, : self.length] = torch.where(better[:, None], row, part)
        self.ended += ended.sum(1)

    def keep(self) -> tuple[Tensor, bool]:
        """Remove sentences that are done; return the rows that remain, and whether any left."""
        done = (self.ended >= self.beams) | (self.length >= self.limits)
        alive = (~done).nonzero()[:, 0]
        if len(alive) == len(done):
            return alive, False
        self._collect(done.nonzero()[:, 0])
        for name in _OF_SENTENCES:
            setattr(self, name, getattr(self, name).index_select(0, alive))
        return alive, True

    def _collect(self, done: Tensor) -> None:
        finished = self.best[done] > -torch.inf
        lengths = torch.where(finished, self.best_length[done], self.length).tolist()
        width = self.length
        ids = torch.where(
            finished[:, None], self.best_tokens[done, :width], self.tokens[done, 0]
        ).tolist()
        places = self.number[done].tolist()
        for place, row, length, end in zip(places, ids, lengths, finished.tolist(), strict=True):
            self.found[place] = Found(row[:length], end)
