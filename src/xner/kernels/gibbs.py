"""Bayesian HMM word alignment with fertilities, by collapsed Gibbs sampling.

Östling and Tiedemann (2016), "Efficient word alignment with MCMC", after the HMM of Vogel
et al. (1996) and the fertilities and null word of Brown et al. (1993). In one direction,
every observed word is linked to one word of the given sentence or to the null word:

    P(link j -> i | all other links)
        ~ (prior(g, o) + count(g, o)) / (prior(g) + count(g))         lexical
        * jump(i - previous linked word) * jump(next linked word - i)  order
        * P(fertility of g + 1 | g) / P(fertility of g | g)            fertility

with g, o the word types at i, j and counts over all other words. Jumps and the fertilities of
all words together are estimated anew for each sweep. Cells and entries are those of
`xner.kernels.entries`.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

# Multiply with carry, 32 bits a step: no step overflows, so it also runs without Numba.
MULTIPLIER = np.uint64(4294883355)
LOW_BITS = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)
UNIT = 2.0**-32

LONGEST_JUMP = 24  # longer jumps share one probability mass
FERTILITIES = 6  # 0, 1, ..., and the last for "this many or more"
NULL = -1


class Direction(NamedTuple):
    """Sentence pairs seen from one direction: observed words link to given words.

    given, observed: int32, word type of every word; given_offsets, observed_offsets: int64
    (N+1); cells: int32, entry of every cell; cell_offsets: int64 (N+1); forward: bool, true
    where the source is given and the target observed.
    """

    given: np.ndarray
    given_offsets: np.ndarray
    observed: np.ndarray
    observed_offsets: np.ndarray
    cells: np.ndarray
    cell_offsets: np.ndarray
    forward: bool


class State(NamedTuple):
    """One chain of samples: the links and what is counted from them.

    links: int32 (observed words), linked given word or NULL; mass: float64 (entries), prior
    plus links of an entry; total: float64 (given types), sum of its entries' mass; scale:
    float64 (given types), 1 / total; null_mass: float64 (observed types), null_total:
    float64 (1), the same for the null word; fertility: int32 (given types, FERTILITIES),
    words of the type by their number of links; rng: uint64 (1).
    """

    links: np.ndarray
    mass: np.ndarray
    total: np.ndarray
    scale: np.ndarray
    null_mass: np.ndarray
    null_total: np.ndarray
    fertility: np.ndarray
    rng: np.ndarray


class Settings(NamedTuple):
    """Priors (float64) and numbers of sweeps over all sentences (int64).

    null: prior probability of the null word; jump_alpha, fertility_alpha: prior masses;
    lexical_sweeps: sweeps without order and fertility (IBM model 1); jump_sweeps: sweeps
    without fertility; fertility_sweeps: sweeps of the full model; averaged_sweeps: how many
    of the last sweeps the posteriors are averaged over.
    """

    null: float
    jump_alpha: float
    fertility_alpha: float
    lexical_sweeps: int
    jump_sweeps: int
    fertility_sweeps: int
    averaged_sweeps: int


class Tables(NamedTuple):
    """What stays fixed during one sweep.

    jumps: float64 (2 * centre + 1), probability of a jump by k - centre words; fertility:
    float64 (FERTILITIES), prior mass of each number of links; with_fertility: bool;
    null_odds: float64, of the null word against any other.
    """

    jumps: np.ndarray
    fertility: np.ndarray
    with_fertility: bool
    null_odds: float


class Work(NamedTuple):
    """Scratch for one sentence, as long as the longest: int64 and float64."""

    cumulative: np.ndarray
    following: np.ndarray
    links_of: np.ndarray
    fertility_ratio: np.ndarray


@njit(cache=True, nogil=True)
def uniform(rng):
    """The next random float64 in [0, 1). rng: uint64 (1), updated."""
    x = rng[0]
    rng[0] = MULTIPLIER * (x & LOW_BITS) + (x >> HALF)
    return np.float64((x & LOW_BITS) ^ (x >> HALF)) * UNIT


@njit(cache=True, nogil=True)
def place(index):
    """An index that is never negative: Numba then leaves out its check, for 40% less time."""
    return np.uint64(index)


@njit(cache=True, nogil=True)
def move_link(d, s, observed, given, cell, step):
    """Count one link more (step 1) or less (step -1). observed, given: word types."""
    if given == NULL:
        s.null_mass[observed] += step
        s.null_total[0] += step
    else:
        s.mass[d.cells[cell]] += step
        s.total[given] += step
        s.scale[given] = 1.0 / s.total[given]


@njit(cache=True, nogil=True)
def link_at_random(d, s):
    """Start the chain: every link, null among them, is equally likely."""
    for g in range(len(s.total)):
        s.scale[g] = 1.0 / s.total[g]
    for n in range(len(d.given_offsets) - 1):
        start = d.given_offsets[n]
        first = d.observed_offsets[n]
        length = d.given_offsets[n + 1] - start
        observed_length = d.observed_offsets[n + 1] - first
        for j in range(observed_length):
            i = int(uniform(s.rng) * (length + 1)) - 1
            s.links[first + j] = i
            given = np.int64(NULL if i == NULL else d.given[start + i])
            row = i * observed_length + j if d.forward else j * length + i
            move_link(d, s, d.observed[first + j], given, d.cell_offsets[n] + row, 1)


@njit(cache=True, nogil=True)
def count_fertilities(d, s):
    """Fill `s.fertility` from the links."""
    s.fertility[:] = 0
    for n in range(len(d.given_offsets) - 1):
        start = d.given_offsets[n]
        links_of = np.zeros(d.given_offsets[n + 1] - start, np.int64)
        for k in range(d.observed_offsets[n], d.observed_offsets[n + 1]):
            if s.links[k] != NULL:
                links_of[s.links[k]] += 1
        for i in range(len(links_of)):
            s.fertility[d.given[start + i], min(links_of[i], FERTILITIES - 1)] += 1


@njit(cache=True, nogil=True)
def jump_probabilities(d, s, alpha, jumps):
    """Estimate the jumps, to and from the sentence's ends too, from the links.

    alpha: mass of the Dirichlet prior, which favours a jump to the next word; jumps: float64
    (2 * centre + 1), written. Jumps that are longer than LONGEST_JUMP share one bin, whose
    mass is spread over LONGEST_JUMP places.
    """
    counts = np.empty(2 * LONGEST_JUMP + 1)
    total = 0.0
    for k in range(len(counts)):
        counts[k] = 1.0 / (1.0 + abs(k - LONGEST_JUMP - 1)) ** 2
        total += counts[k]
    for k in range(len(counts)):
        counts[k] *= alpha / total
    for n in range(len(d.given_offsets) - 1):
        previous = -1
        for k in range(d.observed_offsets[n], d.observed_offsets[n + 1]):
            if s.links[k] != NULL:
                jump = s.links[k] - previous
                counts[min(max(jump, -LONGEST_JUMP), LONGEST_JUMP) + LONGEST_JUMP] += 1.0
                previous = s.links[k]
        jump = d.given_offsets[n + 1] - d.given_offsets[n] - previous
        counts[min(max(jump, -LONGEST_JUMP), LONGEST_JUMP) + LONGEST_JUMP] += 1.0
    total = 0.0
    for k in range(len(counts)):
        total += counts[k]
    counts[0] /= LONGEST_JUMP
    counts[2 * LONGEST_JUMP] /= LONGEST_JUMP
    centre = len(jumps) // 2
    for k in range(len(jumps)):
        jump = min(max(k - centre, -LONGEST_JUMP), LONGEST_JUMP)
        jumps[k] = counts[jump + LONGEST_JUMP] / total


@njit(cache=True, nogil=True)
def fertility_prior(s, alpha):
    """Prior mass, float64 (FERTILITIES), of each fertility: alpha times its frequency."""
    prior = np.ones(FERTILITIES)
    total = float(FERTILITIES)
    for g in range(len(s.fertility)):
        for f in range(FERTILITIES):
            prior[f] += s.fertility[g, f]
            total += s.fertility[g, f]
    for f in range(FERTILITIES):
        prior[f] *= alpha / total
    return prior


@njit(cache=True, nogil=True)
def update_ratio(s, t, w, i, given):
    """Refresh the fertility ratio of the given word i, whose type is `given`."""
    f = min(w.links_of[i], FERTILITIES - 2)
    more = s.fertility[given, f + 1] + t.fertility[f + 1]
    w.fertility_ratio[i] = more / (s.fertility[given, f] + t.fertility[f])


@njit(cache=True, nogil=True)
def enter_sentence(d, s, t, w, n):
    """Prepare the scratch for pair n; hold its words out of the fertility counts."""
    start = d.given_offsets[n]
    first = d.observed_offsets[n]
    length = d.given_offsets[n + 1] - start
    following = length
    w.links_of[:length] = 0
    for j in range(d.observed_offsets[n + 1] - first - 1, -1, -1):
        w.following[j] = following
        if s.links[first + j] != NULL:
            following = s.links[first + j]
            w.links_of[following] += 1
    if t.with_fertility:
        for i in range(length):
            s.fertility[d.given[start + i], min(w.links_of[i], FERTILITIES - 1)] -= 1
        for i in range(length):
            update_ratio(s, t, w, i, np.int64(d.given[start + i]))


@njit(cache=True, nogil=True)
def leave_sentence(d, s, t, w, n):
    """Count the fertilities of pair n again."""
    start = d.given_offsets[n]
    if t.with_fertility:
        for i in range(d.given_offsets[n + 1] - start):
            s.fertility[d.given[start + i], min(w.links_of[i], FERTILITIES - 1)] += 1


@njit(cache=True, nogil=True)
def sample_sentence(d, s, t, w, n, share, posterior):
    """Draw every link of pair n anew; add `share` of each link's probability to its cell.

    posterior: float32 (cells), updated where share > 0.
    """
    start = d.given_offsets[n]
    first = d.observed_offsets[n]
    length = d.given_offsets[n + 1] - start
    observed_length = d.observed_offsets[n + 1] - first
    step = observed_length if d.forward else 1  # from a given word's cell to the next one's
    centre = len(t.jumps) // 2
    previous = -1
    for j in range(observed_length):
        observed = d.observed[first + j]
        row = d.cell_offsets[n] + (j if d.forward else j * length)
        old = np.int64(s.links[first + j])
        old_given = np.int64(NULL if old == NULL else d.given[start + old])
        move_link(d, s, observed, old_given, row + old * step, -1)
        if old != NULL:
            w.links_of[old] -= 1
            if t.with_fertility:
                update_ratio(s, t, w, old, old_given)

        following = w.following[j]
        total = 0.0
        for i in range(length):
            p = s.mass[place(d.cells[place(row + i * step)])]
            p *= s.scale[place(d.given[place(start + i)])]
            p *= t.jumps[place(centre + i - previous)] * t.jumps[place(centre + following - i)]
            total += p * w.fertility_ratio[i]
            w.cumulative[i] = total
        null = s.null_mass[observed] / s.null_total[0] * t.null_odds
        null *= t.jumps[centre + following - previous]

        drawn = uniform(s.rng) * (total + null)
        new = 0
        while new < length and w.cumulative[place(new)] <= drawn:
            new += 1
        if new == length:
            new = NULL
        s.links[first + j] = new
        new_given = np.int64(NULL if new == NULL else d.given[start + new])
        move_link(d, s, observed, new_given, row + new * step, 1)
        if new != NULL:
            previous = new
            w.links_of[new] += 1
            if t.with_fertility:
                update_ratio(s, t, w, new, new_given)
        if share > 0.0:
            unit = share / (total + null)
            below = 0.0
            for i in range(length):
                posterior[place(row + i * step)] += unit * (w.cumulative[i] - below)
                below = w.cumulative[i]


@njit(cache=True, nogil=True)
def sample_chain(d, s, settings, posterior):
    """Run one chain in one direction, from random links to averaged posteriors.

    d: Direction; s: State, whose masses hold the priors and whose rng is seeded, updated;
    settings: Settings; posterior: float32 (cells) of zeros, receives P(link) of every cell,
    averaged over the last sweeps; a word's cells and its null sum to 1.
    """
    longest = 0
    for n in range(len(d.given_offsets) - 1):
        longest = max(longest, d.given_offsets[n + 1] - d.given_offsets[n])
        longest = max(longest, d.observed_offsets[n + 1] - d.observed_offsets[n])
    work = Work(
        np.empty(longest),
        np.empty(longest, np.int64),
        np.empty(longest, np.int64),
        np.ones(longest),
    )
    jumps = np.ones(2 * longest + 3)
    fertility = np.ones(FERTILITIES)
    null_odds = settings.null / (1.0 - settings.null)
    link_at_random(d, s)
    full = settings.lexical_sweeps + settings.jump_sweeps
    sweeps = full + settings.fertility_sweeps
    for k in range(sweeps):
        if k >= settings.lexical_sweeps:
            jump_probabilities(d, s, settings.jump_alpha, jumps)
        if k == full:
            count_fertilities(d, s)
        if k >= full:
            fertility = fertility_prior(s, settings.fertility_alpha)
        averaged = k >= sweeps - settings.averaged_sweeps
        share = 1.0 / settings.averaged_sweeps if averaged else 0.0
        tables = Tables(jumps, fertility, k >= full, null_odds)
        for n in range(len(d.given_offsets) - 1):
            enter_sentence(d, s, tables, work, n)
            sample_sentence(d, s, tables, work, n, share, posterior)
            leave_sentence(d, s, tables, work, n)


@njit(cache=True, nogil=True)
def add_chain(posterior, share, average):
    """Add `share` of one chain's posterior to the average. Both float32 (cells)."""
    for c in range(len(posterior)):
        average[c] += share * posterior[c]
