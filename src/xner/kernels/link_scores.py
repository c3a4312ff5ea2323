"""Scores of candidates from the links alone: alignment and overlap."""

import numpy as np

from xner.kernels.jit import inner, kernel
from xner.kernels.records import Entities, Float64, Links, Problem
from xner.kernels.sizes import longest

ALL = np.int32(0), np.int32(2**31 - 1)  # the source words that any link may have


@inner
def sum_links(links, s, first, last, words, sums):
    """Write running sums over the target words of sentence s.

    words: int64, target words. sums: float64 (> words), written; `sums[w]` is the weight of the
    links between the source words `[first, last)` and the target words before w.
    """
    for w in range(words + 1):
        sums[w] = 0.0
    for link in range(links.offsets[s], links.offsets[s + 1]):
        if first <= links.source[link] < last:
            sums[links.target[link] + 1] += links.weight[link]
    for w in range(words):
        sums[w + 1] += sums[w]


def alignment_scores(
    lo: int, hi: int, problem: Problem, score: Float64, entities: Entities, links: Links
) -> None:
    """Write 2 * inside / (entity words + candidate words) for every candidate.

    inside: weight of the links between them. score: float64 (C), written.
    """
    inside = np.empty(longest(problem.target_lengths, lo, hi) + 1)
    write_alignment(lo, hi, problem, score, entities, links, inside)


@kernel
def write_alignment(lo, hi, problem, score, entities, links, inside):
    """See `alignment_scores`. inside: float64 (> target words), scratch."""
    for s in range(lo, hi):
        for e in range(problem.entity_offsets[s], problem.entity_offsets[s + 1]):
            if problem.candidate_offsets[e] == problem.candidate_offsets[e + 1]:
                continue
            words = np.int64(problem.target_lengths[s])
            sum_links(links, s, entities.start[e], entities.end[e], words, inside)
            length = entities.end[e] - entities.start[e]
            for c in range(problem.candidate_offsets[e], problem.candidate_offsets[e + 1]):
                i, j = problem.start[c], problem.end[c]
                score[c] = 2.0 * (inside[j] - inside[i]) / (length + j - i)


@inner
def overlap_of(inside, row, column, words, per_word):
    """Return the overlap score; see `overlap_scores`."""
    return min(1.0, 2.0 * inside / (row + column + per_word * words))


def overlap_scores(
    lo: int,
    hi: int,
    problem: Problem,
    score: Float64,
    entities: Entities,
    links: Links,
    per_word: float,
) -> None:
    """Write 2 * inside / (row + column + per_word * words) for every candidate, at most 1.

    inside: weight of the links between entity and candidate; row, column: of all links of the
    entity, and of the candidate; words: of the candidate. per_word is above 0.
    score: float64 (C), written.
    """
    most = longest(problem.target_lengths, lo, hi) + 1
    inside, column = np.empty(most), np.empty(most)
    write_overlap(lo, hi, problem, score, entities, links, per_word, inside, column)


@kernel
def write_overlap(lo, hi, problem, score, entities, links, per_word, inside, column):
    """See `overlap_scores`. inside, column: float64 (> target words), scratch."""
    for s in range(lo, hi):
        words = np.int64(problem.target_lengths[s])
        e_lo, e_hi = problem.entity_offsets[s], problem.entity_offsets[s + 1]
        if problem.candidate_offsets[e_lo] == problem.candidate_offsets[e_hi]:
            continue
        sum_links(links, s, ALL[0], ALL[1], words, column)
        for e in range(e_lo, e_hi):
            if problem.candidate_offsets[e] == problem.candidate_offsets[e + 1]:
                continue
            sum_links(links, s, entities.start[e], entities.end[e], words, inside)
            for c in range(problem.candidate_offsets[e], problem.candidate_offsets[e + 1]):
                i, j = problem.start[c], problem.end[c]
                both = inside[j] - inside[i]
                score[c] = overlap_of(both, inside[words], column[j] - column[i], j - i, per_word)
