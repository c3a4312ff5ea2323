"""Words of a column as keys, shapes and sizes; those of earlier batches are remembered."""

from __future__ import annotations

import os
from threading import Lock

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xner.columns import Lists, string_offsets
from xner.kernels.blocks import frozen, over_blocks
from xner.kernels.keys import word_keys
from xner.kernels.records import Flags, Int32, Keys, Strings, Words
from xner.kernels.word_types import COLUMNS, add_words, find_words, move_words

MOST_TYPES = 1 << 19
"""Word types that are remembered at a time; they take 32 MiB."""
_BLOCK = 1 << 18
_NO_WORD = r"[^\p{L}\p{N}\p{M}]"
_BRACKETS = r"[(\[{（［｛【「『《〈]", r"[)\]}）］｝】」』》〉]"
_BRACKET_CHARACTERS = frozenset("".join(_BRACKETS)) - {"\\"}
_SEEN: set[str] = set()
_FOUND: set[str] = set()
"""Characters that `_punctuation` has looked at, and those that it found."""


class _Remembered:
    """The word types that were met.

    Attributes:
        lock: held by the thread that looks words up, which may add some.
        table: uint64 (rows, `COLUMNS`), a power of two of rows, at most half full.
        size: number of types.
    """

    def __init__(self) -> None:
        self.lock = Lock()
        self.clear(1 << 12)

    def clear(self, rows: int) -> None:
        self.table, self.size = np.zeros((rows, COLUMNS), np.uint64), 0

    def make_room(self, more: int) -> None:
        """Grow the table for `more` types, or forget all if there would be too many."""
        rows = 1 << (2 * (self.size + more)).bit_length()
        if rows > 2 * MOST_TYPES and self.size:
            self.clear(2 * MOST_TYPES)
        elif rows > len(self.table):
            old, size = self.table, self.size
            self.clear(rows)
            move_words(old, self.table)
            self.size = size


_REMEMBERED = _Remembered()


def _forget() -> None:
    """Begin again in a process that was forked: another thread may hold the lock."""
    _REMEMBERED.lock = Lock()
    _REMEMBERED.clear(1 << 12)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def words_of(tokens: Lists) -> Words:
    """Return the words of a column of tokens."""
    keys, shapes, letters, brackets = _known(tokens.values)
    return Words(
        frozen(tokens.offsets, np.int32),
        frozen(keys, np.uint64),
        frozen(shapes, np.uint8),
        frozen(letters, np.int32),
        frozen(brackets, np.int32),
    )


def _known(values: pa.StringArray | pa.DictionaryArray) -> tuple[Keys, Flags, Int32, Int32]:
    """Keys, shapes, letters and brackets of words."""
    if isinstance(values, pa.DictionaryArray):
        if len(values.dictionary) > len(values):  # it is that of many more rows
            return _known(values.dictionary_decode())
        index = values.indices.to_numpy()
        keys, shapes, letters, brackets = _known(values.dictionary)
        return keys[index], shapes[index], letters[index], brackets[index]
    many = len(values)
    keys, shapes = np.empty(many, np.uint64), np.empty(many, np.uint8)
    letters, brackets = np.empty(many, np.int32), np.empty(many, np.int32)
    if many:
        with _REMEMBERED.lock:
            _look_up(values, keys, shapes, letters, brackets)
    return keys, shapes, letters, brackets


def _look_up(
    values: pa.StringArray, keys: Keys, shapes: Flags, letters: Int32, brackets: Int32
) -> None:
    """Write what is known of words, as `Words` has it; new types are remembered."""
    parts, table = (keys, shapes, letters, brackets), _REMEMBERED.table
    found = over_blocks(find_words, range(0, len(values), _BLOCK), _strings(values), table, *parts)
    if len(unknown := np.concatenate(found)):
        coded = values.take(pa.array(unknown)).dictionary_encode()
        index, new = coded.indices.to_numpy(), _new_types(coded.dictionary)
        keys[unknown], shapes[unknown] = new.keys[index], new.shapes[index]
        letters[unknown], brackets[unknown] = new.letters[index], new.brackets[index]


def _new_types(strings: pa.StringArray) -> Words:
    """What is known of word types, each a sentence of its own; they are remembered."""
    lower = pc.utf8_lower(strings)
    sides = _strings(strings), _strings(lower), _strings(_bare(lower))
    keys, shapes = _keys(sides)
    letters = frozen(pc.utf8_length(strings).to_numpy(zero_copy_only=False), np.int32)
    brackets, most = _brackets(strings), min(len(strings), MOST_TYPES // 2)
    _REMEMBERED.make_room(most)
    parts = keys[:most], shapes[:most], letters[:most], brackets[:most]
    _REMEMBERED.size += add_words(sides[0], *parts, _REMEMBERED.table)
    return Words(frozen(np.arange(len(strings) + 1), np.int32), keys, shapes, letters, brackets)


def hashed(strings: pa.StringArray) -> Keys:
    """Return uint64: the keys of strings as they are."""
    side = _strings(strings)
    return _keys((side, side, side))[0]


def _keys(sides: tuple[Strings, Strings, Strings]) -> tuple[Keys, Flags]:
    """Keys and shapes of strings, their lower case, and what is compared of it."""
    many = len(sides[0].offsets) - 1
    keys, shapes = np.empty(many, np.uint64), np.empty(many, np.uint8)
    over_blocks(word_keys, many, *sides, keys, shapes)
    return frozen(keys, np.uint64), frozen(shapes, np.uint8)


def _brackets(strings: pa.StringArray) -> Int32:
    """int32: opening minus closing brackets of each string."""
    # Arrow compiles the expressions at each call: most words have no brackets.
    if not _BRACKET_CHARACTERS & set("".join(strings.to_pylist())):
        return frozen(np.zeros(len(strings)), np.int32)
    more, fewer = (pc.count_substring_regex(strings, part) for part in _BRACKETS)
    return frozen(pc.subtract(more, fewer).to_numpy(zero_copy_only=False), np.int32)


def _bare(words: pa.StringArray) -> pa.StringArray:
    """Words without surrounding punctuation; words of nothing else stay."""
    characters = set("".join(words.to_pylist()))
    around = sorted(characters & _punctuation(characters))
    bare = pc.utf8_trim(words, "".join(around))
    return pc.if_else(pc.equal(bare, ""), words, bare)


def _punctuation(characters: set[str]) -> set[str]:
    """Those that are neither letters, numbers nor marks, and more that were seen before.

    Arrow takes milliseconds to compile the expression, so it sees every character only once.
    """
    if new := sorted(characters - _SEEN):
        found = pc.match_substring_regex(pa.array(new), _NO_WORD).to_pylist()
        _FOUND.update(character for character, is_one in zip(new, found, strict=True) if is_one)
        _SEEN.update(new)
    return _FOUND


def _strings(strings: pa.StringArray) -> Strings:
    """UTF-8 of all strings."""
    data = strings.buffers()[2]
    text = np.frombuffer(data if data is not None and data.size else b"\0", np.uint8)
    return Strings(frozen(string_offsets(strings), np.int32), frozen(text, np.uint8))
