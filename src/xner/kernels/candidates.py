"""Target candidates from word links, with their alignment scores."""

import numba as nb
import numpy as np

# Why an entity has no candidate.
HAS_CANDIDATES, NO_TARGET, UNALIGNED, TOO_SHORT = 0, 1, 2, 3


@nb.njit(cache=True, nogil=True)
def linked_words(first, last, l_lo, l_hi, link_source, link_target, link_weight, mass, words):
    """Gather the target words linked to the source words `[first, last)` of one sentence.

    Args:
        l_lo, l_hi: the sentence's links; link_source, link_target: int32 (L);
            link_weight: float32 (L). Links of weight 0 do not count.
        mass: float64 (>= target words), all 0 on entry; the summed link weight per word,
            added in link order.
        words: int32 (>= target words), the linked words in ascending order on return.

    Returns:
        How many words are linked. The caller sets `mass[words[:n]]` back to 0.
    """
    n = 0
    for link in range(l_lo, l_hi):
        weight = link_weight[link]
        if first <= link_source[link] < last and weight > 0.0:
            w = link_target[link]
            if mass[w] == 0.0:
                at = n
                while at > 0 and words[at - 1] > w:
                    words[at] = words[at - 1]
                    at -= 1
                words[at] = w
                n += 1
            mass[w] += weight
    return n


@nb.njit(cache=True, nogil=True)
def longest_ngram(length, max_span, max_ratio):
    """The most words that an n-gram for an entity of `length` words may have."""
    return max(max_span, int(max_ratio * length)) if max_span > 0 else 0


@nb.njit(cache=True, nogil=True)
def ngrams_of_entity(n, words, mass, length, max_span, at, start, end, score):
    """Write the n-grams that start and end on a linked word; returns the next free index.

    Any other n-gram has a shorter one inside it with the same links, hence a higher score
    and fewer conflicts, so that no solver would choose it.
    """
    for first in range(n):
        inside = 0.0
        for last in range(first, n):
            span = words[last] + 1 - words[first]
            if span > max_span:
                break
            inside += mass[words[last]]
            start[at] = words[first]
            end[at] = words[last] + 1
            score[at] = 2.0 * inside / (length + span)
            at += 1
    return at


@nb.njit(cache=True, nogil=True)
def runs_of_entity(
    n, words, mass, length, merge_distance, length_ratio, top_k, at, start, end, score
):
    """Write the merged runs of linked words that are long enough; returns the next free index.

    Order: as they stand in the sentence, or, with `top_k` > 0, only the `top_k` longest of
    them (ties: the first in the sentence), still as they stand.
    """
    begin = at
    first = 0
    while first < n:
        last = first
        inside = mass[words[first]]
        while last + 1 < n and words[last + 1] - words[last] - 1 <= merge_distance:
            last += 1
            inside += mass[words[last]]
        span = words[last] + 1 - words[first]
        if span / length > length_ratio:
            start[at] = words[first]
            end[at] = words[last] + 1
            score[at] = 2.0 * inside / (length + span)
            at += 1
        first = last + 1
    while 0 < top_k < at - begin:
        worst = begin
        for c in range(begin + 1, at):
            if end[c] - start[c] <= end[worst] - start[worst]:
                worst = c
        for c in range(worst, at - 1):
            start[c], end[c], score[c] = start[c + 1], end[c + 1], score[c + 1]
        at -= 1
    return at


@nb.njit(cache=True, nogil=True)
def candidates(
    s_lo,
    s_hi,
    entity_offsets,
    entity_start,
    entity_end,
    link_offsets,
    link_source,
    link_target,
    link_weight,
    target_lengths,
    max_span,
    max_ratio,
    merge_distance,
    length_ratio,
    top_k,
):
    """Candidates of the sentences `[s_lo, s_hi)`: target n-grams, or runs of linked words.

    The alignment score is 2 * (sum of link weights inside) / (entity words + candidate
    words) (Politov et al. 2025; Shkalikov 2025, section 3.3).

    Args:
        entity_offsets, link_offsets: int32 (S+1). entity_start, entity_end: int32 (E).
        link_source, link_target: int32 (L). link_weight: float32 (L).
        target_lengths: int32 (S).
        max_span: n-grams of at most this many words, or of `max_ratio` times those of the
            entity if that is more; 0 gives runs instead, and then:
        merge_distance: runs with at most this many words between them become one.
        length_ratio: a run is kept if run words / entity words is above this.
        top_k: keep only the longest `top_k` runs of an entity; 0 keeps all.

    Returns:
        start, end: int32 (C); score: float64 (C), entity after entity, each by start, then
        end; found: int32, how many per entity; status: uint8 per entity, a constant above.
    """
    e_lo, e_hi = entity_offsets[s_lo], entity_offsets[s_hi]
    # Room for the most candidates there can be. The pages that stay untouched cost nothing,
    # and arrays that are never exchanged cost no reference counting in the loop.
    longest, size = 0, 0
    for s in range(s_lo, s_hi):
        longest = max(longest, target_lengths[s])
        linked = min(target_lengths[s], link_offsets[s + 1] - link_offsets[s])
        for e in range(entity_offsets[s], entity_offsets[s + 1]):
            longest_span = longest_ngram(entity_end[e] - entity_start[e], max_span, max_ratio)
            size += linked * max(1, min(linked, longest_span))
    mass = np.zeros(longest, np.float64)
    words = np.empty(longest, np.int32)
    found = np.empty(e_hi - e_lo, np.int32)
    status = np.zeros(e_hi - e_lo, np.uint8)
    start, end, score = np.empty(size, np.int32), np.empty(size, np.int32), np.empty(size)
    at = 0
    for s in range(s_lo, s_hi):
        l_lo, l_hi = link_offsets[s], link_offsets[s + 1]
        for e in range(entity_offsets[s], entity_offsets[s + 1]):
            first, last = entity_start[e], entity_end[e]
            n = linked_words(
                first, last, l_lo, l_hi, link_source, link_target, link_weight, mass, words
            )
            begin = at
            length = last - first
            if max_span > 0:
                limit = longest_ngram(length, max_span, max_ratio)
                at = ngrams_of_entity(n, words, mass, length, limit, at, start, end, score)
            else:
                at = runs_of_entity(
                    n,
                    words,
                    mass,
                    length,
                    merge_distance,
                    length_ratio,
                    top_k,
                    at,
                    start,
                    end,
                    score,
                )
            found[e - e_lo] = at - begin
            if n == 0:
                status[e - e_lo] = NO_TARGET if target_lengths[s] == 0 else UNALIGNED
            elif at == begin:
                status[e - e_lo] = TOO_SHORT
            for i in range(n):
                mass[words[i]] = 0.0
    return start[:at], end[:at], score[:at], found, status
