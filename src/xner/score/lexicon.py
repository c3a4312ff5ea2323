"""Filling in links: unlinked words get a link from how their types are linked elsewhere.

For a source word a inside an entity and a target word b, neither of them linked,

    p(a, b) = n(a, b) / sqrt((n(a) + 1) * (n(b) + 1))

n(a, b) sums the weights of the links between the two types, a inside an entity; n(a) counts
a inside entities, n(b) all b in sentences with entities; words in lower case, excluding the own
sentence. Every such target word is linked to the a with the largest p, if that is above 0.05,
with the weight p. Neither word of a filled-in link has another link, so it adds to an entity's
links where they are missing and contradicts none.
"""

from __future__ import annotations

from xner.kernels.blocks import over_blocks
from xner.kernels.link_filling import lexicon_keys, lexicon_links
from xner.kernels.records import NewLinks
from xner.score.counts import Counts
from xner.score.scene import Text

LEAST = 0.05


def count_lexicon(text: Text, counts: Counts) -> None:
    """Count words, and links of words inside entities, in sentences with entities."""
    for keys, weight in over_blocks(lexicon_keys, text.batch.num_rows, text.both, text.links):
        counts.add(keys, weight)


def lexicon(text: Text, counts: Counts) -> NewLinks:
    """Return links between unlinked words of entities and unlinked target words."""
    arguments = text.both, text.links, counts.table, LEAST
    return NewLinks.of(over_blocks(lexicon_links, text.batch.num_rows, *arguments))
