"""Links for words that have none, by how their types are linked elsewhere in the corpus."""

import numpy as np
from numba import njit

from xner.kernels.keys import mix, slot_of

SOURCE, TARGET, PAIR = np.uint64(5), np.uint64(6), np.uint64(7)
UNIT = 65536.0  # counts of links are sums of whole 65536ths: no order of adding matters


@njit(cache=True, nogil=True)
def evidence(
    source, target, linked, w_lo, w_hi, t_lo, t_hi, source_words, target_words, in_entity, table,
    counts,
):  # fmt: skip
    """How often two word types are linked elsewhere, in [0, 1].

    links / sqrt((source occurrences + 1) * (target occurrences + 1)), the own sentence,
    source words `[w_lo, w_hi)` and target words `[t_lo, t_hi)`, left out; linked: links
    between the two elsewhere, in 65536ths.
    """
    if linked <= 0:
        return 0.0
    left = counts[slot_of(table, mix(source ^ SOURCE))]
    for w in range(w_lo, w_hi):
        left -= in_entity[w] and source_words[w] == source
    right = counts[slot_of(table, mix(target ^ TARGET))]
    for t in range(t_lo, t_hi):
        right -= target_words[t] == target
    return min(1.0, linked / UNIT / np.sqrt((left + 1.0) * (right + 1.0)))


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

    Of several source words the one with the most evidence is taken; ties: the first.

    Args:
        source_offsets, target_offsets: int32 (S+1). source_words, target_words: uint64, keys.
        in_entity: uint8, per source word.
        link_offsets: int32 (S+1). link_source, link_target: int32 (L).
        link_weight: float32 (L). Links of weight 0 do not count.
        table: uint64. counts: int64, as `xner.kernels.keys` keeps them.
        least: evidence that a link needs to be made.

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
        open_words = 0
        for w in range(w_lo, w_hi):
            open_words += in_entity[w] and not linked_source[w - w_lo]
        for t in range(t_lo, t_hi if open_words else t_lo):
            if linked_target[t - t_lo]:
                continue
            best, best_source = least, -1
            for w in range(w_lo, w_hi):
                if not in_entity[w] or linked_source[w - w_lo]:
                    continue
                source_word, target_word = source_words[w], target_words[t]
                linked = counts[slot_of(table, mix(mix(source_word ^ PAIR) ^ target_word))]
                for link in range(l_lo, l_hi if linked else l_lo):
                    i, j = w_lo + link_source[link], t_lo + link_target[link]
                    if (
                        in_entity[i]
                        and source_words[i] == source_word
                        and target_words[j] == target_word
                    ):
                        linked -= np.int64(np.float64(link_weight[link]) * UNIT + 0.5)
                found = evidence(
                    source_word,
                    target_word,
                    linked,
                    w_lo,
                    w_hi,
                    t_lo,
                    t_hi,
                    source_words,
                    target_words,
                    in_entity,
                    table,
                    counts,
                )
                if found > best:
                    best, best_source = found, w - w_lo
            if best_source >= 0:
                sentence[at], source[at] = s, best_source
                target[at], weight[at] = t - t_lo, best
                at += 1
        for w in range(w_hi - w_lo):
            linked_source[w] = 0
        for t in range(t_hi - t_lo):
            linked_target[t] = 0
    return sentence[:at], source[:at], target[:at], weight[:at]
