"""Sentences as model inputs: subwords, special tokens and windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xner.inference.checkpoints import load
from xner.inference.windows import plan_windows

Int32 = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Piece:
    """A sentence, or a window of it, as model input.

    Attributes:
        ids: int32 (tokens), special tokens included.
        places: int32 (W), positions in `ids` of the first subwords of the words tagged here.
        words: int32 (W), index of each of these words in the sentence.
        sentence: all words of the sentence, for messages.
    """

    ids: Int32
    places: Int32
    words: Int32
    sentence: Sequence[str]


class Subwords:
    """A tokenizer for sentences of words.

    Attributes:
        filler: id of the padding token.
        limit: maximum number of tokens of the tokenizer, special tokens included.
    """

    def __init__(self, name: str) -> None:
        """Load the tokenizer of a checkpoint.

        Raises:
            InputError: the tokenizer cannot be loaded.
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
        """Return the pieces of every sentence, each of at most `window` tokens.

        Words are tagged by their first subword; words without subwords are in no piece.
        """
        room = max(1, window - len(self._before) - len(self._after))
        return [
            self._cut(*tokens, words, room)
            for tokens, words in zip(self._encode(sentences), sentences, strict=True)
        ]

    def _encode(self, sentences: Sequence[Sequence[str]]) -> list[tuple[Int32, Int32]]:
        """Return the subword ids of each sentence and their words, without special tokens."""
        if not self._tokenizer.is_fast:
            return [self._encode_slowly(words) for words in sentences]
        found = self._tokenizer.backend_tokenizer.encode_batch(
            [list(words) for words in sentences], is_pretokenized=True, add_special_tokens=False
        )
        return [(np.array(f.ids, np.int32), np.array(f.word_ids, np.int32)) for f in found]

    def _encode_slowly(self, words: Sequence[str]) -> tuple[Int32, Int32]:
        """Encode word by word, for tokenizers written in Python."""
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
        # Windows share at least half of their tokens, so that every word has context.
        windows = plan_windows(np.array([len(ids)]), room, room - room // 2, ties_first=True)
        pieces = []
        for start, low, high in zip(windows.start, windows.own_from, windows.own_to, strict=True):
            own = first[(first >= low) & (first < high)]
            if len(own):
                part = ids[start : start + room]
                pieces.append(self._piece(part, own - start, word[own], sentence))
        return pieces

    def _piece(
        self, ids: Int32, places: NDArray[np.int64], words: Int32, sentence: Sequence[str]
    ) -> Piece:
        """Return a piece with special tokens added."""
        whole = np.concatenate([self._before, ids, self._after])
        return Piece(whole, (places + len(self._before)).astype(np.int32), words, sentence)


def _glues_words(tokenizer: Any) -> bool:
    """Whether words would be encoded without a leading space (GPT-2, RoBERTa)."""
    if not tokenizer.is_fast:
        return False
    splitter = tokenizer.backend_tokenizer.pre_tokenizer
    return type(splitter).__name__ == "ByteLevel" and not splitter.add_prefix_space


def _special_tokens(tokenizer: Any) -> tuple[Int32, Int32]:
    """Return the special tokens before and after a sentence."""
    bare = tokenizer.encode("a", add_special_tokens=False)
    whole = tokenizer.encode("a")
    at = next((i for i in range(len(whole) - len(bare) + 1) if whole[i : i + len(bare)] == bare), 0)
    return np.array(whole[:at], np.int32), np.array(whole[at + len(bare) :], np.int32)
