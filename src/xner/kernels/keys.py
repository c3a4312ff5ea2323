"""64-bit keys of words, word pairs and phrases, and the open-addressing table that counts them.

Keys stand for what they were made of: two different things share one with a chance of about
2^-64. Products are taken of 32-bit halves alone, so that nothing overflows and the plain
Python of a kernel, NumPy arrays and compiled code all give the same key.
"""

from typing import TypeVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

MULTIPLIER = np.uint64(0xFFFFDA61)
LOW = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)
SEED = np.uint64(0x9E3779B97F4A7C15)

Key = TypeVar("Key", np.uint64, NDArray[np.uint64])

UPPER, LOWER, DIGIT, SIGN = 0, 1, 2, 3
SHAPES = 4


def mixed(key: Key) -> Key:
    """A key whose bits all depend on all bits of `key`: uint64, a scalar or an array.

    Four steps of a multiply-with-carry generator, and a fold.
    """
    key = (key & LOW) * MULTIPLIER + (key >> HALF)
    key = (key & LOW) * MULTIPLIER + (key >> HALF)
    key = (key & LOW) * MULTIPLIER + (key >> HALF)
    key = (key & LOW) * MULTIPLIER + (key >> HALF)
    return key ^ (key >> HALF)


mix = njit(cache=True, nogil=True)(mixed)


@njit(cache=True, nogil=True)
def word_keys(lo, hi, data, offsets, lower, lower_offsets, bare, bare_offsets, keys, shapes):
    """Write key and shape of the words `[lo, hi)`.

    The shape is that of the first letter or digit: UPPER if lower-casing changes it, LOWER
    (also in scripts without case), DIGIT; SIGN without any. Letters are those of ASCII, the ª, µ
    and º of Latin-1, and whatever stands from U+00C0 on outside of the blocks of punctuation
    U+2000 to U+207F and U+3000 to U+303F.

    Args:
        data, lower, bare: uint8, UTF-8 of the words as they are, in lower case, and as they are
            told apart.
        offsets, lower_offsets, bare_offsets: int32 (words + 1), where each begins.
        keys: uint64 (words), written, of `bare`. shapes: uint8 (words), written.
    """
    for w in range(lo, hi):
        key = SEED
        for at in range(bare_offsets[w], bare_offsets[w + 1]):
            key = (key & LOW) * MULTIPLIER + (key >> HALF)
            key = key ^ np.uint64(bare[at])
        keys[w] = mix(key)
        shapes[w] = SIGN
        # Signs have no case, so both copies are alike up to the first letter.
        shift = lower_offsets[w] - offsets[w]
        for at in range(offsets[w], offsets[w + 1]):
            byte = data[at]
            if 48 <= byte <= 57:
                shapes[w] = DIGIT
                break
            ascii_letter = 65 <= byte <= 90 or 97 <= byte <= 122
            far = byte >= 0xC3 and not (
                (byte == 0xE2 and (data[at + 1] == 0x80 or data[at + 1] == 0x81))
                or (byte == 0xE3 and data[at + 1] == 0x80)
            )
            if ascii_letter or far or (byte == 0xC2 and data[at + 1] in (0xAA, 0xB5, 0xBA)):
                shapes[w] = LOWER
                for byte_at in range(at, offsets[w + 1]):
                    if byte_at > at and (data[byte_at] < 0x80 or data[byte_at] >= 0xC0):
                        break
                    lowered = byte_at + shift
                    if lowered >= lower_offsets[w + 1] or lower[lowered] != data[byte_at]:
                        shapes[w] = UPPER
                break


@njit(cache=True, nogil=True)
def slot_of(table, key):
    """The place of a key, or the free one where it belongs. table: uint64, a power of two."""
    mask = len(table) - 1
    slot = np.int64(key >> HALF) & mask
    while table[slot] != 0 and table[slot] != key:
        slot = (slot + 1) & mask
    return slot


@njit(cache=True, nogil=True)
def add_counts(keys, values, table, counts):
    """Add each value to its key's count; returns how many keys are new.

    keys: uint64; values: int64; table: uint64 (a power of two, 0 is free, enough room for
    all); counts: int64 (as the table).
    """
    new = 0
    for i in range(len(keys)):
        if keys[i] == 0:  # one in 2^64; it would look free
            continue
        slot = slot_of(table, keys[i])
        if table[slot] == 0:
            table[slot] = keys[i]
            new += 1
        counts[slot] += values[i]
    return new
