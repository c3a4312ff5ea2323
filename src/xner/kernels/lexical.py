"""The lexical score: how alike entity and candidate are spelled."""

import numpy as np
from numba import njit

SPACE = np.uint32(32)


@njit(cache=True, nogil=True)
def span_letters(first, last, letters, offsets):
    """uint32: the letters of the words `[first, last)`, a space between two.

    letters: uint32; offsets: int64 (words + 1), where each word's begin.
    """
    out = np.empty(offsets[last] - offsets[first] + max(last - first - 1, 0), np.uint32)
    at = 0
    for word in range(first, last):
        if word > first:
            out[at] = SPACE
            at += 1
        for i in range(offsets[word], offsets[word + 1]):
            out[at] = letters[i]
            at += 1
    return out


@njit(cache=True, nogil=True)
def add_letter(distance, entity, letter):
    """Turn distances to a text into those to the text with `letter` behind.

    distance: int64 (n + 1), written: Levenshtein distance between the first i letters of
    `entity` (uint32 (n)) and the text.
    """
    diagonal = distance[0]
    distance[0] += 1
    for i in range(len(entity)):
        replaced = diagonal + (entity[i] != letter)
        diagonal = distance[i + 1]
        distance[i + 1] = min(replaced, diagonal + 1, distance[i] + 1)


@njit(cache=True, nogil=True)
def lexical_scores(
    s_lo,
    s_hi,
    entity_offsets,
    candidate_offsets,
    start,
    end,
    entity_start,
    entity_end,
    source_words,
    target_words,
    source_letters,
    source_offsets,
    target_letters,
    target_offsets,
    score,
):
    """Write 1 - Levenshtein distance / greater length for every candidate; 1 if both are empty.

    A candidate that begins like the one before it and is longer continues its distances.

    Args:
        entity_offsets: int32 (S+1). candidate_offsets: int32 (E+1). start, end: int32 (C).
        entity_start, entity_end: int32 (E), words of the sentence.
        source_words, target_words: int32 (S+1), where the words of each sentence begin.
        source_letters, target_letters: uint32. source_offsets, target_offsets: int64
            (words + 1), where the letters of each word begin.
        score: float64 (C), written.
    """
    for s in range(s_lo, s_hi):
        base = target_words[s]
        for e in range(entity_offsets[s], entity_offsets[s + 1]):
            entity = span_letters(
                source_words[s] + entity_start[e],
                source_words[s] + entity_end[e],
                source_letters,
                source_offsets,
            )
            distance = np.empty(len(entity) + 1, np.int64)
            first, last, length = -1, -1, 0
            for c in range(candidate_offsets[e], candidate_offsets[e + 1]):
                if start[c] != first or end[c] < last:
                    first, last, length = start[c], start[c], 0
                    for i in range(len(distance)):
                        distance[i] = i
                for word in range(last, end[c]):
                    if word > first:
                        add_letter(distance, entity, SPACE)
                        length += 1
                    for i in range(target_offsets[base + word], target_offsets[base + word + 1]):
                        add_letter(distance, entity, target_letters[i])
                        length += 1
                last = end[c]
                longer = max(length, len(entity))
                score[c] = 1.0 - distance[len(entity)] / longer if longer > 0 else 1.0
