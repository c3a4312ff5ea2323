"""Scores of candidates from a tagger: the probability that they are entities of a label."""

import numpy as np

from xner.kernels.jit import inner, kernel
from xner.kernels.records import Float64, Int32, Problem, Tags
from xner.kernels.sizes import longest_row

FIRST, INNER, LAST, ONLY = range(4)
"""Positions of a word in a span; `ONLY` is the word of a one-word span."""
ANY, NONE = -2, -1
"""In place of the label of an entity: the best of all, or one that the tagger does not have."""


@inner
def span_mass(masses, sums, base, label, i, j):
    """Sum over the words `[i, j)` of a sentence of the masses of their positions in the span.

    Args:
        masses: (4, W, L), by position, word and label.
        sums: (n+1, L), running sums of the masses as `INNER` over the words of the sentence.
        base: first word of the sentence.
        label: index of the label.
        i, j: the span.
    """
    if j - i == 1:
        return sums[0, label] + masses[ONLY, base + i, label]
    total = sums[j - 1, label] - sums[i + 1, label]
    total += masses[FIRST, base + i, label]
    return total + masses[LAST, base + j - 1, label]


def ner_scores(
    lo: int,
    hi: int,
    problem: Problem,
    score: Float64,
    labels: Int32,
    tags: Tags,
    boost: Float64,
    threshold: float,
) -> None:
    """Write mean probability * boost for every candidate, 0 where that is not above `threshold`.

    Args:
        lo, hi: sentences.
        problem: the candidates.
        score: float64 (C), written.
        labels: int32 (E), label of each entity, `ANY` or `NONE`.
        tags: what the tagger says.
        boost: float64, by number of words, for candidates that are predicted entirely;
            longer ones get the last.
        threshold: least score.
    """
    shape = longest_row(tags.offsets, lo, hi) + 1, tags.probability.shape[2]
    mass, hits = np.zeros(shape), np.zeros(shape, np.int64)
    write_ner(lo, hi, problem, score, labels, tags, boost, threshold, mass, hits)


@kernel
def write_ner(lo, hi, problem, score, labels, tags, boost, threshold, mass, hits):
    """See `ner_scores`. mass: float64, hits: int64 (> words, labels), scratch, 0 for no words."""
    count = tags.probability.shape[2]
    for s in range(lo, hi):
        e_lo, e_hi = problem.entity_offsets[s], problem.entity_offsets[s + 1]
        if problem.candidate_offsets[e_lo] == problem.candidate_offsets[e_hi]:
            continue
        base = tags.offsets[s]
        for w in range(tags.offsets[s + 1] - base):
            for label in range(count):
                mass[w + 1, label] = mass[w, label] + tags.probability[INNER, base + w, label]
                hits[w + 1, label] = hits[w, label] + tags.predicted[INNER, base + w, label]
        for e in range(e_lo, e_hi):
            first, last = (0, count) if labels[e] == ANY else (labels[e], labels[e] + 1)
            for c in range(problem.candidate_offsets[e], problem.candidate_offsets[e + 1]):
                i, j = problem.start[c], problem.end[c]
                best = 0.0
                for label in range(max(first, 0), last):
                    value = span_mass(tags.probability, mass, base, label, i, j) / (j - i)
                    if span_mass(tags.predicted, hits, base, label, i, j) == j - i:
                        value *= boost[min(j - i, len(boost) - 1)]
                    best = max(best, value)
                score[c] = best if best > threshold else 0.0
