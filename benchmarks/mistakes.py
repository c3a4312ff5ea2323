"""Classify the mistakes of a projection, entity by entity, in plain Python over one sentence."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

Span = tuple[int, int, str]

KINDS = {
    "left too long": "starts before the gold span",
    "left too short": "starts after the gold span",
    "right too long": "ends after the gold span",
    "right too short": "ends before the gold span",
    "both ends": "neither boundary is that of the gold span",
    "label": "has the gold span with another label",
    "label and boundary": "overlaps the gold span and has another label",
    "elsewhere": "the gold span of the entity shares no word with it",
    "gold alone": "gold has one more entity with this label than the source",
    "source alone": "the source has one more entity with this label than gold, and it was "
    "projected",
    "spurious": "no gold entity is left for a projected one: it, or another with the same "
    "label, was projected twice",
}
"""Kinds of mistakes; missed entities are `missed: OUTCOME`, the outcome of the source entity."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake; a wrong boundary is one, although F1 counts it as missed and as spurious.

    Attributes:
        kind: a key of `KINDS`, or `missed: OUTCOME`.
        gold: the gold span, or None.
        predicted: the projected span, or None.
        source: index of the source entity, or None.
    """

    kind: str
    gold: Span | None
    predicted: Span | None
    source: int | None


def boundary(predicted: Span, gold: Span) -> str:
    """Return the kind of mistake of two overlapping spans that differ."""
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
    """Return all mistakes of a sentence.

    Args:
        source: entities of the source sentence.
        gold: entities of the target sentence.
        predicted: projected spans, each with the index of its source entity.
        outcomes: the outcome of every source entity.
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
    """Pair spans that share words, each once: same label first, then the largest overlap."""
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
    """Return F1 of a perfect projection, given the numbers of labels on both sides."""
    both = total = 0
    for ours, theirs in zip(source, gold, strict=True):
        first, second = (Counter(span[2] for span in side) for side in (ours, theirs))
        both += (first & second).total()
        total += first.total() + second.total()
    return 2 * both / total if total else 0.0
