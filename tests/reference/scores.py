"""The fused scores in plain Python, from strings, dictionaries and sums.

Rows are `(source words, target words, entities (start, end, label), links (i, j, weight))`.
"""

import unicodedata
from collections import Counter
from math import sqrt

SHARE = 65536


def overlap(entity, span, links):
    (first, last), (start, end) = entity[:2], span
    inside = row = column = 0.0
    for i, j, weight in links:
        row += weight * (first <= i < last)
        column += weight * (start <= j < end)
        inside += weight * (first <= i < last and start <= j < end)
    return min(1.0, 2 * inside / (row + column + 0.1 * (end - start)))


def lexical(source, target):
    a, b = " ".join(source).lower(), " ".join(target).lower()
    table = [[max(i, j) for j in range(len(b) + 1)] for i in range(len(a) + 1)]
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            table[i][j] = min(
                table[i - 1][j] + 1,
                table[i][j - 1] + 1,
                table[i - 1][j - 1] + (a[i - 1] != b[j - 1]),
            )
    return 1 - table[-1][-1] / max(len(a), len(b), 1)


def shape(word):
    for letter in word:
        if letter.isdecimal():
            return "digit"
        if letter.isalpha():
            return "upper" if letter.lower() != letter else "lower"
    return "sign"


def is_sign(letter):
    return unicodedata.category(letter)[0] not in "LNM"


def bare(words):
    """Words as they are compared: lower case, surrounding punctuation stripped."""
    return tuple(_bare(word.lower()) for word in words)


def _bare(word):
    letters = [k for k, letter in enumerate(word) if not is_sign(letter)]
    return word[letters[0] : letters[-1] + 1] if letters else word


def dictionary_key(row, entity):
    return bare(row[0][entity[0] : entity[1]]), entity[2]


def edge_counts(row, spans):
    """Words inside and right outside of the spans `(start, end, entity)`."""
    target = bare(row[1])
    inside, outside = Counter(), Counter()
    for start, end, _ in spans:
        inside.update(target[start:end])
        outside.update(target[max(0, start - 1) : start] + target[end : end + 1])
    return inside, outside


def edge(rows, chosen, at, entity, span):
    """The edge score of a span of row `at`, given the first choice of every row."""
    copied = bare(rows[at][0][entity[0] : entity[1]])
    inside, outside = Counter(), Counter()
    shapes_inside, shapes_outside = Counter(), Counter()
    for n, (row, spans) in enumerate(zip(rows, chosen, strict=True)):
        if n != at:
            more = edge_counts(row, spans)
            inside.update(more[0])
            outside.update(more[1])
        for start, end, _ in spans:
            shapes_inside.update([shape(row[1][start]), shape(row[1][end - 1])])
            beside = row[1][max(0, start - 1) : start] + row[1][end : end + 1]
            shapes_outside.update(shape(word) for word in beside)
    score = 1.0
    for word in (rows[at][1][span[0]], rows[at][1][span[1] - 1]):
        a, b = shapes_inside[shape(word)], shapes_outside[shape(word)]
        (key,) = bare([word])
        yes, no = inside[key], outside[key]
        p = (yes + 2 * (a + 1) / (a + b + 2)) / (yes + no + 2)
        if key not in copied:
            score *= min(1.0, p / 0.3)
    return score


def dictionary(rows, chosen, at, entity, span):
    key, words = dictionary_key(rows[at], entity), bare(rows[at][1][span[0] : span[1]])
    seen = total = 0
    for n, (row, spans) in enumerate(zip(rows, chosen, strict=True)):
        for start, end, e in spans:
            if n != at and dictionary_key(row, row[2][e]) == key:
                total += 1
                seen += bare(row[1][start:end]) == words
    return seen / (total + 1)


def in_entity(row, i):
    return any(first <= i < last for first, last, _ in row[2])


def filled(rows, at):
    """The links of row `at` that the lexicon adds."""
    links, sources, targets = Counter(), Counter(), Counter()
    for n, row in enumerate(rows):
        if n == at or not row[2]:
            continue
        source, target = bare(row[0]), bare(row[1])
        sources.update(word for i, word in enumerate(source) if in_entity(row, i))
        targets.update(target)
        for i, j, weight in row[3]:
            if in_entity(row, i):
                links[source[i], target[j]] += int(weight * SHARE + 0.5)
    row = rows[at]
    source, target = bare(row[0]), bare(row[1])
    linked = [(i, j) for i, j, weight in row[3] if weight > 0]
    added = []
    for j, b in enumerate(target):
        best, word = 0.05, -1
        for i, a in enumerate(source):
            if in_entity(row, i) and all(i != x and j != y for x, y in linked):
                p = min(1.0, links[a, b] / SHARE / sqrt((sources[a] + 1) * (targets[b] + 1)))
                if p > best:
                    best, word = p, i
        if word >= 0:
            added.append((word, j, best))
    return added


def near_words(row, span):
    """Words without a link inside a span, and up to three beyond each end."""
    start, end, _ = span
    linked = {j for _, j, weight in row[3] if weight > 0}
    near = [j for j in range(start, end) if j not in linked]
    for side in (range(start - 1, -1, -1), range(end, len(row[1]))):
        for j in side[:3]:
            if j in linked:
                break
            near.append(j)
    return sorted(near)


def near_pairs(row, spans):
    """Every word of an entity with every word near its span: target position, source position."""
    return [
        (j, i) for span in spans for j in near_words(row, span) for i in range(*row[2][span[2]][:2])
    ]


def adjacent(rows, chosen, at):
    """The links of row `at` that unlinked words at spans get, ignoring the lexicon."""
    links, near, sources, targets = Counter(), Counter(), Counter(), Counter()
    for n, (row, spans) in enumerate(zip(rows, chosen, strict=True)):
        if n == at or not row[2]:
            continue
        source, target = bare(row[0]), bare(row[1])
        sources.update(word for i, word in enumerate(source) if in_entity(row, i))
        targets.update(target)
        near.update((source[i], target[j]) for j, i in near_pairs(row, spans))
        for i, j, weight in row[3]:
            if in_entity(row, i):
                links[source[i], target[j]] += int(weight * SHARE + 0.5)
    source, target = bare(rows[at][0]), bare(rows[at][1])
    best = {}
    for j, i in near_pairs(rows[at], chosen[at]):
        a, b = source[i], target[j]
        found = near[a, b] + links[a, b] / SHARE
        p = found / sqrt((sources[a] + 1) * (targets[b] + 1))
        if p > max(0.2, best.get(j, (0, 0))[0]):
            best[j] = (p, i)
    return [(i, j, min(1.0, p)) for j, (p, i) in sorted(best.items())]
