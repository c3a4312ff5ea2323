"""Lexical divergence: how few character n-grams the texts of two languages share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from typing import Any

from xner.corpus import as_corpus, scan
from xner.errors import InputError, UsageError
from xner.hints import checked

NGRAM = 3


@checked
def divergence(
    source: Any,
    target: Any,
    *,
    n: int = NGRAM,
) -> float:
    """Compute the lexical divergence of two texts: 1 - Σ_g min(p(g), q(g)).

    p and q are the relative frequencies of character n-grams g in the running words of each
    text, with a space before and after every word and case folded. The divergence is half the L1
    distance of p and q: 0 for equal distributions, 1 if no n-gram is shared. Each text is read
    once; a file is opened once more to count its rows.

    Args:
        source: a file of one side (`.txt`, `.conll`, …), a corpus (its source side, if it has
            two), or what `xner.Corpus.of` takes, such as a list of sentences of words.
        target: the same for the other text; the target side of a corpus.
        n: length of n-grams in characters, default 3.

    Raises:
        InputError: a file cannot be read, or a text has no n-gram.
        UsageError: n is below 1.

    Example:
        >>> round(xner.divergence("en.txt", "de.txt"), 2)
        0.52
    """
    if n < 1:
        raise UsageError(f"n is {n}; it must be at least 1")
    first, second = (
        Counter(word for sentence in _sentences(text, side) for word in sentence)
        for text, side in ((source, "source"), (target, "target"))
    )
    return divergence_of_words(first, second, n)


def divergence_of_words(source: Mapping[str, int], target: Mapping[str, int], n: int) -> float:
    """Compute the lexical divergence of two texts from the frequencies of their words.

    Raises:
        InputError: a text has no n-gram.
    """
    p, q = _frequencies(source, n, "source"), _frequencies(target, n, "target")
    return 1.0 - sum(min(share, q.get(gram, 0.0)) for gram, share in p.items())


def _sentences(text: Any, side: str) -> Iterable[Sequence[str]]:
    if isinstance(text, str | PathLike):
        text = scan(text, side=side)
    corpus = as_corpus(text, None, single=True)
    name = "tokens" if "tokens" in corpus.columns else f"{side}_tokens"
    if name not in corpus.columns:
        raise InputError(f"{corpus.origin}: has no column {name!r}; it has {corpus.columns}")
    return (words for batch in corpus.batches() for words in batch[name].to_pylist())


def _frequencies(words: Mapping[str, int], n: int, side: str) -> dict[str, float]:
    counts: Counter[str] = Counter()
    for word, times in words.items():
        marked = f" {word.casefold()} "
        for i in range(len(marked) - n + 1):
            counts[marked[i : i + n]] += times
    total = counts.total()
    if not total:
        raise InputError(f"the {side} text has no {n}-gram; give text with words")
    return {gram: times / total for gram, times in counts.items()}
