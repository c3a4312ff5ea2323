"""The published procedure step by step: every n-gram of the target scored for every entity by
going through the links, the largest entry of the matrix taken, its row and all overlapping
columns cleared, until nothing is left.
"""


def project(entities, links, target_length, max_span=10):
    """Target spans `[(start, end, entity)]` by start, and the objective."""
    grams = [
        (start, end)
        for start in range(target_length)
        for end in range(start + 1, min(start + max_span, target_length) + 1)
    ]
    matrix = [[score(entity, gram, links) for gram in grams] for entity in entities]
    chosen, objective = [], 0.0
    while True:
        best, row, column = 0.0, -1, -1
        for e, scores in enumerate(matrix):
            highest = max(scores, default=0.0)
            if highest > best:
                best, row, column = highest, e, scores.index(highest)
        if row < 0:
            return sorted(chosen), objective
        start, end = grams[column]
        chosen.append((start, end, row))
        objective += best
        matrix[row] = [0.0] * len(grams)
        for scores in matrix:
            for c, (first, last) in enumerate(grams):
                if first < end and start < last:
                    scores[c] = 0.0


def score(entity, gram, links):
    """2 * (weight of the links between entity and n-gram) / (their lengths together)."""
    (first, last), (start, end) = entity, gram
    inside = 0.0
    for i, j, weight in links:
        if first <= i < last and start <= j < end:
            inside += weight
    return 2.0 * inside / (last - first + end - start)
