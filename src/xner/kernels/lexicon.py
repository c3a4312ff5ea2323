"""Links for words that have none, by how their types are linked elsewhere in the corpus."""

import numpy as np
from numba import njit

from xner.kernels.keys import mix, slot_of

SOURCE, TARGET, PAIR = np.uint64(5), np.uint64(6), np.uint64(7)
UNIT = 65536.0  # counts of links are sums of whole 65536ths: no order of adding matters


@njit(cache=True, nogil=True)
def links_between(
    source, target, w_lo, t_lo, l_lo, l_hi, source_words, in_entity, target_words,
    link_source, link_target, link_weight,
):  # fmt: skip
    """Sum of the weights of a sentence's links between two word types, in 65536ths."""
    total = 0
    for link in range(l_lo, l_hi):
        i, j = w_lo + link_source[link], t_lo + link_target[link]
        if in_entity[i] and source_words[i] == source and target_words[j] == target:
            total += np.int64(np.float64(link_weight[link]) * UNIT + 0.5)
    return total


@njit(cache=True, nogil=True)
def best_source(
    t, w_lo, w_hi, t_lo, t_hi, l_lo, l_hi, source_words, in_entity, linked_source, target_words,
    link_source, link_target, link_weight, table, counts, least,
):  # fmt: skip
    """The entity word without a link that target word t most likely translates.

    The evidence is links / sqrt((source occurrences + 1) * (target occurrences + 1)), without
    the own sentence, whose source words are `[w_lo, w_hi)`, target words `[t_lo, t_hi)` and
    links `[l_lo, l_hi)`. Ties: the first word.

    Returns:
        The evidence, in [0, 1], and the word, -1 if none has more than `least`.
    """
    target = target_words[t]
    best, found = least, -1
    right = -1.0
    for w in range(w_lo, w_hi):
        if not in_entity[w] or linked_source[w - w_lo]:
            continue
        source = source_words[w]
        linked = counts[slot_of(table, mix(mix(source ^ PAIR) ^ target))]
        if linked > 0:
            linked -= links_between(
                source, target, w_lo, t_lo, l_lo, l_hi, source_words, in_entity, target_words,
                link_source, link_target, link_weight,
            )  # fmt: skip
        if linked <= 0:
            continue
        left = counts[slot_of(table, mix(source ^ SOURCE))] + 1.0
        for i in range(w_lo, w_hi):
            if in_entity[i] and source_words[i] == source:
                left -= 1.0
        if right < 0.0:
            right = counts[slot_of(table, mix(target ^ TARGET))] + 1.0
            for j in range(t_lo, t_hi):
                if target_words[j] == target:
                    right -= 1.0
        evidence = min(1.0, linked / UNIT / np.sqrt(left * right))
        if evidence > best:
            best, found = evidence, w
    return best, found


@njit(cache=True, nogil=True)
def lexicon_links(
    s_lo,
    s_hi,
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
    least,
):
    """Make a link for target words without one, to a word of an entity without one.

    Args:
        source_offsets, target_offsets: int32 (S+1). source_words, target_words: uint64, keys.
        in_entity: uint8, per source word.
        link_offsets: int32 (S+1). link_source, link_target: int32 (L).
        link_weight: float32 (L). Links of weight 0 do not count.
        table: uint64. counts: int64, as `xner.kernels.keys` keeps them.
        least: evidence that a link needs to be made (`best_source`).

    Returns:
        sentence, source, target: int32; weight: float32: the new links, by sentence and target.
    """
    words, targets = 0, 0
    for s in range(s_lo, s_hi):
        words = max(words, source_offsets[s + 1] - source_offsets[s])
        targets = max(targets, target_offsets[s + 1] - target_offsets[s])
    size = target_offsets[s_hi] - target_offsets[s_lo]
    sentence, source = np.empty(size, np.int32), np.empty(size, np.int32)
    target, weight = np.empty(size, np.int32), np.empty(size, np.float32)
    linked_source, linked_target = np.zeros(words, np.uint8), np.zeros(targets, np.uint8)
    at = 0
    for s in range(s_lo, s_hi):
        w_lo, w_hi = source_offsets[s], source_offsets[s + 1]
        t_lo, t_hi = target_offsets[s], target_offsets[s + 1]
        l_lo, l_hi = link_offsets[s], link_offsets[s + 1]
        for link in range(l_lo, l_hi):
            if link_weight[link] > 0:
                linked_source[link_source[link]] = 1
                linked_target[link_target[link]] = 1
        missing = False
        for w in range(w_lo, w_hi):
            missing = missing or (in_entity[w] and not linked_source[w - w_lo])
        for t in range(t_lo, t_hi if missing else t_lo):
            if linked_target[t - t_lo]:
                continue
            evidence, w = best_source(
                t, w_lo, w_hi, t_lo, t_hi, l_lo, l_hi, source_words, in_entity, linked_source,
                target_words, link_source, link_target, link_weight, table, counts, least,
            )  # fmt: skip
            if w >= 0:
                sentence[at], source[at] = s, w - w_lo
                target[at], weight[at] = t - t_lo, evidence
                at += 1
        for link in range(l_lo, l_hi):
            linked_source[link_source[link]] = 0
            linked_target[link_target[link]] = 0
    return sentence[:at], source[:at], target[:at], weight[:at]
