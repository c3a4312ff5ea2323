"""All n-grams of target words as candidates, and their alignment scores."""

import numpy as np
from numba import njit

NO_CANDIDATE = 10
"""Why an entity has no candidate: no n-gram or span stands in its sentence."""


@njit(cache=True, nogil=True)
def count_ngrams(s_lo, s_hi, word_offsets, stop, max_span, count):
    """Write how many n-grams each sentence has: at most `max_span` words, no stop word.

    Args:
        word_offsets: int32 (S+1). stop: uint8, per target word.
        count: int64 (S), written.
    """
    for s in range(s_lo, s_hi):
        free, total = 0, 0
        for w in range(word_offsets[s], word_offsets[s + 1]):
            free = 0 if stop[w] else free + 1
            total += min(free, max_span)
        count[s] = total


@njit(cache=True, nogil=True)
def write_ngrams(s_lo, s_hi, word_offsets, stop, max_span, copies, places, start, end):
    """Write the n-grams of each sentence, by start, then end, once for each of its entities.

    Args:
        word_offsets: int32 (S+1). stop: uint8, per target word.
        copies: int32 (S), entities of each sentence.
        places: int64 (S), where each sentence's candidates begin.
        start, end: int32 (C), written.
    """
    for s in range(s_lo, s_hi):
        base, at = word_offsets[s], places[s]
        words = word_offsets[s + 1] - base
        for _ in range(copies[s]):
            for i in range(words):
                j = i
                while j < words and j - i < max_span and not stop[base + j]:
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
