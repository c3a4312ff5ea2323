"""The dictionary score: what the same entity became elsewhere in the corpus."""

import numpy as np
from numba import njit

from xner.kernels.keys import SEED, mix, slot_of

ENTITY, TRANSLATION = np.uint64(3), np.uint64(4)


@njit(cache=True, nogil=True)
def phrase_key(lo, hi, words):
    """The key of the words `[lo, hi)`. words: uint64."""
    key = SEED
    for w in range(lo, hi):
        key = mix(key ^ words[w])
    return key


@njit(cache=True, nogil=True)
def phrase_keys(lo, hi, first, last, words, keys):
    """Write the keys of the phrases `[lo, hi)`.

    first, last: int64, positions in words (uint64), half-open; keys: uint64, written.
    """
    for p in range(lo, hi):
        keys[p] = phrase_key(first[p], last[p], words)


@njit(cache=True, nogil=True)
def dictionary_scores(
    s_lo,
    s_hi,
    entity_offsets,
    candidate_offsets,
    start,
    end,
    entity_keys,
    span_offsets,
    span_start,
    span_end,
    span_entity,
    word_offsets,
    words,
    table,
    counts,
    strength,
    score,
):
    """Write the dictionary score of every candidate: times seen as this / (times seen + strength).

    Counts are those of the entity's key without the own sentence.

    Args:
        entity_offsets: int32 (S+1). candidate_offsets: int32 (E+1). start, end: int32 (C).
        entity_keys: uint64 (E), of words and label.
        span_offsets: int32 (S+1). span_start, span_end, span_entity: int32, the first pass's
            spans and the entity of each.
        word_offsets: int32 (S+1). words: uint64, keys of all target words.
        table: uint64. counts: int64, as `xner.kernels.keys` keeps them.
        score: float64 (C), written.
    """
    for s in range(s_lo, s_hi):
        base = word_offsets[s]
        for e in range(entity_offsets[s], entity_offsets[s + 1]):
            entity = entity_keys[e]
            c_lo, c_hi = candidate_offsets[e], candidate_offsets[e + 1]
            if c_lo == c_hi:
                continue
            total = counts[slot_of(table, mix(entity ^ ENTITY))]
            for k in range(span_offsets[s], span_offsets[s + 1]):
                total -= entity_keys[span_entity[k]] == entity
            for c in range(c_lo, c_hi):
                score[c] = 0.0
                if total <= 0:
                    continue
                target = phrase_key(base + start[c], base + end[c], words)
                seen = counts[slot_of(table, mix(mix(entity ^ TRANSLATION) ^ target))]
                if seen == 0:
                    continue
                for k in range(span_offsets[s], span_offsets[s + 1]):
                    if entity_keys[span_entity[k]] == entity:
                        i, j = base + span_start[k], base + span_end[k]
                        seen -= phrase_key(i, j, words) == target
                score[c] = seen / (total + strength)
