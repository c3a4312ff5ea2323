"""Functions as taggers, and checks of what taggers return."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from numbers import Integral, Real
from typing import Any

import numpy as np

from xner.callables import Function, ResultError, as_component, grouped, listed
from xner.errors import SchemeError
from xner.schemes import spans_from_tags
from xner.tagging import Entity, Found, Tagged, Tagger

Span = tuple[int, int, str] | tuple[int, int, str, float]
TagFunction = Callable[[list[list[str]]], Iterable[Sequence[str] | Sequence[Span]]]
"""A function that tags: takes sentences of words, returns for each sentence either one tag per
word (`B-PER`), or entities `(start, end, label)` or `(start, end, label, score)`, half-open.
Empty sentences are not passed to it."""
BATCH = 256
"""Maximum number of sentences per call of a function."""


class FunctionTagger(Function):
    """A function as a tagger.

    >>> def tag(sentences):
    ...     return [[(i, i + 1, "NAME") for i, w in enumerate(s) if w.istitle()] for s in sentences]
    >>> [list(found.entities) for found in FunctionTagger(tag).tag([["in", "Kisumu"]])]
    [[(1, 2, 'NAME')]]
    """

    kind = "tagger"
    function: TagFunction
    tags: Sequence[str] = ()

    def tag(self, sentences: Iterable[Sequence[str]]) -> Iterator[Found]:
        """Tag sentences of words; yields one result per sentence, in order."""
        before = 0
        for group in grouped(sentences, BATCH):
            asked = [list(words) for words in group if words]
            results = self.results(asked, before)
            found = iter(results)
            for words in group:
                yield Found(next(found)) if words else Found((), windows=0)
            before += len(group)


def as_tagger(given: Any) -> Tagger:
    """Return a tagger as it is, and a function as a tagger.

    Raises:
        UsageError: `given` is neither.
    """
    tagger: Tagger = as_component(given, FunctionTagger, Tagger)
    return tagger


def checked(tagger: Tagger, sentences: Iterable[Sequence[str]]) -> Iterator[Tagged | Found]:
    """Yield the results of a tagger; entities are sorted, and tags are converted to entities.

    Raises:
        ResultError: probabilities have the wrong shape, an entity is out of bounds or has no label,
            or there are too few or too many results.
    """
    waiting: deque[Sequence[str]] = deque()
    done = 0

    def counted() -> Iterator[Sequence[str]]:
        for words in sentences:
            waiting.append(words)
            yield words

    for result in tagger.tag(counted()):
        if not waiting:
            raise ResultError(name_of(tagger), done - 1, "is followed by a result too many")
        try:
            made = _fitting(result, waiting.popleft(), tagger)
        except _UnfitError as fault:
            raise ResultError(name_of(tagger), done, str(fault)) from None
        done += 1
        yield made
    if waiting:
        raise ResultError(name_of(tagger), done, "was not tagged: results are missing")


class _UnfitError(Exception):
    """What is wrong with a result."""


def _fitting(result: Any, words: Sequence[str], tagger: Tagger) -> Tagged | Found:
    if isinstance(result, Found):
        return _checked_entities(result, words)
    if not isinstance(result, Tagged):
        raise _UnfitError(f"the result is {result!r:.80}; it must be a Tagged or a Found")
    shape = np.shape(result.probabilities)
    if shape != (len(words), len(tagger.tags)):
        raise _UnfitError(
            f"probabilities have shape {shape} for {len(words)} words and {len(tagger.tags)} tags"
        )
    return result


def _checked_entities(found: Found, words: Sequence[str]) -> Found:
    given = listed(found.entities)
    if given is None:
        raise _UnfitError(f"the result is {found.entities!r:.80}; it must be a list")
    if given and all(isinstance(tag, str) for tag in given):
        if len(given) != len(words):
            raise _UnfitError(f"there are {len(given)} tags for {len(words)} words")
        try:
            entities = [Entity(*span) for span in spans_from_tags(given)]
        except SchemeError as error:
            raise _UnfitError(str(error)) from None
    else:
        entities = sorted((_entity(one, len(words)) for one in given), key=lambda e: e[:3])
    return replace(found, entities=entities)


def _entity(given: Any, words: int) -> Entity:
    if not isinstance(given, tuple | list) or len(given) not in (3, 4):
        raise _UnfitError(
            f"{given!r:.80} is not an entity: write (start, end, label), or add a score"
        )
    start, end, label = given[:3]
    score = given[3] if len(given) > 3 else None
    if not all(isinstance(n, Integral) and not isinstance(n, bool) for n in (start, end)):
        raise _UnfitError(f"the entity {given!r:.80} has bounds that are not integers")
    if not 0 <= start < end <= words:
        raise _UnfitError(f"the entity [{start}, {end}) is out of bounds: there are {words} words")
    if not isinstance(label, str) or not label or label != "".join(label.split()) or label == "O":
        raise _UnfitError(f"the entity [{start}, {end}) has the label {label!r}, not a label")
    if score is not None and not (isinstance(score, Real) and math.isfinite(score)):
        raise _UnfitError(f"the entity [{start}, {end}) has the score {score!r}, not a number")
    return Entity(int(start), int(end), label, None if score is None else float(score))


def name_of(tagger: Tagger) -> str:
    """The name of a tagger in messages."""
    return f"the tagger {tagger.signature}"
