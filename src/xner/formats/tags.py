"""Columns of tags: as entities, and the names of their classes in Hugging Face datasets."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xner.columns import ENTITIES, struct_lists
from xner.errors import SchemeError
from xner.schemes import decode, parse_tag, violation

FEATURES = b"huggingface"
"""Key of the schema metadata in which the package datasets keeps the features of columns."""


def entities_from_tags(
    tag: pa.StringArray, offsets: NDArray[np.int32], scheme: str, where: Callable[[int], str]
) -> pa.ListArray:
    """Convert the tags of sentences to a column of entities.

    Args:
        tag: one tag per word (W), all sentences one after another.
        offsets: int32 (N+1), words of each sentence.
        scheme: enforced unless it is `auto`.
        where: names the place of a word, 0 <= word < W, in an error message.

    Raises:
        SchemeError: a tag is unknown, or not allowed at its place.
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
            f"{where(bad)}: the tag {tags[ids[bad]]!r} is not allowed here in {scheme}; read the "
            f"file with the scheme auto, or correct it"
        )
    spans = decode(codes, labels, offsets)
    n = len(spans.start)
    labelled = pa.array(names, pa.string()).take(pa.array(spans.label))
    unknown = pa.nulls(n, pa.float32()), pa.nulls(n, pa.int32())
    return struct_lists(ENTITIES, spans.offsets, spans.start, spans.end, labelled, *unknown)


def class_names(schema: pa.Schema) -> dict[str, list[str]]:
    """Names of the classes of columns that are lists of `ClassLabel`, as the schema has them."""
    try:
        features = json.loads((schema.metadata or {})[FEATURES])["info"]["features"]
    except (KeyError, TypeError, ValueError):
        return {}
    found = {name: _names_in(feature) for name, feature in features.items()}
    return {name: names for name, names in found.items() if names}


def _names_in(feature: Any) -> list[str]:
    inner = feature.get("feature") if isinstance(feature, Mapping) else None
    if not isinstance(inner, Mapping) or inner.get("_type") != "ClassLabel":
        return []
    return list(inner.get("names") or [])
