"""Evidence for every candidate, and the probability that a small network gives it."""

from typing import NamedTuple

import numpy as np

from xner.kernels.corpus_scores import share_inside
from xner.kernels.jit import inlined, inner, kernel
from xner.kernels.keys import DIGIT, PUNCTUATION, mix, slot_of
from xner.kernels.link_filling import PAIR, UNIT, association, occurrences, own_links
from xner.kernels.link_scores import ALL, sum_links
from xner.kernels.records import (
    Entities,
    Float64,
    Int32,
    Int64,
    Links,
    Problem,
    Spans,
    Table,
    Texts,
)
from xner.kernels.sizes import longest_row

FEATURES = (
    "kept", "pure", "covered", "words covered", "weight per word", "words linked",
    "pure at first", "pure at last", "weight at first", "weight at last",
    "weight before", "weight after", "other before", "other after", "at begin", "at end",
    "log words", "log letters", "word ratio", "letter ratio", "distance",
    "entity words", "candidate words", "entity weight", "lost", "foreign",
    "punctuation", "digits", "same words", "shape at first", "shape at last",
    "inside first", "inside last", "inside before", "inside after",
    "associated first", "associated last", "associated before", "associated after",
    "associated", "log candidates", "usual first", "usual last",
)  # fmt: skip
"""What the kernel `evidence` measures of a candidate, in this order.

Weight: of links. kept: share of the weight of the entity's links that reach the candidate; pure:
share of the weight of the candidate's links that come from the entity. first, last: the first and
last word of the candidate; before, after: the words next to it. words, letters: those of the
candidate for one of the entity, compared with the corpus; ratio: the absolute value. inside: share
of a word type inside spans; usual: that of its shape. associated: how strongly the corpus links
the word types. punctuation, digits: how many more such words than the entity has.
"""


FARTHEST = 4.0
"""Standard deviations up to which an input counts, so that unusual text has no extreme logits."""


class Sizes(NamedTuple):
    """Lengths of words and of translations.

    source, target: int32 (words), letters of each word. words, letters: natural logarithm of the
    target words or letters for one of the source in the spans of the first pass.
    """

    source: Int32
    target: Int32
    words: float
    letters: float


class Brackets(NamedTuple):
    """Opening minus closing brackets of each word: int32 (words) for both sides.

    source_offsets, target_offsets: int32 (S+1), first word of each sentence.
    """

    source: Int32
    target: Int32
    source_offsets: Int32
    target_offsets: Int32


class Network(NamedTuple):
    """A network with one hidden layer, and the standardisation of its input.

    mean, scale: float64 (N), subtracted from the input, then multiplied. hidden: float64 (N, H),
    bias: float64 (H), output: float64 (H). none: int64 (M), the inputs that an entity has without
    a candidate; the others are at their mean. missing: float64, added for no candidate.
    """

    mean: Float64
    scale: Float64
    hidden: Float64
    bias: Float64
    output: Float64
    none: Int64
    missing: float


@inlined
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


@inlined
def best_links(links, chosen, many, first, last, begin, end, best):
    """Return the summed best weights of the source words `[first, last)`, and how many are linked.

    Only links to the target words `[begin, end)` count. chosen: int64, the first `many` are of
    the source words. best: float64 (>= last - first), scratch.
    """
    for k in range(last - first):
        best[k] = 0.0
    for k in range(many):
        i, j = links.source[chosen[k]], links.target[chosen[k]]
        if begin <= j < end:
            best[i - first] = max(best[i - first], np.float64(links.weight[chosen[k]]))
    total, words = 0.0, 0
    for k in range(last - first):
        total += min(1.0, best[k])
        words += best[k] > 0.0
    return total, words


@inner
def strongest(s, b, first, last, texts, links, table):
    """Return the largest association of a target word with the source words `[first, last)`.

    b: target word, a position in all words; first, last: positions in all source words.
    Occurrences and links in sentence s do not count.
    """
    source, target = texts.source, texts.target
    everywhere = texts.inside[:0]
    most = 0.0
    for w in range(first, last):
        key = mix(mix(source.keys[w] ^ PAIR) ^ target.keys[b])
        linked = table.counts[slot_of(table.keys, key)]
        if linked > 0:
            linked -= own_links(source.keys[w], target.keys[b], s, texts, links)
        if linked <= 0:
            continue
        own = (
            occurrences(
                source.keys[w], source.offsets[s], source.offsets[s + 1], source.keys, texts.inside
            ),
            occurrences(
                target.keys[b], target.offsets[s], target.offsets[s + 1], target.keys, everywhere
            ),
        )
        found = association(linked / UNIT, source.keys[w], target.keys[b], own, table)
        most = max(most, min(1.0, found))
    return most


@inner
def common_words(first, last, begin, end, source, target):
    """Return how many of the words `[begin, end)` are among `[first, last)`. uint64 arrays."""
    same = 0
    for j in range(begin, end):
        for i in range(first, last):
            if source[i] == target[j]:
                same += 1
                break
    return same


@kernel
def evidence(
    lo: int,
    hi: int,
    problem: Problem,
    found: Float64,
    texts: Texts,
    links: Links,
    sizes: Sizes,
    spans: Spans,
    table: Table,
    expected: Float64,
) -> None:
    """Write the features of every candidate.

    Args:
        lo, hi: sentences.
        problem: the candidates.
        found: float64 (C, N), the first columns are written, in the order of `FEATURES`.
        texts, links: of the batch.
        sizes: lengths of words.
        spans: of the first pass; what their sentence counted does not count.
        table: the counts.
        expected: float64 (SHAPES), share of words of a shape that are inside spans.
    """
    source, target, entities = texts.source, texts.target, texts.entities
    words = longest_row(target.offsets, lo, hi)
    column, inside = np.zeros(words + 1), np.zeros(words + 1)
    share, near = np.empty(words + 2), np.empty(words + 2)
    best = np.empty(longest_row(source.offsets, lo, hi))
    linked_at = np.empty(longest_row(links.offsets, lo, hi), np.int64)
    for s in range(lo, hi):
        e_lo, e_hi = problem.entity_offsets[s], problem.entity_offsets[s + 1]
        if problem.candidate_offsets[e_lo] == problem.candidate_offsets[e_hi]:
            continue
        first_word, first_source = target.offsets[s], source.offsets[s]
        size = problem.target_lengths[s]
        source_size = source.offsets[s + 1] - first_source
        col, own = column[: size + 1], inside[: size + 1]
        sum_links(links, s, ALL[0], ALL[1], col)
        # Word w is at w + 1: the words before the first and after the last are never inside.
        share[: size + 2] = -1.0  # not looked up yet
        share[0], share[size + 1] = 0.0, 0.0
        for e in range(e_lo, e_hi):
            c_lo, c_hi = problem.candidate_offsets[e], problem.candidate_offsets[e + 1]
            if c_lo == c_hi:
                continue
            a, b = entities.start[e], entities.end[e]
            n = b - a
            sum_links(links, s, a, b, own)
            many = links_of_entity(links, s, a, b, linked_at)
            row = max(own[size], 1e-6)
            letters, marks, digits = 1, 0, 0
            for i in range(first_source + a, first_source + b):
                letters += sizes.source[i]
                marks += source.shapes[i] == PUNCTUATION
                digits += source.shapes[i] == DIGIT
            log_words, log_letters = np.log(n), np.log(letters)
            log_candidates = np.log(c_hi - c_lo)
            low, high = size, 0
            for c in range(c_lo, c_hi):
                low, high = min(low, problem.start[c]), max(high, problem.end[c])
            near[0], near[size + 1] = 0.0, 0.0
            for w in range(max(0, low - 1), min(size, high + 1)):
                near[w + 1] = strongest(
                    s, first_word + w, first_source + a, first_source + b, texts, links, table
                )
                if share[w + 1] < 0.0:
                    prior = 2.0 * expected[target.shapes[first_word + w]]
                    share[w + 1] = share_inside(
                        target.keys[first_word + w], s, target, spans, table, prior, 2.0
                    )
            for c in range(c_lo, c_hi):
                i, j = problem.start[c], problem.end[c]
                m = j - i
                kept, crossed = own[j] - own[i], col[j] - col[i]
                at_first, at_last = own[i + 1] - own[i], own[j] - own[j - 1]
                total, covered = best_links(links, linked_at, many, a, b, i, j, best)
                linked, their_letters, their_marks, their_digits, likely = 0, 1, 0, 0, 0.0
                for w in range(i, j):
                    linked += own[w + 1] > own[w]
                    their_letters += sizes.target[first_word + w]
                    their_marks += target.shapes[first_word + w] == PUNCTUATION
                    their_digits += target.shapes[first_word + w] == DIGIT
                    likely += near[w + 1]
                log_own = np.log(m)
                long_words = log_own - log_words - sizes.words
                long_letters = np.log(their_letters) - log_letters - sizes.letters
                f = found[c]
                f[0] = kept / row
                f[1] = kept / max(crossed, 1e-6)
                f[2] = total / n
                f[3] = covered / n
                f[4] = min(1.5, kept / m)
                f[5] = linked / m
                f[6] = at_first / max(col[i + 1] - col[i], 1e-6)
                f[7] = at_last / max(col[j] - col[j - 1], 1e-6)
                f[8] = min(1.0, at_first)
                f[9] = min(1.0, at_last)
                f[10] = min(1.0, own[i] - own[i - 1]) if i > 0 else 0.0
                f[11] = min(1.0, own[j + 1] - own[j]) if j < size else 0.0
                f[12] = min(1.0, col[i] - col[i - 1] - own[i] + own[i - 1]) if i > 0 else 1.0
                f[13] = min(1.0, col[j + 1] - col[j] - own[j + 1] + own[j]) if j < size else 1.0
                f[14] = i == 0
                f[15] = j == size
                f[16] = long_words
                f[17] = long_letters
                f[18] = abs(long_words)
                f[19] = abs(long_letters)
                f[20] = abs((i + j) / (2.0 * size) - (a + b) / (2.0 * source_size))
                f[21] = log_words
                f[22] = log_own
                f[23] = min(2.0, row / n)
                f[24] = min(2.0, (row - kept) / n)
                f[25] = min(2.0, (crossed - kept) / m)
                f[26] = min(2, max(-2, their_marks - marks))
                f[27] = min(2, max(-2, their_digits - digits))
                f[28] = common_words(first_source + a, first_source + b, first_word + i,
                                     first_word + j, source.keys, target.keys) / m  # fmt: skip
                f[29] = source.shapes[first_source + a] == target.shapes[first_word + i]
                f[30] = source.shapes[first_source + b - 1] == target.shapes[first_word + j - 1]
                f[31], f[32] = share[i + 1], share[j]
                f[33], f[34] = share[i], share[j + 1]
                f[35], f[36] = near[i + 1], near[j]
                f[37], f[38] = near[i], near[j + 1]
                f[39] = likely / m
                f[40] = log_candidates
                f[41] = expected[target.shapes[first_word + i]]
                f[42] = expected[target.shapes[first_word + j - 1]]


@inner
def standardised(value, mean, scale):
    """Return an input of the network, within `FARTHEST` standard deviations of the mean."""
    return min(FARTHEST, max(-FARTHEST, (value - mean) * scale))


@inner
def is_balanced(brackets, first, last):
    """Return whether every bracket in the words `[first, last)` has its counterpart there."""
    depth = 0
    for w in range(first, last):
        depth += brackets[w]
        if depth < 0:
            return False
    return depth == 0


@kernel
def probabilities(
    lo: int,
    hi: int,
    problem: Problem,
    score: Float64,
    given: Float64,
    entities: Entities,
    brackets: Brackets,
    network: Network,
) -> None:
    """Write the probability of every candidate among those of its entity and no candidate.

    softmax over the candidates c of an entity, and none, of output . tanh(hidden x + bias). A
    candidate that opens or closes a bracket alone has 0, unless the entity does so too.

    Args:
        lo, hi: sentences.
        problem: the candidates.
        score: float64 (C), written.
        given: float64 (C, N), the input of the network.
        entities: of the batch.
        brackets: of all words.
        network: the weights.
    """
    inputs, hidden = network.hidden.shape
    z = np.empty(hidden)
    for s in range(lo, hi):
        for e in range(problem.entity_offsets[s], problem.entity_offsets[s + 1]):
            c_lo, c_hi = problem.candidate_offsets[e], problem.candidate_offsets[e + 1]
            if c_lo == c_hi:
                continue
            most = 0.0
            none = 0.0
            base, own = brackets.target_offsets[s], brackets.source_offsets[s]
            free = not is_balanced(brackets.source, own + entities.start[e], own + entities.end[e])
            for c in range(c_lo - 1, c_hi):
                z[:] = network.bias
                for part in range(len(network.none) if c < c_lo else inputs):
                    k = network.none[part] if c < c_lo else part
                    x = standardised(given[max(c, c_lo), k], network.mean[k], network.scale[k])
                    for h in range(hidden):
                        z[h] += network.hidden[k, h] * x
                logit = network.missing if c < c_lo else 0.0
                for h in range(hidden):
                    # tanh(z), in half the time
                    logit += network.output[h] * (1.0 - 2.0 / (np.exp(2.0 * z[h]) + 1.0))
                if c < c_lo:
                    none, most = logit, logit
                else:
                    score[c] = logit
                    most = max(most, logit)
            total = np.exp(none - most)
            for c in range(c_lo, c_hi):
                whole = free or is_balanced(
                    brackets.target, base + problem.start[c], base + problem.end[c]
                )
                score[c] = np.exp(score[c] - most) if whole else 0.0
                total += score[c]
            for c in range(c_lo, c_hi):
                score[c] /= total
