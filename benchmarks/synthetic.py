"""Synthetic sentence pairs of any number: random words, no sentence twice."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from xner.columns import ENTITIES, LINKS, struct_lists

CHUNK = 65_536
WORDS = 50_000
Ints = NDArray[np.int64]


def write_pairs(path: Path, rows: int, seed: int = 1, **settings: Any) -> None:
    """Write pairs with entities and weighted links to Parquet, with pyarrow's default settings.

    settings: others, for `pq.ParquetWriter`.
    """
    writer = None
    for table in pairs(rows, seed):
        writer = writer or pq.ParquetWriter(path, table.schema, **settings)
        writer.write_table(table)
    if writer is not None:
        writer.close()


def pairs(rows: int, seed: int = 1) -> Iterator[pa.Table]:
    """Yield tables of up to `CHUNK` pairs.

    Source words follow Zipf's law, sentences have 3 to 60 words. Each target word translates a
    word near its relative position; 85% of these pairs are links, with a random weight. Every
    second entity has one word, the others up to four.
    """
    source, target = (_vocabulary(seed + side) for side in (0, 1))
    for number, first in enumerate(range(0, rows, CHUNK)):
        draw = np.random.default_rng([seed, number])
        yield _chunk(draw, source, target, first, min(CHUNK, rows - first))


def _vocabulary(seed: int) -> pa.StringArray:
    draw = np.random.default_rng(seed)
    letters = draw.integers(97, 123, (WORDS, 12), np.uint8)
    lengths = draw.integers(3, 12, WORDS)
    return pa.array([bytes(row[:n]).decode() for row, n in zip(letters, lengths, strict=True)])


def _chunk(
    draw: np.random.Generator, source: pa.StringArray, target: pa.StringArray, first: int, rows: int
) -> pa.Table:
    length = np.clip(draw.lognormal(np.log(18), 0.5, rows).astype(np.int64), 3, 60)
    other = np.clip((length * draw.uniform(0.8, 1.25, rows)).astype(np.int64), 2, 70)
    begin, other_begin = _offsets(length), _offsets(other)
    word = (WORDS ** draw.random(begin[-1])).astype(np.int64) - 1
    row = np.repeat(np.arange(rows), other)
    place = np.arange(other_begin[-1]) - other_begin[row]
    near = place * length[row] // other[row] + draw.integers(-1, 2, len(row))
    near = np.clip(near, 0, length[row] - 1)
    linked = draw.random(len(row)) < 0.85
    links = _offsets(np.bincount(row[linked], minlength=rows))
    weight = draw.random(int(linked.sum()), np.float32)
    return pa.table(
        {
            "id": pa.array([f"pair-{i}" for i in range(first, first + rows)]),
            "source_tokens": _lists(begin, source.take(pa.array(word))),
            "source_entities": _entities(draw, length),
            "target_tokens": _lists(other_begin, target.take(pa.array(word[begin[row] + near]))),
            "links": struct_lists(
                LINKS, links, near[linked].astype(np.int32), place[linked].astype(np.int32), weight
            ),
        }
    )


def _entities(draw: np.random.Generator, length: Ints) -> pa.ListArray:
    """Up to three entities a sentence, each in its own share of the words."""
    count = np.minimum(draw.choice([0, 1, 1, 2, 3], len(length)), length)
    row = np.repeat(np.arange(len(length)), count)
    offsets = _offsets(count)
    number = np.arange(offsets[-1]) - offsets[row]
    low = number * length[row] // count[row]
    high = (number + 1) * length[row] // count[row]
    start = low + (draw.random(len(row)) * (high - low)).astype(np.int64)
    wide = draw.choice([1, 1, 1, 2, 3, 4], len(row))
    end = np.minimum(start + wide, high)
    label = pa.array(["PER", "LOC", "ORG", "MISC"]).take(pa.array(draw.integers(0, 4, len(row))))
    unknown = pa.nulls(len(row), pa.float32()), pa.nulls(len(row), pa.int32())
    spans = start.astype(np.int32), end.astype(np.int32)
    return struct_lists(ENTITIES, offsets, *spans, label, *unknown)


def _offsets(counts: Ints) -> Ints:
    return np.concatenate([[0], np.cumsum(counts)])


def _lists(offsets: Ints, values: pa.StringArray) -> pa.ListArray:
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values)
