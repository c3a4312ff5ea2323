"""Record batches as one stream of items, and its results grouped by batch again."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

import pyarrow as pa

Item = TypeVar("Item")
Result = TypeVar("Result")


def by_batch(
    batches: Iterable[pa.RecordBatch],
    items_of: Callable[[pa.RecordBatch], Iterable[Item]],
    run: Callable[[Iterator[Item]], Iterator[Result]],
) -> Iterator[tuple[pa.RecordBatch, list[Result]]]:
    """Yield every batch with the results of its rows, from one stream over all batches.

    Args:
        batches: read ahead as far as `run` reads ahead.
        items_of: returns one item per row of a batch.
        run: returns the results of a stream of items, in order.
    """
    held: deque[pa.RecordBatch] = deque()

    def items() -> Iterator[Item]:
        for batch in batches:
            if not batch.num_rows:
                continue
            held.append(batch)
            yield from items_of(batch)

    results = run(items())
    for first in results:
        batch = held.popleft()
        yield batch, [first, *islice(results, batch.num_rows - 1)]
