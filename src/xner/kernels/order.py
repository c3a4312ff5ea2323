"""Estimates before each sweep of sampling: jumps and fertilities of every chain.

They are compiled into the kernel of `xner.kernels.gibbs`.
"""

from xner.kernels.jit import inner

LONGEST_JUMP = 24  # longer jumps share one probability mass
FERTILITIES = 6  # 0, 1, ..., and the last for "this many or more"


@inner
def estimate_jumps(given_offsets, observed_offsets, links, alpha, jumps, usual, counts):
    """Estimate the jumps, to and from the sentence's ends too, from the links.

    given_offsets, observed_offsets: int64 (N+1); links: int32 (observed words, C); alpha: mass
    of the Dirichlet prior, which favours a jump to the next word; jumps: float32 (C, 2 * centre
    + 1), written. Jumps that are longer than LONGEST_JUMP share one bin, whose mass is spread
    over LONGEST_JUMP places. usual, counts: float64 (bins), scratch.
    """
    bins = len(counts)
    mass = 0.0
    for k in range(bins):
        usual[k] = 1.0 / (1.0 + abs(k - LONGEST_JUMP - 1)) ** 2
        mass += usual[k]
    centre = jumps.shape[1] // 2
    for c in range(len(jumps)):
        total = alpha
        for k in range(bins):
            counts[k] = usual[k] * alpha / mass
        for n in range(len(given_offsets) - 1):
            previous = -1
            for k in range(observed_offsets[n], observed_offsets[n + 1]):
                i = links[k, c]
                if i >= 0:
                    jump = i - previous
                    counts[min(max(jump, -LONGEST_JUMP), LONGEST_JUMP) + LONGEST_JUMP] += 1.0
                    total += 1.0
                    previous = i
            jump = given_offsets[n + 1] - given_offsets[n] - previous
            counts[min(max(jump, -LONGEST_JUMP), LONGEST_JUMP) + LONGEST_JUMP] += 1.0
            total += 1.0
        counts[0] /= LONGEST_JUMP
        counts[bins - 1] /= LONGEST_JUMP
        for k in range(jumps.shape[1]):
            jump = min(max(k - centre, -LONGEST_JUMP), LONGEST_JUMP)
            jumps[c, k] = counts[jump + LONGEST_JUMP] / total


@inner
def count_fertilities(given, given_offsets, observed_offsets, links, fertility, links_of):
    """Count the words of every given type by their number of links.

    given: int32, word types; links: int32 (observed words, C); fertility: float32 (given types,
    C, FERTILITIES) of zeros, written. links_of: int64 (given words), scratch.
    """
    for c in range(links.shape[1]):
        for i in range(len(given)):
            links_of[i] = 0
        for n in range(len(given_offsets) - 1):
            for k in range(observed_offsets[n], observed_offsets[n + 1]):
                if links[k, c] >= 0:
                    links_of[given_offsets[n] + links[k, c]] += 1
        for i in range(len(given)):
            fertility[given[i], c, min(links_of[i], FERTILITIES - 1)] += 1


@inner
def estimate_fertilities(fertility, alpha, masses, counts):
    """Spread the prior mass `alpha` over the fertilities in proportion to those of all words.

    fertility: float32 (given types, C, FERTILITIES); masses: float32 (C, FERTILITIES), written.
    counts: float64 (>= FERTILITIES), scratch.
    """
    for c in range(len(masses)):
        for f in range(FERTILITIES):
            counts[f] = 1.0
        total = float(FERTILITIES)
        for g in range(len(fertility)):
            for f in range(FERTILITIES):
                counts[f] += fertility[g, c, f]
                total += fertility[g, c, f]
        for f in range(FERTILITIES):
            masses[c, f] = counts[f] * alpha / total
