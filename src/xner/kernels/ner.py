"""How likely a tagger finds candidates to be entities of a label."""

import numpy as np
from numba import njit

FIRST, INNER, LAST, ONLY = range(4)
"""Where a word stands in a span: `ONLY` where it is the span's one word."""
ANY, NONE = -2, -1
"""Stand for the label of an entity: the best of all, or one that the tagger does not have."""


@njit(cache=True, nogil=True)
def span_mass(masses, sums, base, label, i, j):
    """Sum over the words `[i, j)` of a sentence of the masses of their places in the span.

    Args:
        masses: (4, W, L), per place, word and label.
        sums: (n+1, L), of the masses as `INNER` up to each word of the sentence.
        base: where the sentence's words begin.
    """
    if j - i == 1:
        return sums[0, label] + masses[ONLY, base + i, label]
    total = sums[j - 1, label] - sums[i + 1, label]
    total += masses[FIRST, base + i, label]
    return total + masses[LAST, base + j - 1, label]


@njit(cache=True, nogil=True)
def ner_scores(
    s_lo,
    s_hi,
    entity_offsets,
    candidate_offsets,
    start,
    end,
    entity_label,
    word_offsets,
    probability,
    predicted,
    boost,
    threshold,
    score,
):
    """Write mean probability * boost of every candidate, 0 where that is not above `threshold`.

    Args:
        entity_offsets, word_offsets: int32 (S+1). candidate_offsets: int32 (E+1).
        start, end: int32 (C). entity_label: int32 (E), a label's index, `ANY` or `NONE`.
        probability: float32 (4, W, L), that a word stands at a place of an entity of a label.
        predicted: uint8 (4, W, L), whether its likeliest tag says so.
        boost: float64, by number of words, for candidates that are predicted as a whole;
            longer ones have the last.
        score: float64 (C), written.
    """
    labels = probability.shape[2]
    longest = 0
    for s in range(s_lo, s_hi):
        longest = max(longest, word_offsets[s + 1] - word_offsets[s])
    likely = np.zeros((longest + 1, labels))
    hits = np.zeros((longest + 1, labels), np.int64)
    for s in range(s_lo, s_hi):
        e_lo, e_hi = entity_offsets[s], entity_offsets[s + 1]
        if candidate_offsets[e_lo] == candidate_offsets[e_hi]:
            continue
        base = word_offsets[s]
        for w in range(word_offsets[s + 1] - base):
            for label in range(labels):
                likely[w + 1, label] = likely[w, label] + probability[INNER, base + w, label]
                hits[w + 1, label] = hits[w, label] + predicted[INNER, base + w, label]
        for e in range(e_lo, e_hi):
            wanted = entity_label[e]
            lo, hi = (0, labels) if wanted == ANY else (wanted, wanted + 1)
            for c in range(candidate_offsets[e], candidate_offsets[e + 1]):
                i, j = start[c], end[c]
                best = 0.0
                for label in range(max(lo, 0), hi):
                    value = span_mass(probability, likely, base, label, i, j) / (j - i)
                    if span_mass(predicted, hits, base, label, i, j) == j - i:
                        value *= boost[min(j - i, len(boost) - 1)]
                    best = max(best, value)
                score[c] = best if best > threshold else 0.0
