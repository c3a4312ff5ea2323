"""The dictionary score: what the same entity became elsewhere in the corpus.

For an entity e, its words in lower case and its label, and a candidate t in lower case,

    c = n(e, t) / (n(e) + k),   k = 1

n counts the first pass's spans, the own sentence left out. In [0, 1].
"""

from __future__ import annotations

import numpy as np

from xner.columns import rows_of
from xner.kernels.blocks import over_blocks
from xner.kernels.dictionary import ENTITY, TRANSLATION, dictionary_scores, phrase_keys
from xner.kernels.keys import mixed
from xner.score.counts import Counts, Keys
from xner.score.scene import Int64, Scene, Spans, Text, Words, key_of
from xner.solve.problem import Float64

STRENGTH = 1.0


def count_dictionary(text: Text, spans: Spans, counts: Counts) -> None:
    """Count every entity that has a span, and with it the span's words."""
    base = np.repeat(text.target.offsets[:-1], np.diff(spans.offsets)).astype(np.int64)
    keys = phrases(base + spans.start, base + spans.end, text.target)
    entities = entity_keys(text)[spans.entity]
    counts.add(key_of(entities, ENTITY))
    counts.add(key_of(key_of(entities, TRANSLATION), keys))


def entity_keys(text: Text) -> Keys:
    """uint64 (E): the key of each entity's words and label."""
    base = text.source.offsets[rows_of(text.entity_offsets)].astype(np.int64)
    words = phrases(base + text.entity_start, base + text.entity_end, text.source)
    return mixed(words ^ text.label_keys)


def phrases(first: Int64, last: Int64, words: Words) -> Keys:
    """uint64: the keys of phrases, half-open, places in all the words."""
    keys = np.empty(len(first), np.uint64)
    over_blocks(phrase_keys, len(first), first, last, words.keys, keys)
    return keys


def dictionary(scene: Scene) -> Float64:
    """float64 (C): the dictionary score of every candidate."""
    spans, counts = scene.counted()
    problem, words = scene.problem, scene.text.target
    score = np.empty(problem.candidates)
    over_blocks(
        dictionary_scores,
        problem.sentences,
        problem.entity_offsets,
        problem.candidate_offsets,
        problem.start,
        problem.end,
        entity_keys(scene.text),
        spans.offsets,
        spans.start,
        spans.end,
        spans.entity,
        words.offsets,
        words.keys,
        counts.table,
        counts.counts,
        STRENGTH,
        score,
    )
    return score
