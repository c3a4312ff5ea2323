"""Sums over the link probabilities of a sample, from which an alignment model is made."""

import numpy as np

from xner.kernels.jit import kernel
from xner.kernels.lexicon import SOURCE_PARTS, TARGET_PARTS, VIEWS, enter, find, view_key
from xner.kernels.records import Float32, Float64, Int32, Int64, Keys
from xner.kernels.sizes import longest_row


@kernel
def sum_links(entries: Int64, forward: Float32, reverse: Float32, sums: Float64) -> None:
    """Add the probabilities of links to their entries.

    entries: int64 (L), entry of each link; forward, reverse: float32 (L); sums: float64 (2,
    entries) of zeros, written.
    """
    for k in range(len(entries)):
        sums[0, entries[k]] += forward[k]
        sums[1, entries[k]] += reverse[k]


@kernel
def list_views(
    source_types: Int32,
    target_types: Int32,
    linked: Float32,
    source_parts: Keys,
    target_parts: Keys,
    keys: Keys,
    bits: Keys,
    links: Float32,
) -> None:
    """Sum the links of the pairs of word parts of all entries, in every view.

    source_types, target_types: int32 (entries); linked: float32 (entries); source_parts,
    target_parts: uint64 (types, PARTS); keys, bits: uint64, an empty table, written; links:
    float32 (slots) of zeros, written.
    """
    for e in range(len(linked)):
        for v in range(len(VIEWS)):
            part = source_parts[source_types[e], SOURCE_PARTS[v]]
            key = view_key(v, part, target_parts[target_types[e], TARGET_PARTS[v]])
            links[enter(keys, bits, key)] += linked[e]


def count_views(
    lo: int,
    hi: int,
    source: Int32,
    source_offsets: Int64,
    target: Int32,
    target_offsets: Int64,
    source_parts: Keys,
    target_parts: Keys,
    keys: Keys,
    bits: Keys,
) -> Float32:
    """Return how often the pairs of word parts in a table meet in the pairs lo <= n < hi.

    source, target: int32, word types; offsets: int64 (N+1); source_parts, target_parts: as in
    `list_views`; keys, bits: the table. The result is float32 (slots).
    """
    met = np.zeros(len(keys), np.float32)
    texts = source, source_offsets, target, target_offsets
    add_views(lo, hi, *texts, source_parts, target_parts, keys, bits, met)
    return met


@kernel
def add_views(
    lo,
    hi,
    source,
    source_offsets,
    target,
    target_offsets,
    source_parts,
    target_parts,
    keys,
    bits,
    met,
):
    """See `count_views`. met: float32 (slots), added to."""
    for n in range(lo, hi):
        for i in range(source_offsets[n], source_offsets[n + 1]):
            for j in range(target_offsets[n], target_offsets[n + 1]):
                for v in range(len(VIEWS)):
                    part = source_parts[source[i], SOURCE_PARTS[v]]
                    key = view_key(v, part, target_parts[target[j], TARGET_PARTS[v]])
                    slot = find(keys, bits, key)
                    if slot >= 0:
                        met[slot] += np.float32(1)


def count_fertility(
    ids: Int32,
    word_offsets: Int64,
    offsets: Int64,
    words: Int32,
    probability: Float32,
    fertility: Float32,
) -> None:
    """Add the expected number of words of each type by their number of links.

    ids, word_offsets: word types of the given side, int64 (N+1); offsets: int64 (N+1), links of
    each pair; words: int32 (L), given word; probability: float32 (L); fertility: float32 (types,
    FERTILITIES) of zeros, written. The links of a word are taken as independent.
    """
    longest = longest_row(word_offsets, 0, len(offsets) - 1)
    shares = np.empty((longest, fertility.shape[1]), np.float32)
    add_fertility(ids, word_offsets, offsets, words, probability, fertility, shares)


@kernel
def add_fertility(ids, word_offsets, offsets, words, probability, fertility, shares):
    """See `count_fertility`. shares: float32 (>= words, FERTILITIES), scratch."""
    most = fertility.shape[1] - 1
    for n in range(len(offsets) - 1):
        first = word_offsets[n]
        count = word_offsets[n + 1] - first
        for i in range(count):
            shares[i, 0] = 1
            for f in range(1, most + 1):
                shares[i, f] = 0
        for k in range(offsets[n], offsets[n + 1]):
            i = words[k]
            p = min(probability[k], np.float32(1))
            shares[i, most] += p * shares[i, most - 1]
            for f in range(most - 1, 0, -1):
                shares[i, f] += p * (shares[i, f - 1] - shares[i, f])
            shares[i, 0] -= p * shares[i, 0]
        for i in range(count):
            for f in range(most + 1):
                fertility[ids[first + i], f] += shares[i, f]
