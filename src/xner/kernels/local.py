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


class Pair(NamedTuple):
    """A sentence pair: first word and number of words of the source, and of the target."""

    first: int
    given: int
    begin: int
    observed: int


class Fresh(NamedTuple):
    """Cells of a sentence pair that are not in the table; scratch for the largest pair.

    odds: float64, (source, target) row by row, log-odds of the prior; new: uint8, whether the cell
    counts; distances, stretches: of `compare`.
    """

    odds: Float64
    new: Flags
    distances: Int64
    stretches: Int64


@inner
def new_fresh(cells):
    """Scratch for `cells` pairs of words."""
    return Fresh(
        np.empty(cells, np.float64),
        np.empty(cells, np.uint8),
        np.empty(COMPARED + 1, np.int64),
        np.empty(COMPARED + 1, np.int64),
    )


@inner
def look_up(x, source, target, p, there, back, fresh):
    """Write the mass of the pairs of words that are in the table; mark the others as new.

    x: Lexicon; source, target: Side; p: Pair; there, back: Emission; fresh: Fresh, written with the
    log-odds from frequency and length.
    """
    weights = x.weights
    wide = padded(p.given)
    high = padded(p.observed)
    for i in range(p.given):
        a = source.ids[p.first + i]
        one = source.types.known[a]
        frequency = source.types.frequency[a]
        length = source.types.length[a]
        for j in range(p.observed):
            b = target.ids[p.begin + j]
            two = target.types.known[b]
            slot = np.int64(-1)
            if one >= 0 and two >= 0:
                slot = find(x.keys, x.filter, pair_key(np.uint64(one), np.uint64(two)))
            cell = i * p.observed + j
            fresh.new[cell] = slot < 0
            if slot >= 0:
                there.link[j * wide + i] = x.prior[slot] + x.forward[slot]
                back.link[i * high + j] = x.prior[slot] + x.reverse[slot]
            else:
                odds = weights[0] + weights[1] * abs(frequency - target.types.frequency[b])
                fresh.odds[cell] = odds + weights[2] * abs(length - target.types.length[b])


@inner
def add_evidence(x, source, target, p, fresh):
    """Add the evidence of word parts to the log-odds of new cells with a rare word."""
    for i in range(p.given):
        a = source.ids[p.first + i]
        for j in range(p.observed):
            b = target.ids[p.begin + j]
            cell = i * p.observed + j
            if not fresh.new[cell] or not (source.types.rare[a] or target.types.rare[b]):
                continue
            for v in range(len(VIEWS)):
                part = source.types.parts[a, SOURCE_PARTS[v]]
                key = view_key(v, part, target.types.parts[b, TARGET_PARTS[v]])
                slot = find(x.view_keys, x.view_filter, key)
                if slot >= 0:
                    fresh.odds[cell] += x.weights[3 + v] * x.evidence[slot]


@inner
def add_spelling(x, source, target, p, fresh):
    """Add the similarity of the words to the log-odds of new cells with a rare word."""
    s = source.types
    t = target.types
    first = 3 + len(VIEWS)
    for i in range(p.given):
        a = source.ids[p.first + i]
        for j in range(p.observed):
            b = target.ids[p.begin + j]
            cell = i * p.observed + j
            if not fresh.new[cell]:
                continue
            similar = 0
            shared = 0
            if (s.rare[a] or t.rare[b]) and look_alike(s.letter_pairs, a, t.letter_pairs, b):
                similar, shared = spelling_levels(
                    s.letters[s.starts[a] : s.starts[a + 1]],
                    t.letters[t.starts[b] : t.starts[b + 1]],
                    fresh.distances,
                    fresh.stretches,
                )
            fresh.odds[cell] += x.weights[first + similar] + x.weights[first + SIMILAR + shared]


@kernel
def new_priors(
    lo: int, hi: int, lexicon: Lexicon, source: Side, target: Side, prior: Float32
) -> None:
    """Write the prior mass of the pairs lo <= n < hi of one source and one target word each."""
    there = new_emission(1, LANES, source.types.fertility.shape[1])
    back = new_emission(1, LANES, target.types.fertility.shape[1])
    fresh = new_fresh(1)
    for n in range(lo, hi):
        p = Pair(n, 1, n, 1)
        look_up(lexicon, source, target, p, there, back, fresh)
        add_evidence(lexicon, source, target, p, fresh)
        add_spelling(lexicon, source, target, p, fresh)
        prior[n] = prior_of(lexicon.base, lexicon.least, lexicon.most, fresh.odds[0])


@inner
def prior_of(base, least, most, odds):
    """The prior mass for some log-odds."""
    return np.float32(base * np.exp(min(max(odds, least), most)))


@inner
def emit(x, source, target, p, there, back, fresh, masses):
    """Write the emissions of a pair in both directions.

    x: Lexicon; source, target: Side; there: Emission, source given; back: target given; fresh:
    Fresh; masses: float32 (2, words), scratch.
    """
    wide = padded(p.given)
    high = padded(p.observed)
    for i in range(p.given):
        masses[0, i] = source.types.mass[source.ids[p.first + i]]
        back.null[i] = source.types.null[source.ids[p.first + i]]
    for j in range(p.observed):
        masses[1, j] = target.types.mass[target.ids[p.begin + j]]
        there.null[j] = target.types.null[target.ids[p.begin + j]]
    for i in range(p.given):
        for j in range(p.observed):
            cell = i * p.observed + j
            if fresh.new[cell]:
                mass = prior_of(x.base, x.least, x.most, fresh.odds[cell])
                there.link[j * wide + i] = mass
                back.link[i * high + j] = mass
                masses[0, i] += mass
                masses[1, j] += mass
    for i in range(p.given):
        scale = ONE / max(masses[0, i], SMALLEST)
        for j in range(p.observed):
            there.link[j * wide + i] *= scale
            back.link[i * high + j] /= max(masses[1, j], SMALLEST)
    for j in range(p.observed):
        for i in range(p.given, wide):
            there.link[j * wide + i] = 0.0
    for i in range(p.given):
        for j in range(p.observed, high):
            back.link[i * high + j] = 0.0


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
def seed_pair(seed, source, target, p, rng):
    """Set the random state from the words of a pair. rng: uint64 (1), written."""
    key = seed
    for k in range(p.first, p.first + p.given):
        key = mix(key ^ source.types.parts[source.ids[k], WHOLE])
    key = mix(key)
    for k in range(p.begin, p.begin + p.observed):
        key = mix(key ^ target.types.parts[target.ids[k], WHOLE])
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


@inner
def set_fertility(side, first, count, e):
    """Copy the fertility ratios of the given words."""
    for i in range(count):
        for f in range(e.fertility.shape[1]):
            e.fertility[i, f] = side.types.fertility[side.ids[first + i], f]


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
    masses = np.empty((2, longest), np.float32)
    fresh = new_fresh(cells)
    rng = np.empty(1, np.uint64)
    for n in range(lo, hi):
        p = Pair(
            source.offsets[n],
            source.offsets[n + 1] - source.offsets[n],
            target.offsets[n],
            target.offsets[n + 1] - target.offsets[n],
        )
        if p.given == 0 or p.observed == 0:
            continue
        look_up(lexicon, source, target, p, there, back, fresh)
        add_evidence(lexicon, source, target, p, fresh)
        add_spelling(lexicon, source, target, p, fresh)
        emit(lexicon, source, target, p, there, back, fresh, masses)
        set_fertility(source, p.first, p.given, there)
        set_fertility(target, p.begin, p.observed, back)
        set_jumps(jumps[0], p.given, there)
        set_jumps(jumps[1], p.observed, back)
        seed_pair(settings.seed, source, target, p, rng)
        sample_way(p.given, p.observed, there, w, settings, rng, posterior)
        cell = cell_offsets[n]
        wide = padded(p.given)
        high = padded(p.observed)
        for j in range(p.observed):
            for i in range(p.given):
                forward[cell + i * p.observed + j] = posterior[j * wide + i]
        sample_way(p.observed, p.given, back, w, settings, rng, posterior)
        for i in range(p.given):
            for j in range(p.observed):
                reverse[cell + i * p.observed + j] = posterior[i * high + j]
