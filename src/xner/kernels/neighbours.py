"""Links for words without one that stand in or next to spans, by whose spans they stand at."""

import numpy as np
from numba import njit

from xner.kernels.keys import mix, slot_of
from xner.kernels.lexicon import PAIR, SOURCE, TARGET, UNIT, links_between

NEAR = np.uint64(10)


@njit(cache=True, nogil=True)
def mark_linked(lo, hi, link_target, link_weight, value, linked):
    """Set `linked` to `value` for the target words of a sentence's links `[lo, hi)`."""
    for link in range(lo, hi):
        if link_weight[link] > 0:
            linked[link_target[link]] = value


@njit(cache=True, nogil=True)
def near_words(start, end, words, linked, reach, near):
    """Write the words without a link inside a span and next to it; returns how many.

    Next to it are at most `reach` words on either side, up to the first with a link.

    Args:
        start, end: the span, half-open, in a sentence of `words` words.
        linked: uint8 (>= words). near: int32 (>= end - start + 2 * reach), written, rising.
    """
    first = start
    while first > 0 and start - first < reach and not linked[first - 1]:
        first -= 1
    n = 0
    for t in range(first, end):
        if not linked[t]:
            near[n] = t
            n += 1
    t = end
    while t < words and t - end < reach and not linked[t]:
        near[n] = t
        n += 1
        t += 1
    return n


@njit(cache=True, nogil=True)
def neighbour_keys(
    s_lo, s_hi, span_offsets, span_start, span_end, span_entity, entity_start, entity_end,
    source_offsets, source_words, target_offsets, target_words, link_offsets, link_target,
    link_weight, reach,
):  # fmt: skip
    """The keys of all pairs of a word of an entity and a word near its span.

    Arguments as for `neighbour_links`. Returns uint64, a key for each pair of positions.
    """
    longest, size = 0, 0
    for s in range(s_lo, s_hi):
        longest = max(longest, target_offsets[s + 1] - target_offsets[s])
        for k in range(span_offsets[s], span_offsets[s + 1]):
            e = span_entity[k]
            most = span_end[k] - span_start[k] + 2 * reach
            size += most * (entity_end[e] - entity_start[e])
    linked, near = np.zeros(longest, np.uint8), np.empty(longest + 2 * reach, np.int32)
    keys = np.empty(size, np.uint64)
    at = 0
    for s in range(s_lo, s_hi):
        w_lo, t_lo = source_offsets[s], target_offsets[s]
        l_lo, l_hi = link_offsets[s], link_offsets[s + 1]
        mark_linked(l_lo, l_hi, link_target, link_weight, 1, linked)
        for k in range(span_offsets[s], span_offsets[s + 1]):
            e, words = span_entity[k], target_offsets[s + 1] - t_lo
            n = near_words(span_start[k], span_end[k], words, linked, reach, near)
            for w in range(w_lo + entity_start[e], w_lo + entity_end[e]):
                for m in range(n):
                    keys[at] = mix(mix(source_words[w] ^ NEAR) ^ target_words[t_lo + near[m]])
                    at += 1
        mark_linked(l_lo, l_hi, link_target, link_weight, 0, linked)
    return keys[:at]


@njit(cache=True, nogil=True)
def times_near(
    source, target, k_lo, k_hi, span_start, span_end, span_entity, entity_start, entity_end,
    w_lo, t_lo, words, source_words, target_words, linked, reach, near,
):  # fmt: skip
    """How often a sentence has the target type near the span of an entity with the source type."""
    times = 0
    for k in range(k_lo, k_hi):
        e, sources, targets = span_entity[k], 0, 0
        for w in range(w_lo + entity_start[e], w_lo + entity_end[e]):
            sources += source_words[w] == source
        if sources == 0:
            continue
        n = near_words(span_start[k], span_end[k], words, linked, reach, near)
        for m in range(n):
            targets += target_words[t_lo + near[m]] == target
        times += sources * targets
    return times


@njit(cache=True, nogil=True)
def others(word, kind, lo, hi, words, within, table, counts):
    """How often a word type occurs in other sentences than that of the words `[lo, hi)`.

    within: uint8, those of `words` that count.
    """
    times = counts[slot_of(table, mix(word ^ kind))]
    for w in range(lo, hi):
        times -= words[w] == word and within[w]
    return times


@njit(cache=True, nogil=True)
def neighbour_links(
    s_lo,
    s_hi,
    span_offsets,
    span_start,
    span_end,
    span_entity,
    entity_start,
    entity_end,
    source_offsets,
    source_words,
    in_entity,
    target_offsets,
    target_words,
    link_offsets,
    link_source,
    link_target,
    link_weight,
    table,
    counts,
    reach,
    least,
):
    """Link words without a link to a word of the entity in or next to whose span they stand.

    The evidence is (links + times near) / sqrt((source occurrences + 1) * (target occurrences
    + 1)), all without the own sentence, at most 1. Every word is linked to the source word
    with the most evidence, if that is more than `least`; ties: the first span, the first word.

    Args:
        span_offsets: int32 (S+1). span_start, span_end, span_entity: int32, the first pass's
            spans and the entity of each.
        entity_start, entity_end: int32 (E), source words of the sentence.
        source_offsets, target_offsets: int32 (S+1). source_words, target_words: uint64, keys.
        in_entity: uint8, per source word.
        link_offsets: int32 (S+1). link_source, link_target: int32 (L).
        link_weight: float32 (L). Links of weight 0 do not count.
        table: uint64. counts: int64, as `xner.kernels.keys` keeps them.
        reach: how many words beyond a span are looked at on either side.

    Returns:
        sentence, source, target: int32; weight: float32: the new links, by sentence and target.
    """
    longest = 0
    for s in range(s_lo, s_hi):
        longest = max(longest, target_offsets[s + 1] - target_offsets[s])
    size = target_offsets[s_hi] - target_offsets[s_lo]
    sentence, source = np.empty(size, np.int32), np.empty(size, np.int32)
    target, weight = np.empty(size, np.int32), np.empty(size, np.float32)
    linked, all_words = np.zeros(longest, np.uint8), np.ones(target_offsets[s_hi], np.uint8)
    near, again = np.empty(longest + 2 * reach, np.int32), np.empty(longest + 2 * reach, np.int32)
    best, found = np.zeros(longest), np.full(longest, -1, np.int32)
    at = 0
    for s in range(s_lo, s_hi):
        k_lo, k_hi = span_offsets[s], span_offsets[s + 1]
        if k_lo == k_hi:
            continue
        w_lo, w_hi = source_offsets[s], source_offsets[s + 1]
        t_lo, t_hi = target_offsets[s], target_offsets[s + 1]
        l_lo, l_hi = link_offsets[s], link_offsets[s + 1]
        mark_linked(l_lo, l_hi, link_target, link_weight, 1, linked)
        for k in range(k_lo, k_hi):
            e = span_entity[k]
            n = near_words(span_start[k], span_end[k], t_hi - t_lo, linked, reach, near)
            for m in range(n):
                t = near[m]
                b = target_words[t_lo + t]
                for w in range(entity_start[e], entity_end[e]):
                    a = source_words[w_lo + w]
                    times = counts[slot_of(table, mix(mix(a ^ NEAR) ^ b))]
                    if times > 0:
                        times -= times_near(
                            a, b, k_lo, k_hi, span_start, span_end, span_entity, entity_start,
                            entity_end, w_lo, t_lo, t_hi - t_lo, source_words, target_words,
                            linked, reach, again,
                        )  # fmt: skip
                    links = counts[slot_of(table, mix(mix(a ^ PAIR) ^ b))]
                    if links > 0:
                        links -= links_between(
                            a, b, w_lo, t_lo, l_lo, l_hi, source_words, in_entity, target_words,
                            link_source, link_target, link_weight,
                        )  # fmt: skip
                    if times + links <= 0:
                        continue
                    left = others(a, SOURCE, w_lo, w_hi, source_words, in_entity, table, counts)
                    right = others(b, TARGET, t_lo, t_hi, target_words, all_words, table, counts)
                    evidence = (times + links / UNIT) / np.sqrt((left + 1.0) * (right + 1.0))
                    if evidence > max(least, best[t]):
                        best[t], found[t] = evidence, w
        for t in range(t_hi - t_lo):
            if found[t] >= 0:
                sentence[at], source[at] = s, found[t]
                target[at], weight[at] = t, min(1.0, best[t])
                best[t], found[t] = 0.0, -1
                at += 1
        mark_linked(l_lo, l_hi, link_target, link_weight, 0, linked)
    return sentence[:at], source[:at], target[:at], weight[:at]
