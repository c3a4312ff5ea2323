"""Link probabilities of sentence pairs under a fitted model of `xner.kernels.gibbs`.

The counts of the model stay as they are, so that no sentence depends on another one. Order,
fertility and null word are those of `xner.kernels.gibbs`, emissions those of
`xner.kernels.emission`. The links of each sentence are sampled by a few short chains; its random
numbers depend on its words alone. A forward and a backward pass would sum over all links of an HMM
exactly, but an HMM has no fertilities.
"""

from typing import NamedTuple

import numpy as np

from xner.kernels.emission import (
    compare_parts,
    copy_words,
    emit,
    look_up,
    new_emission,
    new_fresh,
    new_words,
    padded,
    padded_length,
)
from xner.kernels.gibbs import HALF, LOW_BITS, MULTIPLIER, NULL
from xner.kernels.jit import inner, kernel
from xner.kernels.keys import mix
from xner.kernels.lexicon import WHOLE, Lexicon, Side
from xner.kernels.order import LONGEST_JUMP
from xner.kernels.records import Float32, Int32, Int64, sizes_of

CHAINS = 4


class Sampling(NamedTuple):
    """How often CHAINS chains start, their sweeps before and during averaging, and the seed."""

    restarts: int
    first_sweeps: int
    averaged_sweeps: int
    seed: np.uint64


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
        here = given + 1 - w.previous[c]
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
def take_hints(hints, cell, given, observed, there, back):
    """Multiply the weights of the links of one pair by its hints.

    hints: as in `link_pairs`; cell: first cell of the pair; there, back: as `Emission.link`,
    updated.
    """
    width = padded(given)
    for j in range(observed):
        for i in range(given):
            there[j * width + i] *= hints[0][cell + i * observed + j]
    width = padded(observed)
    for i in range(given):
        for j in range(observed):
            back[i * width + j] *= hints[1][cell + i * observed + j]


@inner
def take_likely(given, observed, there, back, least, found, source, target, forward, reverse):
    """Append the more probable links of a pair; return the number of links then.

    there, back: of `sample_way` with source and target given; found: number of links before.
    Other arguments are those of `link_pairs`.
    """
    wide = np.uint64(padded(given))
    high = np.uint64(padded(observed))
    both = np.float32(2 * least)
    for i in range(np.uint64(given)):
        for j in range(np.uint64(observed)):
            one = there[j * wide + i]
            two = back[i * high + j]
            if one + two >= both:
                source[found] = i
                target[found] = j
                forward[found] = one
                reverse[found] = two
                found += 1
    return found


def link_pairs(
    lo: int,
    hi: int,
    lexicon: Lexicon,
    source: Side,
    target: Side,
    jumps: Float32,
    settings: Sampling,
    cell_offsets: Int64,
    hints: tuple[Float32, Float32],
    least: float,
    counts: Int64,
    source_words: Int32,
    target_words: Int32,
    forward: Float32,
    reverse: Float32,
) -> None:
    """Write the more probable links of the pairs lo <= n < hi, one after the other.

    jumps: float32 (2, 2 * LONGEST_JUMP + 1), probability of each jump with source and target given;
    cell_offsets: int64 (N+1), cells of each pair (`xner.kernels.entries`), 0 for pairs to skip;
    hints: float32 (cells) for each direction, factor of each link's weight, or empty; least: mean
    probability of both directions from which links are written; counts: int64 (N), written, links
    of each pair; source_words, target_words: int32, forward, reverse: float32 (at most cells),
    written: words of each link, P(source word | target word), and the reverse.
    """
    kept = sizes_of(cell_offsets[lo : hi + 1]) > 0
    given = sizes_of(source.offsets[lo : hi + 1])[kept]
    observed = sizes_of(target.offsets[lo : hi + 1])[kept]
    wide, high = padded_length(given) * observed, given * padded_length(observed)
    longest = padded_length(max(int(sizes.max(initial=1)) for sizes in (given, observed)))
    cells = max(int(sizes.max(initial=1)) for sizes in (wide, high))
    there = new_emission(longest, cells, source.types.fertility.shape[1])
    back = new_emission(longest, cells, target.types.fertility.shape[1])
    posteriors = np.empty(cells, np.float32), np.empty(cells, np.float32)
    room = new_words(longest), new_words(longest), new_fresh(longest, cells)
    write_links(
        lo, hi, lexicon, source, target, jumps, settings, cell_offsets, hints, least,
        counts, source_words, target_words, forward, reverse,
        there, back, new_chains(longest, cells), *posteriors, *room, np.empty(1, np.uint64),
    )  # fmt: skip


def new_chains(longest: int, cells: int) -> Chains:
    """Scratch for pairs of at most `longest` words per side and `cells` pairs of words."""
    return Chains(
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


@kernel
def write_links(
    lo, hi, lexicon, source, target, jumps, settings, cell_offsets, hints, least,
    counts, source_words, target_words, forward, reverse,
    there, back, w, posterior, backward, s, t, fresh, rng,
):  # fmt: skip
    """See `link_pairs`. What follows its arguments is scratch for the longest pair."""
    found = np.int64(0)
    for n in range(lo, hi):
        if cell_offsets[n] == cell_offsets[n + 1]:
            continue
        given = copy_words(source, n, s, back.null, there.fertility)
        observed = copy_words(target, n, t, there.null, back.fertility)
        look_up(lexicon, s, t, given, observed, there, back, fresh)
        compare_parts(lexicon, source.types, target.types, s, t, given, observed, fresh)
        emit(lexicon, s, t, given, observed, there, back, fresh)
        cell = cell_offsets[n]
        if len(hints[0]):
            take_hints(hints, cell, given, observed, there.link, back.link)
        set_jumps(jumps[0], given, there)
        set_jumps(jumps[1], observed, back)
        seed_pair(settings.seed, s, t, given, observed, rng)
        sample_way(given, observed, there, w, settings, rng, posterior)
        sample_way(observed, given, back, w, settings, rng, backward)
        before = found
        found = take_likely(
            given, observed, posterior, backward, least, found,
            source_words, target_words, forward, reverse,
        )  # fmt: skip
        counts[n] = found - before
