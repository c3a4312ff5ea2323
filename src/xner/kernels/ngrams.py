"""N-grams of target words as candidates, and their alignment scores."""

import numpy as np
from numba import njit

NO_CANDIDATE = 10
"""Why an entity has no candidate: no n-gram or span stands in its sentence."""


@njit(cache=True, nogil=True)
def linked_regions(
    s_lo,
    s_hi,
    entity_offsets,
    entity_start,
    entity_end,
    link_offsets,
    link_source,
    link_target,
    link_weight,
    first,
    last,
):
    """Write `[first, last)` from the first to the last word linked to each entity; 0, 0 if none is.

    Args:
        entity_offsets, link_offsets: int32 (S+1). entity_start, entity_end: int32 (E).
        link_source, link_target: int32 (L). link_weight: float32 (L); links of weight 0 do not
            count.
        first, last: int32 (E), written.
    """
    for s in range(s_lo, s_hi):
        for e in range(entity_offsets[s], entity_offsets[s + 1]):
            first[e], last[e] = 0, 0
            for link in range(link_offsets[s], link_offsets[s + 1]):
                if entity_start[e] <= link_source[link] < entity_end[e] and link_weight[link] > 0.0:
                    w = link_target[link]
                    first[e] = w if last[e] == 0 else min(first[e], w)
                    last[e] = max(last[e], w + 1)


@njit(cache=True, nogil=True)
def count_ngrams(s_lo, s_hi, entity_offsets, word_offsets, stop, first, last, limit, count):
    """Write how many n-grams each entity has in its region, none of them with a stop word.

    Args:
        entity_offsets, word_offsets: int32 (S+1). stop: uint8, per target word.
        first, last: int32 (E), the region, in words of its sentence.
        limit: int32 (E), words of the longest n-gram.
        count: int64 (E), written.
    """
    for s in range(s_lo, s_hi):
        base = word_offsets[s]
        for e in range(entity_offsets[s], entity_offsets[s + 1]):
            free, total = 0, 0
            for w in range(first[e], last[e]):
                free = 0 if stop[base + w] else free + 1
                total += min(free, limit[e])
            count[e] = total


@njit(cache=True, nogil=True)
def write_ngrams(
    s_lo, s_hi, entity_offsets, word_offsets, stop, first, last, limit, places, start, end
):
    """Write the n-grams of each entity, by start, then end.

    Args:
        entity_offsets, word_offsets, stop, first, last, limit: as for `count_ngrams`.
        places: int64 (E), where each entity's candidates begin.
        start, end: int32 (C), written.
    """
    for s in range(s_lo, s_hi):
        base = word_offsets[s]
        for e in range(entity_offsets[s], entity_offsets[s + 1]):
            at = places[e]
            for i in range(first[e], last[e]):
                j = i
                while j < last[e] and j - i < limit[e] and not stop[base + j]:
                    j += 1
                    start[at] = i
                    end[at] = j
                    at += 1


@njit(cache=True, nogil=True)
def alignments(
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
    score,
):
    """Write 2 * inside / (entity words + candidate words) of every candidate.

    Args:
        entity_offsets, link_offsets: int32 (S+1). candidate_offsets: int32 (E+1).
        start, end: int32 (C). entity_start, entity_end: int32 (E).
        link_source, link_target: int32 (L). link_weight: float32 (L).
        target_lengths: int32 (S).
        score: float64 (C), written.
    """
    longest = 0
    for s in range(s_lo, s_hi):
        longest = max(longest, target_lengths[s])
    inside = np.zeros(longest + 1)  # sums of the entity's link weights up to a word
    for s in range(s_lo, s_hi):
        words = target_lengths[s]
        for e in range(entity_offsets[s], entity_offsets[s + 1]):
            if candidate_offsets[e] == candidate_offsets[e + 1]:
                continue
            inside[: words + 1] = 0.0
            for link in range(link_offsets[s], link_offsets[s + 1]):
                if entity_start[e] <= link_source[link] < entity_end[e]:
                    inside[link_target[link] + 1] += link_weight[link]
            for w in range(words):
                inside[w + 1] += inside[w]
            length = entity_end[e] - entity_start[e]
            for c in range(candidate_offsets[e], candidate_offsets[e + 1]):
                i, j = start[c], end[c]
                score[c] = 2.0 * (inside[j] - inside[i]) / (length + j - i)
