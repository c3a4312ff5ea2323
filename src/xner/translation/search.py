"""Beam search over an M2M100 model: one call translates a batch."""

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
    """The model's decoder over a batch that shrinks as sentences end.

    Args:
        model: an M2M100 model.
        ids: int64 (B, S), source tokens, padded.
        mask: int64 (B, S), 1 where there is a token.
    """

    def __init__(self, model: Any, ids: Tensor, mask: Tensor) -> None:
        self.model, self.mask = model, mask
        self.hidden = model.get_encoder()(input_ids=ids, attention_mask=mask)[0]
        self.cache = EncoderDecoderCache(DynamicCache(), DynamicCache())

    def step(self, tokens: Tensor) -> Tensor:
        """float32 (rows, V): logits of the token after `tokens`, int64 (rows, n)."""
        made = self.model(
            encoder_outputs=(self.hidden,),
            attention_mask=self.mask,
            decoder_input_ids=tokens,
            past_key_values=self.cache,
            use_cache=True,
        )
        logits: Tensor = made.logits[:, -1].float()
        return logits

    def select(self, rows: Tensor, sources: Tensor | None) -> None:
        """Keep `rows` of what was decoded; and `sources`, of the same sentences, of the encoder.

        The beams of a sentence share its encoder states, so these stay where they are unless a
        sentence has ended, or the first step is over and sentences become beams.
        """
        self.cache.self_attention_cache.reorder_cache(rows)
        if sources is not None:
            self.cache.cross_attention_cache.reorder_cache(sources)
            self.mask = self.mask.index_select(0, sources)
        # Keys and values of the encoder are cached, so that its states only tell their shape.
        self.hidden = self.hidden[:1].expand(len(rows), -1, -1)


def beam_search(
    model: Any, ids: Tensor, mask: Tensor, limits: Tensor, prompt: tuple[int, int], beams: int
) -> list[Found]:
    """Translate a batch; each sentence as it would be alone.

    A sentence is done when as many hypotheses have ended as there are beams; the best is the one
    with the highest mean log-probability of its tokens, language and end counted. Where none has
    ended within the limit, the best that has not is taken.

    Args:
        model: an M2M100 model.
        ids: int64 (B, S), source tokens, padded.
        mask: int64 (B, S), 1 where there is a token.
        limits: int64 (B), most tokens of each translation, its end counted.
        prompt: the token that starts (and ends) a sentence, and that of the target language.
        beams: hypotheses that are followed; 1 is greedy search.
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
    """Bring the decoder's rows in line with the beams."""
    had, beams = state.had, state.beams
    if beams == 1 and not fewer:
        return
    rows = (alive[:, None] * had + parent[alive]).flatten()
    own = torch.arange(beams, device=alive.device).clamp(max=had - 1)
    # After the first step each sentence's one row becomes its beams.
    sources = (alive[:, None] * had + own).flatten() if fewer or had < beams else None
    decoder.select(rows, sources)


class _State:
    """The hypotheses of every sentence that is not done.

    Attributes:
        scores: float32 (A, beams), sum of log-probabilities.
        tokens: int64 (A, beams, length).
        ended: int64 (A), hypotheses that have ended.
        best, best_tokens, best_length: the best of them.
        number: int64 (A), places in the batch.
        found: the translations, as sentences are done.
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
        """Follow every hypothesis by one token; int64 (A, beams): the one each came from."""
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
        """The best 2 x beams continuations of each sentence: score, hypothesis and token."""
        had, width = self.scores.shape[1], 2 * self.beams
        top, token = logits.topk(width)
        top = top - logits.logsumexp(1, keepdim=True)
        total = (self.scores[:, :, None] + top.view(-1, had, width)).flatten(1)
        scores, place = total.topk(width)
        return scores, place // width, token.view(-1, had * width).gather(1, place)

    def _following(self, parent: Tensor) -> Tensor:
        """int64 (A, n, length): the tokens of hypotheses, given their places (A, n)."""
        return self.tokens.gather(1, parent[:, :, None].expand(-1, -1, self.length))

    def _note_ended(self, scores: Tensor, parent: Tensor, is_end: Tensor) -> None:
        """Hypotheses that end among the best `beams` continuations."""
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
        """Take out the sentences that are done; the places of the others, and whether any went."""
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
