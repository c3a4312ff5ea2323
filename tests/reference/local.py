"""Plain twin of `xner.kernels.emission` and `xner.kernels.local`: exact, for tiny sentences."""

from itertools import product
from math import exp, log

from xner.aligners import parts
from xner.aligners.sampling import NULL_ODDS, NULL_PRIOR
from xner.aligners.vocabulary import RARE, part_keys
from xner.kernels import lexicon
from xner.kernels.order import LONGEST_JUMP


def distance(a, b):
    """Levenshtein distance."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a):
        last, row[0] = row[0], i + 1
        for j, y in enumerate(b):
            last, row[j + 1] = row[j + 1], min(row[j + 1] + 1, row[j] + 1, last + (x != y))
    return row[-1]


def stretch(a, b):
    """Length of the longest common substring."""
    return max(
        (n for n in range(len(a) + 1) for i in range(len(a) - n + 1) if a[i : i + n] in b),
        default=0,
    )


def letter_pairs(word):
    bits = part_keys([word])[1][0]
    return {(half, bit) for half in (0, 1) for bit in range(64) if int(bits[half]) >> bit & 1}


def spelling(weights, a, b):
    longer, shorter = max(len(a), len(b), 1), min(len(a), len(b))
    similar = shared = 0
    alike = len(letter_pairs(a) & letter_pairs(b)) > 1
    if alike and not (shorter <= 0.3 * longer and shorter < 4):
        similar = min(max(10 * (longer - distance(a, b)) // longer - 2, 0), 8)
        for k, least in enumerate((4, 5, 6, 8)):
            if stretch(a, b) >= least:
                shared = 2 * k + (1 if stretch(a, b) == shorter else 2)
    return weights[9 + similar] + weights[18 + shared]


def new_prior(model, a, b):
    """Prior mass of two words that are not in the table."""
    frequency = [
        max(1, side.frequency[side.index[w]]) if w in side.index else 1
        for side, w in ((model.source, a), (model.target, b))
    ]
    rare = any(
        w not in side.index or side.frequency[side.index[w]] < RARE
        for side, w in ((model.source, a), (model.target, b))
    )
    w = model.weights
    odds = w[0] + w[1] * abs(log(frequency[0]) - log(frequency[1]))
    odds += w[2] * abs(log(2 + len(a)) - log(2 + len(b)))
    if not rare:
        odds += w[9] + w[18]
    else:
        evidence = dict(zip(model.view_keys.tolist(), model.evidence.tolist(), strict=True))
        keys = [part_keys([word])[0][0] for word in (a, b)]
        for v, (one, two) in enumerate(lexicon.VIEWS):
            found = _view_key(v, keys[0][one], keys[1][two])
            odds += w[3 + v] * evidence.get(found, 0.0)
        odds += spelling(w, a, b)
    return parts.BASE * exp(min(max(odds, parts.LEAST), parts.MOST))


def _view_key(view, source, target):
    low = 0x7FFFFFFF
    return (int(source) + view & low) << 32 | int(target) & low | 1 << 31


def emissions(model, source, target, forward):
    """Rows by observed word: probabilities of its links, and of its null link."""
    entries = {}
    for s, t, p, f, r in zip(*(e.tolist() for e in model.entries), strict=True):
        entries[model.source.words[s], model.target.words[t]] = p + (f if forward else r)
    given, observed = (source, target) if forward else (target, source)
    side, other = (model.source, model.target) if forward else (model.target, model.source)

    def pair(g, o):
        return (g, o) if forward else (o, g)

    mass = {}
    for i, g in enumerate(given):
        new = sum(new_prior(model, *pair(g, o)) for o in observed if pair(g, o) not in entries)
        mass[i] = new + (side.mass[side.index[g]] if g in side.index else 0.0)
    total = float(other.null.sum()) + NULL_PRIOR * len(other.null)
    rows = []
    for o in observed:
        links = [
            (entries[pair(g, o)] if pair(g, o) in entries else new_prior(model, *pair(g, o)))
            / mass[i]
            for i, g in enumerate(given)
        ]
        null = (float(other.null[other.index[o]]) if o in other.index else 0.0) + NULL_PRIOR
        rows.append((links, null / total * NULL_ODDS))
    return rows


def posterior(model, source, target, forward, hint=lambda i, j: 1.0):
    """P(given word | observed word) of all pairs, summed over all alignments.

    `hint` is a factor of the weight of each link, by given and observed word.
    """
    rows = emissions(model, source, target, forward)
    given = source if forward else target
    side = model.source if forward else model.target
    jumps = model.jumps[0 if forward else 1].tolist()
    usual = side.fertility.sum(axis=0) + 1.0
    usual = usual / usual.sum()

    def fertility(word, links):
        counts = usual + (side.fertility[side.index[word]] if word in side.index else 0.0)
        return counts[min(links, len(counts) - 1)] / counts[0]

    def jump(distance):
        return jumps[min(max(distance, -LONGEST_JUMP), LONGEST_JUMP) + LONGEST_JUMP]

    total, found = 0.0, [[0.0] * len(given) for _ in rows]
    for links in product([None, *range(len(given))], repeat=len(rows)):
        weight, previous = 1.0, -1
        for j, ((linked, null), i) in enumerate(zip(rows, links, strict=True)):
            if i is None:
                weight *= null
            else:
                weight *= linked[i] * hint(i, j) * jump(i - previous)
                previous = i
        weight *= jump(len(given) - previous)
        for i, word in enumerate(given):
            weight *= fertility(word, links.count(i))
        total += weight
        for j, i in enumerate(links):
            if i is not None:
                found[j][i] += weight
    return [[p / total for p in row] for row in found]
