"""The columns that a tagger's results become."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xner.columns import ENTITIES, PROBABILITIES, lengths_of, struct_lists
from xner.errors import SchemeError, UsageError
from xner.report import Report
from xner.schemes import Spans, decode, parse_tag
from xner.tagging import Entity, Floats, Found, Tagged, Tagger

Int32 = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Tags:
    """The parsed tags of a tagger.

    Attributes:
        names: names of the tags.
        codes: uint8 (tags), position codes of `xner.schemes`.
        label: int32 (tags), index into `labels`; -1 for O.
        labels: distinct labels.
    """

    names: Sequence[str]
    codes: NDArray[np.uint8]
    label: Int32
    labels: list[str]

    @classmethod
    def of(cls, tagger: Tagger) -> Tags:
        try:
            parsed = [parse_tag(name) for name in tagger.tags]
        except SchemeError as error:
            raise UsageError(f"the tagger {tagger.signature}: {error}") from None
        labels = sorted({label for _, label in parsed if label})
        index = {label: i for i, label in enumerate(labels)}
        return cls(
            list(tagger.tags),
            np.array([code for code, _ in parsed], np.uint8),
            np.array([index.get(label, -1) for _, label in parsed], np.int32),
            labels,
        )


def tagged_columns(
    batch: pa.RecordBatch,
    results: Sequence[Tagged | Found],
    tags: Tags,
    report: Report,
    side: str,
    probabilities: bool,
) -> dict[str, pa.Array]:
    """The new columns of a batch; its counts are added to the report."""
    lengths = lengths_of(batch[f"{side}_tokens"])
    if tags.names:
        made = _of_tags(results, lengths, tags, side, probabilities)
    else:
        found = [result for result in results if isinstance(result, Found)]
        made = {f"{side}_entities": _of_entities(found)}
        report.add(
            dropped=chain.from_iterable(result.dropped for result in found),
            renamed=chain.from_iterable(result.renamed for result in found),
            malformed=sum(result.malformed for result in found),
        )
    report.add(
        sentences=batch.num_rows,
        words=int(lengths.sum()),
        entities=made[f"{side}_entities"].flatten().field("label").to_pylist(),
        windowed=sum(result.windows > 1 for result in results),
        unread=sum(result.unread for result in results),
    )
    return made


def _of_tags(
    results: Sequence[Tagged | Found], lengths: Int32, tags: Tags, side: str, probabilities: bool
) -> dict[str, pa.Array]:
    """The columns of results with probabilities."""
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    numbers = [result.probabilities for result in results if isinstance(result, Tagged)]
    found = np.concatenate(numbers).astype(np.float32)
    chosen = found.argmax(axis=1)
    spans = decode(tags.codes[chosen], tags.label[chosen], offsets)
    names = pa.array(tags.labels, pa.string()).take(pa.array(spans.label))
    made = {f"{side}_entities": _entities(spans, offsets, found.max(axis=1, initial=0.0), names)}
    if probabilities:
        made[f"{side}_tagset"] = _repeated(tags.names, len(lengths))
        made[f"{side}_probabilities"] = _nested(found, offsets)
    return made


def _of_entities(found: Sequence[Found]) -> pa.ListArray:
    """The entities of results without probabilities."""
    rows = [[e for e in one.entities if isinstance(e, Entity)] for one in found]
    flat = list(chain.from_iterable(rows))
    offsets = np.cumsum([0, *map(len, rows)]).astype(np.int32)
    columns = [*(zip(*flat, strict=True) if flat else [()] * 4), [None] * len(flat)]
    fields = zip(columns, ENTITIES.value_type, strict=True)
    return struct_lists(
        ENTITIES, offsets, *(pa.array(values, field.type) for values, field in fields)
    )


def _entities(spans: Spans, offsets: Int32, likely: Floats, labels: pa.Array) -> pa.ListArray:
    """The entities, each scored with the mean of its words' probabilities."""
    base = np.repeat(offsets[:-1], np.diff(spans.offsets))
    sums = np.concatenate([[0.0], np.cumsum(likely, dtype=np.float64)])
    score = (sums[base + spans.end] - sums[base + spans.start]) / (spans.end - spans.start)
    values = pa.StructArray.from_arrays(
        [
            pa.array(spans.start),
            pa.array(spans.end),
            labels,
            pa.array(score.astype(np.float32)),
            pa.nulls(len(score), pa.int32()),
        ],
        fields=list(ENTITIES.value_type),
    )
    return pa.ListArray.from_arrays(pa.array(spans.offsets), values)


def _repeated(names: Sequence[str], rows: int) -> pa.ListArray:
    return pa.array([list(names)], pa.list_(pa.string())).take(pa.array([0] * rows, pa.int32()))


def _nested(found: Floats, offsets: Int32) -> pa.ListArray:
    """Words x tags of every row, as lists of lists."""
    words, tags = found.shape
    edges = np.arange(words + 1, dtype=np.int64) * tags
    inner = pa.ListArray.from_arrays(pa.array(edges, pa.int32()), pa.array(found.reshape(-1)))
    return pa.ListArray.from_arrays(pa.array(offsets), inner).cast(PROBABILITIES)
