"""Links through a third text, word by word."""

from math import prod


def compose(first, second, way):
    """Lists of `(source, target, weight)`, one pair of sentences."""
    found = {}
    for i, k, a in first:
        for m, j, b in second:
            if k == m:
                found.setdefault((i, j), []).append(min(1.0, a * b))
    joined = {
        pair: min(1.0, sum(paths)) if way == "sum" else 1 - prod(1 - p for p in paths)
        for pair, paths in found.items()
    }
    return [(*pair, weight) for pair, weight in sorted(joined.items()) if weight > 0]


def average(first, second):
    found = {}
    for i, j, weight in [*first, *second]:
        found[i, j] = found.get((i, j), 0.0) + weight / 2
    return [(*pair, weight) for pair, weight in sorted(found.items()) if weight > 0]
