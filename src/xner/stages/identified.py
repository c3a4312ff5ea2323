"""The id of the sentence in errors about the results of custom components."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from xner.callables import ResultError
from xner.corpus import Corpus
from xner.errors import UsageError

T = TypeVar("T")


@contextmanager
def identified(corpus: Corpus) -> Iterator[None]:
    """Name the sentence by its id in errors about a row of a corpus.

    Raises:
        UsageError: instead of `ResultError`, with the id of the row.
    """
    try:
        yield
    except ResultError as error:
        place = f"sentence {sentence_id(corpus, error.row)}"
        raise UsageError(f"{error.name}: {place}: {error.fault}") from None


def sentence_id(corpus: Corpus, row: int) -> str:
    """The id of a row, quoted; its number, counted from 1, in a corpus without ids."""
    if "id" in corpus.columns:
        before = 0
        for batch in corpus.select("id").batches():
            if row < before + batch.num_rows:
                return repr(batch["id"][row - before].as_py())
            before += batch.num_rows
    return str(row + 1)


def with_ids(corpus: Corpus, results: Iterable[T]) -> Iterator[T]:
    """Yield results; errors about a row of the corpus name its id."""
    with identified(corpus):
        yield from results
