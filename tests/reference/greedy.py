"""Greedy matching over every target n-gram, as published: score all, take the best, repeat."""


def alignment_scores(entities, links, target_length, max_span):
    """`{(entity, start, end): score}` of all n-grams that share a link with the entity."""
    scores = {}
    for e, (first, last) in enumerate(entities):
        mass = [0.0] * target_length
        for i, j, weight in links:
            if first <= i < last and weight > 0:
                mass[j] += weight
        for start in range(target_length):
            inside = 0.0
            for end in range(start + 1, min(start + max_span, target_length) + 1):
                inside += mass[end - 1]
                if inside > 0:
                    scores[e, start, end] = 2.0 * inside / (last - first + end - start)
    return scores


def match(scores, limit=1):
    """Best score first; ties: lowest entity, start, then shortest. `[(entity, start, end)]`."""
    chosen, used = [], {}
    left = dict(scores)
    while left:
        best = min(left, key=lambda c: (-left[c], c))
        entity, start, end = best
        chosen.append(best)
        used[entity] = used.get(entity, 0) + 1
        left = {
            c: score
            for c, score in left.items()
            if not (c[1] < end and start < c[2])
            and not (limit and c[0] == entity and used[entity] >= limit)
        }
    return chosen


def project(entities, links, target_length, max_span=10):
    """Target spans `[(start, end, entity)]` by start, and the objective."""
    scores = alignment_scores(entities, links, target_length, max_span)
    chosen = match(scores)
    return sorted((start, end, e) for e, start, end in chosen), sum(scores[c] for c in chosen)
