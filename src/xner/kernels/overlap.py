"""The overlap score of given candidates, from the sparse links."""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def overlaps(
    s_lo,
    s_hi,
    entity_offsets,
    candidate_offsets,
    start,
    end,
    entity_start,
    entity_end,
    link_offsets,
    link_source,
    link_target,
    link_weight,
    target_lengths,
    per_word,
    score,
):
    """Write 2 * inside / (row + column + per_word * words) of every candidate, at most 1.

    Args:
        entity_offsets, link_offsets: int32 (S+1). candidate_offsets: int32 (E+1).
        start, end: int32 (C). entity_start, entity_end: int32 (E).
        link_source, link_target: int32 (L). link_weight: float32 (L).
        target_lengths: int32 (S).
        per_word: what a word of the candidate adds to the lower side, above 0.
        score: float64 (C), written.
    """
    longest = 0
    for s in range(s_lo, s_hi):
        longest = max(longest, target_lengths[s])
    column = np.zeros(longest + 1)  # sums of all link weights up to a word
    inside = np.zeros(longest + 1)  # of those from the entity
    for s in range(s_lo, s_hi):
        e_lo, e_hi = entity_offsets[s], entity_offsets[s + 1]
        if candidate_offsets[e_lo] == candidate_offsets[e_hi]:
            continue
        words = target_lengths[s]
        l_lo, l_hi = link_offsets[s], link_offsets[s + 1]
        for w in range(words + 1):
            column[w] = 0.0
        for link in range(l_lo, l_hi):
            column[link_target[link] + 1] += link_weight[link]
        for w in range(words):
            column[w + 1] += column[w]
        for e in range(e_lo, e_hi):
            if candidate_offsets[e] == candidate_offsets[e + 1]:
                continue
            for w in range(words + 1):
                inside[w] = 0.0
            for link in range(l_lo, l_hi):
                if entity_start[e] <= link_source[link] < entity_end[e]:
                    inside[link_target[link] + 1] += link_weight[link]
            for w in range(words):
                inside[w + 1] += inside[w]
            row = inside[words]
            for c in range(candidate_offsets[e], candidate_offsets[e + 1]):
                i, j = start[c], end[c]
                below = row + (column[j] - column[i]) + per_word * (j - i)
                score[c] = min(1.0, 2.0 * (inside[j] - inside[i]) / below)
