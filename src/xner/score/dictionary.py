"""The dictionary score: how the same entity was translated elsewhere in the corpus.

For an entity e, its words in lower case and its label, and a candidate t in lower case,

    c = n(e, t) / (n(e) + k),   k = 1

n counts the spans of the first pass, excluding the own sentence. In [0, 1].
"""

from __future__ import annotations

import numpy as np

from xner.kernels.blocks import frozen, over_blocks
from xner.kernels.corpus_scores import (
    ENTITY,
    TRANSLATION,
    dictionary_scores,
    phrase_keys,
)
from xner.kernels.records import Float64, Int64, Keys, Spans, Words, sizes_of
from xner.score.counts import Counts
from xner.score.scene import Scene, Text, key_of, score_with

STRENGTH = 1.0
_NO_LABELS = frozen(np.empty(0), np.uint64)


def count_dictionary(text: Text, spans: Spans, counts: Counts) -> None:
    """Count every entity that has a span, and the entity together with the span's words."""
    base = np.repeat(text.target.offsets[:-1], np.diff(spans.offsets)).astype(np.int64)
    keys = phrases(base + spans.start, base + spans.end, text.target)
    entities = entity_keys(text)[spans.entity]
    counts.add(key_of(entities, ENTITY))
    counts.add(key_of(key_of(entities, TRANSLATION), keys))


def entity_keys(text: Text) -> Keys:
    """Return uint64 (E): the key of each entity's words and label."""
    offsets, start, end = text.entities
    base = text.source.offsets[:-1].repeat(sizes_of(offsets)).astype(np.int64)
    return frozen(phrases(base + start, base + end, text.source, text.label_keys), np.uint64)


def phrases(first: Int64, last: Int64, words: Words, labels: Keys = _NO_LABELS) -> Keys:
    """Return uint64: the keys of phrases, together with those of their labels if they have some.

    first, last: int64, half-open positions in all the words; labels: uint64.
    """
    keys = np.empty(len(first), np.uint64)
    over_blocks(phrase_keys, len(first), first, last, words.keys, frozen(labels, np.uint64), keys)
    return keys


def dictionary(scene: Scene) -> Float64:
    """Return float64 (C): the dictionary score of every candidate."""
    spans, counts = scene.counted()
    text = scene.text
    return score_with(
        dictionary_scores,
        scene.problem,
        entity_keys(text),
        text.target,
        spans,
        counts.table,
        STRENGTH,
    )
