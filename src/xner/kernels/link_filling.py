"""Links for unlinked words, from how their types are linked or occur at spans elsewhere."""

import numpy as np

from xner.kernels.jit import inlined, inner, kernel
from xner.kernels.keys import mix, slot_of
from xner.kernels.records import Keys, Links, NewLinks, Spans, Table, Texts
from xner.kernels.sizes import longest_row

SOURCE, TARGET, PAIR, NEAR = np.uint64(5), np.uint64(6), np.uint64(7), np.uint64(10)
# Counts of links are sums of integer 65536ths, so the order of adding is irrelevant.
UNIT = 65536.0
UNLINKED, LINKED = np.uint8(0), np.uint8(1)


@inner
def mark_linked(links, s, value, source, target):
    """Set `source` and `target` to `value` for the linked words of pair s. uint8 (>= words)."""
    for link in range(links.offsets[s], links.offsets[s + 1]):
        if links.weight[link] > 0:
            source[links.source[link]] = value
            target[links.target[link]] = value


@inner
def occurrences(word, lo, hi, keys, inside):
    """Return how many of the words `[lo, hi)` have the key `word`.

    keys: uint64 (words). inside: uint8 (words), 1 for those that count; empty if all do.
    """
    times = 0
    for w in range(lo, hi):
        times += keys[w] == word and (len(inside) == 0 or inside[w])
    return times


@inner
def own_links(a, b, s, texts, links):
    """Return the weights of the links between types a and b in pair s, in 65536ths."""
    total = 0
    for link in range(links.offsets[s], links.offsets[s + 1]):
        i = texts.source.offsets[s] + links.source[link]
        j = texts.target.offsets[s] + links.target[link]
        if texts.inside[i] and texts.source.keys[i] == a and texts.target.keys[j] == b:
            total += np.int64(np.float64(links.weight[link]) * UNIT + 0.5)
    return total


@inner
def association(weight, a, b, own, table):
    """Return weight / sqrt((occurrences of a + 1) * (occurrences of b + 1)).

    own: occurrences of both words in their own sentence, which do not count. Counts that were
    dropped from a large table are 0.
    """
    left = table.counts[slot_of(table.keys, mix(a ^ SOURCE))] - own[0]
    right = table.counts[slot_of(table.keys, mix(b ^ TARGET))] - own[1]
    return weight / np.sqrt((max(0.0, left) + 1.0) * (max(0.0, right) + 1.0))


@inner
def new_links(lo, hi, texts):
    """Return room for a link of every target word of the pairs `[lo, hi)`."""
    size = np.int64(texts.target.offsets[hi] - texts.target.offsets[lo])
    row, source = np.empty(size, np.int32), np.empty(size, np.int32)
    return NewLinks(row, source, np.empty(size, np.int32), np.empty(size, np.float32))


@inner
def write_best(s, best, found, most, links, at):
    """Add the links that were found in pair s, and clear `best` and `found`.

    best: float64 (target words), the evidence; found: int32, the source word counted
    from 1, or 0.
    Returns the next free index of links.
    """
    for t in range(most):
        if found[t] > 0:
            links.row[at], links.source[at] = s, found[t] - 1
            links.target[at], links.weight[at] = t, min(1.0, best[t])
            best[t], found[t] = 0.0, 0
            at += 1
    return at


@kernel
def lexicon_links(
    lo: int, hi: int, texts: Texts, links: Links, table: Table, least: float
) -> tuple[NewLinks, np.int64]:
    """Link target words without a link to the unlinked entity word they most likely translate.

    The evidence is links / sqrt((source occurrences + 1) * (target occurrences + 1)), without
    the own sentence, at most 1. A link needs more evidence than `least`; ties: the first word.
    Returns room for links, and how many there are.
    """
    sources = longest_row(texts.source.offsets, lo, hi)
    targets = longest_row(texts.target.offsets, lo, hi)
    source_linked, target_linked = np.zeros(sources, np.uint8), np.zeros(targets, np.uint8)
    best, found = np.zeros(targets), np.zeros(targets, np.int32)
    source, target, everywhere = texts.source, texts.target, texts.inside[:0]
    made = new_links(lo, hi, texts)
    at = np.int64(0)
    for s in range(lo, hi):
        base, first = source.offsets[s], target.offsets[s]
        words, most = source.offsets[s + 1] - base, target.offsets[s + 1] - first
        mark_linked(links, s, LINKED, source_linked, target_linked)
        for w in range(words):
            if source_linked[w] or not texts.inside[base + w]:
                continue
            a = source.keys[base + w]
            for t in range(most):
                if target_linked[t]:
                    continue
                b = target.keys[first + t]
                linked = table.counts[slot_of(table.keys, mix(mix(a ^ PAIR) ^ b))]
                if linked > 0:
                    linked -= own_links(a, b, s, texts, links)
                if linked <= 0:
                    continue
                own = (
                    occurrences(a, base, base + words, source.keys, texts.inside),
                    occurrences(b, first, first + most, target.keys, everywhere),
                )
                evidence = min(1.0, association(linked / UNIT, a, b, own, table))
                if evidence > max(least, best[t]):
                    best[t], found[t] = evidence, w + 1
        at = write_best(s, best, found, most, made, at)
        mark_linked(links, s, UNLINKED, source_linked, target_linked)
    return made, at


@inner
def near_words(start, end, words, linked, reach, near):
    """Write the unlinked words inside a span and next to it; return how many.

    Next to it are at most `reach` words on either side, up to the first with a link.

    Args:
        start, end: the span, half-open, in a sentence of `words` words.
        words: words of the sentence.
        linked: uint8 (>= words).
        reach: in words.
        near: int32 (>= end - start + 2 * reach), written, ascending.
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


@kernel
def adjacent_keys(lo: int, hi: int, texts: Texts, links: Links, spans: Spans, reach: int) -> Keys:
    """Return the keys of all pairs of a word of an entity and an unlinked word at its span.

    Returns uint64, a key for each pair of positions. spans: of the first pass.
    """
    sources = longest_row(texts.source.offsets, lo, hi)
    longest = longest_row(texts.target.offsets, lo, hi)
    source, target, entities = texts.source, texts.target, texts.entities
    size = 0
    for k in range(spans.offsets[lo], spans.offsets[hi]):
        e = spans.entity[k]
        most = spans.end[k] - spans.start[k] + 2 * reach
        size += most * (entities.end[e] - entities.start[e])
    ignored, linked = np.zeros(sources, np.uint8), np.zeros(longest, np.uint8)
    near = np.empty(longest + 2 * reach, np.int32)
    keys = np.empty(size, np.uint64)
    at = 0
    for s in range(lo, hi):
        base, first = source.offsets[s], target.offsets[s]
        mark_linked(links, s, LINKED, ignored, linked)
        for k in range(spans.offsets[s], spans.offsets[s + 1]):
            e, words = spans.entity[k], target.offsets[s + 1] - first
            n = near_words(spans.start[k], spans.end[k], words, linked, reach, near)
            for w in range(base + entities.start[e], base + entities.end[e]):
                for m in range(n):
                    word = target.keys[first + near[m]]
                    keys[at] = mix(mix(source.keys[w] ^ NEAR) ^ word)
                    at += 1
        mark_linked(links, s, UNLINKED, ignored, linked)
    return keys[:at]


@inlined
def times_near(a, b, s, texts, spans, linked, reach, near):
    """Return how often pair s has type b at the span of an entity with type a."""
    times = 0
    source, target, entities = texts.source, texts.target, texts.entities
    words = target.offsets[s + 1] - target.offsets[s]
    for k in range(spans.offsets[s], spans.offsets[s + 1]):
        e, sources, targets = spans.entity[k], 0, 0
        base = source.offsets[s]
        for w in range(base + entities.start[e], base + entities.end[e]):
            sources += source.keys[w] == a
        if sources == 0:
            continue
        n = near_words(spans.start[k], spans.end[k], words, linked, reach, near)
        for m in range(n):
            targets += target.keys[target.offsets[s] + near[m]] == b
        times += sources * targets
    return times


@kernel
def adjacent_links(
    lo: int,
    hi: int,
    texts: Texts,
    links: Links,
    spans: Spans,
    table: Table,
    reach: int,
    least: float,
) -> tuple[NewLinks, np.int64]:
    """Link unlinked words in or next to a span to a word of the span's entity.

    The evidence is (links + times near) / sqrt((source occurrences + 1) * (target occurrences
    + 1)), all without the own sentence, at most 1. Every word is linked to the source word
    with the most evidence, if that is more than `least`; ties: the first span, the first word.
    Returns room for links, and how many there are.

    Args:
        lo, hi: sentences.
        texts, links: of the batch; links of weight 0 do not count.
        spans: of the first pass.
        table: the counts.
        reach: how many words next to a span are considered on either side.
        least: the evidence that a link must exceed.
    """
    sources = longest_row(texts.source.offsets, lo, hi)
    longest = longest_row(texts.target.offsets, lo, hi)
    source, target, entities = texts.source, texts.target, texts.entities
    ignored, linked = np.zeros(sources, np.uint8), np.zeros(longest, np.uint8)
    near, again = np.empty(longest + 2 * reach, np.int32), np.empty(longest + 2 * reach, np.int32)
    best, found = np.zeros(longest), np.zeros(longest, np.int32)
    everywhere = texts.inside[:0]
    made = new_links(lo, hi, texts)
    at = np.int64(0)
    for s in range(lo, hi):
        base, first = source.offsets[s], target.offsets[s]
        words = target.offsets[s + 1] - first
        mark_linked(links, s, LINKED, ignored, linked)
        for k in range(spans.offsets[s], spans.offsets[s + 1]):
            e = spans.entity[k]
            n = near_words(spans.start[k], spans.end[k], words, linked, reach, near)
            for m in range(n):
                t = near[m]
                b = target.keys[first + t]
                for w in range(entities.start[e], entities.end[e]):
                    a = source.keys[base + w]
                    times = table.counts[slot_of(table.keys, mix(mix(a ^ NEAR) ^ b))]
                    if times > 0:
                        times -= times_near(a, b, s, texts, spans, linked, reach, again)
                    linked_as = table.counts[slot_of(table.keys, mix(mix(a ^ PAIR) ^ b))]
                    if linked_as > 0:
                        linked_as -= own_links(a, b, s, texts, links)
                    if times + linked_as <= 0:
                        continue
                    own = (
                        occurrences(a, base, source.offsets[s + 1], source.keys, texts.inside),
                        occurrences(b, first, first + words, target.keys, everywhere),
                    )
                    evidence = association(times + linked_as / UNIT, a, b, own, table)
                    if evidence > max(least, best[t]):
                        best[t], found[t] = evidence, w + 1
        at = write_best(s, best, found, words, made, at)
        mark_linked(links, s, UNLINKED, ignored, linked)
    return made, at
