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
so that a word's candidates are looked up once for all chains. No number of one chain depends on
another chain. Without checks for division by 0 (`xner.kernels.jit`) no references to arrays are
counted in the innermost loops; otherwise threads would wait for each other's counts.
"""

from typing import NamedTuple

import numpy as np

from xner.kernels.jit import inner, kernel
from xner.kernels.order import (
    FERTILITIES,
    count_fertilities,
    estimate_fertilities,
    estimate_jumps,
)
from xner.kernels.records import Int32

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

    given, observed: int32, word type of every word; given_offsets, observed_offsets: int64
    (N+1); candidate_offsets: int64 (observed words + 1), candidates of each observed word;
    places: int32 (candidates), position in the given sentence; slots: int32 (candidates), where
    the links of the candidate's entry are counted, 0 for an entry of one candidate, whose count
    without the word at hand is 0; prior: float32 (candidates); hints: float32 (candidates),
    factor of each link's weight, or empty; given_prior: float32 (given types), sum of its
    entries' priors; null_prior: float32, of each observed type.
    """

    given: np.ndarray
    given_offsets: np.ndarray
    observed: np.ndarray
    observed_offsets: np.ndarray
    candidate_offsets: np.ndarray
    places: np.ndarray
    slots: np.ndarray
    prior: np.ndarray
    hints: np.ndarray
    given_prior: np.ndarray
    null_prior: np.float32


class State(NamedTuple):
    """C chains of samples: the links and what is counted from them.

    links: int32 (observed words, C), linked given word or NULL; slot_of: int32, the same,
    slot of each link; counts: float32 (slots, C), links of each entry; linked: float32 (given
    types, C), links of each type; scale: float32 (given types, C), 1 / (prior + links);
    null: float32 (observed types, C), null links; null_total: float32 (C), their sum;
    fertility: float32 (given types, C, FERTILITIES), words of the type by their number of
    links; rng: uint64 (C).
    """

    links: np.ndarray
    slot_of: np.ndarray
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

    jumps, fertility: see `Sweep`; mass, cumulative, ratio: float32 (length + 1, C); following,
    links_of, before: int64 (length, C), links_of the number of links of each given word, before
    the same at first, up to FERTILITIES - 1; previous: int64 (C); unit: float32 (C).
    """

    jumps: np.ndarray
    fertility: np.ndarray
    mass: np.ndarray
    cumulative: np.ndarray
    ratio: np.ndarray
    following: np.ndarray
    links_of: np.ndarray
    before: np.ndarray
    previous: np.ndarray
    unit: np.ndarray


@kernel
def uniform(rng, c):
    """The next random float64 in [0, 1) of chain c. rng: uint64 (C), updated."""
    x = rng[c]
    rng[c] = MULTIPLIER * (x & LOW_BITS) + (x >> HALF)
    return np.float64((x & LOW_BITS) ^ (x >> HALF)) * UNIT


@inner
def place(index):
    """An index that is never negative: Numba then leaves out its check, for 40% less time."""
    return np.uint64(index)


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
        for c in range(len(s.rng)):
            s.scale[g, c] = ONE / d.given_prior[g]
    for n in range(len(d.given_offsets) - 1):
        start = d.given_offsets[n]
        for word in range(d.observed_offsets[n], d.observed_offsets[n + 1]):
            begin = d.candidate_offsets[word]
            count = d.candidate_offsets[word + 1] - begin
            for c in range(len(s.rng)):
                k = int(uniform(s.rng, c) * (count + 1)) - 1
                if k < 0:
                    s.links[word, c] = NULL
                    move_null(s, d.observed[word], ONE, c)
                else:
                    i = d.places[begin + k]
                    s.links[word, c] = i
                    s.slot_of[word, c] = d.slots[begin + k]
                    given = d.given[start + i]
                    move(s, d.slots[begin + k], given, d.given_prior[given], ONE, c)


@inner
def update_ratio(s, t, w, given, i, c):
    """Refresh the fertility ratio of the given word i, whose type is `given`, in chain c.

    The word itself, counted with the links that it had before, is held out.
    """
    f = place(min(w.links_of[i, c], FERTILITIES - 2))
    before = place(w.before[i, c])
    less = s.fertility[given, c, f] + t.fertility[c, f]
    more = s.fertility[given, c, f + place(1)] + t.fertility[c, f + place(1)]
    if f == before:
        less -= ONE
    elif f + place(1) == before:
        more -= ONE
    w.ratio[i, c] = more / less


@inner
def enter_sentence(d, s, t, w, n):
    """Prepare the scratch for pair n."""
    start = d.given_offsets[n]
    first = d.observed_offsets[n]
    length = d.given_offsets[n + 1] - start
    for i in range(length):
        for c in range(len(s.rng)):
            w.links_of[place(i), place(c)] = 0
    for lane in range(len(s.rng)):
        c = place(lane)
        w.previous[c] = -1
        following = length
        for j in range(d.observed_offsets[n + 1] - first - 1, -1, -1):
            w.following[place(j), c] = following
            linked = np.int64(s.links[place(first + j), c])
            if linked != NULL:
                following = linked
                w.links_of[place(linked), c] += 1
    if t.with_fertility:
        for i in range(length):
            for lane in range(len(s.rng)):
                c = place(lane)
                w.before[place(i), c] = min(w.links_of[place(i), c], FERTILITIES - 1)
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
                before = w.before[place(i), c]
                now = min(w.links_of[place(i), c], FERTILITIES - 1)
                if now != before:
                    s.fertility[given, c, place(before)] -= ONE
                    s.fertility[given, c, place(now)] += ONE


@inner
def take_out(d, s, t, w, word, start):
    """Do not count the links of an observed word. start: first given word of the sentence."""
    observed = place(d.observed[word])
    for lane in range(len(s.rng)):
        c = place(lane)
        old = np.int64(s.links[word, c])
        if old == NULL:
            move_null(s, observed, -ONE, c)
        else:
            given = place(d.given[place(start + old)])
            move(s, place(s.slot_of[word, c]), given, d.given_prior[given], -ONE, c)
            w.links_of[place(old), c] -= 1
            if t.with_fertility:
                update_ratio(s, t, w, given, place(old), c)


@inner
def weigh(d, s, t, w, j, start, begin, count):
    """Write the running sums of the weights of observed word j's candidates.

    start: first given word of the sentence; begin, count: the word's candidates.
    """
    centre = np.int64(t.jumps.shape[1] // 2)
    for k in range(count):  # on its own, so that many rows are on their way from memory at once
        slot = place(d.slots[place(begin + k)])
        prior = d.prior[place(begin + k)]
        for lane in range(len(s.rng)):
            w.mass[place(k), place(lane)] = s.counts[slot, place(lane)] + prior
    if len(d.hints):
        for k in range(count):
            hint = d.hints[place(begin + k)]
            for lane in range(len(s.rng)):
                w.mass[place(k), place(lane)] *= hint
    for lane in range(len(s.rng)):
        w.cumulative[0, place(lane)] = np.float32(0)
    for k in range(count):
        i = np.int64(d.places[place(begin + k)])
        given = place(d.given[place(start + i)])
        for lane in range(len(s.rng)):
            c = place(lane)
            p = w.mass[place(k), c] * s.scale[given, c] * w.ratio[place(i), c]
            p *= t.jumps[c, place(centre + i - w.previous[c])]
            p *= t.jumps[c, place(centre + w.following[j, c] - i)]
            w.cumulative[place(k + 1), c] = w.cumulative[place(k), c] + p


@inner
def draw(d, s, t, w, j, word, start, begin, count):
    """Draw the links of observed word j of a sentence. Arguments as for `weigh`."""
    centre = np.int64(t.jumps.shape[1] // 2)
    observed = place(d.observed[word])
    types = np.float32(len(s.null))
    for lane in range(len(s.rng)):
        c = place(lane)
        null = (s.null[observed, c] + d.null_prior) / (s.null_total[c] + d.null_prior * types)
        null *= t.null_odds * t.jumps[c, place(centre + w.following[j, c] - w.previous[c])]
        total = w.cumulative[place(count), c] + null
        w.unit[c] = t.share / total
        drawn = np.float32(uniform(s.rng, c)) * total
        k = 0
        while k < count and w.cumulative[place(k + 1), c] <= drawn:
            k += 1
        if k == count:
            s.links[word, c] = NULL
            move_null(s, observed, ONE, c)
        else:
            new = np.int64(d.places[place(begin + k)])
            slot = d.slots[place(begin + k)]
            given = place(d.given[place(start + new)])
            s.links[word, c] = new
            s.slot_of[word, c] = slot
            move(s, place(slot), given, d.given_prior[given], ONE, c)
            w.previous[c] = new
            w.links_of[place(new), c] += 1
            if t.with_fertility:
                update_ratio(s, t, w, given, place(new), c)


@inner
def sample_sentence(d, s, t, w, n, posterior):
    """Draw the links of pair n again in every chain; add their probabilities to `posterior`.

    posterior: int32 (candidates), updated where `t.share` is above 0.
    """
    start = d.given_offsets[n]
    first = d.observed_offsets[n]
    for j in range(d.observed_offsets[n + 1] - first):
        word = place(first + j)
        begin = d.candidate_offsets[word]
        count = d.candidate_offsets[word + place(1)] - begin
        take_out(d, s, t, w, word, start)
        weigh(d, s, t, w, place(j), start, begin, count)
        draw(d, s, t, w, place(j), word, start, begin, count)
        if t.share > 0:
            for k in range(count):
                added = np.int32(0)
                for lane in range(len(s.rng)):
                    c = place(lane)
                    p = w.cumulative[place(k + 1), c] - w.cumulative[place(k), c]
                    added += np.int32(p * w.unit[c])
                posterior[place(begin + k)] += added


@kernel
def sweep_chains(
    d: Direction, s: State, w: Work, settings: Settings, k: int, share: np.float32, posterior: Int32
) -> None:
    """Draw every link of all chains, in sweep k, counted from 0.

    d: Direction; s: State, of zeros but for its rng before the first sweep, updated; w: Work;
    settings: Settings; share: float32, what a certain link adds in one averaged sweep of one chain;
    posterior: int32 (candidates), receives the sum of P(link) * share over the chains, in the
    averaged sweeps.
    """
    full = settings.lexical_sweeps + settings.jump_sweeps
    if k == 0:
        link_at_random(d, s)
    if k >= settings.lexical_sweeps:
        alpha = settings.jump_alpha
        estimate_jumps(d.given_offsets, d.observed_offsets, s.links, alpha, w.jumps)
    if k == full:
        count_fertilities(d.given, d.given_offsets, d.observed_offsets, s.links, s.fertility)
    if k >= full:
        estimate_fertilities(s.fertility, settings.fertility_alpha, w.fertility)
    averaged = k >= full + settings.fertility_sweeps - settings.averaged_sweeps
    added = share if averaged else np.float32(0)
    t = Sweep(w.jumps, w.fertility, k >= full, settings.null_odds, added)
    for n in range(len(d.given_offsets) - 1):
        enter_sentence(d, s, t, w, n)
        sample_sentence(d, s, t, w, n, posterior)
        leave_sentence(d, s, t, w, n)
