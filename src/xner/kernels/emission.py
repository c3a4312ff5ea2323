"""Probabilities that words emit each other, for one sentence pair under a fitted alignment model.

The probability that given word type g emits observed word type o is

    (prior(g, o) + max(count(g, o) - discount, 0)) / (mass(g) + sum of the new priors of g)

The discount takes out what a pair of words adds to its own count. A pair that is not in the table
has count 0 and a new prior, from the parts and the spelling of its words (`xner.kernels.parts`);
it adds to the mass of its given word within the sentence.
"""

from math import factorial
from typing import NamedTuple

import numpy as np

from xner.kernels.jit import inner, kernel
from xner.kernels.lexicon import (
    FREE,
    PARTS,
    SOURCE_PARTS,
    TARGET_PARTS,
    VIEWS,
    Lexicon,
    Side,
    find,
    look_alike,
    slot_of,
    view_key,
)
from xner.kernels.parts import COMPARED, SIMILAR, spelling_levels
from xner.kernels.records import Flags, Float32, Int64, Keys

LANES = 4
ONE = np.float32(1)
SMALLEST = np.float32(1e-30)
SERIES = tuple(np.float32(1 / factorial(7 - k)) for k in range(8))
"""Of exp, from the highest power down."""


def padded_length(given):
    """The length of a row of given words: a multiple of LANES, for whole vectors."""
    return (given + LANES - 1) // LANES * LANES


padded = inner(padded_length)


class Emission(NamedTuple):
    """What one direction of a sentence pair is sampled from; scratch for the largest pair.

    link: float32, (observed, given) row by row, probability that the given word emits the observed
    one; null: float32 (observed); fertility: float32 (given, fertilities - 1); jumps, reversed:
    float32, probability of a jump by k - given - 1 words, and the same from the end.
    """

    link: Float32
    null: Float32
    fertility: Float32
    jumps: Float32
    reversed: Float32


def new_emission(longest: int, cells: int, fertilities: int) -> Emission:
    """Scratch for pairs of at most `longest` words per side and `cells` pairs of words."""
    return Emission(
        np.empty(cells, np.float32),
        np.empty(longest, np.float32),
        np.empty((longest, fertilities), np.float32),
        np.ones(3 * longest + 3, np.float32),
        np.ones(3 * longest + 3, np.float32),
    )


class Words(NamedTuple):
    """The words of one side of a sentence pair, copied from its `Side`; scratch.

    types: int64 (words), number in `Types`; known: int64 (words); frequency, length, mass: float32
    (words); rare, views: uint8 (words); parts: uint64 (words, PARTS); letter_pairs: uint64 (words,
    2).
    """

    types: Int64
    known: Int64
    frequency: Float32
    length: Float32
    mass: Float32
    rare: Flags
    views: Flags
    parts: Keys
    letter_pairs: Keys


class Fresh(NamedTuple):
    """Cells of a sentence pair that are not in the table; scratch for the largest pair.

    odds: float32, (source, target) row by row, log-odds of the prior; new: uint8, whether the cell
    counts; rare: int64, positions of rare target words; same, runs: of
    `compare`.
    """

    odds: Float32
    new: Flags
    rare: Int64
    same: Keys
    runs: Keys


def new_words(longest: int) -> Words:
    """Scratch for `longest` words."""
    return Words(
        np.empty(longest, np.int64),
        np.empty(longest, np.int64),
        np.empty(longest, np.float32),
        np.empty(longest, np.float32),
        np.empty(longest, np.float32),
        np.empty(longest, np.uint8),
        np.empty(longest, np.uint8),
        np.empty((longest, PARTS), np.uint64),
        np.empty((longest, 2), np.uint64),
    )


@inner
def copy_words(side, n, words, null, fertility):
    """Copy the words of sentence n of a side, so that they are close; return their number.

    null: float32 (words), written, for the direction in which they are observed; fertility: float32
    (words, fertilities - 1), written, for the direction in which they are given.
    """
    t = side.types
    first = side.offsets[n]
    count = side.offsets[n + 1] - first
    for k in range(count):
        w = np.int64(side.ids[first + k])
        words.types[k] = w
        words.known[k] = t.known[w]
        words.frequency[k] = t.frequency[w]
        words.length[k] = t.length[w]
        words.mass[k] = t.mass[w]
        words.rare[k] = t.rare[w]
        words.views[k] = t.views[w]
        for part in range(PARTS):
            words.parts[k, part] = t.parts[w, part]
        words.letter_pairs[k, 0] = t.letter_pairs[w, 0]
        words.letter_pairs[k, 1] = t.letter_pairs[w, 1]
        null[k] = t.null[w]
        for f in range(fertility.shape[1]):
            fertility[k, f] = t.fertility[w, f]
    return count


def new_fresh(longest: int, cells: int) -> Fresh:
    """Scratch for pairs of at most `longest` words per side and `cells` pairs of words."""
    return Fresh(
        np.empty(cells, np.float32),
        np.empty(cells, np.uint8),
        np.empty(longest, np.int64),
        np.empty(COMPARED, np.uint64),
        np.empty(COMPARED, np.uint64),
    )


@inner
def look_up(x, s, t, given, observed, there, back, fresh):
    """Write the mass of the pairs of words that are in the table; mark the others as new.

    x: Lexicon; s, t: Words; given, observed: number of source and target words; there, back:
    Emission; fresh: Fresh, written with the log-odds of unlike words.
    """
    first = 3 + len(VIEWS)
    usual = np.float32(x.weights[0] + x.weights[first] + x.weights[first + SIMILAR])
    by_frequency = np.float32(x.weights[1])
    by_length = np.float32(x.weights[2])
    wide = padded(given)
    high = padded(observed)
    for i in range(given):
        row = i * observed
        frequency = s.frequency[i]
        length = s.length[i]
        for j in range(observed):
            odds = by_frequency * abs(frequency - t.frequency[j])
            odds += by_length * abs(length - t.length[j])
            fresh.odds[np.uint64(row + j)] = usual + odds
            fresh.new[np.uint64(row + j)] = 1
        known = s.known[i]
        if known < 0 or x.starts[known] == x.starts[known + 1]:
            continue
        for j in range(observed):
            slot = slot_of(x.starts, x.keys, known, t.known[j])
            if x.keys[slot] != FREE:
                fresh.new[row + j] = 0
                there.link[j * wide + i] = x.mass[slot, 0]
                back.link[i * high + j] = x.mass[slot, 1]


@inner
def compare_parts(x, source, target, s, t, given, observed, fresh):
    """Add evidence of word parts and spelling to the log-odds of new cells with a rare word.

    source, target: Types; s, t: Words.
    """
    first = 3 + len(VIEWS)
    unlike = x.weights[first] + x.weights[first + SIMILAR]
    count = 0
    for j in range(observed):
        if t.rare[j]:
            fresh.rare[count] = j
            count += 1
    for i in range(given):
        every = s.rare[i] != 0
        for k in range(observed if every else count):
            j = k if every else fresh.rare[k]
            cell = i * observed + j
            if not fresh.new[cell]:
                continue
            odds = np.float32(0)
            both = s.views[i] & t.views[j]
            for v in range(len(VIEWS)):
                if both >> v & 1 == 0:
                    continue
                key = view_key(v, s.parts[i, SOURCE_PARTS[v]], t.parts[j, TARGET_PARTS[v]])
                slot = find(x.view_keys, x.view_filter, key)
                if slot >= 0:
                    odds += np.float32(x.weights[3 + v]) * x.evidence[slot]
            if look_alike(s.letter_pairs, i, t.letter_pairs, j):
                a = s.types[i]
                b = t.types[j]
                similar, shared = spelling_levels(
                    source.letters[source.starts[a] : source.starts[a + 1]],
                    target.letters[target.starts[b] : target.starts[b + 1]],
                    fresh.same,
                    fresh.runs,
                )
                weight = x.weights[first + similar] + x.weights[first + SIMILAR + shared]
                odds += np.float32(weight - unlike)
            fresh.odds[cell] += odds


@inner
def prior_of(base, least, most, odds):
    """The prior mass for some log-odds, with a relative error below 1e-5 if they are within 16.

    exp(x) is the series of exp(x / 16) to the 16th power, which LLVM computes for several cells at
    once.
    """
    x = min(max(odds, least), most) * np.float32(1 / 16)
    total = SERIES[0]
    for k in range(1, len(SERIES)):
        total = total * x + SERIES[k]
    total *= total
    total *= total
    total *= total
    return base * (total * total)


@inner
def emit(x, s, t, given, observed, there, back, fresh):
    """Write the emissions of a pair in both directions, from all masses.

    x: Lexicon; s, t: Words, whose masses are updated; there: Emission, source given; back: target
    given; fresh: Fresh.
    """
    wide = padded(given)
    high = padded(observed)
    base, least, most = np.float32(x.base), np.float32(x.least), np.float32(x.most)
    for k in range(given * observed):
        prior = prior_of(base, least, most, fresh.odds[k])
        fresh.odds[k] = prior if fresh.new[k] else np.float32(0)
    for i in range(given):
        cell = np.uint64(i * observed)
        row = np.uint64(i * high)
        for j in range(observed):
            j = np.uint64(j)
            prior = fresh.odds[cell + j]
            mass = back.link[row + j]
            back.link[row + j] = prior if fresh.new[cell + j] else mass
            t.mass[j] += prior
    for j in range(observed):
        row = np.uint64(j * wide)
        for i in range(given):
            cell = np.uint64(i * observed + j)
            i = np.uint64(i)
            if fresh.new[cell]:
                there.link[row + i] = fresh.odds[cell]
            s.mass[i] += fresh.odds[cell]
    for i in range(given):
        s.mass[i] = ONE / max(s.mass[i], SMALLEST)
    for j in range(observed):
        t.mass[j] = ONE / max(t.mass[j], SMALLEST)
    normalise(given, observed, there.link, s.mass)
    normalise(observed, given, back.link, t.mass)


@inner
def normalise(given, observed, link, share):
    """Multiply the columns of (observed, given) by the share of each given word."""
    width = padded(given)
    for j in range(observed):
        row = np.uint64(j * width)
        for i in range(given):
            link[row + np.uint64(i)] *= share[i]
        for i in range(given, width):
            link[row + np.uint64(i)] = 0.0


def new_priors(
    lo: int, hi: int, lexicon: Lexicon, source: Side, target: Side, prior: Float32
) -> None:
    """Write the prior mass of the pairs lo <= n < hi of one source and one target word each."""
    there = new_emission(1, LANES, source.types.fertility.shape[1])
    back = new_emission(1, LANES, target.types.fertility.shape[1])
    room = new_words(1), new_words(1), new_fresh(1, 1)
    write_priors(lo, hi, lexicon, source, target, there, back, *room, prior)


@kernel
def write_priors(lo, hi, lexicon, source, target, there, back, s, t, fresh, prior):
    """See `new_priors`."""
    one = np.int64(1)
    base, least = np.float32(lexicon.base), np.float32(lexicon.least)
    most = np.float32(lexicon.most)
    for n in range(lo, hi):
        copy_words(source, n, s, back.null, there.fertility)
        copy_words(target, n, t, there.null, back.fertility)
        look_up(lexicon, s, t, one, one, there, back, fresh)
        compare_parts(lexicon, source.types, target.types, s, t, one, one, fresh)
        prior[n] = prior_of(base, least, most, fresh.odds[0])
