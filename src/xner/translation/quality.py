"""Translations that went wrong, told from their tokens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_PERIOD = 10
_COPIES = 4
_LOOP = 10
_JUDGED = 10


def judge(
    text: str, source: Sequence[int], found: Sequence[int], finished: bool, min_ratio: float
) -> str:
    """The outcome of one piece of text.

    Args:
        text: the translation.
        source: tokens of the text, without those that stand for languages and ends.
        found: tokens of the translation, likewise.
        finished: whether it came to its end before the limit of its length.
        min_ratio: least length of a translation as a share of its source's, in tokens; judged
            where the source has at least 10.
    """
    if not text.strip():
        return "empty"
    loop = loop_length(found)
    if loop >= _LOOP and loop > 2 * loop_length(source):
        return "repeats"
    if not finished:
        return "cut"
    if len(source) >= _JUDGED and len(found) < min_ratio * len(source):
        return "short"
    return "translated"


def loop_length(tokens: Sequence[int]) -> int:
    """Tokens of the longest stretch that is one n-gram (n up to 10), four times or more; or 0."""
    # Such a stretch of ten tokens or more has at least seven that are not new.
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
