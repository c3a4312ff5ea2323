"""The edge score: do the first and last word of a candidate belong inside spans?"""

import numpy as np
from numba import njit

from xner.kernels.keys import mix, slot_of

INSIDE, OUTSIDE = np.uint64(1), np.uint64(2)


@njit(cache=True, nogil=True)
def share_inside(word, base, end, k_lo, k_hi, span_start, span_end, words, table, counts, prior,
                 strength):  # fmt: skip
    """(inside + prior) / (inside + outside + strength), without the sentence `[base, end)`."""
    inside = counts[slot_of(table, mix(word ^ INSIDE))]
    outside = counts[slot_of(table, mix(word ^ OUTSIDE))]
    for k in range(k_lo, k_hi):
        i, j = base + span_start[k], base + span_end[k]
        for w in range(i, j):
            inside -= words[w] == word
        if i > base:
            outside -= words[i - 1] == word
        if j < end:
            outside -= words[j] == word
    return (inside + prior) / (inside + outside + strength)


@njit(cache=True, nogil=True)
def is_copied(word, lo, hi, source_words):
    """Whether a word is among the source words `[lo, hi)`."""
    found = False
    for w in range(lo, hi):
        found = found or source_words[w] == word
    return found


@njit(cache=True, nogil=True)
def edge_scores(
    s_lo,
    s_hi,
    entity_offsets,
    candidate_offsets,
    start,
    end,
    entity_start,
    entity_end,
    source_offsets,
    source_words,
    span_offsets,
    span_start,
    span_end,
    word_offsets,
    words,
    shapes,
    table,
    counts,
    expected,
    strength,
    enough,
    score,
):
    """Write the edge score of every candidate.

    For a word, p = (inside + strength * expected) / (inside + outside + strength), counts
    without those of its own sentence; a candidate scores min(1, p / enough) of its first
    word times that of its last. For words that the entity has too it is 1.

    Args:
        entity_offsets: int32 (S+1). candidate_offsets: int32 (E+1). start, end: int32 (C).
        entity_start, entity_end: int32 (E). source_offsets: int32 (S+1).
        source_words: uint64, keys of all source words.
        span_offsets: int32 (S+1). span_start, span_end: int32, the first pass's spans.
        word_offsets: int32 (S+1). words: uint64, keys; shapes: uint8: of all target words.
        table: uint64. counts: int64, as `xner.kernels.keys` keeps them.
        expected: float64 (SHAPES), p of a word that was never seen, by its shape.
        score: float64 (C), written.
    """
    longest = 0
    for s in range(s_lo, s_hi):
        longest = max(longest, word_offsets[s + 1] - word_offsets[s])
    fit = np.full(longest, -1.0)
    for s in range(s_lo, s_hi):
        c_lo = candidate_offsets[entity_offsets[s]]
        c_hi = candidate_offsets[entity_offsets[s + 1]]
        base = word_offsets[s]
        for c in range(c_lo, c_hi):
            for side in range(2):
                at = end[c] - 1 if side else start[c]
                if fit[at] >= 0.0:
                    continue
                prior = strength * expected[shapes[base + at]]
                p = share_inside(
                    words[base + at], base, word_offsets[s + 1], span_offsets[s],
                    span_offsets[s + 1], span_start, span_end, words, table, counts, prior,
                    strength,
                )  # fmt: skip
                fit[at] = min(1.0, p / enough)
        for e in range(entity_offsets[s], entity_offsets[s + 1]):
            lo, hi = source_offsets[s] + entity_start[e], source_offsets[s] + entity_end[e]
            for c in range(candidate_offsets[e], candidate_offsets[e + 1]):
                score[c] = 1.0
                for side in range(2):
                    at = end[c] - 1 if side else start[c]
                    if fit[at] < 1.0 and not is_copied(words[base + at], lo, hi, source_words):
                        score[c] *= fit[at]
        for c in range(c_lo, c_hi):
            fit[start[c]] = -1.0
            fit[end[c] - 1] = -1.0
