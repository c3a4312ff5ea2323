"""Exact matching in plain Python: every choice tried, and a memoised recursion."""

from functools import cache


def brute_force(entities, at_least=0, at_most=1):
    """The largest sum over all allowed choices, None if there is none.

    `entities`: per entity, a list of (start, end, score).
    """
    best = None

    def extend(e, taken, total):
        nonlocal best
        if e == len(entities):
            best = total if best is None else max(best, total)
            return
        for words, gain in choices(entities[e], at_least, at_most):
            if not words & taken:
                extend(e + 1, taken | words, total + gain)

    extend(0, frozenset(), 0.0)
    return best


def choices(candidates, at_least, at_most):
    """All sets of disjoint candidates of one entity: (words covered, sum of scores)."""
    sets = [(frozenset(), 0.0, 0)]
    for start, end, score in candidates:
        words = frozenset(range(start, end))
        sets += [
            (words | taken, total + score, count + 1)
            for taken, total, count in sets
            if not words & taken
        ]
    return [
        (taken, total)
        for taken, total, count in sets
        if count >= at_least and (at_most is None or count <= at_most)
    ]


def optimum(entities, words):
    """The largest sum at most once an entity, by (target position, entities used)."""

    @cache
    def best(position, used):
        if position == words:
            return 0.0
        total = best(position + 1, used)
        for e, candidates in enumerate(entities):
            if e not in used:
                for start, end, score in candidates:
                    if start == position:
                        total = max(total, score + best(end, used | {e}))
        return total

    return best(0, frozenset())
