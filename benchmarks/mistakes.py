"""What is wrong with a projection, entity by entity, as plain Python over one sentence."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

Span = tuple[int, int, str]

KINDS = {
    "left too long": "boundary: it starts before gold's",
    "left too short": "boundary: it starts after gold's",
    "right too long": "boundary: it ends after gold's",
    "right too short": "boundary: it ends before gold's",
    "both ends": "boundary: neither end is gold's",
    "label": "gold's span, another label",
    "label and boundary": "overlaps gold's span, another label",
    "elsewhere": "the entity is elsewhere in gold, no word in common",
    "gold alone": "gold has an entity more of this label than the source",
    "source alone": "the source has an entity more of this label than gold, and it was projected",
    "spurious": "gold has nothing left for a projected entity: it was labelled twice, or one "
    "of the same label was",
}
"""Kinds of mistakes; missed entities are `missed: OUTCOME`, with the outcome of the source's."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake; a wrong boundary is one, though it counts as missed and as spurious.

    Attributes:
        kind: key of `KINDS`, or `missed: OUTCOME`.
        gold: the gold span, None where there is none.
        predicted: the projected span, likewise.
        source: index of the source entity, likewise.
    """

    kind: str
    gold: Span | None
    predicted: Span | None
    source: int | None


def boundary(predicted: Span, gold: Span) -> str:
    """The kind of two spans that overlap and are not the same."""
    if predicted[2] != gold[2]:
        return "label" if predicted[:2] == gold[:2] else "label and boundary"
    if predicted[0] != gold[0] and predicted[1] != gold[1]:
        return "both ends"
    if predicted[0] != gold[0]:
        return "left too long" if predicted[0] < gold[0] else "left too short"
    return "right too long" if predicted[1] > gold[1] else "right too short"


def mistakes(
    source: Sequence[Span],
    gold: Sequence[Span],
    predicted: Sequence[tuple[Span, int]],
    outcomes: Sequence[str],
) -> list[Mistake]:
    """All mistakes of a sentence.

    Args:
        source: entities of the source sentence.
        gold: entities of the target sentence.
        predicted: projected spans, each with the index of its source entity.
        outcomes: of every source entity.
    """
    correct = Counter(gold) & Counter(span for span, _ in predicted)
    rest = list((Counter(gold) - correct).elements())
    left = correct.copy()
    wrong = []
    for span, entity in predicted:
        if left[span]:
            left[span] -= 1
        else:
            wrong.append((span, entity))
    found = []
    for span, entity, other in _overlapping(wrong, rest):
        found.append(Mistake(boundary(span, other), other, span, entity))
        wrong.remove((span, entity))
        rest.remove(other)
    for span, entity in list(wrong):
        match = next((other for other in rest if other[2] == span[2]), None)
        if match is not None:
            found.append(Mistake("elsewhere", match, span, entity))
            wrong.remove((span, entity))
            rest.remove(match)
    lost = [k for k, outcome in enumerate(outcomes) if outcome not in ("projected", "relabelled")]
    for other in rest:
        k = next((k for k in lost if source[k][2] == other[2]), None)
        if k is None:
            found.append(Mistake("gold alone", other, None, None))
        else:
            lost.remove(k)
            found.append(Mistake(f"missed: {outcomes[k]}", other, None, k))
    counts = Counter(span[2] for span in source), Counter(span[2] for span in gold)
    for span, entity in wrong:
        more = counts[0][span[2]] > counts[1][span[2]]
        found.append(Mistake("source alone" if more else "spurious", None, span, entity))
    return found


def _overlapping(
    wrong: Iterable[tuple[Span, int]], rest: Iterable[Span]
) -> list[tuple[Span, int, Span]]:
    """Pairs that share words, each span once: same label first, then the largest overlap."""
    rest = list(rest)
    pairs = [
        (span[2] != other[2], -(min(span[1], other[1]) - max(span[0], other[0])), span, k, other)
        for span, k in wrong
        for other in rest
        if min(span[1], other[1]) > max(span[0], other[0])
    ]
    used: set[Any] = set()
    chosen = []
    for _, _, span, k, other in sorted(pairs):
        if (span, k) not in used and other not in used:
            used |= {(span, k), other}
            chosen.append((span, k, other))
    return chosen


def ceiling(source: Sequence[Sequence[Span]], gold: Sequence[Sequence[Span]]) -> float:
    """F1 of a projection that places everything right: labels differ in number between sides."""
    both = total = 0
    for ours, theirs in zip(source, gold, strict=True):
        first, second = (Counter(span[2] for span in side) for side in (ours, theirs))
        both += (first & second).total()
        total += first.total() + second.total()
    return 2 * both / total if total else 0.0
