"""From words to pieces that a model can read: subwords, special tokens, windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xner.inference.checkpoints import load

Int32 = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Piece:
    """A sentence, or a window of it, as the model reads it.

    Attributes:
        ids: int32 (tokens), special tokens included.
        places: int32 (W), positions in `ids` of the first subwords that are judged here.
        words: int32 (W), the word of each, counted through the sentence.
        sentence: all its words, for messages.
    """

    ids: Int32
    places: Int32
    words: Int32
    sentence: Sequence[str]


class Subwords:
    """A tokenizer for sentences of words.

    Attributes:
        filler: id of the padding token.
        limit: most tokens the tokenizer allows, special ones included.
    """

    def __init__(self, name: str) -> None:
        """Load the tokenizer of a checkpoint.

        Raises:
            InputError: it cannot be loaded.
        """
        from transformers import AutoTokenizer

        tokenizer = load(AutoTokenizer, name, "tokenizer")
        if _glues_words(tokenizer):
            tokenizer = load(AutoTokenizer, name, "tokenizer", add_prefix_space=True)
        self._tokenizer = tokenizer
        if tokenizer.is_fast:
            tokenizer.backend_tokenizer.no_truncation()
            tokenizer.backend_tokenizer.no_padding()
        self._before, self._after = _special_tokens(tokenizer)
        self.filler: int = tokenizer.pad_token_id or 0
        self.limit: int = tokenizer.model_max_length

    def pieces(self, sentences: Sequence[Sequence[str]], window: int) -> list[list[Piece]]:
        """The pieces of every sentence, each of at most `window` tokens.

        A word is judged by its first subword; one without any is in no piece.
        """
        room = max(1, window - len(self._before) - len(self._after))
        return [
            self._cut(*tokens, words, room)
            for tokens, words in zip(self._encode(sentences), sentences, strict=True)
        ]

    def _encode(self, sentences: Sequence[Sequence[str]]) -> list[tuple[Int32, Int32]]:
        """Subword ids and the word of each, without special tokens."""
        if not self._tokenizer.is_fast:
            return [self._encode_slowly(words) for words in sentences]
        found = self._tokenizer.backend_tokenizer.encode_batch(
            [list(words) for words in sentences], is_pretokenized=True, add_special_tokens=False
        )
        return [(np.array(f.ids, np.int32), np.array(f.word_ids, np.int32)) for f in found]

    def _encode_slowly(self, words: Sequence[str]) -> tuple[Int32, Int32]:
        """Word by word, for tokenizers that are written in Python."""
        ids = [self._tokenizer.encode(word, add_special_tokens=False) for word in words]
        flat = [i for own in ids for i in own]
        word = np.repeat(np.arange(len(ids)), [len(own) for own in ids])
        return np.array(flat, np.int32), word.astype(np.int32)

    def _cut(self, ids: Int32, word: Int32, sentence: Sequence[str], room: int) -> list[Piece]:
        if not len(ids):
            return []
        begins = np.ones(len(word), bool)
        np.not_equal(word[1:], word[:-1], out=begins[1:])
        first = np.flatnonzero(begins)
        if len(ids) <= room:
            return [self._piece(ids, first, word[first], sentence)]
        starts, owner = plan_windows(len(ids), first, room)
        pieces = []
        for window, start in enumerate(starts):
            own = first[owner == window]
            if len(own):
                part = ids[start : start + room]
                pieces.append(self._piece(part, own - start, word[own], sentence))
        return pieces

    def _piece(
        self, ids: Int32, places: NDArray[np.int64], words: Int32, sentence: Sequence[str]
    ) -> Piece:
        """A piece with its special tokens."""
        whole = np.concatenate([self._before, ids, self._after])
        return Piece(whole, (places + len(self._before)).astype(np.int32), words, sentence)


def plan_windows(
    tokens: int, asked: NDArray[np.int64], room: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Windows over a sentence, and the one where each token has most context.

    Windows lie evenly and share at least half of their tokens with the next. The context of a
    token in a window is the lesser of the tokens to its left and right there; where the window
    begins or ends with the sentence, that side lacks nothing.

    Args:
        tokens: of the sentence, at least 1.
        asked: int64 (A), the tokens that are asked about.
        room: most tokens of a window.

    Returns:
        int64 (windows), first token of each, and int64 (A), the window of each token that is
        asked about (ties: the first).
    """
    beyond = tokens - room
    if beyond <= 0:
        return np.zeros(1, np.int64), np.zeros(len(asked), np.int64)
    steps = -(-beyond // max(1, room // 2))
    starts = np.arange(steps + 1) * beyond // steps
    left = asked - starts[:, None]
    right = room - 1 - left
    inside = (left >= 0) & (right >= 0)
    left = np.where(starts[:, None] == 0, tokens, left)
    right = np.where(starts[:, None] == beyond, tokens, right)
    context = np.where(inside, np.minimum(left, right), -1)
    return starts, context.argmax(axis=0)


def _glues_words(tokenizer: Any) -> bool:
    """Whether words would be encoded as if no space stood before them (GPT-2, RoBERTa)."""
    if not tokenizer.is_fast:
        return False
    splitter = tokenizer.backend_tokenizer.pre_tokenizer
    return type(splitter).__name__ == "ByteLevel" and not splitter.add_prefix_space


def _special_tokens(tokenizer: Any) -> tuple[Int32, Int32]:
    """What stands before and after the subwords of a sentence."""
    bare = tokenizer.encode("a", add_special_tokens=False)
    whole = tokenizer.encode("a")
    at = next((i for i in range(len(whole) - len(bare) + 1) if whole[i : i + len(bare)] == bare), 0)
    return np.array(whole[:at], np.int32), np.array(whole[at + len(bare) :], np.int32)
