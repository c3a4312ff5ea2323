"""Bayesian HMM word alignment with fertilities, by collapsed Gibbs sampling.

Östling and Tiedemann (2016), "Efficient word alignment with MCMC", after the HMM of Vogel
et al. (1996) and the fertilities and null word of Brown et al. (1993). In one direction,
every observed word is linked to one word of the given sentence or to the null word:

    P(link j -> i | all other links)
        ~ (prior(g, o) + count(g, o)) / (prior(g) + count(g))         lexical
        * jump(i - previous linked word) * jump(next linked word - i)  order
        * P(fertility of g + 1 | g) / P(fertility of g | g)            fertility

with g, o the word types at i, j and counts over all other words. Jumps and the fertilities of
all words together are estimated again before each sweep (`xner.kernels.order`).

Several chains are sampled side by side: every count has one place per chain, adjacent in memory,
so that what a word's candidates need is fetched once for all chains. No number of one chain depends
on another chain. Without checks for division by 0 (`xner.kernels.jit`) no references to arrays are
counted in the innermost loops; otherwise threads would wait for each other's counts.
"""

from typing import NamedTuple

import numpy as np

from xner.kernels.jit import inner, kernel
from xner.kernels.order import (
    FERTILITIES,
    LONGEST_JUMP,
    count_fertilities,
    estimate_fertilities,
    estimate_jumps,
)
from xner.kernels.records import Int32
from xner.kernels.sizes import place

# Multiply with carry, 32 bits a step: no step overflows, so it also runs without Numba.
MULTIPLIER = np.uint64(4294883355)
LOW_BITS = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)
UNIT = 2.0**-32

NULL = -1
ONE = np.float32(1)
CERTAIN = 1 << 30
"""The posterior of a certain link, summed over all chains and averaged sweeps: integers have the
same sum in any order."""


class Direction(NamedTuple):
    """Sentence pairs seen from one direction: observed words link to given words.

    The candidates of an observed word are all given words of its sentence in their order, those of
    one observed word after those of another. given, observed: int32, word type of every word;
    given_offsets, observed_offsets: int64 (N+1); slots: int32 (candidates), where the links of the
    candidate's entry are counted, 0 for an entry of one candidate, whose count without the word at
    hand is 0; prior: float32 (candidates); hints: float32 (candidates), factor of each link's
    weight, or empty; given_prior: float32 (given types), sum of its entries' priors; null_prior:
    float32, of each observed type.
    """

    given: np.ndarray
    given_offsets: np.ndarray
    observed: np.ndarray
    observed_offsets: np.ndarray
    slots: np.ndarray
    prior: np.ndarray
    hints: np.ndarray
    given_prior: np.ndarray
    null_prior: np.float32


class State(NamedTuple):
    """C chains of samples: the links and what is counted from them.

    links: int32 (observed words, C), linked given word or NULL; counts: float32 (slots, C), links
    of each entry; linked: float32 (given types, C), links of each type; scale: float32 (given
    types, C), 1 / (prior + links); null: float32 (observed types, C), null links; null_total:
    float32 (C), their sum; fertility: float32 (given types, C, FERTILITIES), words of the type by
    their number of links; rng: uint64 (C).
    """

    links: np.ndarray
    counts: np.ndarray
    linked: np.ndarray
    scale: np.ndarray
    null: np.ndarray
    null_total: np.ndarray
    fertility: np.ndarray
    rng: np.ndarray


class Settings(NamedTuple):
    """Priors and numbers of sweeps over all sentences (int64).

    null_odds: float32, prior odds of the null word; jump_alpha, fertility_alpha: prior masses;
    lexical_sweeps: sweeps without order and fertility (IBM model 1); jump_sweeps: sweeps
    without fertility; fertility_sweeps: sweeps of the full model; averaged_sweeps: how many
    of the last sweeps the posteriors are averaged over.
    """

    null_odds: np.float32
    jump_alpha: float
    fertility_alpha: float
    lexical_sweeps: int
    jump_sweeps: int
    fertility_sweeps: int
    averaged_sweeps: int


class Sweep(NamedTuple):
    """Values that stay fixed during one sweep.

    jumps: float32 (C, 2 * centre + 1), probability of a jump by k - centre words; fertility:
    float32 (C, FERTILITIES), prior mass of each number of links; with_fertility: bool;
    null_odds: float32, of the null word against any other; share: float32, what a certain
    link adds to its candidate's posterior, 0 to add nothing.
    """

    jumps: np.ndarray
    fertility: np.ndarray
    with_fertility: bool
    null_odds: np.float32
    share: np.float32


class Work(NamedTuple):
    """Scratch for one sentence, as long as the longest, for C chains; ones at first.

    jumps, fertility: see `Sweep`; cumulative, ratio: float32 (C, length + 1); following, links_of,
    before: int64 (C, length + 1), links_of the number of links of each given word, before the same
    at first, up to FERTILITIES - 1; previous: int64 (C).
    """

    jumps: np.ndarray
    fertility: np.ndarray
    cumulative: np.ndarray
    ratio: np.ndarray
    following: np.ndarray
    links_of: np.ndarray
    before: np.ndarray
    previous: np.ndarray


@kernel
def uniform(rng, c):
    """The next random float64 in [0, 1) of chain c. rng: uint64 (C), updated."""
    x = rng[c]
    rng[c] = MULTIPLIER * (x & LOW_BITS) + (x >> HALF)
    return np.float64((x & LOW_BITS) ^ (x >> HALF)) * UNIT


@inner
def move(s, slot, given, prior, step, c):
    """Count one link more (step 1) or less (step -1) in chain c.

    slot: of the link's entry; given: linked word type; prior: float32, that of the type.
    """
    s.counts[slot, c] += step * np.float32(slot != 0)
    links = s.linked[given, c] + step
    s.linked[given, c] = links
    s.scale[given, c] = ONE / (prior + links)


@inner
def move_null(s, observed, step, c):
    """Count one null link more or less in chain c. observed: word type."""
    s.null[observed, c] += step
    s.null_total[c] += step


@inner
def link_at_random(d, s):
    """Start the chains: every candidate, null among them, is equally likely.

    s: State, of zeros but for its rng, updated.
    """
    for g in range(len(s.scale)):
        for lane in range(len(s.rng)):
            s.scale[g, lane] = ONE / d.given_prior[g]
    begin = 0
    for n in range(len(d.given_offsets) - 1):
        start = d.given_offsets[n]
        count = d.given_offsets[n + 1] - start
        for word in range(d.observed_offsets[n], d.observed_offsets[n + 1]):
            for lane in range(len(s.rng)):
                c = place(lane)
                k = int(uniform(s.rng, c) * (count + 1)) - 1
                if k < 0:
                    s.links[word, c] = NULL
                    move_null(s, place(d.observed[word]), ONE, c)
                else:
                    s.links[word, c] = k
                    given = place(d.given[start + k])
                    slot = place(d.slots[begin + k])
                    move(s, slot, given, d.given_prior[given], ONE, c)
            begin += count


@inner
def update_ratio(s, t, w, given, i, c):
    """Refresh the fertility ratio of the given word i, whose type is `given`, in chain c.

    The word itself, counted with the links that it had before, is held out.
    """
    f = place(min(w.links_of[c, i], FERTILITIES - 2))
    before = place(w.before[c, i])
    less = s.fertility[given, c, f] + t.fertility[c, f] - np.float32(f == before)
    f += np.uint64(1)
    more = s.fertility[given, c, f] + t.fertility[c, f] - np.float32(f == before)
    w.ratio[c, i] = more / less


@inner
def enter_sentence(d, s, t, w, n):
    """Prepare the scratch for pair n."""
    start = d.given_offsets[n]
    first = d.observed_offsets[n]
    length = d.given_offsets[n + 1] - start
    for lane in range(len(s.rng)):
        c = place(lane)
        for i in range(length):
            w.links_of[c, place(i)] = 0
        w.previous[c] = -1
        following = length
        for j in range(d.observed_offsets[n + 1] - first - 1, -1, -1):
            w.following[c, place(j)] = following
            linked = np.int64(s.links[place(first + j), c])
            if linked != NULL:
                following = linked
                w.links_of[c, place(linked)] += 1
        if t.with_fertility:
            for i in range(length):
                w.before[c, place(i)] = min(w.links_of[c, place(i)], FERTILITIES - 1)
                update_ratio(s, t, w, place(d.given[place(start + i)]), place(i), c)


@inner
def leave_sentence(d, s, t, w, n):
    """Count the fertilities of pair n as they are now."""
    start = d.given_offsets[n]
    if t.with_fertility:
        for i in range(d.given_offsets[n + 1] - start):
            given = place(d.given[place(start + i)])
            for lane in range(len(s.rng)):
                c = place(lane)
                before = w.before[c, place(i)]
                now = min(w.links_of[c, place(i)], FERTILITIES - 1)
                if now != before:
                    s.fertility[given, c, place(before)] -= ONE
                    s.fertility[given, c, place(now)] += ONE


@inner
def take_out(d, s, t, w, word, start, begin, c):
    """Do not count the link of an observed word in chain c.

    start: first given word of the sentence; begin: the word's first candidate.
    """
    old = np.int64(s.links[word, c])
    if old == NULL:
        move_null(s, place(d.observed[word]), -ONE, c)
    else:
        given = place(d.given[place(start + old)])
        move(s, place(d.slots[place(begin + old)]), given, d.given_prior[given], -ONE, c)
        w.links_of[c, place(old)] -= 1
        if t.with_fertility:
            update_ratio(s, t, w, given, place(old), c)


@inner
def weigh(d, s, t, w, j, start, begin, count, c):
    """Write the running sums of the weights of observed word j's candidates in chain c.

    start: first given word of the sentence; begin, count: the word's candidates.
    """
    centre = np.int64(t.jumps.shape[1] // 2)
    come = centre - w.previous[c]
    leave = centre + w.following[c, j]
    hinted = len(d.hints) > 0
    total = np.float32(0)
    w.cumulative[c, 0] = total
    for k in range(count):
        p = s.counts[place(d.slots[place(begin + k)]), c] + d.prior[place(begin + k)]
        if hinted:
            p *= d.hints[place(begin + k)]
        p = p * s.scale[place(d.given[place(start + k)]), c] * w.ratio[c, place(k)]
        p = p * t.jumps[c, place(come + k)] * t.jumps[c, place(leave - k)]
        total += p
        w.cumulative[c, place(k + 1)] = total


@inner
def draw(d, s, t, w, j, word, start, begin, count, c):
    """Draw the link of observed word j of a sentence in chain c, after `weigh`.

    Returns the sum of the weights of the candidates and null.
    """
    centre = np.int64(t.jumps.shape[1] // 2)
    observed = place(d.observed[word])
    null = (s.null[observed, c] + d.null_prior) / (
        s.null_total[c] + d.null_prior * np.float32(len(s.null))
    )
    null *= t.null_odds * t.jumps[c, place(centre + w.following[c, j] - w.previous[c])]
    total = w.cumulative[c, place(count)] + null
    drawn = np.float32(uniform(s.rng, c)) * total
    new = 0
    while new < count and w.cumulative[c, place(new + 1)] <= drawn:
        new += 1
    if new == count:
        s.links[word, c] = NULL
        move_null(s, observed, ONE, c)
    else:
        slot = d.slots[place(begin + new)]
        given = place(d.given[place(start + new)])
        s.links[word, c] = new
        move(s, place(slot), given, d.given_prior[given], ONE, c)
        w.previous[c] = new
        w.links_of[c, place(new)] += 1
        if t.with_fertility:
            update_ratio(s, t, w, given, place(new), c)
    return total


@inner
def sample_sentence(d, s, t, w, n, begin, posterior):
    """Draw the links of pair n again in every chain; add their probabilities to `posterior`.

    begin: its first candidate; posterior: int32 (candidates), updated where `t.share` is above 0.
    Returns the end of its candidates.
    """
    start = d.given_offsets[n]
    count = d.given_offsets[n + 1] - start
    first = d.observed_offsets[n]
    for j in range(d.observed_offsets[n + 1] - first):
        word = place(first + j)
        for lane in range(len(s.rng)):
            c = place(lane)
            take_out(d, s, t, w, word, start, begin, c)
        for lane in range(len(s.rng)):  # on its own, so that the chains are weighed side by side
            weigh(d, s, t, w, place(j), start, begin, count, place(lane))
        for lane in range(len(s.rng)):
            c = place(lane)
            total = draw(d, s, t, w, place(j), word, start, begin, count, c)
            if t.share > 0:
                unit = t.share / total
                for k in range(count):
                    p = w.cumulative[c, place(k + 1)] - w.cumulative[c, place(k)]
                    posterior[place(begin + k)] += np.int32(p * unit)
        begin += count
    return begin


def sweep_chains(
    d: Direction, s: State, w: Work, settings: Settings, k: int, share: np.float32, posterior: Int32
) -> None:
    """Draw every link of all chains, in sweep k, counted from 0.

    d: Direction; s: State, of zeros but for its rng before the first sweep, updated; w: Work;
    settings: Settings; share: float32, what a certain link adds in one averaged sweep of one chain;
    posterior: int32 (candidates), receives the sum of P(link) * share over the chains, in the
    averaged sweeps.
    """
    bins = 2 * LONGEST_JUMP + 1
    room = np.empty(bins), np.empty(bins), np.empty(len(d.given), np.int64)
    draw_links(d, s, w, settings, k, share, posterior, *room)


@kernel
def draw_links(d, s, w, settings, k, share, posterior, usual, counts, links_of):
    """See `sweep_chains`. usual, counts: float64 (bins of jumps), links_of: int64, scratch."""
    full = settings.lexical_sweeps + settings.jump_sweeps
    if k == 0:
        link_at_random(d, s)
    if k >= settings.lexical_sweeps:
        alpha = settings.jump_alpha
        offsets = d.given_offsets, d.observed_offsets
        estimate_jumps(*offsets, s.links, alpha, w.jumps, usual, counts)
    if k == full:
        offsets = d.given_offsets, d.observed_offsets
        count_fertilities(d.given, *offsets, s.links, s.fertility, links_of)
    if k >= full:
        estimate_fertilities(s.fertility, settings.fertility_alpha, w.fertility, counts)
    averaged = k >= full + settings.fertility_sweeps - settings.averaged_sweeps
    added = share if averaged else np.float32(0)
    t = Sweep(w.jumps, w.fertility, k >= full, settings.null_odds, added)
    begin = np.int64(0)
    for n in range(len(d.given_offsets) - 1):
        enter_sentence(d, s, t, w, n)
        begin = sample_sentence(d, s, t, w, n, begin, posterior)
        leave_sentence(d, s, t, w, n)
