"""64-bit keys of words, word pairs and phrases, and the open-addressing table that counts them.

Keys are hashes: two different things share one with a probability of about 2^-64. Only 32-bit
halves are multiplied, so that nothing overflows, and plain Python, NumPy arrays and compiled code
all give the same key.
"""

from typing import TypeVar

import numpy as np

from xner.kernels.jit import inner, kernel
from xner.kernels.records import Flags, Int64, Keys, Strings, Table

MULTIPLIER = np.uint64(0xFFFFDA61)
LOW = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)
SEED = np.uint64(0x9E3779B97F4A7C15)

Key = TypeVar("Key", np.uint64, Keys)

UPPER, LOWER, DIGIT, PUNCTUATION = 0, 1, 2, 3
SHAPES = 4


def mixed(key: Key) -> Key:
    """Return a key whose bits all depend on all bits of `key`: uint64, a scalar or an array.

    Four steps of a multiply-with-carry generator, and a fold.
    """
    key = (key & LOW) * MULTIPLIER + (key >> HALF)
    key = (key & LOW) * MULTIPLIER + (key >> HALF)
    key = (key & LOW) * MULTIPLIER + (key >> HALF)
    key = (key & LOW) * MULTIPLIER + (key >> HALF)
    return key ^ (key >> HALF)


mix = inner(mixed)


@inner
def is_letter(data, at):
    """Return whether a letter begins at byte `at`; see `word_keys`."""
    byte = data[at]
    if 65 <= byte <= 90 or 97 <= byte <= 122:
        return True
    if byte == 0xC2:
        return data[at + 1] == 0xAA or data[at + 1] == 0xB5 or data[at + 1] == 0xBA
    if byte == 0xE2:
        return data[at + 1] != 0x80 and data[at + 1] != 0x81
    if byte == 0xE3:
        return data[at + 1] != 0x80
    return byte >= 0xC3


@kernel
def word_keys(
    lo: int, hi: int, words: Strings, lower: Strings, bare: Strings, keys: Keys, shapes: Flags
) -> None:
    """Write key and shape of the words `[lo, hi)`.

    The shape is that of the first letter or digit: UPPER if lower-casing changes it, LOWER
    (also in scripts without case), DIGIT; PUNCTUATION without any. Letters are those of ASCII,
    the ª, µ and º of Latin-1, and all from U+00C0 on except the blocks of punctuation
    U+2000 to U+207F and U+3000 to U+303F.

    Args:
        lo, hi: words.
        words, lower: the words as they are, and in lower case.
        bare: the words as they are compared.
        keys: uint64 (words), written, of `bare`.
        shapes: uint8 (words), written.
    """
    data = words.data
    for w in range(lo, hi):
        key = SEED
        for at in range(bare.offsets[w], bare.offsets[w + 1]):
            key = (key & LOW) * MULTIPLIER + (key >> HALF)
            key = key ^ np.uint64(bare.data[at])
        keys[w] = mix(key)
        shapes[w] = PUNCTUATION
        # Punctuation has no case, so both copies are equal up to the first letter.
        shift = lower.offsets[w] - words.offsets[w]
        for at in range(words.offsets[w], words.offsets[w + 1]):
            if 48 <= data[at] <= 57:
                shapes[w] = DIGIT
                break
            if is_letter(data, at):
                shapes[w] = LOWER
                for byte_at in range(at, words.offsets[w + 1]):
                    if byte_at > at and (data[byte_at] < 0x80 or data[byte_at] >= 0xC0):
                        break
                    lowered = byte_at + shift
                    if lowered >= lower.offsets[w + 1] or lower.data[lowered] != data[byte_at]:
                        shapes[w] = UPPER
                break


@inner
def slot_of(keys, key):
    """Return the slot of a key, or the free one where it belongs. keys: of a `Table`."""
    mask = len(keys) - 1
    slot = np.int64(key >> HALF) & mask
    while keys[slot] != 0 and keys[slot] != key:
        slot = (slot + 1) & mask
    return slot


@kernel
def add_counts(keys: Keys, values: Int64, table: Table) -> int:
    """Add each value to its key's count; return how many keys are new.

    keys: uint64; values: int64; table: written, with enough room for all.
    """
    new = 0
    for i in range(len(keys)):
        if keys[i] == 0:  # one in 2^64; it would look free
            continue
        slot = slot_of(table.keys, keys[i])
        if table.keys[slot] == 0:
            table.keys[slot] = keys[i]
            new += 1
        table.counts[slot] += values[i]
    return new


def look_up(keys: Keys, table: Table) -> Int64:
    """Return int64: the count of each key, 0 for keys that are not in the table."""
    found = np.empty(len(keys), np.int64)
    write_counts(keys, table, found)
    return found


@kernel
def write_counts(keys, table, found):
    """See `look_up`. found: int64, written."""
    for i in range(len(keys)):
        found[i] = table.counts[slot_of(table.keys, keys[i])]
