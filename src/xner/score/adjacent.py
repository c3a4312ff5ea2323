"""Filling in links of unlinked words inside or next to a span.

One word is often several in the other language ("seafood", "fruits de mer"), and an aligner
links one of them. For a word a of an entity and an unlinked target word b, inside the
entity's span of the first pass or at most three words from it with no linked word between,

    p(a, b) = (n(a, b) + m(a, b)) / sqrt((n(a) + 1) * (n(b) + 1))

m(a, b) counts how often b was in such a position at the span of an entity with a; the other counts
are those of the lexicon, all excluding the own sentence. b is linked to the a with the largest p,
if that is above 0.2, with the weight p (at most 1). So a word joins a span if it is often next to
it and rarely occurs without it.
"""

from __future__ import annotations

from xner.kernels.blocks import over_blocks
from xner.kernels.link_filling import adjacent_keys, adjacent_links
from xner.kernels.records import NewLinks, Spans
from xner.score.counts import Counts
from xner.score.scene import Text

REACH = 3
LEAST = 0.2


def count_adjacent(text: Text, spans: Spans, counts: Counts) -> None:
    """Count the unlinked words in and next to spans together with the words of their entities."""
    for keys in over_blocks(
        adjacent_keys, text.batch.num_rows, text.both, text.links, spans, REACH
    ):
        counts.add(keys)


def adjacent(text: Text, spans: Spans, counts: Counts) -> NewLinks:
    """Return links of unlinked words in and next to the spans of the first pass."""
    arguments = text.both, text.links, spans, counts.table, REACH, LEAST
    return NewLinks.of(over_blocks(adjacent_links, text.batch.num_rows, *arguments))
