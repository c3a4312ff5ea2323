"""Scores of candidates from the counts of the corpus: edge and dictionary."""

from typing import NamedTuple

import numpy as np

from xner.kernels.jit import inner, kernel
from xner.kernels.keys import SEED, mix, slot_of
from xner.kernels.records import (
    Float64,
    Int64,
    Keys,
    Problem,
    Spans,
    Table,
    Texts,
    Words,
)
from xner.kernels.sizes import longest_row

INSIDE, OUTSIDE = np.uint64(1), np.uint64(2)
ENTITY, TRANSLATION = np.uint64(3), np.uint64(4)


class EdgeRule(NamedTuple):
    """Constants of the edge score.

    expected: float64 (SHAPES), p of a word that was never seen, by its shape. strength: how many
    occurrences that counts for. enough: the p from which on a word costs nothing.
    """

    expected: Float64
    strength: float
    enough: float


@inner
def share_inside(word, s, words, spans, table, prior, strength):
    """Return (inside + prior) / (inside + outside + strength), without sentence s."""
    inside = table.counts[slot_of(table.keys, mix(word ^ INSIDE))]
    outside = table.counts[slot_of(table.keys, mix(word ^ OUTSIDE))]
    base, end = words.offsets[s], words.offsets[s + 1]
    for k in range(spans.offsets[s], spans.offsets[s + 1]):
        i, j = base + spans.start[k], base + spans.end[k]
        for w in range(i, j):
            inside -= words.keys[w] == word
        if i > base:
            outside -= words.keys[i - 1] == word
        if j < end:
            outside -= words.keys[j] == word
    # Rare keys of a large corpus are dropped, with what this sentence added to them.
    inside, outside = max(inside, 0), max(outside, 0)
    return (inside + prior) / (inside + outside + strength)


@inner
def is_among(word, lo, hi, words):
    """Return whether a word is among the words `[lo, hi)`. words: uint64."""
    found = False
    for w in range(lo, hi):
        found = found or words[w] == word
    return found


def edge_scores(
    lo: int,
    hi: int,
    problem: Problem,
    score: Float64,
    texts: Texts,
    spans: Spans,
    table: Table,
    rule: EdgeRule,
) -> None:
    """Write the edge score of every candidate.

    For a word, p = (inside + strength * expected) / (inside + outside + strength), counts
    without those of its own sentence; a candidate scores min(1, p / enough) of its first
    word times that of its last. Words that the entity contains too get 1.

    spans: of the first pass. score: float64 (C), written.
    """
    fit = np.full(longest_row(texts.target.offsets, lo, hi), -1.0)
    write_edges(lo, hi, problem, score, texts, spans, table, rule, fit)


@kernel
def write_edges(lo, hi, problem, score, texts, spans, table, rule, fit):
    """See `edge_scores`. fit: float64 (>= target words), all -1 between sentences."""
    source, words, entities = texts.source, texts.target, texts.entities
    for s in range(lo, hi):
        c_lo = problem.candidate_offsets[problem.entity_offsets[s]]
        c_hi = problem.candidate_offsets[problem.entity_offsets[s + 1]]
        base = words.offsets[s]
        for c in range(c_lo, c_hi):
            for side in range(2):
                at = problem.end[c] - 1 if side else problem.start[c]
                if fit[at] >= 0.0:
                    continue
                prior = rule.strength * rule.expected[words.shapes[base + at]]
                p = share_inside(words.keys[base + at], s, words, spans, table, prior,
                                 rule.strength)  # fmt: skip
                fit[at] = min(1.0, p / rule.enough)
        for e in range(problem.entity_offsets[s], problem.entity_offsets[s + 1]):
            first = source.offsets[s] + entities.start[e]
            last = source.offsets[s] + entities.end[e]
            for c in range(problem.candidate_offsets[e], problem.candidate_offsets[e + 1]):
                score[c] = 1.0
                for side in range(2):
                    at = problem.end[c] - 1 if side else problem.start[c]
                    word = words.keys[base + at]
                    if fit[at] < 1.0 and not is_among(word, first, last, source.keys):
                        score[c] *= fit[at]
        for c in range(c_lo, c_hi):
            fit[problem.start[c]] = -1.0
            fit[problem.end[c] - 1] = -1.0


@inner
def phrase_key(lo, hi, words):
    """Return the key of the words `[lo, hi)`. words: uint64."""
    key = SEED
    for w in range(lo, hi):
        key = mix(key ^ words[w])
    return key


@kernel
def phrase_keys(
    lo: int, hi: int, first: Int64, last: Int64, words: Keys, labels: Keys, keys: Keys
) -> None:
    """Write the keys of the phrases `[lo, hi)`, together with their labels if there are any.

    first, last: int64, half-open positions in words (uint64); labels: uint64, their keys, or empty;
    keys: uint64, written.
    """
    for p in range(lo, hi):
        keys[p] = phrase_key(first[p], last[p], words)
        if len(labels):
            keys[p] = mix(keys[p] ^ labels[p])


@inner
def times_seen(s, e, entity_keys, spans, table):
    """Return how often entity e of sentence s had a span in other sentences; may be below 0."""
    total = table.counts[slot_of(table.keys, mix(entity_keys[e] ^ ENTITY))]
    for k in range(spans.offsets[s], spans.offsets[s + 1]):
        total -= entity_keys[spans.entity[k]] == entity_keys[e]
    return total


@inner
def times_seen_as(phrase, s, e, entity_keys, words, spans, table):
    """Return how often the words of a key were the span of entity e in other sentences than s."""
    seen = table.counts[slot_of(table.keys, mix(mix(entity_keys[e] ^ TRANSLATION) ^ phrase))]
    if seen > 0:
        base = words.offsets[s]
        for k in range(spans.offsets[s], spans.offsets[s + 1]):
            if entity_keys[spans.entity[k]] == entity_keys[e]:
                i, j = base + spans.start[k], base + spans.end[k]
                seen -= phrase_key(i, j, words.keys) == phrase
    return seen


@kernel
def dictionary_scores(
    lo: int,
    hi: int,
    problem: Problem,
    score: Float64,
    entity_keys: Keys,
    words: Words,
    spans: Spans,
    table: Table,
    strength: float,
) -> None:
    """Write times seen as this / (times seen + strength) for every candidate.

    Counts are those of the entity's key without its own sentence.

    Args:
        lo, hi: sentences.
        problem: the candidates.
        score: float64 (C), written.
        entity_keys: uint64 (E), of words and label.
        words: of the target side.
        spans: of the first pass.
        table: the counts.
        strength: occurrences of another translation to assume.
    """
    for s in range(lo, hi):
        base = words.offsets[s]
        for e in range(problem.entity_offsets[s], problem.entity_offsets[s + 1]):
            c_lo, c_hi = problem.candidate_offsets[e], problem.candidate_offsets[e + 1]
            if c_lo == c_hi:
                continue
            total = times_seen(s, e, entity_keys, spans, table)
            for c in range(c_lo, c_hi):
                score[c] = 0.0
                if total > 0:
                    phrase = phrase_key(base + problem.start[c], base + problem.end[c], words.keys)
                    seen = times_seen_as(phrase, s, e, entity_keys, words, spans, table)
                    score[c] = min(max(seen, 0), total) / (total + strength)
