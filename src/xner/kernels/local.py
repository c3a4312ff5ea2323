"""Link probabilities of sentence pairs under a fitted model of `xner.kernels.gibbs`.

The counts of the model stay as they are, so that no sentence depends on another one. The
probability that given word type g emits observed word type o is

    (prior(g, o) + max(count(g, o) - discount, 0)) / (mass(g) + sum of the new priors of g)

The discount takes out what a pair of words adds to its own count. A pair that is not in the table
has count 0 and a new prior, from the parts and the spelling of its words (`xner.kernels.parts`);
it adds to the mass of its given word within the sentence. Order, fertility and null word are those
of `xner.kernels.gibbs`; the links of each sentence are sampled by several short chains. The random
numbers of a sentence depend on its words alone.
"""

from typing import NamedTuple

import numpy as np

from xner.kernels.gibbs import HALF, LOW_BITS, MULTIPLIER
from xner.kernels.jit import inlined, inner, kernel
from xner.kernels.keys import SEED, mix
from xner.kernels.order import LONGEST_JUMP
from xner.kernels.parts import COMPARED, SIMILAR, compare, spelling_levels
from xner.kernels.records import Flags, Float32, Float64, Int32, Int64, Keys

LOW_31 = np.uint64(0x7FFFFFFF)
STEP = np.uint64(0x61C88647)
STEP_2 = np.uint64(0x4F1BBCDD)
WHOLE, FIRST_5, LAST_5, FIRST_4, LAST_4 = 0, 1, 2, 3, 4
PARTS = 5
VIEWS = ((FIRST_5, FIRST_5), (LAST_5, LAST_5), (FIRST_4, WHOLE), (WHOLE, FIRST_4),
         (LAST_4, WHOLE), (WHOLE, LAST_4))  # fmt: skip
"""Part of the source and of the target word in each view of `xner.aligners.parts.VIEWS`."""
SOURCE_PARTS = np.array([one for one, _ in VIEWS])
TARGET_PARTS = np.array([two for _, two in VIEWS])
ONE = np.float32(1)
NULL = -1
CHAINS = 4
LANES = 4
SMALLEST = np.float32(1e-30)


class Lexicon(NamedTuple):
    """The table of word pairs, the evidence of pairs of word parts, and what weighs them.

    keys: uint64 (slots), of `pair_key`; prior, forward, reverse: float32 (slots), prior mass and
    discounted counts; view_keys: uint64 (view slots), of `view_key`; evidence: float32 (view
    slots); filter, view_filter: uint64, see `find`; weights: float64, of the features; base: prior mass without evidence; least, most:
    bounds of the log-odds that multiply it.
    """

    keys: Keys
    filter: Keys
    prior: Float32
    forward: Float32
    reverse: Float32
    view_keys: Keys
    view_filter: Keys
    evidence: Float32
    weights: Float64
    base: float
    least: float
    most: float


class Types(NamedTuple):
    """The word types of one side of a batch.

    known: int32 (types), number in the table, or -1; mass: float32 (types), mass of the type when
    given, without new priors; null: float32 (types), weight of its null link when observed;
    fertility: float32 (types, fertilities - 1), P(f + 1) / P(f); frequency, length: float32
    (types), logarithms; rare: uint8 (types), whether a new prior compares it; parts: uint64 (types,
    PARTS), keys of the word and its parts; letter_pairs: uint64 (types, 2), a bit for each two
    adjacent letters; letters: uint32, those of all types; starts: int64 (types + 1).
    """

    known: Int32
    mass: Float32
    null: Float32
    fertility: Float32
    frequency: Float32
    length: Float32
    rare: Flags
    parts: Keys
    letter_pairs: Keys
    letters: Int32
    starts: Int64


class Side(NamedTuple):
    """The words of one side of a batch: int32, types; int64 (N+1), offsets; and their `Types`."""

    ids: Int32
    offsets: Int64
    types: Types


class Sampling(NamedTuple):
    """How often CHAINS chains start, their sweeps before and during averaging, and the seed."""

    restarts: int
    first_sweeps: int
    averaged_sweeps: int
    seed: np.uint64


@inner
def pair_key(source, target):
    """The key of two numbers below 2^31, or keys of which 31 bits count; above 0."""
    return ((source & LOW_31) << np.uint64(32)) | (target & LOW_31) | np.uint64(1 << 31)


@inner
def view_key(view, source, target):
    """The key of a part of a source word and a part of a target word (`part_keys`)."""
    return pair_key(source + np.uint64(view), target)


@inner
def spot(key):
    """The place of a key, 32 random bits: two multiplications that cannot overflow."""
    low = (key & LOW_31) * STEP
    high = (key >> HALF) * STEP_2
    return (low + high) >> np.uint64(28) & LOW_BITS


@inlined
def find(keys, filter, key):
    """The slot of a key in a table, or -1; most keys miss the small filter of bits first."""
    place = spot(key)
    at = place & np.uint64(len(filter) * 64 - 1)
    if filter[at >> np.uint64(6)] >> (at & np.uint64(63)) & np.uint64(1) == 0:
        return np.int64(-1)
    mask = np.uint64(len(keys) - 1)
    slot = place & mask
    while keys[slot] != key:
        if keys[slot] == 0:
            return np.int64(-1)
        slot = (slot + np.uint64(1)) & mask
    return np.int64(slot)


@inner
def enter(keys, filter, key):
    """The slot of a key in a table, where it is entered if it is new."""
    place = spot(key)
    at = place & np.uint64(len(filter) * 64 - 1)
    filter[at >> np.uint64(6)] |= np.uint64(1) << (at & np.uint64(63))
    mask = np.uint64(len(keys) - 1)
    slot = place & mask
    while keys[slot] != 0 and keys[slot] != key:
        slot = (slot + np.uint64(1)) & mask
    keys[slot] = key
    return np.int64(slot)


@kernel
def part_keys(lo: int, hi: int, letters: Int32, starts: Int64, parts: Keys, bits: Keys) -> None:
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
            length = 5 if part == FIRST_5 or part == LAST_5 else 4
            if part != WHOLE and size >= length:
                tag = part
                if part == FIRST_5 or part == FIRST_4:
                    last = begin + length
                else:
                    first = end - length
            key = SEED + np.uint64(tag)
            for at in range(first, last):
                key = (key & LOW_BITS) * MULTIPLIER + (key >> HALF)
                key = key ^ np.uint64(letters[at])
            parts[w, part] = mix(key)
        bits[w, 0] = 0
        bits[w, 1] = 0
        before = np.uint64(1)
        for at in range(begin, end + 1):
            letter = np.uint64(letters[at]) if at < end else np.uint64(2)
            code = (before * np.uint64(31) + letter) & LOW_BITS
            code = (code * np.uint64(0x9E3779B1)) & LOW_BITS
            half = np.int64(code >> np.uint64(31))
            bits[w, half] |= np.uint64(1) << (code >> np.uint64(25) & np.uint64(63))
            before = letter


@inlined
def look_alike(one, a, two, b):
    """Whether two words share at least two pairs of adjacent letters, as far as bits tell."""
    first = one[a, 0] & two[b, 0]
    second = one[a, 1] & two[b, 1]
    if first != 0 and second != 0:
        return True
    both = first | second
    return both & (both - np.uint64(both != 0)) != 0


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


@inner
def new_emission(longest, cells, fertilities):
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
    (words); rare: uint8 (words); parts: uint64 (words, PARTS).
    """

    types: Int64
    known: Int64
    frequency: Float32
    length: Float32
    mass: Float32
    rare: Flags
    parts: Keys


class Fresh(NamedTuple):
    """Cells of a sentence pair that are not in the table; scratch for the largest pair.

    odds: float32, (source, target) row by row, log-odds of the prior; new: uint8, whether the cell
    counts; distances, stretches: of `compare`.
    """

    odds: Float32
    new: Flags
    distances: Int64
    stretches: Int64


@inner
def new_words(longest):
    """Scratch for `longest` words."""
    return Words(
        np.empty(longest, np.int64),
        np.empty(longest, np.int64),
        np.empty(longest, np.float32),
        np.empty(longest, np.float32),
        np.empty(longest, np.float32),
        np.empty(longest, np.uint8),
        np.empty((longest, PARTS), np.uint64),
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
        for part in range(PARTS):
            words.parts[k, part] = t.parts[w, part]
        null[k] = t.null[w]
        for f in range(fertility.shape[1]):
            fertility[k, f] = t.fertility[w, f]
    return count


@inner
def new_fresh(cells):
    """Scratch for `cells` pairs of words."""
    return Fresh(
        np.empty(cells, np.float32),
        np.empty(cells, np.uint8),
        np.empty(COMPARED + 1, np.int64),
        np.empty(COMPARED + 1, np.int64),
    )


@inner
def look_up(x, s, t, given, observed, there, back, fresh):
    """Write the mass of the pairs of words that are in the table; mark the others as new.

    x: Lexicon; s, t: Words; given, observed: number of source and target words; there, back:
    Emission; fresh: Fresh, written with the log-odds from frequency and length.
    """
    one = np.float32(x.weights[0])
    two = np.float32(x.weights[1])
    three = np.float32(x.weights[2])
    wide = padded(given)
    high = padded(observed)
    for i in range(given):
        row = i * observed
        frequency = s.frequency[i]
        length = s.length[i]
        for j in range(observed):
            apart = two * abs(frequency - t.frequency[j]) + three * abs(length - t.length[j])
            fresh.odds[np.uint64(row + j)] = one + apart
        for j in range(observed):
            fresh.new[np.uint64(row + j)] = 1
            if s.known[i] >= 0 and t.known[j] >= 0:
                key = pair_key(np.uint64(s.known[i]), np.uint64(t.known[j]))
                slot = find(x.keys, x.filter, key)
                if slot >= 0:
                    fresh.new[row + j] = 0
                    there.link[j * wide + i] = x.prior[slot] + x.forward[slot]
                    back.link[i * high + j] = x.prior[slot] + x.reverse[slot]


@inner
def add_evidence(x, s, t, given, observed, fresh):
    """Add the evidence of word parts to the log-odds of new cells with a rare word."""
    for i in range(given):
        for j in range(observed):
            cell = i * observed + j
            if not fresh.new[cell] or not (s.rare[i] or t.rare[j]):
                continue
            for v in range(len(VIEWS)):
                key = view_key(v, s.parts[i, SOURCE_PARTS[v]], t.parts[j, TARGET_PARTS[v]])
                slot = find(x.view_keys, x.view_filter, key)
                if slot >= 0:
                    fresh.odds[cell] += np.float32(x.weights[3 + v]) * x.evidence[slot]


@inner
def add_spelling(x, source, target, s, t, given, observed, fresh):
    """Add the similarity of the words to the log-odds of new cells with a rare word.

    source, target: Types; s, t: Words.
    """
    first = 3 + len(VIEWS)
    unlike = np.float32(x.weights[first] + x.weights[first + SIMILAR])
    for i in range(given):
        for j in range(observed):
            cell = i * observed + j
            if not fresh.new[cell]:
                continue
            a = s.types[i]
            b = t.types[j]
            if (s.rare[i] or t.rare[j]) and look_alike(
                source.letter_pairs, a, target.letter_pairs, b
            ):
                similar, shared = spelling_levels(
                    source.letters[source.starts[a] : source.starts[a + 1]],
                    target.letters[target.starts[b] : target.starts[b + 1]],
                    fresh.distances,
                    fresh.stretches,
                )
                weight = x.weights[first + similar] + x.weights[first + SIMILAR + shared]
                fresh.odds[cell] += np.float32(weight)
            else:
                fresh.odds[cell] += unlike


@inner
def prior_of(base, least, most, odds):
    """The prior mass for some log-odds."""
    return np.float32(base * np.exp(min(max(odds, least), most)))


@inner
def emit(x, s, t, given, observed, there, back, fresh):
    """Write the emissions of a pair in both directions, from all masses.

    x: Lexicon; s, t: Words, whose masses are updated; there: Emission, source given; back: target
    given; fresh: Fresh.
    """
    wide = padded(given)
    high = padded(observed)
    for i in range(given):
        for j in range(observed):
            cell = i * observed + j
            if fresh.new[cell]:
                mass = prior_of(x.base, x.least, x.most, fresh.odds[cell])
                there.link[j * wide + i] = mass
                back.link[i * high + j] = mass
                s.mass[i] += mass
                t.mass[j] += mass
    for i in range(given):
        s.mass[i] = ONE / max(s.mass[i], SMALLEST)
    for j in range(observed):
        t.mass[j] = ONE / max(t.mass[j], SMALLEST)
    for j in range(observed):
        for i in range(wide):
            there.link[j * wide + i] = there.link[j * wide + i] * s.mass[i] if i < given else 0.0
    for i in range(given):
        for j in range(high):
            back.link[i * high + j] = back.link[i * high + j] * t.mass[j] if j < observed else 0.0


@kernel
def new_priors(
    lo: int, hi: int, lexicon: Lexicon, source: Side, target: Side, prior: Float32
) -> None:
    """Write the prior mass of the pairs lo <= n < hi of one source and one target word each."""
    there = new_emission(1, LANES, source.types.fertility.shape[1])
    back = new_emission(1, LANES, target.types.fertility.shape[1])
    s = new_words(1)
    t = new_words(1)
    fresh = new_fresh(1)
    for n in range(lo, hi):
        copy_words(source, n, s, back.null, there.fertility)
        copy_words(target, n, t, there.null, back.fertility)
        look_up(lexicon, s, t, 1, 1, there, back, fresh)
        add_evidence(lexicon, s, t, 1, 1, fresh)
        add_spelling(lexicon, source.types, target.types, s, t, 1, 1, fresh)
        prior[n] = prior_of(lexicon.base, lexicon.least, lexicon.most, fresh.odds[0])


class Chains(NamedTuple):
    """Scratch of CHAINS chains side by side, for the largest pair.

    links, following: int64 (CHAINS, observed), link of each word, next linked given word; previous:
    int64 (CHAINS); links_of: int64 (CHAINS, given); ratio, mass, cumulative: float32 (CHAINS,
    given); null: float32 (CHAINS); start: float32, as `Emission.link`, what chains start from,
    summed along each row.
    """

    links: Int64
    following: Int64
    previous: Int64
    links_of: Int64
    ratio: Float32
    mass: Float32
    cumulative: Float32
    null: Float32
    start: Float32


@inner
def unit(rng):
    """The next random float32 in [0, 1). rng: uint64 (1), updated."""
    x = rng[0]
    rng[0] = MULTIPLIER * (x & LOW_BITS) + (x >> HALF)
    return np.float32(np.int64(((x & LOW_BITS) ^ (x >> HALF)) >> np.uint64(8))) * np.float32(
        2.0**-24
    )


@inner
def seed_pair(seed, s, t, given, observed, rng):
    """Set the random state from the words of a pair. s, t: Words; rng: uint64 (1), written."""
    key = seed
    for k in range(given):
        key = mix(key ^ s.parts[k, WHOLE])
    key = mix(key)
    for k in range(observed):
        key = mix(key ^ t.parts[k, WHOLE])
    carry = (key >> HALF) % (MULTIPLIER - np.uint64(1))
    rng[0] = (carry << HALF) | (key & LOW_BITS) | np.uint64(1)


@inner
def set_jumps(jumps, given, e):
    """Spread the probabilities of jumps over a sentence of `given` words."""
    for k in range(2 * given + 3):
        jump = min(max(k - given - 1, -LONGEST_JUMP), LONGEST_JUMP)
        e.jumps[k] = jumps[jump + LONGEST_JUMP]
        e.reversed[2 * given + 2 - k] = e.jumps[k]


@inner
def padded(given):
    """The length of a row of given words: a multiple of LANES, for whole vectors."""
    return (given + LANES - 1) // LANES * LANES


@inner
def choose(sums, first, count, threshold):
    """How many of `sums[first : first + count]`, which ascend, are at most `threshold`."""
    found = 0
    for k in range(count):
        found += np.int64(sums[first + k] <= threshold)
    return found


@inner
def start_chains(given, observed, e, w, rng):
    """Draw the first links of all chains, without order and fertility."""
    width = padded(given)
    for j in range(observed):
        total = np.float32(0)
        for i in range(width):
            total += e.link[j * width + i]
            w.start[j * width + i] = total
    most = e.fertility.shape[1] - 1
    for c in range(CHAINS):
        for i in range(given):
            w.links_of[c, i] = 0
        for j in range(observed):
            total = w.start[j * width + width - 1] + e.null[j]
            k = choose(w.start, j * width, width, unit(rng) * total)
            w.links[c, j] = k if k < given else NULL
            if k < given:
                w.links_of[c, k] += 1
        for i in range(given):
            w.ratio[c, i] = e.fertility[i, min(w.links_of[c, i], most)]


@inner
def weigh(given, j, e, w):
    """Write the weights of all links of observed word j in every chain, and their sums."""
    most = e.fertility.shape[1] - 1
    width = padded(given)
    row = j * width
    for c in range(CHAINS):
        old = w.links[c, j]
        if old >= 0:
            w.links_of[c, old] -= 1
            w.ratio[c, old] = e.fertility[old, min(w.links_of[c, old], most)]
        here = given - w.previous[c]
        there = given + 1 - w.following[c, j]
        for i in range(width):
            before = e.jumps[np.uint64(here + i)]
            after = e.reversed[np.uint64(there + i)]
            w.mass[c, i] = e.link[np.uint64(row + i)] * w.ratio[c, i] * before * after
        w.null[c] = e.null[j] * e.jumps[here + w.following[c, j]]
    # Four sums at a time, because each waits for the one before it.
    one = two = three = four = np.float32(0)
    for i in range(width):
        one += w.mass[0, i]
        two += w.mass[1, i]
        three += w.mass[2, i]
        four += w.mass[3, i]
        w.cumulative[0, i] = one
        w.cumulative[1, i] = two
        w.cumulative[2, i] = three
        w.cumulative[3, i] = four


@inner
def sweep(given, observed, e, w, rng, share, posterior):
    """Draw the links of all observed words again; add share * P(link) to `posterior`."""
    most = e.fertility.shape[1] - 1
    for c in range(CHAINS):
        following = given
        for j in range(observed - 1, -1, -1):
            w.following[c, j] = following
            if w.links[c, j] >= 0:
                following = w.links[c, j]
        w.previous[c] = -1
    width = padded(given)
    for j in range(observed):
        weigh(given, j, e, w)
        for c in range(CHAINS):
            total = w.cumulative[c, width - 1] + w.null[c]
            k = np.int32(0)
            drawn = unit(rng) * total
            for i in range(width):
                k += np.int32(w.cumulative[c, i] <= drawn)
            if share > 0:
                scale = share / total
                for i in range(width):
                    posterior[np.uint64(j * width + i)] += w.mass[c, i] * scale
            w.links[c, j] = k if k < given else NULL
            if k < given:
                w.previous[c] = k
                w.links_of[c, k] += 1
                w.ratio[c, k] = e.fertility[k, min(w.links_of[c, k], most)]


@inner
def sample_way(given, observed, e, w, settings, rng, posterior):
    """Write the probabilities of the links of one direction, (observed, given) row by row."""
    for k in range(padded(given) * observed):
        posterior[k] = 0.0
    share = np.float32(1.0 / (CHAINS * settings.restarts * settings.averaged_sweeps))
    for _ in range(settings.restarts):
        start_chains(given, observed, e, w, rng)
        for k in range(settings.first_sweeps + settings.averaged_sweeps):
            added = share if k >= settings.first_sweeps else np.float32(0)
            sweep(given, observed, e, w, rng, added, posterior)


@kernel
def link_pairs(
    lo: int,
    hi: int,
    lexicon: Lexicon,
    source: Side,
    target: Side,
    jumps: Float32,
    settings: Sampling,
    cell_offsets: Int64,
    forward: Float32,
    reverse: Float32,
) -> None:
    """Write the link probabilities of the pairs lo <= n < hi.

    jumps: float32 (2, 2 * LONGEST_JUMP + 1), probability of each jump with source and target given;
    cell_offsets: int64 (N+1), cells of each pair (`xner.kernels.entries`); forward, reverse:
    float32 (cells), written: P(source word | target word), P(target word | source word).
    """
    longest = 1
    cells = np.int64(1)
    for n in range(lo, hi):
        given = source.offsets[n + 1] - source.offsets[n]
        observed = target.offsets[n + 1] - target.offsets[n]
        longest = max(longest, given, observed)
        cells = max(cells, padded(given) * observed, given * padded(observed))
    longest = padded(longest)
    there = new_emission(longest, cells, source.types.fertility.shape[1])
    back = new_emission(longest, cells, target.types.fertility.shape[1])
    w = Chains(
        np.empty((CHAINS, longest), np.int64),
        np.empty((CHAINS, longest), np.int64),
        np.empty(CHAINS, np.int64),
        np.empty((CHAINS, longest), np.int64),
        np.ones((CHAINS, longest), np.float32),
        np.empty((CHAINS, longest), np.float32),
        np.empty((CHAINS, longest), np.float32),
        np.empty(CHAINS, np.float32),
        np.empty(cells, np.float32),
    )
    posterior = np.empty(cells, np.float32)
    s = new_words(longest)
    t = new_words(longest)
    fresh = new_fresh(cells)
    rng = np.empty(1, np.uint64)
    for n in range(lo, hi):
        given = copy_words(source, n, s, back.null, there.fertility)
        observed = copy_words(target, n, t, there.null, back.fertility)
        if given == 0 or observed == 0:
            continue
        look_up(lexicon, s, t, given, observed, there, back, fresh)
        add_evidence(lexicon, s, t, given, observed, fresh)
        add_spelling(lexicon, source.types, target.types, s, t, given, observed, fresh)
        emit(lexicon, s, t, given, observed, there, back, fresh)
        set_jumps(jumps[0], given, there)
        set_jumps(jumps[1], observed, back)
        seed_pair(settings.seed, s, t, given, observed, rng)
        sample_way(given, observed, there, w, settings, rng, posterior)
        cell = cell_offsets[n]
        width = padded(given)
        for j in range(observed):
            for i in range(given):
                forward[cell + i * observed + j] = posterior[j * width + i]
        sample_way(observed, given, back, w, settings, rng, posterior)
        width = padded(observed)
        for i in range(given):
            for j in range(observed):
                reverse[cell + i * observed + j] = posterior[i * width + j]
