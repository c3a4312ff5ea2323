"""Candidate spans: n-grams and runs of linked target words, and all n-grams of a region."""

from typing import NamedTuple

import numpy as np

from xner.kernels.jit import inner, kernel
from xner.kernels.records import Entities, Flags, Float64, Int32, Links, Regions, sizes_of
from xner.kernels.sizes import longest

# Why an entity has no candidate.
HAS_CANDIDATES, NO_TARGET, UNALIGNED, TOO_SHORT, NO_CANDIDATE = 0, 1, 2, 3, 10


class NgramLimits(NamedTuple):
    """An n-gram has at most `max_span` words, or `max_ratio` times the entity's if more."""

    max_span: int
    max_ratio: float


class RunLimits(NamedTuple):
    """Which runs of linked words are candidates.

    merge_distance: runs with at most this many words between them become one. length_ratio: keep
    a run if run words / entity words is above this. top_k: keep only the longest `top_k` runs of
    an entity; 0 keeps all.
    """

    merge_distance: int
    length_ratio: float
    top_k: int


class LinkedSpans(NamedTuple):
    """Candidates with their alignment scores.

    start, end: int32 (C); score: float64 (C), entity after entity, each by start, then end.
    sizes: int32 (E), candidates of each entity. status: uint8 (E), one of the constants above.
    """

    start: Int32
    end: Int32
    score: Float64
    sizes: Int32
    status: Flags


@inner
def linked_words(links, s, first, last, mass, words):
    """Collect the target words linked to the source words `[first, last)` of sentence s.

    Args:
        links: `Links`; links of weight 0 do not count.
        s: sentence.
        first, last: source words.
        mass: float64 (>= target words), all 0 on entry; the summed link weight per word,
            added in link order.
        words: int32 (>= target words), the linked words in ascending order on return.

    Returns:
        The number of linked words, n. The caller sets `mass[words[:n]]` back to 0.
    """
    n = 0
    for link in range(links.offsets[s], links.offsets[s + 1]):
        weight = links.weight[link]
        if first <= links.source[link] < last and weight > 0.0:
            w = links.target[link]
            if mass[w] == 0.0:
                at = n
                while at > 0 and words[at - 1] > w:
                    words[at] = words[at - 1]
                    at -= 1
                words[at] = w
                n += 1
            mass[w] += weight
    return n


@inner
def write_ngrams(words, n, mass, length, longest, start, end, score, at):
    """Write the n-grams that start and end on one of n linked words; return the next free index.

    Any other n-gram contains a shorter one with the same links, hence a higher score
    and fewer conflicts, so that no solver would choose it.
    """
    for first in range(n):
        total = 0.0
        for last in range(first, n):
            span = words[last] + 1 - words[first]
            if span > longest:
                break
            total += mass[words[last]]
            start[at] = words[first]
            end[at] = words[last] + 1
            score[at] = 2.0 * total / (length + span)
            at += 1
    return at


@inner
def write_runs(words, n, mass, length, limits, start, end, score, at):
    """Write the merged runs of n linked words that are long enough; return the next free index.

    They are in order of position; with `top_k` only the longest (ties: the first) are kept.
    """
    begin = at
    first = 0
    while first < n:
        last = first
        total = mass[words[first]]
        while last + 1 < n and words[last + 1] - words[last] - 1 <= limits.merge_distance:
            last += 1
            total += mass[words[last]]
        span = words[last] + 1 - words[first]
        if span / length > limits.length_ratio:
            start[at] = words[first]
            end[at] = words[last] + 1
            score[at] = 2.0 * total / (length + span)
            at += 1
        first = last + 1
    while 0 < limits.top_k < at - begin:
        worst = begin
        for c in range(begin + 1, at):
            if end[c] - start[c] <= end[worst] - start[worst]:
                worst = c
        for c in range(worst, at - 1):
            start[c], end[c], score[c] = start[c + 1], end[c + 1], score[c + 1]
        at -= 1
    return at


def most_spans(
    lo: int,
    hi: int,
    entities: Entities,
    links: Links,
    target_lengths: Int32,
    ngrams: NgramLimits | None,
) -> int:
    """Return an upper bound of the number of candidates of the sentences `[lo, hi)`."""
    span, ratio = (1, 0.0) if ngrams is None else ngrams
    first, last = int(entities.offsets[lo]), int(entities.offsets[hi])
    if hi - lo == 1:  # a single sentence must not wait for NumPy
        most = min(int(target_lengths[lo]), int(links.offsets[hi] - links.offsets[lo]))
        many = last - first
        words = int((entities.end[first:last] - entities.start[first:last]).sum())
        return most * min(many * most, many * span + int(ratio * words))
    linked = np.minimum(target_lengths[lo:hi], sizes_of(links.offsets[lo : hi + 1]))
    each = linked.repeat(sizes_of(entities.offsets[lo : hi + 1])).astype(np.int64)
    length = entities.end[first:last] - entities.start[first:last]
    limit = np.maximum(span, (ratio * length).astype(np.int64))
    return int((each * np.minimum(each, limit)).sum())


def linked_spans(
    lo: int,
    hi: int,
    entities: Entities,
    links: Links,
    target_lengths: Int32,
    ngrams: NgramLimits | None,
    runs: RunLimits | None,
) -> LinkedSpans:
    """Return the candidates of the sentences `[lo, hi)`: n-grams or runs of linked words.

    The alignment score is 2 * (sum of link weights inside) / (entity words + candidate
    words) (Politov et al. 2025; Shkalikov 2025, section 3.3).

    Args:
        lo, hi: sentences.
        entities, links: of the batch.
        target_lengths: int32 (S), target words.
        ngrams, runs: what the candidates are, the other None: Numba then leaves that part out.
    """
    # Room for the most candidates there can be. Pages that stay untouched cost nothing.
    size = most_spans(lo, hi, entities, links, target_lengths, ngrams)
    own, most = entities.offsets[hi] - entities.offsets[lo], longest(target_lengths, lo, hi)
    found = LinkedSpans(
        np.empty(size, np.int32),
        np.empty(size, np.int32),
        np.empty(size),
        np.empty(own, np.int32),
        np.zeros(own, np.uint8),
    )
    room = np.zeros(most), np.empty(most, np.int32)
    many = write_spans(lo, hi, entities, links, target_lengths, ngrams, runs, found, *room)
    start, end, score, sizes, status = found
    return LinkedSpans(start[:many], end[:many], score[:many], sizes, status)


@kernel
def write_spans(lo, hi, entities, links, target_lengths, ngrams, runs, found, mass, linked):
    """See `linked_spans`. found: written; returns the number of candidates.

    mass: float64 (>= target words) of zeros, linked: int32 (>= target words), scratch.
    """
    start, end, score, count, status = found
    base = entities.offsets[lo]
    at = np.int64(0)
    for s in range(lo, hi):
        for e in range(entities.offsets[s], entities.offsets[s + 1]):
            first, last = entities.start[e], entities.end[e]
            length = last - first
            n = linked_words(links, s, first, last, mass, linked)
            begin = at
            if ngrams is not None:
                limit = max(ngrams.max_span, np.int64(ngrams.max_ratio * length))
                at = write_ngrams(linked, n, mass, length, limit, start, end, score, at)
            if runs is not None:
                at = write_runs(linked, n, mass, length, runs, start, end, score, at)
            count[e - base] = at - begin
            if n == 0:
                status[e - base] = NO_TARGET if target_lengths[s] == 0 else UNALIGNED
            elif at == begin:
                status[e - base] = TOO_SHORT
            for i in range(n):
                mass[linked[i]] = 0.0
    return at


@kernel
def linked_regions(
    lo: int, hi: int, entities: Entities, links: Links, first: Int32, last: Int32
) -> None:
    """Write the range `[first, last)` of target words linked to each entity; 0, 0 for none.

    first, last: int32 (E), written. Links of weight 0 do not count.
    """
    for s in range(lo, hi):
        for e in range(entities.offsets[s], entities.offsets[s + 1]):
            first[e], last[e] = 0, 0
            for link in range(links.offsets[s], links.offsets[s + 1]):
                inside = entities.start[e] <= links.source[link] < entities.end[e]
                if inside and links.weight[link] > 0.0:
                    w = links.target[link]
                    if last[e] == 0 or w < first[e]:
                        first[e] = w
                    if w >= last[e]:
                        last[e] = w + 1


def list_ngrams(lo: int, hi: int, regions: Regions) -> tuple[Int32, Int32, Int32]:
    """Return the n-grams without a stop word in the regions of the sentences `[lo, hi)`.

    Returns:
        int32 (E) the number of n-grams of each entity, int32 (C) their start and end, by start,
        then end.
    """
    count = np.zeros(regions.offsets[hi] - regions.offsets[lo], np.int32)
    size = count_ngrams(lo, hi, regions, count)
    start, end = np.empty(size, np.int32), np.empty(size, np.int32)
    write_regions(lo, hi, regions, start, end)
    return count, start, end


@kernel
def count_ngrams(lo, hi, regions, count):
    """Return the number of n-grams. count: int32 (E) of zeros, written, those of each entity."""
    base = regions.offsets[lo]
    size = 0
    for s in range(lo, hi):
        for e in range(regions.offsets[s], regions.offsets[s + 1]):
            free = 0
            for w in range(regions.first[e], regions.last[e]):
                free = 0 if regions.stop[regions.words[s] + w] else free + 1
                count[e - base] += min(np.int64(free), np.int64(regions.limit[e]))
            size += count[e - base]
    return size


@kernel
def write_regions(lo, hi, regions, start, end):
    """Write the n-grams. start, end: int32 (C)."""
    at = 0
    for s in range(lo, hi):
        for e in range(regions.offsets[s], regions.offsets[s + 1]):
            for i in range(regions.first[e], regions.last[e]):
                last = min(np.int64(regions.last[e]), np.int64(i) + regions.limit[e])
                for j in range(i, last):
                    if regions.stop[regions.words[s] + j]:
                        break
                    start[at] = i
                    end[at] = j + 1
                    at += 1
