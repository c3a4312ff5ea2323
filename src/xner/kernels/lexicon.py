"""The tables of a fitted alignment model: pairs of word types, and pairs of word parts.

The links of a source type are close in memory, in an open-addressing table of its own, because a
sentence looks up all its target words there. The pairs of word parts are one table of 64-bit keys
behind a small filter of bits; a word whose parts are in no pair is not looked up.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from xner.kernels.jit import inner, kernel
from xner.kernels.keys import HALF, LOW, MULTIPLIER, SEED, mix
from xner.kernels.records import Flags, Float32, Float64, Int32, Int64, Keys

Letters = NDArray[np.uint32]
LOW_31 = np.uint64(0x7FFFFFFF)
STEP = np.uint64(0x61C88647)
STEP_2 = np.uint64(0x4F1BBCDD)
FREE = np.int32(-2)
WHOLE, FIRST_5, LAST_5, FIRST_4, LAST_4 = 0, 1, 2, 3, 4
PARTS = 5
VIEWS = ((FIRST_5, FIRST_5), (LAST_5, LAST_5), (FIRST_4, WHOLE), (WHOLE, FIRST_4),
         (LAST_4, WHOLE), (WHOLE, LAST_4))  # fmt: skip
"""Part of the source and of the target word in each view of `xner.aligners.views.FITTED`."""
SOURCE_PARTS = np.array([one for one, _ in VIEWS])
TARGET_PARTS = np.array([two for _, two in VIEWS])


class Lexicon(NamedTuple):
    """The table of word pairs, the evidence of pairs of word parts, and what weighs them.

    starts: int64 (source types + 1), slots of each source type, at least half of them free; keys:
    int32 (slots), target type or FREE; mass: float32 (slots, 2), prior mass plus discounted count
    with source and target given; view_keys: uint64 (view slots), of `view_key`; view_filter:
    uint64, the bits of `find`; evidence: float32 (view slots); part_filter: uint64, the bits of the
    parts in any pair (`part_key`); weights: float64, of the features; base: prior mass without
    evidence; least, most: bounds of the log-odds that multiply it.
    """

    starts: Int64
    keys: Int32
    mass: Float32
    view_keys: Keys
    view_filter: Keys
    evidence: Float32
    part_filter: Keys
    weights: Float64
    base: float
    least: float
    most: float


class Types(NamedTuple):
    """The word types of one side of a batch.

    known: int32 (types), number in the table, or -1; mass: float32 (types), mass of the type when
    given, without new priors; null: float32 (types), weight of its null link when observed;
    fertility: float32 (types, fertilities - 1), P(f + 1) / P(f); frequency, length: float32
    (types), logarithms; rare: uint8 (types), whether a new prior compares it; views: uint8 (types),
    a bit for each view in which its part may be in a pair; parts: uint64 (types, PARTS), keys of
    the word and its parts; letter_pairs: uint64 (types, 2), a bit for each two adjacent letters;
    letters: uint32, those of all types; starts: int64 (types + 1). Arrays may be longer.
    """

    known: Int32
    mass: Float32
    null: Float32
    fertility: Float32
    frequency: Float32
    length: Float32
    rare: Flags
    views: Flags
    parts: Keys
    letter_pairs: Keys
    letters: Letters
    starts: Int64


class Side(NamedTuple):
    """The words of one side of a batch: int32, types; int64 (N+1), offsets; and their `Types`."""

    ids: Int32
    offsets: Int64
    types: Types


@inner
def pair_key(source, target):
    """The key of two numbers below 2^31, or keys of which 31 bits count; above 0."""
    return ((source & LOW_31) << np.uint64(32)) | (target & LOW_31) | np.uint64(1 << 31)


@inner
def view_key(view, source, target):
    """The key of a part of a source word and a part of a target word (`part_keys`)."""
    return pair_key(source + np.uint64(view), target)


@inner
def part_key(part, is_target):
    """The key of one half of a `view_key`."""
    return ((part & LOW_31) << np.uint64(1)) | np.uint64(is_target)


@inner
def slot_of(starts, keys, source, target):
    """The slot of a target type among those of a source type, or the free one where it belongs."""
    first = np.uint64(starts[source])
    end = np.uint64(starts[source + 1])
    spread = (np.uint64(target) & LOW_31) * STEP & LOW
    slot = first + ((spread * (end - first)) >> HALF)
    while keys[slot] != target and keys[slot] != FREE:
        slot += np.uint64(1)
        if slot == end:
            slot = first
    return slot


@inner
def spot(key):
    """The place of a key, 32 random bits: two multiplications that cannot overflow."""
    low = (key & LOW_31) * STEP
    high = (key >> HALF) * STEP_2
    return (low + high) >> np.uint64(28) & LOW


@inner
def word_of(bits, place):
    """The word of a filter that holds the bits of a key. place: of `spot`."""
    return (place >> np.uint64(6)) & np.uint64(len(bits) - 1)


@inner
def bits_of(place):
    """The two bits of a key in its word of a filter."""
    one = np.uint64(1) << (place & np.uint64(63))
    return one | (np.uint64(1) << (place >> np.uint64(26)))


@inner
def find(keys, bits, key):
    """The slot of a key in a table, or -1; most keys miss the small filter of bits first."""
    place = spot(key)
    mine = bits_of(place)
    if bits[word_of(bits, place)] & mine != mine:
        return np.int64(-1)
    mask = np.uint64(len(keys) - 1)
    slot = place & mask
    while keys[slot] != key:
        if keys[slot] == 0:
            return np.int64(-1)
        slot = (slot + np.uint64(1)) & mask
    return np.int64(slot)


@inner
def enter(keys, bits, key):
    """The slot of a key in a table, where it is entered if it is new."""
    place = spot(key)
    bits[word_of(bits, place)] |= bits_of(place)
    mask = np.uint64(len(keys) - 1)
    slot = place & mask
    while keys[slot] != 0 and keys[slot] != key:
        slot = (slot + np.uint64(1)) & mask
    keys[slot] = key
    return np.int64(slot)


@kernel
def part_keys(lo: int, hi: int, letters: Letters, starts: Int64, parts: Keys, bits: Keys) -> None:
    """Write the keys of the word types lo <= w < hi and their parts, and their pairs of letters.

    letters, starts, parts, bits: see `Types`; a word that is shorter than a part has a part of its
    own.
    """
    for w in range(lo, hi):
        begin = starts[w]
        end = starts[w + 1]
        size = end - begin
        for part in range(PARTS):
            first = begin
            last = end
            tag = 0
            length = 5 if part in (FIRST_5, LAST_5) else 4
            if part != WHOLE and size >= length:
                tag = part
                if part in (FIRST_5, FIRST_4):
                    last = begin + length
                else:
                    first = end - length
            key = SEED + np.uint64(tag)
            for at in range(first, last):
                key = (key & LOW) * MULTIPLIER + (key >> HALF)
                key = key ^ np.uint64(letters[at])
            parts[w, part] = mix(key)
        bits[w, 0] = 0
        bits[w, 1] = 0
        before = np.uint64(1)
        for at in range(begin, end + 1):
            letter = np.uint64(letters[at]) if at < end else np.uint64(2)
            code = (before * np.uint64(31) + letter) & LOW
            code = (code * np.uint64(0x9E3779B1)) & LOW
            half = np.int64(code >> np.uint64(31))
            bits[w, half] |= np.uint64(1) << (code >> np.uint64(25) & np.uint64(63))
            before = letter


@inner
def look_alike(one, a, two, b):
    """Whether two words share at least two pairs of adjacent letters, as far as bits tell."""
    first = one[a, 0] & two[b, 0]
    second = one[a, 1] & two[b, 1]
    if first != 0 and second != 0:
        return True
    both = first | second
    return both & (both - np.uint64(both != 0)) != 0


@kernel
def fill_lexicon(
    source: Int32,
    target: Int32,
    prior: Float32,
    forward: Float32,
    reverse: Float32,
    starts: Int64,
    keys: Int32,
    mass: Float32,
) -> None:
    """Write the entries to the table of a `Lexicon`.

    source, target: int32 (entries), word types; prior, forward, reverse: float32 (entries), prior
    mass, discounted counts; starts: of the `Lexicon`; keys: FREE everywhere, mass: written.
    """
    for e in range(len(source)):
        slot = slot_of(starts, keys, source[e], target[e])
        keys[slot] = target[e]
        mass[slot, 0] = prior[e] + forward[e]
        mass[slot, 1] = prior[e] + reverse[e]


@kernel
def fill_views(
    view_keys: Keys, evidence: Float32, keys: Keys, bits: Keys, values: Float32, part_bits: Keys
) -> None:
    """Write keys and evidence to an open-addressing table, and the parts to a filter.

    keys, bits, values: (slots), part_bits: zeros, written.
    """
    for k in range(len(view_keys)):
        values[enter(keys, bits, view_keys[k])] = evidence[k]
        for half in range(2):
            part = view_keys[k] if half else view_keys[k] >> HALF
            place = spot(part_key(part, half))
            part_bits[word_of(part_bits, place)] |= bits_of(place)


@kernel
def mark_views(parts: Keys, is_target: bool, part_bits: Keys, views: Flags) -> None:
    """Write the views in which word types may be in a pair. parts, views: of `Types`."""
    for w in range(len(parts)):
        views[w] = 0
        for v in range(len(VIEWS)):
            part = parts[w, TARGET_PARTS[v]] if is_target else parts[w, SOURCE_PARTS[v]]
            part = part if is_target else part + np.uint64(v)
            place = spot(part_key(part, np.int64(is_target)))
            mine = bits_of(place)
            if part_bits[word_of(part_bits, place)] & mine == mine:
                views[w] |= np.uint8(1) << np.uint8(v)
