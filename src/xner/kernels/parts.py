"""The log-odds that two word types translate each other, from their parts.

An entry is a pair of word types that meet in a sentence pair (`xner.kernels.entries`). Its
log-odds of being linked are a weighted sum of features:

* evidence, one number for each view: how often words that share a part with the source type
  are linked to words that share one with the target type, excluding the entry itself;
* spelling: one weight for each step of similarity, one for each length of a shared stretch;
* difference: the absolute log ratio of the two frequencies, and of the two lengths.

The weights are fitted to a first alignment of the same corpus, by logistic regression.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from xner.kernels.jit import inner, kernel
from xner.kernels.keys import HALF, LOW
from xner.kernels.records import Flags, Float32, Float64, Int32, Int64
from xner.kernels.sizes import place

COMPARED = 64  # letters of a word that are compared
SIMILAR = 9  # steps of similarity: below 0.3, then tenths, and identical
STRETCHES = (4, 5, 6, 8)  # letters from which shared stretches are of another kind
ONE, NONE = np.uint64(1), np.uint64(0)
ALL = ~NONE

Letters = tuple[NDArray[np.uint32], Int64]  # of all types, and where each type's begin


class Classes(NamedTuple):
    """Source types by class, and the class of every target type.

    members: int32, source types ordered by class, class g owning
    `members[starts[g]:starts[g + 1]]`; entries: int64 (source types + 1), first entry of each
    source type; target_types: int32 (entries); target_class: int32 (target types).
    """

    members: Int32
    starts: Int64
    entries: Int64
    target_types: Int32
    target_class: Int32


@inner
def added(one, two):
    """The sum of two uint64 without what overflows."""
    low = (one & LOW) + (two & LOW)
    high = (one >> HALF) + (two >> HALF) + (low >> HALF)
    return (high << HALF) | (low & LOW)


@kernel
def compare(a, b, same, runs):
    """Levenshtein distance and longest common substring of uint32 letters a and b.

    same, runs: uint64 (COMPARED), scratch. Letters after the first COMPARED do not count. The
    distance is computed for all letters of b at once, in the bits of a word (Myers 1999; Hyyrö
    2003, figure 5).
    """
    n = min(len(a), COMPARED)
    m = min(len(b), COMPARED)
    distance = np.int64(m)
    last = ONE << np.uint64(max(m - 1, 0))
    more, less = ALL, NONE  # where the distance grows or falls from one letter of b to the next
    for i in range(n):
        equal = NONE
        for j in range(m):
            equal |= np.uint64(a[i] == b[j]) << np.uint64(j)
        same[i] = runs[i] = equal
        vertical = equal | less
        across = (added(equal & more, more) ^ more) | equal
        up = less | ~(across | more)
        down = more & across
        distance += np.int64(up & last != 0) - np.int64(down & last != 0)
        up = (up << ONE) | ONE
        more = (down << ONE) | ~(vertical | up)
        less = up & vertical
    longest = 0
    found = m > 0
    while found:  # runs[i]: where in b the last `longest + 1` letters up to a[i] end
        found = False
        for i in range(n - 1, -1, -1):
            found = found or runs[i] != 0
            runs[i] = same[i] & (runs[i - 1] << ONE) if i else NONE
        longest += 1 if found else 0
    return distance if m > 0 else np.int64(n), longest


@inner
def spelling_levels(a, b, same, runs):
    """The step of similarity and the kind of shared stretch of two words; see `spelling`.

    a, b: uint32, letters; same, runs: scratch of `compare`.
    """
    shorter = min(len(a), len(b), COMPARED)
    longer = max(min(max(len(a), len(b)), COMPARED), 1)
    if shorter <= 0.3 * longer and shorter < STRETCHES[0]:
        return 0, 0
    distance, longest = compare(a, b, same, runs)
    tenths = (10 * (longer - distance)) // longer
    shared = 0
    for k in range(len(STRETCHES)):
        if longest >= STRETCHES[k]:
            shared = 2 * k + (1 if longest == shorter else 2)
    return min(max(tenths - 2, 0), SIMILAR - 1), shared


def spelling(
    lo: int,
    hi: int,
    source_types: Int32,
    target_types: Int32,
    source_text: Letters,
    target_text: Letters,
    similar: Flags,
    shared: Flags,
) -> None:
    """Write the steps of similarity and kinds of shared stretches of the entries lo <= e < hi.

    source_types, target_types: int32 (entries); texts: the uint32 letters of all types, and
    int64, where each type's begin; similar: uint8 (entries), written, step of 1 - distance /
    greater length; shared: uint8 (entries), written, 0 below 4 letters, else odd where the
    stretch is the whole of the shorter word and even where it is a part.
    """
    room = np.empty(COMPARED, np.uint64), np.empty(COMPARED, np.uint64)
    types = source_types, target_types
    write_spelling(lo, hi, *types, *source_text, *target_text, similar, shared, *room)


@kernel
def write_spelling(
    lo,
    hi,
    source_types,
    target_types,
    source_letters,
    source_starts,
    target_letters,
    target_starts,
    similar,
    shared,
    same,
    runs,
):
    """See `spelling`. same, runs: of `compare`."""
    for e in range(lo, hi):
        s = source_types[e]
        t = target_types[e]
        a = source_letters[source_starts[s] : source_starts[s + 1]]
        b = target_letters[target_starts[t] : target_starts[t + 1]]
        similar[e], shared[e] = spelling_levels(a, b, same, runs)


@kernel
def count_cells(cells: Int32, met: Float32) -> None:
    """Add the cells of each entry to `met`. cells: int32; met: float32 (entries)."""
    for c in range(len(cells)):
        met[cells[c]] += np.float32(1)


@kernel
def count_links(cells: Int32, posterior: Int32, share: np.float32, linked: Float32) -> None:
    """Add `share` of every cell's posterior to its entry. float32 (cells), (entries)."""
    for c in range(len(cells)):
        linked[cells[c]] += share * posterior[c]


def class_evidence(
    lo: int,
    hi: int,
    classes: Classes,
    linked: Float32,
    met: Float32,
    rate: float,
    strength: float,
    evidence: Float32,
) -> None:
    """Write the evidence of one view for the entries of the source classes lo <= g < hi.

    linked, met: float32 (entries), expected links and cells; rate: mean of linked per met;
    strength: cells that `rate` counts for where little is known; evidence: float32 (entries) of
    zeros at first, written, log-odds of the class pair's links less those of `rate`. An entry that
    is the only one of its class pair has no evidence, which saves most of the logarithms.
    """
    size = int(classes.target_class.max(initial=-1)) + 1
    room = np.empty(size), np.empty(size), np.full(size, -1, np.int64)
    write_evidence(lo, hi, classes, linked, met, rate, strength, evidence, *room)


@kernel
def write_evidence(lo, hi, classes, linked, met, rate, strength, evidence, links, cells, seen_with):
    """See `class_evidence`.

    links, cells: float64 (target classes), sums of the source class that `seen_with` names: int64,
    -1 at first.
    """
    entries, target_class, types = classes.entries, classes.target_class, classes.target_types
    usual = np.log(rate / (1.0 - rate))
    for g in range(lo, hi):
        members = classes.members[classes.starts[g] : classes.starts[g + 1]]
        for k in range(len(members)):
            for e in range(entries[members[k]], entries[members[k] + 1]):
                other = target_class[types[e]]
                is_seen = seen_with[other] == g
                links[other] = (links[other] if is_seen else 0.0) + linked[e]
                cells[other] = (cells[other] if is_seen else 0.0) + met[e]
                seen_with[other] = g
        for k in range(len(members)):
            for e in range(entries[members[k]], entries[members[k] + 1]):
                other = target_class[types[e]]
                if cells[other] > met[e]:
                    n = cells[other] - met[e] + strength
                    p = (max(links[other] - linked[e], 0.0) + strength * rate) / n
                    evidence[e] = np.log(p / max(1.0 - p, 1e-6)) - usual


class Sample(NamedTuple):
    """Entries that the weights are fitted on, and their features that are not 0.

    starts: int64 (n + 1), where the features of each begin; columns: int32, weight of each
    feature, ascending; the last two of an entry are those of its spelling; values: float64; cells,
    links: float64 (n), how often the entry is seen and linked.
    """

    starts: Int64
    columns: Int32
    values: Float64
    cells: Float64
    links: Float64


def list_features(f: Any, step: int, linked: Float32, met: Float32, sample: Sample) -> None:
    """Write the features of every `step`-th entry.

    Its cells are divided by the smaller frequency of its two types, so that rare words teach as
    much as common ones.

    f: see `xner.aligners.parts.Features`; linked, met: float32 (entries), expected links and
    cells; sample: written.
    """
    shares = np.empty(len(f.source_frequency)), np.empty(len(f.target_frequency))
    write_features(f, step, linked, met, sample, *shares)


@kernel
def write_features(f, step, linked, met, sample, source_share, target_share):
    """See `list_features`. source_share, target_share: float64 (types), scratch."""
    for s in range(len(source_share)):
        source_share[s] = np.exp(-f.source_frequency[s])
    for t in range(len(target_share)):
        target_share[t] = np.exp(-f.target_frequency[t])
    starts, columns, values = sample.starts, sample.columns, sample.values
    dense = 3 + len(f.evidence)
    last = 0
    starts[0] = 0
    for i in range(len(sample.cells)):
        e = i * step
        s = f.source_types[e]
        t = f.target_types[e]
        columns[last] = 0
        columns[last + 1] = 1
        columns[last + 2] = 2
        values[last] = 1.0
        values[last + 1] = abs(f.source_frequency[s] - f.target_frequency[t])
        values[last + 2] = abs(f.source_length[s] - f.target_length[t])
        last += 3
        for v in range(len(f.evidence)):
            columns[last] = 3 + v
            values[last] = f.evidence[v, e]
            last += f.evidence[v, e] != 0
        columns[last] = dense + f.similar[e]
        columns[last + 1] = dense + SIMILAR + f.shared[e]
        values[last] = values[last + 1] = 1.0
        last += 2
        starts[i + 1] = last
        is_rarer = f.source_frequency[s] <= f.target_frequency[t]
        share = source_share[s] if is_rarer else target_share[t]
        sample.cells[i] = share * met[e]
        sample.links[i] = min(share * linked[e], sample.cells[i])


@kernel
def log_likelihood(
    sample: Sample, offset: float, weights: Float64, error: Float64, curve: Float64
) -> float:
    """Return the log-likelihood of the links.

    offset: log-odds to add; weights: float64 (k); error, curve: float64 (n), written, its first
    and negative second derivative by the log-odds of each entry.
    """
    starts, columns, values = sample.starts, sample.columns, sample.values
    total = 0.0
    for i in range(len(sample.cells)):
        spelt = starts[i + 1] - 2
        z = (
            offset
            + weights[place(columns[place(spelt)])]
            + weights[place(columns[place(spelt + 1)])]
        )
        for k in range(starts[i], spelt):
            z += weights[place(columns[place(k)])] * values[place(k)]
        z = min(max(z, -30.0), 30.0)
        n = sample.cells[i]
        c = sample.links[i]
        odds = np.exp(-z)
        p = 1.0 / (1.0 + odds)
        total += c * z - n * (z + np.log1p(odds))
        error[i] = c - n * p
        curve[i] = n * p * (1.0 - p)
    return total


@kernel
def derivatives(
    sample: Sample, error: Float64, curve: Float64, gradient: Float64, hessian: Float64
) -> None:
    """Write the gradient and negative Hessian of `log_likelihood`, which wrote `error` and `curve`.

    gradient: float64 (k); hessian: float64 (k, k).
    """
    starts, columns, values = sample.starts, sample.columns, sample.values
    for k in range(len(gradient)):
        gradient[k] = 0.0
        for m in range(len(gradient)):
            hessian[k, m] = 0.0
    for i in range(len(error)):
        for k in range(starts[i], starts[i + 1]):
            row = place(columns[place(k)])
            gradient[row] += error[i] * values[place(k)]
            curved = curve[i] * values[place(k)]
            for m in range(starts[i], k + 1):
                hessian[row, place(columns[place(m)])] += curved * values[place(m)]
    for k in range(len(gradient)):
        for m in range(k):
            hessian[m, k] = hessian[k, m]


@kernel
def part_prior(
    lo: int,
    hi: int,
    f: Any,
    weights: Float64,
    base: float,
    least: float,
    most: float,
    prior: Float64,
) -> None:
    """Write the prior mass of the entries lo <= e < hi: base * exp(log-odds), bounded.

    f: see `xner.aligners.parts.Features`; weights: float64: of 1, both differences, the evidence of
    each view, each step of similarity and each kind of shared stretch; prior: float64 (entries),
    written; least, most: bounds of the log-odds.
    """
    similar = 3 + len(f.evidence)
    for e in range(lo, hi):
        s = f.source_types[e]
        t = f.target_types[e]
        z = weights[similar + f.similar[e]] + weights[similar + SIMILAR + f.shared[e]] + weights[0]
        z += weights[1] * abs(f.source_frequency[s] - f.target_frequency[t])
        prior[e] = z + weights[2] * abs(f.source_length[s] - f.target_length[t])
    for v in range(len(f.evidence)):
        weight = weights[3 + v]
        for e in range(lo, hi):
            prior[e] += weight * f.evidence[v, e]
    for e in range(lo, hi):
        prior[e] = base * np.exp(min(max(prior[e], least), most))
