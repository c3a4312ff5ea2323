"""Evidence for every candidate, and its probability."""

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from xner.kernels.association import (
    UNIT,
    Own,
    association,
    linked_elsewhere,
    note_own,
    pair_of,
    room_for_own,
)
from xner.kernels.corpus_scores import EdgeRule, share_inside, times_seen, times_seen_as
from xner.kernels.jit import inner, kernel
from xner.kernels.keys import DIGIT, PUNCTUATION, SEED, mix
from xner.kernels.link_scores import ALL, overlap_of, sum_links
from xner.kernels.network import Marks, Network, layer_of, write_probabilities
from xner.kernels.records import (
    Flags,
    Float64,
    Int64,
    Keys,
    Links,
    Problem,
    Spans,
    Table,
    Texts,
)
from xner.kernels.sizes import longest_row

FEATURES = (
    "pure", "words covered", "pure at first", "pure at last", "weight at first", "weight at last",
    "weight before", "weight after", "other before", "other after", "at begin", "at end",
    "log words", "log letters", "word ratio", "letter ratio", "distance",
    "entity words", "candidate words", "entity weight", "lost", "foreign",
    "punctuation", "digits", "same words",
    "inside first", "inside last", "inside before", "inside after",
    "associated first", "associated last", "associated before", "associated after",
    "associated", "log candidates",
)  # fmt: skip
"""What the kernel `evidence` measures of a candidate, in this order.

Weight: of links. pure: share of the weight of the candidate's links that come from the entity.
first, last: the first and last word of the candidate; before, after: the words next to it. words,
letters: those of the candidate for one of the entity, compared with the corpus; ratio: the absolute
value. lost, foreign: weight for each word of links that lead out of the candidate, or in from other
words. inside: share of a word type inside spans. associated: how strongly the corpus links the word
types. punctuation, digits: how many more such words than the entity has.
"""

INPUTS = (*FEATURES, "overlap", "edge", "dictionary")
"""The features and three scores: the inputs of the network."""
_TOGETHER = 128
"""Sentences whose inputs are in memory at a time; they fit into the processor's cache."""
_LOGARITHMS = np.array([math.log(k) for k in range(1, 64)])  # of libm, as in kernels


class Known(NamedTuple):
    """What the inputs of the candidates of a batch are computed from.

    texts, links: of the batch. words, letters: natural logarithm of the target words or letters
    for one of the source in the spans of the first pass. spans: those that the counts include,
    which do not count for their own sentence. table: the counts. entity_keys: uint64 (E), words
    and label of each entity. edge: constants of the score `edge`, which also hold for the shares
    of word types. per_word: constant of the score `overlap`. strength: constant of the score
    `dictionary`.
    """

    texts: Texts
    links: Links
    words: float
    letters: float
    spans: Spans
    table: Table
    entity_keys: Keys
    edge: EdgeRule
    per_word: float
    strength: float


class Room(NamedTuple):
    """Room for one sentence and one of its entities.

    column, inside: float64 (words+1), running sums of the links of all words, and of the entity.
    share, near: float64 (words+2), share inside spans, or -1 if unknown, and association with the
    entity; word w is at w + 1: the words before the first and after the last are never inside.
    copied: uint8 (words), whether the entity has the word too. linked: int64, the links of the
    entity. seen: uint8 (source words). logs: float64, logarithms of small numbers. own: of the
    sentence.
    """

    column: Float64
    inside: Float64
    share: Float64
    near: Float64
    copied: Flags
    linked: Int64
    seen: Flags
    logs: Float64
    own: Own


def room_for(lo: int, hi: int, texts: Texts, links: Links) -> Room:
    """Return the room for the sentences `[lo, hi)`."""
    words = longest_row(texts.target.offsets, lo, hi)
    return Room(
        np.empty(words + 1),
        np.empty(words + 1),
        np.empty(words + 2),
        np.empty(words + 2),
        np.empty(words, np.uint8),
        np.empty(longest_row(links.offsets, lo, hi), np.int64),
        np.empty(longest_row(texts.source.offsets, lo, hi), np.uint8),
        _LOGARITHMS,
        room_for_own(lo, hi, texts, links),
    )


@inner
def log_of(number, logs):
    """The natural logarithm of a positive integer."""
    return logs[number - 1] if number <= len(logs) else np.log(number)


@inner
def links_of_entity(links, s, first, last, chosen):
    """Write the links of sentence s with a source word in `[first, last)`; return their number.

    chosen: int64 (>= links of the sentence), written.
    """
    many = 0
    for link in range(links.offsets[s], links.offsets[s + 1]):
        if first <= links.source[link] < last:
            chosen[many] = link
            many += 1
    return many


@inner
def linked_words(links, chosen, many, first, n, begin, end, seen):
    """Return how many source words of an entity have a link to the target words `[begin, end)`.

    chosen: int64, the first `many` are the links of the entity, whose n words begin at `first`.
    seen: uint8 (>= n), scratch.
    """
    for i in range(n):
        seen[i] = 0
    words = 0
    for k in range(many):
        at = links.source[chosen[k]] - first
        if begin <= links.target[chosen[k]] < end and not seen[at]:
            seen[at] = 1
            words += 1
    return words


@inner
def look_up_words(s, a, b, low, high, known, room):
    """Write what the corpus says about the target words `[low, high)` of sentence s.

    a, b: the source words `[a, b)` of the entity. `share` is written where it is unknown.
    """
    texts, table, edge = known.texts, known.table, known.edge
    base, first = texts.source.offsets[s], texts.target.offsets[s]
    for t in range(low, high):
        word = texts.target.keys[first + t]
        most, copied = 0.0, False
        for i in range(np.int64(a), np.int64(b)):
            copied = copied or texts.source.keys[base + i] == word
            linked = linked_elsewhere(pair_of(texts.source.keys[base + i], word), room.own, table)
            if linked > 0:
                found = association(linked / UNIT, i, t, s, texts, room.own, table)
                most = max(most, min(1.0, found))
        room.near[t + 1], room.copied[t] = most, copied
        if room.share[t + 1] < 0.0:
            prior = edge.strength * edge.expected[texts.target.shapes[first + t]]
            room.share[t + 1] = share_inside(
                word, s, texts.target, known.spans, table, prior, edge.strength
            )


@inner
def describe(s, e, begin, problem, known, room, found):
    """Write the inputs of the candidates of entity e of sentence s, which has some.

    found: float64 (rows, N), written from candidate `begin` on, in the order of `INPUTS`.
    """
    texts, links = known.texts, known.links
    source, target, own, col = texts.source, texts.target, room.inside, room.column
    c_lo, c_hi = problem.candidate_offsets[e], problem.candidate_offsets[e + 1]
    first_source, first_word = source.offsets[s], target.offsets[s]
    size, source_size = np.int64(problem.target_lengths[s]), source.offsets[s + 1] - first_source
    a, b = texts.entities.start[e], texts.entities.end[e]
    n = b - a
    sum_links(links, s, a, b, size, own)
    many = links_of_entity(links, s, a, b, room.linked)
    row = max(own[size], 1e-6)
    letters, marks, digits = np.int64(1), 0, 0
    for i in range(first_source + a, first_source + b):
        letters += source.letters[i]
        marks += source.shapes[i] == PUNCTUATION
        digits += source.shapes[i] == DIGIT
    log_words, log_letters = log_of(n, room.logs), log_of(letters, room.logs)
    log_candidates, middle = log_of(c_hi - c_lo, room.logs), (a + b) / (2.0 * source_size)
    seen = times_seen(s, e, known.entity_keys, known.spans, known.table)
    low, high = size, np.int64(0)
    for c in range(c_lo, c_hi):
        low, high = min(low, np.int64(problem.start[c])), max(high, np.int64(problem.end[c]))
    room.near[0], room.near[size + 1] = 0.0, 0.0
    look_up_words(s, a, b, max(0, low - 1), min(size, high + 1), known, room)
    i, done = -1, 0
    for c in range(c_lo, c_hi):
        if problem.start[c] != i or problem.end[c] < done:
            i = np.int64(problem.start[c])
            done, phrase = i, SEED
            their_letters, their_marks, their_digits = np.int64(1), 0, 0
            same, likely = 0, 0.0
        j = np.int64(problem.end[c])
        m = j - i
        for w in range(done, j):  # candidates with the same start follow each other
            their_letters += target.letters[first_word + w]
            their_marks += target.shapes[first_word + w] == PUNCTUATION
            their_digits += target.shapes[first_word + w] == DIGIT
            same += room.copied[w]
            likely += room.near[w + 1]
            phrase = mix(phrase ^ target.keys[first_word + w])
        done = j
        kept, crossed = own[j] - own[i], col[j] - col[i]
        at_first, at_last = own[i + 1] - own[i], own[j] - own[j - 1]
        covered = linked_words(links, room.linked, many, a, n, i, j, room.seen)
        log_own = log_of(m, room.logs)
        long_words = log_own - log_words - known.words
        long_letters = log_of(their_letters, room.logs) - log_letters - known.letters
        f = found[c - begin]
        f[0] = kept / max(crossed, 1e-6)
        f[1] = covered / n
        f[2] = at_first / max(col[i + 1] - col[i], 1e-6)
        f[3] = at_last / max(col[j] - col[j - 1], 1e-6)
        f[4] = min(1.0, at_first)
        f[5] = min(1.0, at_last)
        f[6] = min(1.0, own[i] - own[i - 1]) if i > 0 else 0.0
        f[7] = min(1.0, own[j + 1] - own[j]) if j < size else 0.0
        f[8] = min(1.0, col[i] - col[i - 1] - own[i] + own[i - 1]) if i > 0 else 1.0
        f[9] = min(1.0, col[j + 1] - col[j] - own[j + 1] + own[j]) if j < size else 1.0
        f[10] = i == 0
        f[11] = j == size
        f[12] = long_words
        f[13] = long_letters
        f[14] = abs(long_words)
        f[15] = abs(long_letters)
        f[16] = abs((i + j) / (2.0 * size) - middle)
        f[17] = log_words
        f[18] = log_own
        f[19] = min(2.0, row / n)
        f[20] = min(2.0, (row - kept) / n)
        f[21] = min(2.0, (crossed - kept) / m)
        f[22] = min(2, max(-2, their_marks - marks))
        f[23] = min(2, max(-2, their_digits - digits))
        f[24] = same / m
        f[25], f[26] = room.share[i + 1], room.share[j]
        f[27], f[28] = room.share[i], room.share[j + 1]
        f[29], f[30] = room.near[i + 1], room.near[j]
        f[31], f[32] = room.near[i], room.near[j + 1]
        f[33] = likely / m
        f[34] = log_candidates
        f[35] = overlap_of(kept, own[size], crossed, m, known.per_word)
        f[36] = 1.0
        for w in (i, j - 1):
            if not room.copied[w]:
                f[36] *= min(1.0, room.share[w + 1] / known.edge.enough)
        f[37] = 0.0
        if seen > 0:
            times = times_seen_as(phrase, s, e, known.entity_keys, target, known.spans, known.table)
            f[37] = min(max(times, 0), seen) / (seen + known.strength)


@inner
def begin_sentence(s, known, room):
    """Read what the entities of sentence s share."""
    target = known.texts.target
    size = target.offsets[s + 1] - target.offsets[s]
    sum_links(known.links, s, ALL[0], ALL[1], size, room.column)
    for w in range(1, size + 1):
        room.share[w] = -1.0
    room.share[0], room.share[size + 1] = 0.0, 0.0
    note_own(s, known.texts, known.links, room.own)


@kernel
def write_evidence(lo, hi, problem, found, known, room):
    """Write the inputs of the candidates of the sentences `[lo, hi)`. found: float64 (rows, N)."""
    begin = problem.candidate_offsets[problem.entity_offsets[lo]]
    for s in range(lo, hi):
        e_lo, e_hi = problem.entity_offsets[s], problem.entity_offsets[s + 1]
        if problem.candidate_offsets[e_lo] == problem.candidate_offsets[e_hi]:
            continue
        begin_sentence(s, known, room)
        for e in range(e_lo, e_hi):
            if problem.candidate_offsets[e] < problem.candidate_offsets[e + 1]:
                describe(s, e, begin, problem, known, room, found)


def evidence(lo: int, hi: int, problem: Problem, found: Float64, known: Known) -> None:
    """Write the inputs of every candidate.

    Args:
        lo, hi: sentences.
        problem: the candidates.
        found: float64 (C, N), written, in the order of `INPUTS`.
        known: the batch and the counts.
    """
    room = room_for(lo, hi, known.texts, known.links)
    first, last = problem.candidate_offsets[problem.entity_offsets[[lo, hi]]]
    write_evidence(lo, hi, problem, found[first:last], known, room)


def probabilities(
    lo: int,
    hi: int,
    problem: Problem,
    score: Float64,
    known: Known,
    network: Network,
) -> None:
    """Write the probability of every candidate among those of its entity and no candidate.

    A candidate that opens or closes a bracket alone has 0, unless the entity does so too.

    Args:
        lo, hi: sentences.
        problem: the candidates.
        score: float64 (C), written.
        known: the batch and the counts.
        network: the weights.
    """
    source, target, entities = known.texts.source, known.texts.target, known.texts.entities
    sides = source.offsets, source.brackets, target.offsets, target.brackets
    marks = Marks(*sides, entities.start, entities.end)
    room = room_for(lo, hi, known.texts, known.links)
    bounds = [*range(lo, hi, _TOGETHER), hi]
    edges = [problem.candidate_offsets[problem.entity_offsets[s]] for s in bounds]
    rows = max((last - first for first, last in pairwise(edges)), default=0)
    given = np.empty((rows, len(network.mean)))
    e_lo, e_hi = int(problem.entity_offsets[lo]), int(problem.entity_offsets[hi])
    most = longest_row(problem.candidate_offsets, e_lo, e_hi)
    layer, whole = layer_of(network, most), np.empty(most, np.uint8)
    for first, last in pairwise(bounds):
        write_evidence(first, last, problem, given, known, room)
        write_probabilities(first, last, problem, given, marks, network, layer, whole, score)
