"""Links for unlinked words, from how their types are linked or occur at spans elsewhere."""

from typing import NamedTuple

import numpy as np

from xner.kernels.association import (
    SOURCE,
    TARGET,
    UNIT,
    Own,
    association,
    linked_elsewhere,
    note_own,
    pair_of,
    room_for_own,
)
from xner.kernels.jit import inner, kernel
from xner.kernels.keys import mix, slot_of
from xner.kernels.records import (
    Flags,
    Float64,
    Int32,
    Int64,
    Keys,
    Links,
    NewLinks,
    Spans,
    Table,
    Texts,
)
from xner.kernels.sizes import longest_row

NEAR = np.uint64(10)
UNLINKED, LINKED = np.uint8(0), np.uint8(1)


class Found(NamedTuple):
    """Room for one sentence: which words are linked, and the links that were found.

    source, target: uint8 (>= words), all `UNLINKED` between sentences. evidence: float64 (>=
    target words), best: int32, the source word with that evidence counted from 1; all 0 between
    sentences. near, again: int32, room for `near_words`. own: of the sentence.
    """

    source: Flags
    target: Flags
    evidence: Float64
    best: Int32
    near: Int32
    again: Int32
    own: Own


def room_for_found(lo: int, hi: int, texts: Texts, links: Links, reach: int) -> Found:
    """Return the room for the sentences `[lo, hi)`."""
    sources = longest_row(texts.source.offsets, lo, hi)
    targets = longest_row(texts.target.offsets, lo, hi)
    near = targets + 2 * reach
    return Found(
        np.zeros(sources, np.uint8),
        np.zeros(targets, np.uint8),
        np.zeros(targets),
        np.zeros(targets, np.int32),
        np.empty(near, np.int32),
        np.empty(near, np.int32),
        room_for_own(lo, hi, texts, links),
    )


@inner
def mark_linked(links, s, value, source, target):
    """Set `source` and `target` to `value` for the linked words of pair s. uint8 (>= words)."""
    for link in range(links.offsets[s], links.offsets[s + 1]):
        if links.weight[link] > 0:
            source[links.source[link]] = value
            target[links.target[link]] = value


def new_links(lo: int, hi: int, offsets: Int32) -> NewLinks:
    """Return room for a link of every target word of the pairs `[lo, hi)`."""
    size = offsets[hi] - offsets[lo]
    row, source = np.empty(size, np.int32), np.empty(size, np.int32)
    return NewLinks(row, source, np.empty(size, np.int32), np.empty(size, np.float32))


@inner
def note_best(t, i, evidence, least, found):
    """Keep a link of the target word t to the source word i if no other has more evidence."""
    if evidence > max(least, found.evidence[t]):
        found.evidence[t], found.best[t] = evidence, i + 1


@inner
def write_best(s, most, found, links, at):
    """Add the links that were found in pair s, and clear the room; return the next free index."""
    for t in range(most):
        if found.best[t] > 0:
            links.row[at], links.source[at] = s, found.best[t] - 1
            links.target[at], links.weight[at] = t, min(1.0, found.evidence[t])
            found.evidence[t], found.best[t] = 0.0, 0
            at += 1
    return at


def lexicon_keys(lo: int, hi: int, texts: Texts, links: Links) -> tuple[Keys, Int64]:
    """Return what the sentences `[lo, hi)` with entities add to the counts of the lexicon.

    Returns uint64, a key for each target word, each source word inside an entity, and each link of
    one of these; int64, 1 or the weight of the link in 65536ths.
    """
    offsets = texts.source.offsets, texts.target.offsets, links.offsets
    size = sum(int(rows[hi] - rows[lo]) for rows in offsets)
    keys, values = np.empty(size, np.uint64), np.ones(size, np.int64)
    many = list_lexicon(lo, hi, texts, links, keys, values)
    return keys[:many], values[:many]


@kernel
def list_lexicon(lo, hi, texts, links, keys, values):
    """See `lexicon_keys`. keys, values: written, values from ones; returns how many there are."""
    offsets, inside = texts.entities.offsets, texts.inside
    words, source, target = texts.source.offsets, texts.source.keys, texts.target.keys
    at = 0
    for s in range(lo, hi):
        if offsets[s] == offsets[s + 1]:
            continue
        base, first = words[s], texts.target.offsets[s]
        for w in range(base, words[s + 1]):
            if inside[w]:
                keys[at] = mix(source[w] ^ SOURCE)
                at += 1
        for w in range(first, texts.target.offsets[s + 1]):
            keys[at] = mix(target[w] ^ TARGET)
            at += 1
        for link in range(links.offsets[s], links.offsets[s + 1]):
            i = base + links.source[link]
            if inside[i]:
                keys[at] = mix(pair_of(source[i], target[first + links.target[link]]))
                values[at] = np.int64(np.float64(links.weight[link]) * UNIT + 0.5)
                at += 1
    return at


def lexicon_links(
    lo: int, hi: int, texts: Texts, links: Links, table: Table, least: float
) -> tuple[NewLinks, int]:
    """Link target words without a link to the unlinked entity word they most likely translate.

    The evidence is links / sqrt((source occurrences + 1) * (target occurrences + 1)), without
    the own sentence, at most 1. A link needs more evidence than `least`; ties: the first word.
    Returns room for links, and how many there are.
    """
    found = room_for_found(lo, hi, texts, links, 0)
    made = new_links(lo, hi, texts.target.offsets)
    return made, find_lexicon(lo, hi, texts, links, table, least, found, made)


@kernel
def find_lexicon(lo, hi, texts, links, table, least, found, made):
    """Write the links of the sentences `[lo, hi)`; return how many there are."""
    source, target, own = texts.source, texts.target, found.own
    at = np.int64(0)
    for s in range(lo, hi):
        base, first = source.offsets[s], target.offsets[s]
        words, most = source.offsets[s + 1] - base, target.offsets[s + 1] - first
        mark_linked(links, s, LINKED, found.source, found.target)
        noted = False
        for w in range(words):
            if found.source[w] or not texts.inside[base + w]:
                continue
            if not noted:
                note_own(s, texts, links, own)
                noted = True
            for t in range(most):
                if found.target[t]:
                    continue
                pair = pair_of(source.keys[base + w], target.keys[first + t])
                linked = linked_elsewhere(pair, own, table)
                if linked > 0:
                    strong = association(linked / UNIT, w, t, s, texts, own, table)
                    note_best(t, w, min(1.0, strong), least, found)
        if noted:
            at = write_best(s, most, found, made, at)
        mark_linked(links, s, UNLINKED, found.source, found.target)
    return at


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


def adjacent_keys(lo: int, hi: int, texts: Texts, links: Links, spans: Spans, reach: int) -> Keys:
    """Return the keys of all pairs of a word of an entity and an unlinked word at its span.

    Returns uint64, a key for each pair of positions. spans: of the first pass.
    """
    first, last = spans.offsets[lo], spans.offsets[hi]
    own = spans.entity[first:last]
    most = spans.end[first:last] - spans.start[first:last] + np.int64(2 * reach)
    size = int(most @ (texts.entities.end[own] - texts.entities.start[own]))
    keys, words = np.empty(size, np.uint64), longest_row(texts.target.offsets, lo, hi)
    linked = (
        np.zeros(longest_row(texts.source.offsets, lo, hi), np.uint8),
        np.zeros(words, np.uint8),
    )
    near = np.empty(words + 2 * reach, np.int32)
    return keys[: list_adjacent(lo, hi, texts, links, spans, reach, *linked, near, keys)]


@kernel
def list_adjacent(lo, hi, texts, links, spans, reach, ignored, linked, near, keys):
    """See `adjacent_keys`. keys: uint64, written; returns how many there are.

    ignored, linked, near: as `source`, `target` and `near` of `Found`.
    """
    source, target, entities = texts.source, texts.target, texts.entities
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
    return at


@inner
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


def adjacent_links(
    lo: int,
    hi: int,
    texts: Texts,
    links: Links,
    spans: Spans,
    table: Table,
    reach: int,
    least: float,
) -> tuple[NewLinks, int]:
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
    found = room_for_found(lo, hi, texts, links, reach)
    made = new_links(lo, hi, texts.target.offsets)
    return made, find_adjacent(lo, hi, texts, links, spans, table, reach, least, found, made)


@kernel
def find_adjacent(lo, hi, texts, links, spans, table, reach, least, found, made):
    """Write the links of the sentences `[lo, hi)`; return how many there are."""
    source, target, entities, own = texts.source, texts.target, texts.entities, found.own
    at = np.int64(0)
    for s in range(lo, hi):
        if spans.offsets[s] == spans.offsets[s + 1]:
            continue
        base, first = source.offsets[s], target.offsets[s]
        words = target.offsets[s + 1] - first
        mark_linked(links, s, LINKED, found.source, found.target)
        noted = False
        for k in range(spans.offsets[s], spans.offsets[s + 1]):
            e = spans.entity[k]
            start, end = spans.start[k], spans.end[k]
            n = near_words(start, end, words, found.target, reach, found.near)
            if n > 0 and not noted:
                note_own(s, texts, links, own)
                noted = True
            for m in range(n):
                t = np.int64(found.near[m])
                b = target.keys[first + t]
                for w in range(np.int64(entities.start[e]), np.int64(entities.end[e])):
                    a = source.keys[base + w]
                    times = table.counts[slot_of(table.keys, mix(mix(a ^ NEAR) ^ b))]
                    if times > 0 and texts.counted[s]:
                        times -= times_near(a, b, s, texts, spans, found.target, reach, found.again)
                    linked = linked_elsewhere(pair_of(a, b), own, table)
                    if times + linked > 0:
                        weight = times + linked / UNIT
                        strong = association(weight, w, t, s, texts, own, table)
                        note_best(t, w, strong, least, found)
        if noted:
            at = write_best(s, words, found, made, at)
        mark_linked(links, s, UNLINKED, found.source, found.target)
    return at
