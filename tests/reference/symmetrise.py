"""Symmetrisation over sets of links, as Koehn et al. (2003) write it down."""

NEIGHBOURS = [(-1, 0), (0, -1), (1, 0), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1)]


def free(links, i, j):
    """Whether the source word i, and whether the target word j, has no link."""
    return all(a != i for a, _ in links), all(b != j for _, b in links)


def grow_diag_final_and(forward, reverse):
    links = forward & reverse
    union = forward | reverse
    grown = True
    while grown:
        grown = False
        for point in sorted(union):  # links added on the way grow when their turn comes
            if point not in links:
                continue
            for di, dj in NEIGHBOURS:
                new = (point[0] + di, point[1] + dj)
                if new in union and any(free(links, *new)):
                    links = links | {new}
                    grown = True
    for direction in (forward, reverse):
        for point in sorted(direction):
            if all(free(links, *point)):
                links = links | {point}
    return links


def symmetrise(forward, reverse, method):
    """Sorted (i, j, weight) of one pair; forward and reverse map (i, j) to weight."""
    links = {
        "intersection": lambda a, b: a & b,
        "union": lambda a, b: a | b,
        "grow-diag-final-and": grow_diag_final_and,
    }[method](set(forward), set(reverse))
    return [
        (i, j, (forward.get((i, j), 0.0) + reverse.get((i, j), 0.0)) / 2) for i, j in sorted(links)
    ]
