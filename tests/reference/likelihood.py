"""The score `likelihood` in plain Python; rows are those of `tests.reference.scores`."""

from collections import Counter
from math import exp, log, sqrt, tanh

from tests.reference.scores import SHARE, bare, edge_counts, in_entity, shape


def weight(links, first, last, start, end):
    """The weight of the links between source and target words."""
    return sum(w for i, j, w in links if first <= i < last and start <= j < end)


def usual(rows, chosen):
    """The share of the edges of spans among words of each shape."""
    inside, outside = Counter(), Counter()
    for row, spans in zip(rows, chosen, strict=True):
        for start, end, _ in spans:
            inside.update([shape(row[1][start]), shape(row[1][end - 1])])
            beside = row[1][max(0, start - 1) : start] + row[1][end : end + 1]
            outside.update(shape(word) for word in beside)
    kinds = ("upper", "lower", "digit", "sign")
    return {kind: (inside[kind] + 1) / (inside[kind] + outside[kind] + 2) for kind in kinds}


def share(rows, chosen, at, word):
    """The share of a word type inside spans, in other rows."""
    inside, outside = Counter(), Counter()
    for n, (row, spans) in enumerate(zip(rows, chosen, strict=True)):
        if n != at:
            more = edge_counts(row, spans)
            inside.update(more[0])
            outside.update(more[1])
    (key,) = bare([word])
    prior = 2 * usual(rows, chosen)[shape(word)]
    return (inside[key] + prior) / (inside[key] + outside[key] + 2)


def associated(rows, at, words, word):
    """The largest association of a target word with source words, in other rows."""
    best = 0.0
    (b,) = bare([word])
    for a in bare(words):
        linked = sources = targets = 0
        for n, row in enumerate(rows):
            if n == at or not row[2]:
                continue
            source, target = bare(row[0]), bare(row[1])
            sources += sum(x == a and in_entity(row, i) for i, x in enumerate(source))
            targets += target.count(b)
            linked += sum(
                int(w * SHARE + 0.5)
                for i, j, w in row[3]
                if in_entity(row, i) and source[i] == a and target[j] == b
            )
        best = max(best, min(1.0, linked / SHARE / sqrt((sources + 1) * (targets + 1))))
    return best


def ratios(rows, chosen):
    """Logarithms of target words and letters for one of the source in all spans."""
    sums = [1, 1, 1, 1]
    for row, spans in zip(rows, chosen, strict=True):
        for start, end, e in spans:
            first, last, _ = row[2][e]
            for k, words in ((0, row[0][first:last]), (2, row[1][start:end])):
                sums[k] += len(words)
                sums[k + 1] += sum(map(len, words))
    return log(sums[2] / sums[0]), log(sums[3] / sums[1])


def features(rows, chosen, at, entity, span, candidates, links):
    """The features of a candidate; `links` are those of row `at` after filling."""
    source, target, _, _ = rows[at]
    (first, last, _), (i, j) = entity, span
    words, theirs = source[first:last], target[i:j]
    n, m, size = last - first, j - i, len(target)

    def own(start, end):
        return weight(links, first, last, start, end)

    def every(start, end):
        return weight(links, 0, len(source), start, end)

    kept, crossed, row = own(i, j), every(i, j), max(own(0, size), 1e-6)
    reached = {k for k, t, w in links if first <= k < last and i <= t < j}
    usual_words, usual_letters = ratios(rows, chosen)
    letters = (sum(map(len, theirs)) + 1) / (sum(map(len, words)) + 1)
    ratio = log(m / n) - usual_words, log(letters) - usual_letters
    kinds = [[shape(word) for word in side] for side in (words, theirs)]
    more = [kinds[1].count(kind) - kinds[0].count(kind) for kind in ("sign", "digit")]
    copied = bare(words)
    inside = [share(rows, chosen, at, word) for word in target]
    near = [associated(rows, at, words, word) for word in target]
    return [
        kept / max(crossed, 1e-6),
        len(reached) / n,
        own(i, i + 1) / max(every(i, i + 1), 1e-6),
        own(j - 1, j) / max(every(j - 1, j), 1e-6),
        min(1.0, own(i, i + 1)),
        min(1.0, own(j - 1, j)),
        min(1.0, own(i - 1, i)),
        min(1.0, own(j, j + 1)),
        min(1.0, every(i - 1, i) - own(i - 1, i)) if i else 1.0,
        min(1.0, every(j, j + 1) - own(j, j + 1)) if j < size else 1.0,
        float(i == 0),
        float(j == size),
        *ratio,
        *map(abs, ratio),
        abs((i + j) / (2 * size) - (first + last) / (2 * len(source))),
        log(n),
        log(m),
        min(2.0, row / n),
        min(2.0, (row - kept) / n),
        min(2.0, (crossed - kept) / m),
        *(min(2, max(-2, k)) for k in more),
        sum(word in copied for word in bare(theirs)) / m,
        inside[i],
        inside[j - 1],
        inside[i - 1] if i else 0.0,
        inside[j] if j < size else 0.0,
        near[i],
        near[j - 1],
        near[i - 1] if i else 0.0,
        near[j] if j < size else 0.0,
        sum(near[i:j]) / m,
        log(candidates),
    ]


def is_balanced(words):
    """Whether brackets in the words are in pairs."""
    depth = 0
    for letter in " ".join(words):
        depth += (letter in "([{") - (letter in ")]}")
        if depth < 0:
            return False
    return depth == 0


def probabilities(inputs, network, of_entity, whole):
    """The probabilities of the candidates of one entity; only those that are `whole` have any."""

    def logit(row):
        total = 0.0
        for weights, bias, out in zip(
            network["hidden"], network["bias"], network["output"], strict=True
        ):
            total += out * tanh(bias + sum(w * x for w, x in zip(weights, row, strict=True)))
        return network["bound"] * tanh(total / network["bound"])

    rows = [
        [
            min(4.0, max(-4.0, (x - m) * s))
            for x, m, s in zip(row, network["mean"], network["scale"], strict=True)
        ]
        for row in inputs
    ]
    none = [x if k in of_entity else 0.0 for k, x in enumerate(rows[0])]
    sums = [
        sum(w * x for w, x in zip(network["base"], row[-len(network["base"]) :], strict=True))
        for row in inputs
    ]
    odds = [
        exp(score + logit(row)) if kept else 0.0
        for score, row, kept in zip(sums, rows, whole, strict=True)
    ]
    total = sum(odds) + exp(logit(none) + network["missing"])
    return [value / total for value in odds]
