"""Detection of failed translations from their tokens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_PERIOD = 10
_COPIES = 4
_LOOP = 10
_LEAST_SOURCE = 10


def outcome_of(
    text: str, source: Sequence[int], found: Sequence[int], finished: bool, min_ratio: float
) -> str:
    """Return the outcome of a translation.

    Args:
        text: the translation.
        source: tokens of the source text, without language and end tokens.
        found: tokens of the translation, likewise.
        finished: whether the translation ended before the length limit.
        min_ratio: minimum length of a translation relative to its source, in tokens; checked for
            sources of at least 10 tokens.
    """
    if not text.strip():
        return "empty"
    loop = loop_length(found)
    if loop >= _LOOP and loop > 2 * loop_length(source):
        return "repeats"
    if not finished:
        return "cut"
    if len(source) >= _LEAST_SOURCE and len(found) < min_ratio * len(source):
        return "short"
    return "translated"


def loop_length(tokens: Sequence[int]) -> int:
    """Return the length of the longest run of an n-gram (n <= 10) repeated 4+ times, or 0."""
    # A run of ten tokens or more has at least seven that repeat earlier ones.
    if len(tokens) - len(set(tokens)) < _LOOP * (_COPIES - 1) // _COPIES:
        return 0
    ids = np.asarray(tokens)
    longest = 0
    for period in range(1, min(_PERIOD, len(ids) // _COPIES) + 1):
        differs = np.flatnonzero(ids[period:] != ids[:-period])
        ends = np.concatenate([[-1], differs, [len(ids) - period]])
        same = int(np.diff(ends).max()) - 1
        if same >= period * (_COPIES - 1):
            longest = max(longest, same + period)
    return longest
