"""Filling in links of words that stand in or next to a span and are linked to nothing.

One word is often several in the other language ("seafood", "fruits de mer"), and an aligner
links one of them. For a word a of an entity and a target word b without a link, inside the
entity's span of the first pass or at most three words from it with no linked word between,

    p(a, b) = (n(a, b) + m(a, b)) / sqrt((n(a) + 1) * (n(b) + 1))

m(a, b) counts how often b stood so at the span of an entity with a; the other counts are those
of the lexicon, all without the own sentence. b is linked to the a with the largest p, if that is
above 0.2, with the weight p (at most 1). So a word joins a span whose neighbour it often is
and that it is seldom seen without.
"""

from __future__ import annotations

import numpy as np

from xner.columns import field_of, offsets_of
from xner.kernels.blocks import frozen, over_blocks
from xner.kernels.neighbours import neighbour_keys, neighbour_links
from xner.score.counts import Counts
from xner.score.lexicon import Filled
from xner.score.scene import Spans, Text

REACH = 3
LEAST = 0.2


def count_neighbours(text: Text, spans: Spans, counts: Counts) -> None:
    """Count the words without a link in and next to spans, with the words of their entities."""
    links = text.batch["links"]
    blocks = over_blocks(
        neighbour_keys,
        text.batch.num_rows,
        spans.offsets,
        spans.start,
        spans.end,
        spans.entity,
        text.entity_start,
        text.entity_end,
        text.source.offsets,
        text.source.keys,
        text.target.offsets,
        text.target.keys,
        frozen(offsets_of(links), np.int32),
        frozen(field_of(links, "target"), np.int32),
        frozen(field_of(links, "weight"), np.float32),
        REACH,
    )
    for keys in blocks:
        counts.add(keys)


def neighbours(text: Text, spans: Spans, counts: Counts) -> Filled:
    """Links of words in and next to the spans of the first pass."""
    links = text.batch["links"]
    blocks = over_blocks(
        neighbour_links,
        text.batch.num_rows,
        spans.offsets,
        spans.start,
        spans.end,
        spans.entity,
        text.entity_start,
        text.entity_end,
        text.source.offsets,
        text.source.keys,
        text.in_entity,
        text.target.offsets,
        text.target.keys,
        frozen(offsets_of(links), np.int32),
        frozen(field_of(links, "source"), np.int32),
        frozen(field_of(links, "target"), np.int32),
        frozen(field_of(links, "weight"), np.float32),
        counts.table,
        counts.counts,
        REACH,
        LEAST,
    )
    return Filled.of(blocks)
