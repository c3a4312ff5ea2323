"""Columns of tags to columns of entities."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xner.columns import ENTITIES
from xner.errors import SchemeError
from xner.schemes import decode, parse_tag, violation


def entities_from_tags(
    tag: pa.StringArray, offsets: NDArray[np.int32], scheme: str, where: Callable[[int], str]
) -> pa.ListArray:
    """Entities of sentences from the tag of every word.

    Args:
        tag: one tag a word (W), all sentences one after another.
        offsets: int32 (N+1), words of each sentence.
        scheme: enforced if it is not `auto`.
        where: names the place of a word, 0 <= word < W, in an error message.

    Raises:
        SchemeError: a tag is unknown, or stands where the scheme forbids it.
    """
    coded = tag.dictionary_encode()
    ids, tags = coded.indices.to_numpy(), coded.dictionary.to_pylist()
    parsed = []
    for i, text in enumerate(tags):
        try:
            parsed.append(parse_tag(text, scheme))
        except SchemeError as error:
            raise SchemeError(f"{where(int(np.flatnonzero(ids == i)[0]))}: {error}") from None
    names = sorted({label for _, label in parsed if label})
    index = {label: i for i, label in enumerate(names)}
    codes = np.array([code for code, _ in parsed], np.uint8)[ids]
    labels = np.array([index.get(label, -1) for _, label in parsed], np.int32)[ids]
    if scheme != "auto" and (bad := violation(codes, labels, offsets, scheme)) is not None:
        raise SchemeError(
            f"{where(bad)}: the tag {tags[ids[bad]]!r} cannot stand here in {scheme}; read it "
            f"with the scheme auto, or mend the file"
        )
    spans = decode(codes, labels, offsets)
    n = len(spans.start)
    values = pa.StructArray.from_arrays(
        [
            pa.array(spans.start),
            pa.array(spans.end),
            pa.array(names, pa.string()).take(pa.array(spans.label)),
            pa.nulls(n, pa.float32()),
            pa.nulls(n, pa.int32()),
        ],
        fields=list(ENTITIES.value_type),
    )
    return pa.ListArray.from_arrays(pa.array(spans.offsets), values)
