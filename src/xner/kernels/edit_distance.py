"""The lexical score: how similarly entity and candidate are spelled."""

import numpy as np

from xner.kernels.jit import allocating, allocating_kernel, inner
from xner.kernels.records import Entities, Float64, Letters, Problem

SPACE = np.uint32(32)


@allocating
def span_letters(first, last, side):
    """Return uint32: the letters of the words `[first, last)` of `Letters`, joined by spaces."""
    offsets, letters = side.offsets, side.letters
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


@inner
def add_letter(distance, entity, letter):
    """Turn distances to a text into those to the text with `letter` appended.

    distance: int64 (n + 1), written: Levenshtein distance between the first i letters of
    `entity` (uint32 (n)) and the text.
    """
    diagonal = distance[0]
    distance[0] += 1
    for i in range(len(entity)):
        replaced = diagonal + (entity[i] != letter)
        diagonal = distance[i + 1]
        distance[i + 1] = min(replaced, diagonal + 1, distance[i] + 1)


@allocating_kernel
def lexical_scores(
    lo: int,
    hi: int,
    problem: Problem,
    score: Float64,
    entities: Entities,
    source: Letters,
    target: Letters,
) -> None:
    """Write 1 - Levenshtein distance / greater length for every candidate; 1 if both are empty.

    A candidate that begins like the one before it and is longer continues its distances.
    score: float64 (C), written.
    """
    for s in range(lo, hi):
        base = target.words[s]
        for e in range(problem.entity_offsets[s], problem.entity_offsets[s + 1]):
            begin = source.words[s]
            entity = span_letters(begin + entities.start[e], begin + entities.end[e], source)
            distance = np.empty(len(entity) + 1, np.int64)
            first, last, length = -1, -1, 0
            for c in range(problem.candidate_offsets[e], problem.candidate_offsets[e + 1]):
                if problem.start[c] != first or problem.end[c] < last:
                    first, last, length = problem.start[c], problem.start[c], 0
                    for i in range(len(distance)):
                        distance[i] = i
                for word in range(last, problem.end[c]):
                    if word > first:
                        add_letter(distance, entity, SPACE)
                        length += 1
                    for i in range(target.offsets[base + word], target.offsets[base + word + 1]):
                        add_letter(distance, entity, target.letters[i])
                        length += 1
                last = problem.end[c]
                longer = max(length, len(entity))
                score[c] = 1.0 - distance[len(entity)] / longer if longer > 0 else 1.0
