"""The published heuristic: runs of linked words, merged, filtered, shorter entities first."""


def runs(first, last, links, merge_distance, length_ratio, top_k):
    """Spans `(start, end)` of one entity, and whether it has any link."""
    linked = sorted({j for i, j, weight in links if first <= i < last and weight > 0})
    found = []
    for j in linked:
        if found and j - found[-1][1] <= merge_distance:
            found[-1][1] = j + 1
        else:
            found.append([j, j + 1])
    long_enough = [(s, e) for s, e in found if (e - s) / (last - first) > length_ratio]
    if top_k is not None:
        longest = sorted(long_enough, key=lambda span: span[0] - span[1])[:top_k]
        long_enough = [span for span in long_enough if span in longest]
    return long_enough, bool(linked)


def project(entities, links, merge_distance=1, length_ratio=0.8, top_k=None):
    """Target spans `[(start, end, entity)]` by start, and the outcome of every entity."""
    taken, placed = set(), []
    outcomes = [""] * len(entities)
    for e in sorted(range(len(entities)), key=lambda e: entities[e][1] - entities[e][0]):
        spans, linked = runs(*entities[e], links, merge_distance, length_ratio, top_k)
        fit = []
        for start, end in spans:
            words = set(range(start, end))
            if not words & taken:
                taken |= words
                fit.append((start, end, e))
        placed += fit
        if fit:
            outcomes[e] = "projected"
        else:
            outcomes[e] = "conflict" if spans else "too_short" if linked else "unaligned"
    return sorted(placed), outcomes
