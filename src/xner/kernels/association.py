"""How strongly a corpus links a word of an entity with a target word, without one sentence."""

from typing import NamedTuple

import numpy as np

from xner.kernels.jit import inner
from xner.kernels.keys import mix, slot_of
from xner.kernels.records import Float64, Int64, Keys, Links, Texts
from xner.kernels.sizes import longest_row

SOURCE, TARGET, PAIR = np.uint64(5), np.uint64(6), np.uint64(7)
# Counts of links are sums of integer 65536ths, so the order of adding is irrelevant.
UNIT = 65536.0
_UNKNOWN = -1.0


class Own(NamedTuple):
    """What one sentence added to the counts, and room for what others added.

    pairs: uint64 (>= links), keys of the links of entity words; weight: int64, their weights in
    65536ths. many: int64 (1), how many there are. source, target: float64 (>= words), occurrences
    in other sentences and 1, or `_UNKNOWN`.
    """

    pairs: Keys
    weight: Int64
    many: Int64
    source: Float64
    target: Float64


def room_for_own(lo: int, hi: int, texts: Texts, links: Links) -> Own:
    """Return the room for the sentences `[lo, hi)`."""
    most = longest_row(links.offsets, lo, hi)
    return Own(
        np.empty(most, np.uint64),
        np.empty(most, np.int64),
        np.zeros(1, np.int64),
        np.empty(longest_row(texts.source.offsets, lo, hi)),
        np.empty(longest_row(texts.target.offsets, lo, hi)),
    )


@inner
def note_own(s, texts, links, own):
    """Write the links of entity words that sentence s added, and forget the words of another."""
    source, target = texts.source, texts.target
    base, first = source.offsets[s], target.offsets[s]
    many = 0
    for link in range(links.offsets[s], links.offsets[s + 1]):
        i = base + links.source[link]
        if texts.inside[i] and texts.counted[s]:
            own.pairs[many] = pair_of(source.keys[i], target.keys[first + links.target[link]])
            own.weight[many] = np.int64(np.float64(links.weight[link]) * UNIT + 0.5)
            many += 1
    own.many[0] = many
    for w in range(source.offsets[s + 1] - base):
        own.source[w] = _UNKNOWN
    for w in range(target.offsets[s + 1] - first):
        own.target[w] = _UNKNOWN


@inner
def pair_of(a, b):
    """The key of two word types, before it is mixed. a, b: their keys."""
    return mix(a ^ PAIR) ^ b


@inner
def linked_elsewhere(pair, own, table):
    """Return the weight of the links between two types in other sentences, in 65536ths."""
    linked = table.counts[slot_of(table.keys, mix(pair))]
    if linked > 0:
        for k in range(own.many[0]):
            if own.pairs[k] == pair:
                linked -= own.weight[k]
    return linked


@inner
def association(weight, i, j, s, texts, own, table):
    """Return weight / sqrt((occurrences of a + 1) * (occurrences of b + 1)).

    a, b: the types of the source word i inside an entity, and of the target word j of sentence s,
    whose occurrences do not count. Counts that were dropped from a large table are 0.
    """
    if own.source[i] < 0.0:
        keys, first, last = texts.source.keys, texts.source.offsets[s], texts.source.offsets[s + 1]
        times = table.counts[slot_of(table.keys, mix(keys[first + i] ^ SOURCE))]
        for w in range(first, last):
            times -= texts.counted[s] != 0 and texts.inside[w] != 0 and keys[w] == keys[first + i]
        own.source[i] = max(0.0, np.float64(times)) + 1.0
    if own.target[j] < 0.0:
        keys, first, last = texts.target.keys, texts.target.offsets[s], texts.target.offsets[s + 1]
        times = table.counts[slot_of(table.keys, mix(keys[first + j] ^ TARGET))]
        for w in range(first, last):
            times -= texts.counted[s] != 0 and keys[w] == keys[first + j]
        own.target[j] = max(0.0, np.float64(times)) + 1.0
    return weight / np.sqrt(own.source[i] * own.target[j])
