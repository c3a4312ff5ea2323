"""An open-addressing table of word types: what is known of a word, found by its bytes.

A row has the hash of the bytes, the key, and shape, brackets and letters in one number. Different
words share a hash with a probability of about 2^-64.
"""

import numpy as np

from xner.kernels.jit import inner, kernel
from xner.kernels.keys import HALF, LOW, MULTIPLIER, SEED, mix
from xner.kernels.records import Flags, Int32, Int64, Keys, Strings

COLUMNS = 4  # three are used; a row of 32 bytes never crosses a cache line
_HASH, _KEY, _REST = 0, 1, 2
_TOGETHER = 64
_ONE, _BYTE = np.uint64(1), np.uint64(8)
_MOST_BRACKETS = 1 << 22
_BRACKET_BITS = np.uint64((1 << 24) - 1)


@inner
def eight_bytes(data, at):
    """The bytes from `at` on as a number; LLVM reads them at once."""
    at = np.uint64(at)
    return (
        np.uint64(data[at])
        | np.uint64(data[at + _ONE]) << _BYTE
        | np.uint64(data[at + np.uint64(2)]) << np.uint64(16)
        | np.uint64(data[at + np.uint64(3)]) << np.uint64(24)
        | np.uint64(data[at + np.uint64(4)]) << np.uint64(32)
        | np.uint64(data[at + np.uint64(5)]) << np.uint64(40)
        | np.uint64(data[at + np.uint64(6)]) << np.uint64(48)
        | np.uint64(data[at + np.uint64(7)]) << np.uint64(56)
    )


@inner
def with_bytes(key, part):
    """Return a hash with eight more bytes."""
    key = (key & LOW) * MULTIPLIER + (key >> HALF)
    key ^= part & LOW
    key = (key & LOW) * MULTIPLIER + (key >> HALF)
    return key ^ (part >> HALF)


@inner
def bytes_hash(data, first, last):
    """Return the hash of the bytes `[first, last)`, never 0.

    Eight bytes at a time; what lies behind the last one is masked, without a branch.
    """
    size = np.int64(last) - np.int64(first)
    key = SEED ^ np.uint64(size)
    at = np.int64(first)
    if at + 8 * (size // 8) + 8 <= len(data):
        while size > 8:
            key = with_bytes(key, eight_bytes(data, at))
            at += 8
            size -= 8
        if size > 0:
            part = eight_bytes(data, at) << np.uint64(8 * (8 - size))
            key = with_bytes(key, part >> np.uint64(8 * (8 - size)))
    else:  # at the end of the data
        while size > 0:
            part = np.uint64(0)
            for k in range(min(size, 8)):
                part |= np.uint64(data[at + k]) << np.uint64(8 * k)
            key = with_bytes(key, part)
            at += 8
            size -= 8
    key = mix(key)
    return key if key != 0 else SEED


@inner
def row_of(table, key):
    """Return the row of a hash, or the free one where it belongs."""
    mask = len(table) - 1
    row = np.int64(key >> HALF) & mask
    while table[row, _HASH] != 0 and table[row, _HASH] != key:
        row = (row + 1) & mask
    return row


@kernel
def find_some(lo, hi, words, table, keys, shapes, letters, brackets, unknown, hashes, touched):
    """Do what `find_words` does; return how many words are not known.

    Reading the rows of several words before any of them is needed lets the processor wait for all
    of them at the same time.
    """
    mask, many = len(table) - 1, 0
    for first in range(lo, hi, _TOGETHER):
        some = min(_TOGETHER, hi - first)
        for k in range(some):
            w = first + k
            hashes[k] = bytes_hash(words.data, words.offsets[w], words.offsets[w + 1])
        for k in range(some):
            touched[0] ^= table[np.int64(hashes[k] >> HALF) & mask, _HASH]
        for k in range(some):
            w, row = first + k, row_of(table, hashes[k])
            if table[row, _HASH] == 0:
                unknown[many] = w
                many += 1
                continue
            rest = table[row, _REST]
            keys[w] = table[row, _KEY]
            shapes[w] = rest & np.uint64(0xFF)
            brackets[w] = np.int64(rest >> _BYTE & _BRACKET_BITS) - _MOST_BRACKETS
            letters[w] = np.int64(rest >> HALF)
    return many


def find_words(
    lo: int,
    hi: int,
    words: Strings,
    table: Keys,
    keys: Keys,
    shapes: Flags,
    letters: Int32,
    brackets: Int32,
) -> Int64:
    """Write what is known of the words `[lo, hi)`; return int64, those that are not known.

    table: uint64 (rows, `COLUMNS`). keys: uint64, shapes: uint8, letters, brackets: int32, as in
    `xner.kernels.records.Words`, written for the words that are known.
    """
    unknown = np.empty(hi - lo, np.int64)
    hashes, touched = np.empty(_TOGETHER, np.uint64), np.zeros(1, np.uint64)
    many = find_some(
        lo, hi, words, table, keys, shapes, letters, brackets, unknown, hashes, touched
    )
    return unknown[:many]


@kernel
def add_words(
    words: Strings, keys: Keys, shapes: Flags, letters: Int32, brackets: Int32, table: Keys
) -> int:
    """Enter words that the table lacks, with enough room for all; return how many.

    Those with more brackets than a row holds are left out.
    """
    new = 0
    for w in range(len(keys)):
        key = bytes_hash(words.data, words.offsets[w], words.offsets[w + 1])
        row = row_of(table, key)
        if table[row, _HASH] == 0 and abs(np.int64(brackets[w])) < _MOST_BRACKETS:
            rest = np.uint64(shapes[w]) | np.uint64(brackets[w] + _MOST_BRACKETS) << _BYTE
            table[row, _HASH], table[row, _KEY] = key, keys[w]
            table[row, _REST] = rest | np.uint64(letters[w]) << HALF
            new += 1
    return new


@kernel
def move_words(old: Keys, table: Keys) -> None:
    """Copy all rows to a larger table. table: written."""
    for k in range(len(old)):
        if old[k, _HASH] != 0:
            row = row_of(table, old[k, _HASH])
            for column in range(COLUMNS):
                table[row, column] = old[k, column]
