"""Candidates, the alignment score and the NER scores in plain Python."""


def ngrams(words, max_span, stop=("!", "?")):
    return [
        (i, j)
        for i in range(len(words))
        for j in range(i + 1, min(len(words), i + max_span) + 1)
        if not set(stop) & set(words[i:j])
    ]


def region(entity, words, links, max_span, stop=("!", "?")):
    linked = [j for i, j, weight in links if entity[0] <= i < entity[1] and weight > 0]
    if not linked:
        return []
    first = min(linked)
    inside = ngrams(words[first : max(linked) + 1], max_span, stop)
    return [(first + i, first + j) for i, j in inside]


def subspans(spans):
    return sorted({(i, j) for s, e in spans for i in range(s, e) for j in range(i + 1, e + 1)})


def alignment(entity, span, links):
    inside = sum(
        weight for i, j, weight in links if entity[0] <= i < entity[1] and span[0] <= j < span[1]
    )
    return 2 * inside / (entity[1] - entity[0] + span[1] - span[0])


def fitting(tags, label, place):
    """The tags that count at a place (`first`, `inner`, `last`, `only`) of an entity."""
    labels = {tag[2:] for tag in tags if tag != "O"}
    letters = {own: {tag[0] for tag in tags if tag[2:] == own} for own in labels}
    every = [tag for tag in tags if tag[2:] == label]
    if any(not set("BSU") & found for found in letters.values()):
        return every
    order = {"first": "B", "inner": "I", "last": "ELI", "only": "SUB"}[place]
    for letter in order:
        if letter in letters[label]:
            return [f"{letter}-{label}"]
    return every


def ner(tags, rows, span, label=None):
    """The score of a span, given each word's probabilities, for a label or the best of all."""
    if label is None:
        return max((ner(tags, rows, span, own) for own in {t[2:] for t in tags if t != "O"}),
                   default=0.0)  # fmt: skip
    if label not in {tag[2:] for tag in tags}:
        return 0.0
    length = span[1] - span[0]
    total, whole = 0.0, True
    for w in range(*span):
        place = "first" if w == span[0] else "last" if w == span[1] - 1 else "inner"
        counted = fitting(tags, label, "only" if length == 1 else place)
        total += sum(rows[w][tags.index(tag)] for tag in counted)
        whole = whole and tags[max(range(len(tags)), key=lambda t: rows[w][t])] in counted
    score = total / length * (1.15 ** (min(length, 15) - 1) if whole else 1)
    return score if score > 0.05 else 0.0
