"""Soft alignments: the more probable cells of both directions, and which of them win.

A soft alignment of N sentence pairs keeps the links that either direction considers possible,
sorted by sentence, source word, target word: `forward` is P(source word | target word),
`reverse` P(target word | source word), float32. The rest of a word's probability, up to 1, is
that of the null word.
"""

import numpy as np
from numpy.typing import NDArray

from xner.kernels.jit import inner, kernel
from xner.kernels.records import Flags, Float32, Int32, Int64


@kernel
def mark_likely(
    lo: int, hi: int, forward: Float32, reverse: Float32, least: float, keep: NDArray[np.bool_]
) -> None:
    """Mark the cells lo <= c < hi whose mean probability is at least `least`.

    forward, reverse: float32 (cells); keep: bool (cells), written.
    """
    for c in range(lo, hi):
        keep[c] = forward[c] + reverse[c] >= 2.0 * least


@inner
def vote_words(first, last, words, p, bit, best, total, votes):
    """Set `bit` for each word's most probable link of one pair, unless its null is more probable.

    words: int32 (L), the word of each link that chooses; p: float32 (L), its probability;
    best: int64, total: float64, scratch for the words of the pair; votes: uint8 (L), updated.
    Ties go to the first link.
    """
    for k in range(first, last):
        best[words[k]] = -1
        total[words[k]] = 0.0
    for k in range(first, last):
        word = words[k]
        total[word] += p[k]
        if best[word] < 0 or p[k] > p[best[word]]:
            best[word] = k
    for k in range(first, last):
        word = words[k]
        if best[word] == k and p[k] > 1.0 - total[word]:
            votes[k] |= bit


def vote(
    lo: int,
    hi: int,
    offsets: Int64,
    source: Int32,
    target: Int32,
    forward: Float32,
    reverse: Float32,
    votes: Flags,
) -> None:
    """Mark each direction's links of the pairs lo <= n < hi: 1 forward, 2 reverse.

    offsets: int64 (N+1); source, target: int32 (L); forward, reverse: float32 (L); votes:
    uint8 (L) of zeros, written.
    """
    first, last = offsets[lo], offsets[hi]
    words = source[first:last].max(initial=-1), target[first:last].max(initial=-1)
    room = np.empty(max(words) + 1, np.int64), np.empty(max(words) + 1)
    write_votes(lo, hi, offsets, source, target, forward, reverse, votes, *room)


@kernel
def write_votes(lo, hi, offsets, source, target, forward, reverse, votes, best, total):
    """See `vote`. best, total: of `vote_words`."""
    for n in range(lo, hi):
        first = offsets[n]
        last = offsets[n + 1]
        vote_words(first, last, target, forward, np.uint8(1), best, total, votes)
        vote_words(first, last, source, reverse, np.uint8(2), best, total, votes)
